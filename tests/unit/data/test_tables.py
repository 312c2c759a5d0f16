"""CSV files: what is read is exactly what is there, and what is wrong has a line number."""

import csv
import gc
import gzip
import os
import tempfile

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clearprop.data.tables import read_table
from clearprop.errors import ConfigurationError, DataError


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
        ("a,y\n0,1,2\n0,3,4\n", r"line 2 has 3, line 3 has 3; .* name the column that has no name"),
        ("a,y\n0.5,1,2\n1.5,3,4\n", r"line 2 has 3, line 3 has 3; .* name the column that has no name"),
        ("a,y\n0,1,2\n", r"t\.csv:2: the row has 3 fields, the header has 2"),
        ("a,b,a \n1,2,3\n", r"t\.csv:1: two columns are called 'a' \(1 and 3\); rename one"),
        ("a,,c\n1,2,3\n", r"t\.csv:1: column 2 of 3 has no name"),
        ("a,b,\n1,2,\n1,2,3\n", r"t\.csv:3: the row has 3 fields, the header has 2"),
        ("1,2,0\n3,4,1\n", r"the first line \(1, 2, 0\) looks like data"),
        ('a,b\n1,2\n1,"2\n3,4\n', r"t\.csv:3: a quote .* never closed"),
        ('a,b\n"1"x,2\n', r"t\.csv:2: text follows a closing quote"),
        ('a,b\n1,"' + "x" * 200_000 + '"\n', r"t\.csv:2: a cell is longer than"),
        (b"a,b\n1,h\xe9llo\n", r"t\.csv:2: byte 0xE9 is not UTF-8"),
        (b"a,b\n1,2\n1,x\x00y\n", r"t\.csv:3: a zero byte"),
        (b"\x1f\x8b\x08\x00", "a damaged gzip archive"),
        (b"PK\x03\x04junk", "an Excel workbook"),
        (b"\x89PNG\r\n", "a PNG picture"),
    ],
)
def test_files_that_are_no_table_are_refused_with_the_place(write, content, message):
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


def test_folders_globs_and_devices(write, tmp_path):
    (tmp_path / "d").mkdir()
    with pytest.raises(DataError, match="this folder has no files"):
        read_table("d")
    with pytest.raises(DataError, match="no file matches"):
        read_table("d/*.csv")
    write("a,b\n1,2\n", "d/1.csv")
    write("b,a\n4,3\n6,\n", "d/2.csv")
    write("hidden", "d/.hidden")
    for source in ("d", "d/*.csv", tmp_path / "d"):
        table = read_table(source)
        assert cells(table) == {"a": ["1", "3", ""], "b": ["2", "4", "6"]}
        assert [table.place(row, "a")[-20:] for row in (0, 2)] == [
            "d/1.csv:2: column 'a'"[-20:],
            "d/2.csv:3: column 'a'"[-20:],
        ]
    write('{"a": 1, "b": 2}\n', "d/3.jsonl")
    with pytest.raises(DataError, match=r"d/3\.jsonl: this is a JSON lines file, but d/1\.csv is CSV"):
        read_table("d")
    write("a,c\n1,2\n", "d/3.csv")
    with pytest.raises(DataError, match=r"d/3\.csv: there is no column 'b', which d/1\.csv has"):
        read_table("d/*.csv")
    write("a,b,c\n1,2,3\n", "d/3.csv")
    with pytest.raises(DataError, match=r"d/3\.csv: there is a column 'c', which d/1\.csv has not"):
        read_table("d/*.csv")
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
    while any(map(any, rows)) and not any(rows[len(expected) - 1]):  # a line of separators only, below the table
        expected.pop()
    assert [list(row) for row in zip(*cells(table).values(), strict=True)] == expected


# ------------------------------------------------------------------------------------------ encodings, gzip, lengths


@pytest.mark.parametrize("encoding", ["gbk", "gb18030", "big5", "utf-16", "utf-16-le", "utf-8"])
def test_other_encodings(write, encoding):
    content = '年龄,城市\r\n1,"北京,\n上海"\r\n\r\n2,香港\r\n'
    table = read_table(write(content.replace("龄", "齡").replace("龄", "齡").encode(encoding)), encoding=encoding)
    assert cells(table) == {"年齡": ["1", "2"], "城市": ["北京,\n上海", "香港"]}
    assert table.place(1, "城市") == "t.csv:5: column '城市'"


