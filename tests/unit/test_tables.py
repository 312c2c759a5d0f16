"""CSV files: what is read is exactly what is there, and what is wrong has a line number."""

import csv
import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clearprop.data.tables import read_table
from clearprop.errors import DataError


@pytest.fixture
def write(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def write(content, name="t.csv"):
        (tmp_path / name).write_bytes(content if isinstance(content, bytes) else content.encode())
        return name

    return write


def cells(table):
    return {name: table.text(name).tolist() for name in table.names}


@pytest.mark.parametrize(
    ("content", "columns", "lines"),
    [
        ("a,b\n1,x\n2,y\n", {"a": ["1", "2"], "b": ["x", "y"]}, [2, 3]),
        ("a,b\n1,x\n2,y", {"a": ["1", "2"], "b": ["x", "y"]}, [2, 3]),
        ("a,b\r\n1,x\r\n2,y\r\n", {"a": ["1", "2"], "b": ["x", "y"]}, [2, 3]),
        ("a,b\r1,x\r2,y\r", {"a": ["1", "2"], "b": ["x", "y"]}, [2, 3]),
        ("a,b\n1,x\r\n2,y\n", {"a": ["1", "2"], "b": ["x", "y"]}, [2, 3]),
        ("\ufeffa,b\n1,x\n", {"a": ["1"], "b": ["x"]}, [2]),
        ("a;b\n1,5;x\n", {"a": ["1,5"], "b": ["x"]}, [2]),
        ("a\tb\n1\t2;3,4\n", {"a": ["1"], "b": ["2;3,4"]}, [2]),
        ("a|b\n1|2\n", {"a": ["1"], "b": ["2"]}, [2]),
        ('"a,b";c\n1;2\n', {"a,b": ["1"], "c": ["2"]}, [2]),
        ('"a\nb",c\n1,2\n', {"a\nb": ["1"], "c": ["2"]}, [3]),
        ('a,b\n"x\ny",1\n\n"he said ""no""",2\n', {"a": ["x\ny", 'he said "no"'], "b": ["1", "2"]}, [2, 5]),
        ("a , b\n 1,x \n", {"a": ["1"], "b": ["x"]}, [2]),
        ("a,b\n00123,NA\n,null\n", {"a": ["00123", ""], "b": ["NA", "null"]}, [2, 3]),
        ('a,b\n"",""\n,\n', {"a": ["", ""], "b": ["", ""]}, [2, 3]),
        ("a\n1\n\n2\n", {"a": ["1", "", "2"]}, [2, 3, 4]),
        ("年龄,類別\n1,猫\n2,犬\n", {"年龄": ["1", "2"], "類別": ["猫", "犬"]}, [2, 3]),
        ("0,1,2\n5,6,7\n", {"0": ["5"], "1": ["6"], "2": ["7"]}, [2]),
        ("a,b\n2024-01-01,=1+1\n", {"a": ["2024-01-01"], "b": ["=1+1"]}, [2]),
    ],
)
def test_reads_exactly_what_is_there(write, content, columns, lines):
    table = read_table(write(content))
    assert cells(table) == columns
    places = [table.place(row, table.names[0]).split(": column")[0] for row in range(len(table))]
    assert places == [f"t.csv:{line}" for line in lines]
    assert len(table) == len(lines) and table.names == tuple(columns)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", r"t\.csv: the file is empty \(0 bytes\)"),
        ("a,b\n", r"t\.csv: the file has a header but no data lines"),
        ("\n\n", r"t\.csv:1: the first line is blank"),
        ("a,b,y\n1,2,3\n4,5\n", r"t\.csv:3: the row has 2 fields, the header has 3 \(a, b, y\)"),
        ("a,b,y\n1,2,x\n1,2,3,4\n3,4,y\n", r"t\.csv:3: the row has 4 fields.*into quotes: 1,2,3,4"),
        (
            "a,y\n1,2\n\n1\n1,2,3\n",
            r"t\.csv:4: 2 rows have the wrong number of fields: line 4 has 1, line 5 has 3",
        ),
        ("a,y\n" + "1\n" * 9, r"line 6 has 1 and 4 more"),
        ("a,y\n0,1,2\n1,3,4\n", "is the name of an index column missing"),
        ("a,a\n1,2\n", r"t\.csv:1: two columns are called 'a'"),
        ("a,,c\n1,2,3\n", r"t\.csv:1: column 2 of 3 has no name"),
        ("a,b,\n1,2,\n", r"column 3 of 3 has no name; name it, or remove the separator at the end"),
        ("1,2,0\n3,4,1\n", r"the first line \(1, 2, 0\) looks like data"),
        ("# comment\na,b\n1,2\n", "remove the comment"),
        ('a,b\n1,2\n1,"2\n3,4\n', r"t\.csv:3: a quote .* never closed"),
        ('a,b\n"1"x,2\n', r"t\.csv:2: text follows a closing quote"),
        ('a,b\n1,"' + "x" * 200_000 + '"\n', r"t\.csv:2: a cell is longer than"),
        (b"a,b\n1,h\xe9llo\n", r"t\.csv:2: byte 0xE9 is not UTF-8"),
        (b"a,b\n1,2\n1,x\x00y\n", r"t\.csv:3: a zero byte"),
        ("a,b\n1,2\n".encode("utf-16"), "looks like UTF-16"),
        (b"\x1f\x8b\x08\x00", "a damaged gzip archive"),
        (b"PK\x03\x04junk", "an Excel workbook"),
        (b"\x89PNG\r\n", "a PNG picture"),
    ],
)
def test_refuses(write, content, message):
    with pytest.raises(DataError, match=message) as caught:
        read_table(write(content))
    assert caught.value.exit_code == 3
    assert len(str(caught.value)) < 300


