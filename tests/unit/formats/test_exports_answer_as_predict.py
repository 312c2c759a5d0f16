"""All exports of a table's model: the same answers as `clearprop predict`, whatever the columns, in whatever order."""

import csv
import datetime
import math
import pickle
import re
import subprocess
import sys
import warnings
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, reject, settings
from hypothesis import strategies as st

from clearprop.cli.export import export
from clearprop.data import Preparation, read_table
from clearprop.data.cells import MISSING_WORDS
from clearprop.data.columns import KINDS, Category, Date, Number, TimeOfDay, YesNo
from clearprop.data.dates import read_date, read_time
from clearprop.errors import DataError, DataWarning
from clearprop.formats.column_exports import EXPORTS, calendar
from clearprop.formats.json_format import from_json, to_json
from clearprop.formats.numpy_source import to_numpy
from clearprop.formats.onnx import to_onnx
from clearprop.formats.python_source import to_python
from clearprop.formats.saved import SavedModel
from clearprop.formats.sklearn import to_sklearn
from clearprop.model import MLP

runtime = pytest.importorskip("onnxruntime")

EPOCH = datetime.datetime(1970, 1, 1)


def close(found, wanted, tolerance=1e-9):
    np.testing.assert_allclose(found, wanted, rtol=tolerance, atol=tolerance)


def executed(text):
    namespace = {"__name__": "exported"}
    exec(text, namespace)
    return namespace