@pytest.mark.parametrize(
    ("content", "encoding", "message"),
    [
        ("a,b\n1,类别\n".encode("gbk"), None, r"t\.csv:2: byte 0xC0 is not UTF-8 text.*encoding='gbk'"),
        ("a,b\n1,café\n".encode("latin-1"), None, r"csv:2: byte 0xE9 is not UTF-8 text.*encoding='cp1252'.*'café'"),
        (b"a,b\n1,2\n3,\xff\n", "gbk", r"t\.csv:3: byte 0xFF is not gbk text, nor is the file plausible text"),
        ("a,b\n1,2\n", "klingon", "there is no text encoding 'klingon'"),
        ("a,b\n1,2\n", "base64", "there is no text encoding 'base64'"),
    ],
)
def test_bytes_that_are_no_text(write, content, encoding, message):
    with pytest.raises((DataError, ConfigurationError), match=message):
        read_table(write(content), encoding=encoding)


def test_gzip_is_unpacked_and_damage_is_named(write):
    packed = gzip.compress(b'a,b\n1,x\n2,"y"\n')
    table = read_table(write(packed))
    assert cells(table) == {"a": ["1", "2"], "b": ["x", "y"]} and table.place(1, "b") == "t.csv:3: column 'b'"
    for damaged in (packed[:-12], packed[:20] + b"\0\0\0" + packed[23:]):
        with pytest.raises(DataError, match="damaged gzip archive"):
            read_table(write(damaged))
    with pytest.raises(DataError, match="the archive is empty"):
        read_table(write(gzip.compress(b"")))


def test_unusual_separators_and_blanks(write):
    assert cells(read_table(write("a:b\n1:2\n"))) == {"a": ["1"], "b": ["2"]}
    assert cells(read_table(write("petal length\n1.5\n2.5\n"))) == {"petal length": ["1.5", "2.5"]}
    assert cells(read_table(write("a,b\n x,\ty \n"))) == {"a": ["x"], "b": ["y"]}


def test_rows_longer_than_a_buffer(write):
    text = "x" * 100_000
    table = read_table(write("a,b,c\n" + f"1,{text},{text}\n" * 30))
    assert len(table) == 30 and table.text_at(29, "c") == text
    with pytest.raises(DataError, match=r"t\.csv:2: a cell is longer"):
        read_table(write("a,b\n" + "x" * 3_000_000))


def test_rows_over_the_pieces_that_are_read(write):
    rows = 150_000  # more than a megabyte, which is read at a time
    lines = "".join(f"{i},{'q' if i % 3 else chr(34) + 'q' + chr(34)}\r\n" for i in range(rows))
    table = read_table(write("a,b\r\n" + lines))
    assert len(table) == rows and set(table.text("b")) == {"q"}
    assert table.text("a").tolist() == [str(i) for i in range(rows)]
    assert table.place(rows - 1, "a") == f"t.csv:{rows + 1}: column 'a'"
    pieces = list(table.batches(60_000))
    assert [len(piece) for piece in pieces] == [60_000, 60_000, 30_000]
    assert pieces[1].text_at(0, "a") == "60000" and pieces[1].place(0, "a") == "t.csv:60002: column 'a'"
    with pytest.raises(DataError, match=r"t\.csv:150002: the row has 1 fields"):
        read_table(write("a,b\r\n" + lines + "5\r\n"))


# ---------------------------------------------------------------------------------------------- JSON lines, Parquet


def test_json_lines(write):
    table = read_table(write('{"a": 1, "b": "00123", "c/d~": 1.5}\n\n{"b": null, "e": true, "a": 2}\n', "t.jsonl"))
    assert cells(table) == {"a": ["1", "2"], "b": ["00123", ""], "c/d~": ["1.5", ""], "e": ["", "true"]}
    assert table.place(1, "a") == "t.jsonl:3: column 'a'"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"a": 1}\n{"a":\n', r"t\.jsonl:2: not a JSON object"),
        ('{"a": 1}\n[1]\n', r"t\.jsonl:2: the line must hold one JSON object"),
        ('{"a": 1, "a": 2}\n', r"t\.jsonl:1: .*a name occurs twice"),
        ('{"a": [1]}\n', "column 'a' holds lists or objects"),
        ('[{"a": 1}]', "one JSON list"),
        ("{}\n", "no columns"),
        ('{"a": ' + "[" * 100_000 + "\n", r"t\.jsonl:1: not a JSON object"),
    ],
)
def test_json_lines_that_are_no_table(write, content, message):
    with pytest.raises(DataError, match=message):
        read_table(write(content, "t.jsonl"))


