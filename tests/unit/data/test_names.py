"""One table gives the same names and values from every format, whatever its columns are called."""

import csv
import gzip
import json
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clearprop.data.names import checked_names
from clearprop.data.tables import read_table
from clearprop.errors import DataError

AWKWARD = (
    *("a", "A", "b", "a.b", "a b", "a=5", "lr=0.01", "filename", "rowid", "c0", "part", "select", "order", "2019", "0"),
    *("'", '"', 'q"x', "it's", "[0]", "$a", "%s", "a/b", "a~b", "*", "é", "年龄", "ß", "İ", "x\ny", "x;y", "x,y", "-1"),
    *("Unnamed: 0", "nan", "NULL", "true", "__index_level_0__", "data", "1e5", "a_1", "A_1", "#", "\u200b", "x\ty"),
)
NAME = st.one_of(
    st.sampled_from(AWKWARD),
    st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), min_size=1, max_size=4),
).filter(lambda name: name.strip() and not name.startswith("#"))
BLANKS = st.sampled_from(["", "", " ", "\t", "\u00a0"])
WORD = st.one_of(st.none(), st.sampled_from(["x", "007", "NA", "it's", 'q"', "a,b", "日本", "=1+1", "TRUE"]))
COLUMN = st.one_of(
    st.lists(WORD, min_size=4, max_size=4),
    st.lists(st.one_of(st.none(), st.floats(-1e6, 1e6).map(lambda x: round(x, 3))), min_size=4, max_size=4),
    st.lists(st.integers(-(2**40), 2**40), min_size=4, max_size=4),
)


@st.composite
def tables(draw):
    """Names, some with blanks around them, and columns; the first column is full, so that no line is blank."""
    names = draw(st.lists(NAME, min_size=2, max_size=5, unique_by=str.strip))
    columns = [["k1", "k2", "k3", "k4"], *(draw(COLUMN) for _ in names[1:])]
    return {draw(BLANKS) + name + draw(BLANKS): column for name, column in zip(names, columns, strict=True)}


def as_csv(columns, path, separator=",", open_file=open):
    with open_file(path, "wt", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, delimiter=separator)
        writer.writerow(columns)
        writer.writerows(zip(*columns.values(), strict=True))
    return path


def as_json(columns, path):
    with open(path, "w", encoding="utf-8") as file:
        for row in zip(*columns.values(), strict=True):
            file.write(json.dumps(dict(zip(columns, row, strict=True))) + "\n")
    return path


def as_arrow(columns):
    pyarrow = pytest.importorskip("pyarrow")
    return pyarrow.table(columns)


def as_parquet(columns, path):
    pytest.importorskip("pyarrow.parquet").write_table(as_arrow(columns), path)
    return path


def as_pandas(columns):
    return pytest.importorskip("pandas").DataFrame(columns)


def as_polars(columns):
    return pytest.importorskip("polars").DataFrame(columns)


def as_workbook(columns, path):
    book = pytest.importorskip("openpyxl").Workbook()
    for row in (columns, *zip(*columns.values(), strict=True)):
        book.active.append(list(row))
        for cell in book.active[book.active.max_row]:
            if isinstance(cell.value, str):
                cell.data_type = "s"  # =1+1 is text here
    book.save(path)
    return path


def means(cell):
    """What a cell is, however it is stored: a number (or text that is one) or text."""
    text = str(cell)
    if text[:1] != "0" or text[1:2] in ("", "."):
        try:
            number = float(text)
        except ValueError:
            return text
        return number if math.isfinite(number) else text
    return text


def content(table):
    return {name: [means(cell) for cell in table.text(name)] for name in table.names}