def test_missing_file_suggests_a_neighbour(write):
    write("a,b\n1,2\n", "data.csv")
    with pytest.raises(DataError, match=r"there is no such file; did you mean 'data\.csv'\?"):
        read_table("dta.csv")
    with pytest.raises(DataError, match="check the name and the folder"):
        read_table("zzzzzzzz/q")
    with pytest.raises(DataError, match="not a file name"):
        read_table("a\0b")


def test_folders_and_devices(write, tmp_path):
    with pytest.raises(DataError, match="this is a folder"):
        read_table(tmp_path)
    if os.path.exists("/dev/zero"):
        with pytest.raises(DataError, match="device"):
            read_table("/dev/zero")


@pytest.mark.parametrize("name", ["qu'ote.csv", "a b.csv", "花.csv", "-.csv", "~x.csv", "t.csv.gz", "no_ending"])
def test_odd_file_names(write, name):
    assert cells(read_table(write("a,b\n1,2\n", name))) == {"a": ["1"], "b": ["2"]}


@pytest.mark.skipif(os.name == "nt", reason="no * in file names")
def test_glob_pattern_as_a_name_reads_one_file(write):
    write("a,b\n5,6\n", "gx.csv")
    assert cells(read_table(write("a,b\n1,2\n", "g*.csv"))) == {"a": ["1"], "b": ["2"]}


TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0\x1a", exclude_categories=["Cc", "Cs"]), max_size=5)
CELL = st.one_of(TEXT, st.text("ab\"\n,; \t|#'\\", max_size=5))


@settings(max_examples=60, deadline=None)
@given(
    rows=st.integers(2, 4).flatmap(lambda k: st.lists(st.lists(CELL, min_size=k, max_size=k), min_size=1, max_size=6)),
    ending=st.sampled_from(["\n", "\r\n"]),
    separator=st.sampled_from(",;\t|"),
)
def test_agrees_with_the_standard_library(rows, ending, separator, tmp_path_factory):
    path = tmp_path_factory.mktemp("t") / "t.csv"
    with open(path, "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, delimiter=separator, lineterminator=ending)
        writer.writerow([f"c{i}" for i in range(len(rows[0]))])
        writer.writerows(rows)
    table = read_table(path)
    expected = [[cell.strip(" \t") for cell in row] for row in rows]
    assert [list(row) for row in zip(*cells(table).values(), strict=True)] == expected