def parquet(path, query):
    with duckdb.connect() as connection:
        connection.execute(f"COPY ({query}) TO '{path}' (FORMAT parquet)")
    return path


def test_every_type_of_parquet_becomes_the_text_it_stands_for(tmp_path):
    path = parquet(
        tmp_path / "t.parquet",
        "SELECT 1::UTINYINT AS i, 'nan'::DOUBLE AS f, 0.1::DECIMAL(4, 2) AS d, true AS b, ' x ' AS s, "
        "DATE '2024-01-31' AS w, TIMESTAMPTZ '2024-01-31 12:00:00+02' AS z, 'u'::ENUM('u', 'v') AS e, 0.5::FLOAT AS g, "
        "170141183460469231731687303715884105727::HUGEINT::VARCHAR AS h",
    )
    table = read_table(path)
    assert {name: column[0] for name, column in cells(table).items()} == {
        "i": "1",
        "f": "",
        "d": "0.1",
        "b": "true",
        "s": "x",
        "w": "2024-01-31 00:00:00",
        "z": "2024-01-31 10:00:00",
        "e": "u",
        "g": "0.5",
        "h": "170141183460469231731687303715884105727",
    }
    assert table.place(0, "i") == f"{path}: row 1: column 'i'"


def test_parquet_that_is_no_table(tmp_path, write):
    nested = parquet(tmp_path / "n.parquet", "SELECT [1, 2] AS x")
    with pytest.raises(DataError, match=r"column 'x' has type integer\[\], no number, text or date"):
        read_table(nested)
    content = nested.read_bytes()
    for damaged in (content[:-9], content[:30] + b"\xff" * 40 + content[70:], b"PAR1junkPAR1"):
        with pytest.raises(DataError, match="Parquet file"):
            read_table(write(damaged, "t.parquet"))
    (tmp_path / "p").mkdir()
    parquet(tmp_path / "p" / "1.parquet", "SELECT 1 AS x")
    parquet(tmp_path / "p" / "2.parquet", "SELECT 1.5::DOUBLE AS x")
    with pytest.raises(DataError, match=r"column 'x' holds numbers, but in .* whole numbers; make the files alike"):
        read_table(tmp_path / "p")


# ------------------------------------------------------------------------------------------------- queries, frames


def test_a_query_chooses_rows_and_columns_and_places_say_so(write):
    write('"select",City,n\n5,Oslo,007\n6.5,Rome,008\n7,,009\n')
    table = read_table(
        "t.csv", sql='SELECT "select" * 2 AS twice, City, n FROM data WHERE "select" > 5.5 ORDER BY n DESC;'
    )
    assert cells(table) == {"twice": ["14", "13"], "City": ["", "Rome"], "n": ["009", "008"]}
    assert table.path == "t.csv (query)" and table.place(1, "City") == "t.csv (query): row 2: column 'City'"


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        ("SELECT q FROM data", 'does not work.*"q" not found.*columns are "a", "b"'),
        ("selec 1", "cannot be read: syntax error"),
        ("", "one SELECT and nothing else"),
        ("SELECT 1; SELECT 2", "one SELECT and nothing else"),
        ("DROP VIEW data", "one SELECT and nothing else"),
        ("COPY data TO 'stolen.csv'", "one SELECT and nothing else"),
        ("ATTACH 'x.db'", "one SELECT and nothing else"),
        ("INSTALL httpfs", "one SELECT and nothing else"),
        ("PRAGMA database_list", "one SELECT and nothing else"),
        ("SET threads = 1", "one SELECT and nothing else"),
        ("SELECT 1) AS x(y); DROP TABLE rows; SELECT (2", "cannot be read"),
        ("WITH x AS (INSERT INTO rows VALUES ('1', '2') RETURNING *) SELECT * FROM x", "does not work"),
        ("SELECT * FROM read_csv('t.csv')", "does not work"),
        ("SELECT * FROM 't.csv'", "does not work"),
        ("SELECT * FROM read_text('/etc/passwd')", "does not work"),
        ("SELECT * FROM glob('*')", "does not work"),
        ("SELECT * FROM read_json('http://localhost/x')", "does not work"),
        ("SELECT * FROM os", "does not work"),
        ("SELECT a, a FROM data", "two columns of one name"),
        ("SELECT * FROM data WHERE a = 5", "gives no rows"),
        ("SELECT [a] AS l FROM data", "column 'l' has type bigint"),
    ],
)
def test_query_can_read_the_table_and_nothing_else(write, sql, message):
    name = write("a,b\n1,2\n")
    os_files = sorted(os.listdir("."))
    with pytest.raises((ConfigurationError, DataError), match=message):
        read_table(name, sql=sql)
    assert sorted(os.listdir(".")) == os_files