def assert_the_same_from_every_format(columns, folder, by_query):
    expected = {
        name.strip(): [means("" if cell is None else cell) for cell in column] for name, column in columns.items()
    }
    hive = folder / "lr=0.01" / "a=5"
    hive.mkdir(parents=True, exist_ok=True)
    sources = {
        "CSV": as_csv(columns, hive / "t.csv"),
        "TSV": as_csv(columns, hive / "t.tsv", "\t"),
        "gzip": as_csv(columns, hive / "t.csv.gz", ";", gzip.open),
        "JSON lines": as_json(columns, hive / "t.jsonl"),
        "Parquet": as_parquet(columns, hive / "t.parquet"),
        "Arrow": as_arrow(columns),
        "pandas": as_pandas(columns),
        "polars": as_polars(columns),
        "workbook": as_workbook(columns, hive / "t.xlsx"),
    }
    asked = {name: {"header": 1} for name in ("CSV", "TSV", "gzip", "workbook")}  # names may look like data
    apart = len({name.translate(FOLDED) for name in expected}) == len(expected)
    for format, source in sources.items():
        more = {**asked.get(format, {}), **{"TSV": {"separator": "tab"}, "gzip": {"separator": ";"}}.get(format, {})}
        more |= {"separator": ","} if format == "CSV" else {}
        more |= {"first_row": 1 + sum(name.count("\n") for name in columns) + 1, "footer": 0} if more else {}
        if format == "workbook":
            more["first_row"] = 2
        table = read_table(source, **more)
        assert content(table) == expected, format
        assert list(table.names) == list(expected), format
        if format != by_query:
            continue
        if apart:
            asked_all = read_table(source, sql="SELECT * FROM data", **more)
            assert content(asked_all) == expected and list(asked_all.names) == list(expected), format
        else:
            with pytest.raises(DataError, match="cannot tell the columns"):
                read_table(source, sql="SELECT * FROM data", **more)


FOLDED = {ord(letter): letter.lower() for letter in "ABCDEFGHIJKLMNOPQRSTUVWXYZ"}


FORMATS = st.sampled_from(["CSV", "JSON lines", "Parquet", "Arrow", "pandas", "polars", "workbook"])


@settings(max_examples=8, deadline=None)
@given(columns=tables(), by_query=FORMATS)
def test_names_and_values_are_the_same_from_every_format(columns, by_query, tmp_path_factory):
    assert_the_same_from_every_format(columns, tmp_path_factory.mktemp("t"), by_query)


@pytest.mark.nightly
@settings(max_examples=500, deadline=None)
@given(columns=tables(), by_query=FORMATS)
def test_names_and_values_are_the_same_from_every_format_at_length(columns, by_query, tmp_path_factory):
    assert_the_same_from_every_format(columns, tmp_path_factory.mktemp("t"), by_query)


def test_folders_give_no_columns(tmp_path):
    """A path such as a=5/y=q is a name of folders, and says nothing about rows."""
    folder = tmp_path / "a=5" / "y=q"
    folder.mkdir(parents=True)
    columns = {"a": [1, 2], "y": ["p", "q"]}
    for file in (as_parquet(columns, folder / "t.parquet"), as_csv(columns, folder / "t.csv"), folder / "*.parquet"):
        table = read_table(file)
        assert content(table) == {"a": [1.0, 2.0], "y": ["p", "q"]}, file


def test_keys_are_columns_in_the_order_they_first_occur(tmp_path):
    path = tmp_path / "t.jsonl"
    path.write_text('{"z": 1, "b": 2}\n{"y": 3, "a": 4, "z": 5}\n')
    assert read_table(path).names == ("z", "b", "y", "a")


@pytest.mark.parametrize("format", ["CSV", "JSON lines", "Parquet", "pandas", "polars", "Arrow", "workbook"])
def test_names_that_differ_in_blanks_only_are_refused_with_both_places(format, tmp_path):
    columns = {"a": ["u", "v"], "b": ["u", "v"], " a": ["u", "v"]}
    source = {
        "CSV": lambda: as_csv(columns, tmp_path / "t.csv"),
        "JSON lines": lambda: as_json(columns, tmp_path / "t.jsonl"),
        "Parquet": lambda: as_parquet(columns, tmp_path / "t.parquet"),
        "workbook": lambda: as_workbook(columns, tmp_path / "t.xlsx"),
        "pandas": lambda: as_pandas(columns),
        "polars": lambda: as_polars(columns),
        "Arrow": lambda: as_arrow(columns),
    }[format]()
    with pytest.raises(DataError, match=r"two columns are called 'a' \(1 and 3\); rename one"):
        read_table(source)


def test_a_frame_whose_names_are_no_text_is_refused():
    pandas = pytest.importorskip("pandas")
    levels = pandas.MultiIndex.from_tuples([("a", "x"), ("a", "y")])
    for columns in ([0, 1], levels):
        with pytest.raises(DataError, match="is not text; rename the columns with str"):
            read_table(pandas.DataFrame([[1, 2]], columns=columns))


def test_names_are_checked_by_one_rule():
    assert checked_names("t", [" a\n", "A", "a b"]) == ("a", "A", "a b")
    with pytest.raises(DataError, match="t: column 2 of 2 has no name; name it"):
        checked_names("t", ["a", " \t"])