def run_onnx(graph, given):
    session = runtime.InferenceSession(graph.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(None, given)[1]  # after the label; a column may have taken the name "probabilities"


# --- one table with a column of each kind -----------------------------------------------------------------------------

COLUMNS = (
    Number("size", indicator=True),
    YesNo("member", ("no", "yes"), indicator=True),
    Category("colour", ("blue", "nan", "red"), ("mauve",), other=True, missing=True),
    Date("sold", indicator=True),
    TimeOfDay("opened", indicator=True),
)
ROWS = {
    "colour": ["red ", "nan", "", "green", "\tblue", "NA", "Red", "mauve"],
    "opened": ["14:55", "00:00:30", "", "23:59", " 01:05", "12:00", "06:00", "NA"],
    "size": ["1.5", " 2 ", "", "-3", "1e3", "0", "NA", "7"],
    "sold": [
        "2024-01-31",
        "1969-12-31 23:30:15",
        "",
        " 2000-02-29",
        "1600-03-01",
        "2023-07-04T08:30",
        "na",
        "2100-03-01",
    ],
    "member": [" YES", "no\t", "", "NA", "No", "yes", "?", "nO"],
}
"""Every cell is one that clearprop reads: blanks, capitals, words for gaps, unseen words."""


@pytest.fixture(scope="module")
def saved():
    """A model of `COLUMNS` whose inputs all matter."""
    rng = np.random.default_rng(5)
    features = [name for column in COLUMNS for name in column.features]
    scaled = np.array([flag for column in COLUMNS for flag in column.scaled])
    fill = np.where(scaled, rng.uniform(0.1, 0.9, len(features)), 0.0)
    scale = np.where(
        ["days" in name for name in features], 2e4, np.where(["year" in name for name in features], 2e3, 5.0)
    )
    plan = Preparation(
        COLUMNS,
        "y",
        ("a", "b", "c"),
        "median",
        tuple(fill.tolist()),
        mean=tuple(np.where(scaled, rng.normal(size=len(features)), 0.0).tolist()),
        scale=tuple(np.where(scaled, scale, 1.0).tolist()),
    )
    return SavedModel(MLP([len(features), 5, 3], seed=3), plan, "softmax")


def answers(saved, rows, path):
    """What `clearprop predict` says."""
    with open(path, "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(rows)
        writer.writerows(zip(*rows.values(), strict=True))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DataWarning)
        return saved.predict_proba(path)


@pytest.fixture(scope="module")
def wanted(saved, tmp_path_factory):
    """clearprop's own answers for `ROWS`; no two rows have the same."""
    found = answers(saved, ROWS, tmp_path_factory.mktemp("rows") / "rows.csv")
    assert len({row.tobytes() for row in found}) == len(found)
    return found


def gap(cell):
    return cell.strip().lower() in ("", *MISSING_WORDS)


def means(column, cell):
    """The number, or the point or the time in seconds, that the cell is; a ValueError if it is none."""
    if gap(cell):
        return math.nan
    if column.kind == "date":
        when = read_date(cell.strip(), column.order)
        if when is None:
            raise ValueError(cell)
        return (when - EPOCH) / datetime.timedelta(days=1)
    value = column.style.read(cell.strip()) if column.kind == "number" else read_time(cell.strip())
    if math.isnan(value):
        raise ValueError(cell)
    return value


def for_sklearn(rows, columns=COLUMNS):
    """A frame as the documentation asks: numbers are numbers, dates dates or ISO 8601; gaps are None or NaN."""
    typed = {}
    for column in columns:
        cells = rows[column.name]
        if column.kind == "number":
            typed[column.name] = np.array([means(column, cell) for cell in cells])
        elif column.kind == "date":
            days = [means(column, cell) for cell in cells]
            iso = [cell if re.match(r"\s*\d{4}-\d\d-\d\d", cell) else None for cell in cells]
            moments = [None if math.isnan(day) else EPOCH + datetime.timedelta(days=day) for day in days]
            typed[column.name] = [text or moment for text, moment in zip(iso, moments, strict=True)]
        elif column.kind == "time":
            typed[column.name] = [None if gap(cell) else cell for cell in cells]
        else:
            typed[column.name] = [cell if cell.strip() else None for cell in cells]
    return pd.DataFrame(typed)


def for_onnx(rows, columns=COLUMNS):
    """Arrays as the documentation asks: numbers, days, seconds, or text."""
    given = {}
    for column in columns:
        words = column.kind in ("yes/no", "category")
        cells = rows[column.name] if words else [means(column, cell) for cell in rows[column.name]]
        given[column.name] = np.array(cells, dtype=object if words else float)[:, None]
    return given


def test_every_kind_of_column_says_how_it_is_exported():
    assert set(EXPORTS) == set(KINDS.values())


FRAMES = {
    "pandas": lambda frame: frame,
    "pandas with NA": lambda frame: frame.convert_dtypes(),
    "pandas of objects": lambda frame: frame.astype(object),
    "polars": pl.from_pandas,
    "Arrow": lambda frame: pa.Table.from_pandas(frame, preserve_index=False),
}


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("kind", FRAMES)
def test_scikit_learn_finds_columns_by_name_in_frames(saved, wanted, kind):
    pipeline = pickle.loads(pickle.dumps(to_sklearn(saved)))
    frame = for_sklearn(ROWS)
    assert pipeline.feature_names_in_.tolist() == [column.name for column in COLUMNS]
    for order in (list(frame), list(frame)[::-1], ["opened", "sold", "size", "colour", "member"]):
        given = FRAMES[kind](frame.assign(extra="x")[["extra", *order]])
        close(pipeline.predict_proba(given), wanted)
        assert pipeline.predict(given).tolist() == saved_labels(saved, wanted)
    for name in frame:
        with pytest.raises(ValueError, match=rf"columns are missing: \{{'{name}'\}}"):
            pipeline.predict(FRAMES[kind](frame.drop(columns=name).assign(extra="x")))


def saved_labels(saved, probabilities):
    return [saved.classes[number] for number in probabilities.argmax(axis=1)]


@pytest.mark.parametrize("kind", ["pandas", "pandas of objects", "polars", "Arrow"])
def test_scikit_learn_takes_typed_dates_and_times(saved, wanted, kind):
    frame = for_sklearn(ROWS)
    frame["sold"] = pd.to_datetime(frame["sold"].str.strip(), format="ISO8601").astype("datetime64[us]")
    frame["opened"] = [datetime.time.fromisoformat(c.strip()) if isinstance(c, str) else None for c in frame["opened"]]
    close(to_sklearn(saved).predict_proba(FRAMES[kind](frame)), wanted)


def test_scikit_learn_checks_the_width_of_an_array(saved, wanted):
    pipeline, cells = to_sklearn(saved), for_sklearn(ROWS).to_numpy(dtype=object)
    close(pipeline.predict_proba(cells), wanted)
    for wrong in (cells[:, :-1], np.column_stack([cells, cells[:, 0]])):
        with pytest.raises(ValueError, match=r"X has \d features, but ColumnTransformer is expecting 5"):
            pipeline.predict(wrong)


def test_a_pickle_of_the_pipeline_needs_no_clearprop(saved, wanted, tmp_path):
    (tmp_path / "model.pickle").write_bytes(pickle.dumps(to_sklearn(saved)))
    for_sklearn(ROWS).to_pickle(tmp_path / "rows.pickle")
    program = """if True:
        import pickle, sys, numpy, pandas
        sys.modules["clearprop"] = None  # an import would fail
        model = pickle.load(open("model.pickle", "rb"))
        numpy.save("found.npy", model.predict_proba(pandas.read_pickle("rows.pickle")))
        pickle.dumps(model)  # after use too
    """
    subprocess.run([sys.executable, "-c", program], cwd=tmp_path, check=True, timeout=120)
    close(np.load(tmp_path / "found.npy"), wanted)


def test_scikit_learn_refuses_what_clearprop_refuses(saved):
    pipeline, frame = to_sklearn(saved), for_sklearn(ROWS).astype(object)
    for name, cell in {"size": "big", "member": "maybe", "sold": "31.01.2024", "opened": "half past"}.items():
        with pytest.raises(ValueError, match=r"convert|unknown categories|Error parsing"):
            pipeline.predict(frame.assign(**{name: [cell, *frame[name][1:]]}))


@pytest.mark.parametrize("kind", ["lists", *FRAMES])
def test_numpy_finds_columns_by_name_and_reads_text_as_clearprop_does(saved, wanted, kind):
    predict_proba = executed(to_numpy(saved))["predict_proba"]
    rows = {"extra": ["x"] * 8, **ROWS}
    given = rows if kind == "lists" else FRAMES[kind](pd.DataFrame(rows))
    close(predict_proba(given), wanted, 1e-12)
    with pytest.raises(ValueError, match="there is no column 'size'"):
        without = {name: cells for name, cells in rows.items() if name != "size"}
        predict_proba(without if kind == "lists" else FRAMES[kind](pd.DataFrame(without)))


@pytest.mark.parametrize("kind", FRAMES)
def test_numpy_takes_typed_frames(saved, wanted, kind):
    frame = for_sklearn(ROWS)
    frame["sold"] = pd.to_datetime(frame["sold"].str.strip(), format="ISO8601").astype("datetime64[us]")
    close(executed(to_numpy(saved))["predict_proba"](FRAMES[kind](frame)), wanted, 1e-12)


def test_onnx_takes_columns_by_name_and_trims_text_as_clearprop_does(saved, wanted):
    graph = to_onnx(saved)
    close(run_onnx(graph, for_onnx(ROWS)), wanted)
    close(run_onnx(graph, dict(reversed(for_onnx(ROWS).items()))), wanted)
    with pytest.raises(ValueError, match=r"Required inputs .*size.* are missing"):
        run_onnx(graph, {name: cells for name, cells in for_onnx(ROWS).items() if name != "size"})
    said = {value.name: value.doc_string for value in graph.graph.input}
    assert "days since 1970" in said["sold"] and "seconds since midnight" in said["opened"]


def test_onnx_answers_nan_where_clearprop_refuses(saved):
    given = for_onnx({name: cells[:2] for name, cells in ROWS.items()})
    for name, cell in {"member": "maybe", "size": math.inf}.items():
        wrong = given[name].copy()
        wrong[0] = cell
        found = run_onnx(to_onnx(saved), {**given, name: wrong})
        assert np.isnan(found[0]).all() and np.isfinite(found[1]).all()


def test_python_and_json_read_tables_as_clearprop_does(saved, wanted, tmp_path):
    for again in (executed(to_python(saved))["saved"], from_json(to_json(saved))):
        assert answers(again, dict(reversed(ROWS.items())), tmp_path / "t.csv").tobytes() == wanted.tobytes()


def test_the_calendar_in_arithmetic_is_pythons():
    days = np.concatenate([np.arange(-150_000, 150_000, 7.0), np.arange(10_900, 11_500.0), [-0.25, 0.75, 19753.999]])
    found = np.array(calendar(days, clock=True))
    for day, values in zip(days[::11], found.T[::11], strict=True):
        when = EPOCH + datetime.timedelta(days=day)
        angle = 2 * math.pi * (when.timetuple().tm_yday - 1) / 365.25
        turn = 2 * math.pi * (day % 1.0)
        season = [math.sin(angle), math.cos(angle)]
        close(values, [when.year, when.month, when.isoweekday(), *season, day, math.sin(turn), math.cos(turn)])


def test_the_help_says_what_each_format_takes():
    words = " ".join(export.__doc__.split())
    for said in (
        "NaN where they are missing, not text",
        "blanks are trimmed",
        "days since 1970-01-01",
        "seconds since midnight",
        "of an array it knows nothing but the width",
        "find the columns by the names",
    ):
        assert said in words


# --- random tables ----------------------------------------------------------------------------------------------------

NAMES = ["size", "a b", "größe", 'say "x"', "it's", "label", "probabilities", "X", "v0", "价格", "a,b"]
WORDS = ["red", "Blue", "a b", "nan", "None", "NA", "x.y", "(a|b)*", "it's", "汉", "?", "no", "1", "2.5", "Straße"]


@dataclass
class Drawn:
    """A random table: its columns as text, new rows, and the class of each row."""

    columns: dict[str, list[str]] = field(repr=False)
    new: dict[str, list[str]]
    fill: bool


@st.composite
def cells_of(draw: Any, rows: int, new: int, fill: bool) -> tuple[list[str], list[str]]:
    """A column of one kind: cells to train on, and new ones, some of which clearprop refuses."""
    kind = draw(st.sampled_from(["number", "yes/no", "category", "date"]))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    blanks = ["", " ", "\t", "  "]
    if kind == "number":
        decimal, unit = ".,"[rng.integers(2)], ["", "", " CHF", "%"][rng.integers(4)]
        write = lambda text: text.replace(".", decimal) + unit  # noqa: E731
        old = [write(f"{x:.2f}") for x in rng.normal(size=rows) * 100]
        fresh = [*map(write, ["5.5", "-10.25", "0.25", "1e2"]), "big", "(5)", "1.2.3"]
    elif kind == "yes/no":
        pair = [("no", "yes"), ("false", "true"), ("n", "y"), ("否", "是"), ("NO", "Yes")][rng.integers(5)]
        old, fresh = (
            [pair[i % 2] for i in range(rows)],
            [pair[0].upper(), pair[1].title(), "perhaps", "1", "0.0", "OUI"],
        )
    elif kind == "category":
        known = [str(word) for word in rng.choice(WORDS, 4, replace=False)]
        old, fresh = [known[i % 4] for i in range(rows)], [*known, "unseen", *WORDS[:4], "1.0", "2.50"]
        fresh += [word.upper() for word in known]
        if rng.random() < 0.5:
            old[:2] = ["rare one", "rare two"]
    else:
        written = ["%Y-%m-%d", "%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y", "%Y-%m-%d %H:%M"][rng.integers(5)]
        moments = [EPOCH + datetime.timedelta(hours=int(hour)) for hour in rng.integers(-900_000, 900_000, rows)]
        old = [f"{moment:{written}}".zfill(10) for moment in moments]
        fresh = ["2024-02-29", "1899-12-31", "31/31/31", "20240131", "3/4/2005", "today"]
    if fill and rng.random() < 0.7:
        for i in rng.choice(rows, 3, replace=False):
            old[i] = ""
    fresh += ["", "NA", "n/a", *old[3:6]]
    chosen = [blanks[rng.integers(4)] + str(rng.choice(fresh)) + blanks[rng.integers(4)] for _ in range(new)]
    return old, chosen


@st.composite
def tables(draw: Any, rows: int = 120, new: int = 4) -> Drawn:
    """Up to four columns of any kinds."""
    fill = draw(st.booleans())
    names = draw(st.lists(st.sampled_from(NAMES), min_size=1, max_size=4, unique=True))
    drawn = [draw(cells_of(rows, new, fill)) for _ in names]
    order = draw(st.permutations(names))
    new_rows = {name: drawn[names.index(name)][1] for name in order}
    return Drawn(
        {name: old for name, (old, _) in zip(names, drawn, strict=True)}, {"not asked": ["1"] * new, **new_rows}, fill
    )


def check(drawn, folder, counts):
    """Every row's answer from every export."""
    rows = len(next(iter(drawn.columns.values())))
    train = {**drawn.columns, "y": ["abc"[i % 3] for i in range(rows)]}
    pd.DataFrame(train).to_csv(folder / "train.csv", index=False)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DataWarning)
        try:
            table = read_table(folder / "train.csv")
            plan = Preparation.fit(table, "y", dates="expand", missing="median" if drawn.fill else "refuse")
        except DataError:  # "NA" among words that are all numbers, days that may be months
            reject()
    saved = SavedModel(MLP([len(plan.feature_names), 5, 3], seed=1), plan, "softmax")
    graph, pipeline = to_onnx(saved), to_sklearn(saved)
    script, text = executed(to_python(saved))["saved"], executed(to_numpy(saved))["predict_proba"]
    assert script.preparation == plan and np.array_equal(script.model.w, saved.model.w)
    pd.DataFrame(drawn.new).to_csv(folder / "new.csv", index=False)
    for i, part in enumerate(read_table(folder / "new.csv").batches(1)):
        row = {name: [cells[i]] for name, cells in drawn.new.items()}
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", DataWarning)
                wanted = saved.predict_proba(part)
        except DataError:
            wanted = None
        found = {"numpy": lambda row=row: text(row)}
        try:
            frame = for_sklearn(row, plan.columns).assign(**{"not asked": "1"})
            arrays = for_onnx(row, plan.columns)
        except ValueError:  # a number or date that is none: neither program can be given it
            assert wanted is None
        else:
            names = list(frame)[::-1]
            found["scikit-learn"] = lambda frame=frame, names=names: pipeline.predict_proba(frame[names])
            found["onnx"] = lambda arrays=arrays: run_onnx(graph, arrays)
        for name, function in found.items():
            outcome = name, "refused" if wanted is None else "answered"
            counts[outcome] = counts.get(outcome, 0) + 1
            if wanted is not None:
                close(function(), wanted)
            elif name == "onnx":
                assert np.isnan(function()).all(), (name, row)
            else:
                with pytest.raises((ValueError, DataError)):
                    function()


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(drawn=tables())
def test_random_tables_have_the_same_answers_in_every_export(drawn, tmp_path):
    check(drawn, tmp_path, {})


@pytest.mark.nightly
def test_many_random_tables_have_the_same_answers_in_every_export(tmp_path):
    counts = {}

    @settings(max_examples=300, deadline=None)
    @given(drawn=tables())
    def property(drawn):
        check(drawn, tmp_path, counts)

    property()
    assert all(counts[name, "answered"] >= 300 for name in ("numpy", "scikit-learn", "onnx"))
    assert all(counts[name, "refused"] >= 100 for name in ("numpy", "scikit-learn", "onnx"))