@pytest.mark.parametrize("library", ["pandas", "polars", "pyarrow"])
def test_frames_are_read_as_files_are(library):
    frames = pytest.importorskip(library)
    columns = {"n": [1.5, None, 3.0], "城市": ["x", None, " z "], "b": [True, False, True]}
    frame = frames.table(columns) if library == "pyarrow" else frames.DataFrame(columns)
    table = read_table(frame)
    assert cells(table) == {"n": ["1.5", "", "3"], "城市": ["x", "", "z"], "b": ["true", "false", "true"]}
    assert table.place(2, "n") == "the table: row 3: column 'n'"
    assert cells(read_table(frame, sql="SELECT n FROM data WHERE b")) == {"n": ["1.5", "3"]}


def test_pandas_of_mixed_objects_categories_and_dates():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(
        {
            "m": [1, "q", None],
            "c": pandas.Categorical(["u", "v", None]),
            "d": pandas.to_datetime(["2024-01-31", None, None]),
        },
        index=[7, 7, 9],
    )
    before = frame.copy(deep=True)
    table = read_table(frame)
    assert cells(table) == {"m": ["1", "q", ""], "c": ["u", "v", ""], "d": ["2024-01-31 00:00:00", "", ""]}
    pandas.testing.assert_frame_equal(frame, before)
    with pytest.raises(DataError, match="column name 3 is not text"):
        read_table(pandas.DataFrame({3: [1]}))
    with pytest.raises(DataError, match="two columns are called 'a'"):
        read_table(pandas.DataFrame([[1, 2]], columns=["a", "a"]))


def test_what_is_no_table():
    with pytest.raises(DataError, match="cannot read a table from list"):
        read_table([1, 2])


def test_a_file_that_changes_after_reading_still_has_places(write):
    table = read_table(write("a,b\n1,2\n\n3,4\n"))
    write('"', "t.csv")
    assert table.place(1, "a") == "t.csv: row 2: column 'a'"


def test_the_temporary_folder_goes_with_the_table(write, tmp_path, monkeypatch):
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    table = read_table(write("a,b\n1,2\n"))
    pieces = list(table.batches(1))
    del table
    assert os.listdir(tmp_path / "tmp") and pieces[0].text_at(0, "a") == "1"
    del pieces
    gc.collect()
    assert not os.listdir(tmp_path / "tmp")


def test_rows_that_are_chosen_keep_their_places_in_the_files(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name, cells in (("a.csv", "12x45"), ("b.csv", "xx"), ("c.csv", "x2x4")):
        (tmp_path / name).write_text("n,m\n" + "".join(f"{cell},0\n" for cell in cells), encoding="utf-8")
    table = read_table("*.csv")
    chosen = table.where("c0 <> 'x'")
    assert chosen.text("n").tolist() == ["1", "2", "4", "5", "2", "4"] and len(chosen) == 6
    places = [chosen.place(row, "n") for row in range(6)]
    assert [place.split(": ")[0] for place in places] == [
        "a.csv:2",
        "a.csv:3",
        "a.csv:5",
        "a.csv:6",
        "c.csv:3",
        "c.csv:5",
    ]
    again = [part.where("c0 <> '4'") for part in chosen.batches(4)]
    assert [part.text("n").tolist() for part in again] == [["1", "2", "5"], ["2"]]
    assert [again[0].place(2, "n"), again[1].place(0, "n")] == ["a.csv:6: column 'n'", "c.csv:3: column 'n'"]
    assert len(table) == 11 and len(table.where("c0 = 'none'")) == 0
