"""Files of predictions: every digit, any name, entirely or not at all."""

import csv

import duckdb
import numpy as np
import pytest

from clearprop.errors import ConfigurationError, OutputError
from clearprop.formats.tables import csv_text, write_table

COLUMNS = {
    'P("a" b)': np.array([1 / 3, 5e-324, 1e308]),
    "花; DROP TABLE answers": np.array(["是", 'a "quoted", one', "line\nbreak"], dtype=object),
    "P(0.1)": np.array([0.1, 0.2, 0.3], dtype=np.float32),
}


def test_csv_read_back_is_what_was_written(tmp_path):
    write_table(COLUMNS, tmp_path / "a.CSV")
    with open(tmp_path / "a.CSV", encoding="utf-8", newline="") as file:
        header, *rows = csv.reader(file)
    assert header == list(COLUMNS)
    for column, found in zip(COLUMNS.values(), zip(*rows, strict=True), strict=True):
        assert [column.dtype.type(cell) if column.dtype != object else cell for cell in found] == column.tolist()


def test_parquet_read_back_is_what_was_written(tmp_path):
    path = tmp_path / "it's.parquet"
    write_table(COLUMNS, path)
    found = duckdb.connect().execute("SELECT * FROM read_parquet(?)", [str(path)]).fetchnumpy()
    assert list(found) == list(COLUMNS)
    for name, column in COLUMNS.items():
        assert found[name].tolist() == column.tolist()
    assert len(list(tmp_path.iterdir())) == 1


def test_many_rows_come_in_pieces():
    pieces = list(csv_text({"a": np.arange(25_000)}))
    assert len(pieces) == 4 and "".join(pieces).count("\n") == 25_001


def test_other_endings_and_folders_that_are_not_there_are_refused(tmp_path):
    with pytest.raises(ConfigurationError, match=r"a\.xlsx: a file of predictions ends in \.csv or \.parquet"):
        write_table(COLUMNS, "a.xlsx")
    for name in ("a.csv", "a.parquet"):
        with pytest.raises(OutputError, match="its folder does not exist"):
            write_table(COLUMNS, tmp_path / "no" / name)
