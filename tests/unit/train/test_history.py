"""The history: rows, columns, CSV."""

import csv
import io

import numpy as np

from clearprop.train import History


def history(*rows):
    made = History()
    for row in rows:
        made.append(row)
    return made


def test_rows_and_columns():
    h = history({"epoch": 1, "loss": 0.5}, {"epoch": 2, "loss": 0.25})
    assert h[0] == {"epoch": 1, "loss": 0.5} and h[-1]["loss"] == 0.25 and len(h) == 2
    assert [row["epoch"] for row in h] == [1, 2]
    np.testing.assert_array_equal(h["loss"], [0.5, 0.25])
    assert repr(h) == "<History of 2 epochs: epoch, loss>"


def test_what_an_epoch_did_not_record_is_nan():
    h = history({"epoch": 1}, {"epoch": 2, "accuracy": 0.5})
    np.testing.assert_array_equal(h["accuracy"], [np.nan, 0.5])
    assert h.to_csv() == "epoch,accuracy\n1,\n2,0.5\n"


def test_csv_keeps_every_digit():
    value = 0.1 + 0.2
    (row,) = csv.DictReader(io.StringIO(history({"epoch": 1, "loss": value}).to_csv()))
    assert float(row["loss"]) == value


def test_rows_are_copies():
    row = {"loss": 1.0}
    h = history(row)
    row["loss"] = 2.0
    assert h[0]["loss"] == 1.0


def test_an_empty_history():
    assert len(history()) == 0 and history().columns() == {} and history().to_csv() == "\n"
    assert history().stopped_by == "nothing"
