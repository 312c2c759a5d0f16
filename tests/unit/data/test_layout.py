"""Files as people export them: what stands around the table is passed over and said, what may be a row is refused."""

import random
import re

import pytest

from clearprop.data.layout import is_unit, measured
from clearprop.data.tables import read_table
from clearprop.errors import ConfigurationError, DataError

ROWS = "1.5,2,p\n2.5,3,q\n3.5,4,p\n"
TABLE = {"a": ["1.5", "2.5", "3.5"], "b": ["2", "3", "4"], "y": ["p", "q", "p"]}


def cells(table):
    return {name: table.text(name).tolist() for name in table.names}


@pytest.mark.parametrize(
    ("content", "first", "note"),
    [
        ("a,b,y,\n" + ROWS.replace("\n", ",\n"), 2, "the lines end in a separator"),
        ("a,b,y\n" + ROWS.replace("\n", ",\n"), 2, "the lines end in a separator"),
        ("a,b,y,,\n" + ROWS.replace("\n", ",,\n"), 2, "the lines end in a separator"),
        ("a,b,y,\n" + ROWS, 2, "the lines end in a separator"),
        ("a,b,,y\n" + ROWS.replace(",p", ",,p").replace(",q", ",,q"), 2, "field 3 has no name and no cells"),
        ("sep=,\na,b,y\n" + ROWS, 3, "line 1 says that the separator is ','"),
        ('"sep=;"\r\na;b;y\r\n' + ROWS.replace(",", ";").replace("\n", "\r\n"), 3, "line 1 says that the separator"),
        ("Sales report 2024\na,b,y\n" + ROWS, 3, r"line 1 \(Sales report 2024\) above the names is passed over"),
        ("Sales, May\nby Bob\n\na,b,y\n" + ROWS, 5, r"lines 1 to 2 \(Sales, May\) above the names are passed over"),
        ("Sales;;\nby;Bob;\n\na;b;y\n" + ROWS.replace(",", ";"), 5, r"lines 1 to 2 \(Sales\) above the names"),
        ("Report,,\na,b,y\n" + ROWS, 3, r"line 1 \(Report\) above the names"),
        ('He said "no\na,b,y\n' + ROWS, 3, "line 1 .* above the names"),
        ("# by hand\n# in May, twice\na,b,y\n" + ROWS, 4, "2 lines above the names are passed over: a comment"),
        ("# a,b,y\n" + ROWS, 2, "the names are in a comment"),
        ("a,b,y\n[m],[s],[-]\n" + ROWS, 3, r"line 2 holds units \(\[m\], \[s\], \[-\]\) and is passed over"),
        ("a,b,y\nkg,cm,\n" + ROWS, 3, r"line 2 holds units \(kg, cm\)"),
        ("a,b,y\n°C,,-\n" + ROWS, 3, "line 2 holds units"),
        ("a,b,y\nµg/m³,万元,label\n" + ROWS, 3, "line 2 holds units"),
        ("a,b,y\n" + ROWS + "\nSource: WHO\n", 2, r"line 6 \(Source: WHO\) below the table is passed over"),
        ("a,b,y\n" + ROWS + "Source: WHO, 2023\n", 2, r"line 5 \(Source: WHO, 2023\) below the table"),
        ("a,b,y\n" + ROWS + "Source: WHO,,\n", 2, r"line 5 \(Source: WHO\) below the table"),
        (
            "a,b,y\n" + ROWS + "\n\nQuelle: x\nStand: y, z\n(c) w\n",
            2,
            r"lines 7 to 9 \(Quelle: x\) below the table are",
        ),
        (
            "a,b,y\n1.5,2,p\n# broken, then mended, twice, ok\n2.5,3,q\n3.5,4,p\n",
            2,
            "1 line below the names, beginning",
        ),
        ("a,b,y\n1.5,2,p\na,b,y\n2.5,3,q\n3.5,4,p\n", 2, r"1 line with the names once more \(the first is 3\)"),
    ],
)
def test_what_stands_around_the_table_is_passed_over_and_said(write, content, first, note):
    table = read_table(write(content))
    assert cells(table) == TABLE
    assert table.place(0, "a") == f"t.csv:{first}: column 'a'"
    assert any(re.search(f"t.csv: {note}", said) for said in table.notes), table.notes


@pytest.mark.parametrize(
    "content",
    [
        "a,b,y\n" + ROWS,
        "\n\na,b,y\n\n" + ROWS,
        "a;b;y\n" + ROWS.replace(",", ";"),
        "a b y\n" + ROWS.replace(",", " "),
        "   a  b y\n 1.5  2 p\n 2.5  3 q\n 3.5  4 p\n",
        "a~b~y\n" + ROWS.replace(",", "~"),
    ],
)
def test_a_plain_table_needs_no_word(write, content):
    table = read_table(write(content))
    assert (cells(table), table.notes) == (TABLE, ())


@pytest.mark.parametrize(
    ("content", "names", "who"),
    [
        (",a,y\n7,1.5,p\n9,2.5,q\n", ("Unnamed: 0", "a", "y"), "pandas"),
        (",Unnamed: 0,y\n7,1.5,p\n9,2.5,q\n", ("Unnamed: 0.1", "Unnamed: 0", "y"), "pandas"),
        ("a,y\n7,1.5,p\n9,2.5,q\n", ("Unnamed: 0", "a", "y"), "R"),
        ('"a" "y"\n"7" 1.5 "p"\n"9" 2.5 "q"\n', ("Unnamed: 0", "a", "y"), "R"),
    ],
)
def test_an_index_without_a_name_is_a_column_as_pandas_calls_it(write, content, names, who):
    table = read_table(write(content))
    assert table.names == names and table.text(names[0]).tolist() == ["7", "9"]
    assert table.text("y").tolist() == ["p", "q"]
    assert f"the first column has no name, as {who} writes its" in table.notes[0]


@pytest.mark.parametrize(
    ("content", "message", "options"),
    [
        (
            "a,b,y\nfoo,bar,\n" + ROWS,
            r"t\.csv:2: this line \(foo, bar\) has words where the rows below have numbers; pass header=2",
            {"first_row=3": {"first_row": 3}},
        ),
        (
            "y,b,a\np,1.5,2\nq,2.5,3\np,3.5,4\nTotal,7,9\n",
            r"t\.csv:5: the last line \(Total, 7, 9\) looks like a total; pass footer=1 \(--footer 1\)",
            {"footer=1": {"footer": 1}},
        ),
        (
            "y,b,a\np,1.5,2\nq,2.5,3\np,3.5,4\nTotal,7,9\nSource: WHO\n",
            r"t\.csv:5: .* looks like a total; pass footer=2 .* or footer=1",
            {"footer=2": {"footer": 2}},
        ),
        (
            "y,b,a\np,1.5,2\nq,2.5,3\np,3.5,4\nnote\n",
            r"t\.csv:5: the last line \(note\) has fewer fields than there are columns; pass footer=1",
            {"footer=1": {"footer": 1}},
        ),
        (
            "some,thing\nname,city,y\nBob,Oslo,p\nAnn,Bonn,q\nBob,Rome,q\n",
            r"t\.csv:2: the names may be in this line; pass header=2 \(--header 2\)",
            {"header=2": {"header": 2}},
        ),
        ("4,5,7\n4,5,6\n4,5,8\n", r"looks like data; .* header=1 \(--header 1\)", {"header=1": {"header": 1}}),
        ("5.1,3.5,setosa\n4.9,3.0,setosa\n4.7,3.2,setosa\n", r"looks like data", {"header=1": {"header": 1}}),
        ("39,State,77516,Male\n50,Self,83311,Male\n38,State,21564,Female\n", "looks like data", {}),
        ("T,\nname,y\nBob,p\nAnn,q\n", r"t\.csv:2: the names may be in this line", {"header=2": {"header": 2}}),
        ("Bob,Oslo\nBob,Rome\nAnn,Oslo\n", "looks like data", {"header=1": {"header": 1}}),
        (
            "a;b,c\n1;2,3\n2;3,x4\n",
            r"two separators make a table of this file; name one: separator=',' \(--separator ','\) gives 2 columns",
            {"separator=','": {"separator": ","}, "separator=';'": {"separator": ";"}},
        ),
        (
            "Date;Time;Load\nday;hour;power\n01.01.2024;00:00;1,5\n01.01.2024;01:00;2,5\n01.01.2024;02:00;3,5\n",
            r"t\.csv:2: this line \(day, hour, power\) has words",
            {"first_row=3": {"first_row": 3}},
        ),
        ("a,b\n1,2\n2,3\n3,4\n\nname,city\nBob,Oslo\n", r"t\.csv:6: a second table seems to begin here", {}),
    ],
)
def test_what_may_be_a_row_is_refused_with_the_option_that_decides(write, content, message, options):
    name = write(content)
    with pytest.raises(DataError, match=message) as caught:
        read_table(name)
    assert "; " in str(caught.value) and len(str(caught.value)) < 300
    for shown, option in options.items():
        assert shown in str(caught.value)
        assert len(read_table(name, **option)) >= 2


def test_the_separator_is_the_one_that_makes_a_table_of_all_lines(write):
    assert cells(read_table(write("a, cm, x;b, kg\n1,5;2,5\n1,6;2,7\n"))) == {
        "a, cm, x": ["1,5", "1,6"],
        "b, kg": ["2,5", "2,7"],
    }
    assert read_table(write("a, cm;b, kg\n1,5;2,5\n1,6;2,7\n")).names == ("a, cm", "b, kg")
    assert read_table(write('"a, b, c";y\n1;2\n2;3\n')).names == ("a, b, c", "y")
    assert read_table(write("a\tb, c, d\ty\n1\t2,5\tp\n2\t3,5\tq\n")).names == ("a", "b, c, d", "y")


def test_options_overrule_what_would_be_found(write):
    name = write("T\na,b\nkg,cm\n1,2\n3,4\n5,6\nend,of\n")
    table = read_table(name, header=2, first_row=5, footer=1)
    assert cells(table) == {"a": ["3", "5"], "b": ["4", "6"]}
    assert [note.split(": ")[1][:24] for note in table.notes] == [
        "line 1 (T) above the nam",
        "the rows begin in line 5",
        "line 7 (end, of) below t",
    ]
    assert cells(read_table(write("a b;c\n1 2;3\n"), separator="blank")) == {"a": ["1"], "b;c": ["2;3"]}
    for options, message in (
        ({"separator": "ab"}, "must be one letter"),
        ({"separator": '"'}, "must be one letter"),
        ({"header": 0}, "header=0 must be the number of a line, 1 or more"),
        ({"footer": -1}, "footer=-1 must be a number of lines"),
        ({"header": 3, "first_row": 3}, "must be below the names"),
        ({"sheet": "x"}, "sheet says nothing about a text file"),
    ):
        with pytest.raises(ConfigurationError, match=message):
            read_table(name, **options)
    with pytest.raises(DataError, match=r"t\.csv:9: this line is blank or missing"):
        read_table(write("a,b\n1,2\n"), header=9)


def test_a_title_above_a_long_table_and_a_note_below_it(write):
    rows = "".join(f"{i},{i % 7},w{i % 3}\n" for i in range(30_000))
    table = read_table(write("Title\na,b,y\n" + rows + "Total: 30000 rows\n"))
    assert len(table) == 30_000 and table.place(29_999, "a") == "t.csv:30002: column 'a'"
    assert len(table.notes) == 2
    with pytest.raises(DataError, match=r"t\.csv:20001: the row has 2 fields"):
        read_table(write("a,b,y\n" + rows.replace("19999,0,w1\n", "19999,0\n")))


def test_a_short_row_below_a_title_is_named(write):
    with pytest.raises(DataError, match=r"t\.csv:4: the row has 2 fields, the header has 3 \(a, b, y\); complete"):
        read_table(write("Sales\na,b,y\n1,2,3\n1,2\n" + ROWS))


def test_a_name_of_several_lines_that_end_as_they_like(write):
    for end in ("\n", "\r\n", "\r"):
        table = read_table(write(f'"a{end}b",y{end}1,p{end}2,q{end}'))
        assert table.text("y").tolist() == ["p", "q"] and len(table.names) == 2


def test_files_of_a_folder_say_the_same_thing_once(write, tmp_path):
    (tmp_path / "d").mkdir()
    for i in range(3):
        write("a,b,y\nkg,cm,\n" + ROWS, f"d/{i}.csv")
    table = read_table("d")
    assert len(table) == 9
    assert table.notes == ("d/0.csv: line 2 holds units (kg, cm) and is passed over (so in 3 files)",)


def test_measured_and_units():
    for cell in ("1", "-1,5", "−5", "€ 70", "(500)", "27.03.2003 14:55", "2018年01月19日", "５", ".5", "~5", "<3"):
        assert measured(cell), cell
    for cell in ("kg", "", "n/a", "x1", "Oslo", "-", "€"):
        assert not measured(cell), cell
    for cell in (
        "kg",
        "m/s",
        "m/s²",
        "°C",
        "%",
        "[any]",
        "(in m)",
        "kWh",
        "mg/dL",
        "W/m^2",
        "1/min",
        "EUR",
        "km/h",
        "岁",
    ):
        assert is_unit(cell), cell
    for cell in ("Bob", "b", "x", "total", "yes", "A1", ""):
        assert not is_unit(cell), cell


# ------------------------------------------------------------------------------------- files as people export them


def exported(rng):
    """A file as people export tables, and the table that it means."""
    kinds = rng.sample(["number", "word", "comma", "whole", "word"], k=rng.randint(2, 5))
    separator = rng.choice([";", "\t", "|"] if "comma" in kinds else [",", ";", "\t", "|"])
    count = rng.randint(4, 30)
    make = {
        "number": lambda i: f"{rng.uniform(0, 100):.2f}",
        "whole": lambda i: str(rng.randint(0, 1000)),
        "comma": lambda i: f"{rng.uniform(0, 100):.2f}".replace(".", ","),
        "word": lambda i: rng.choice(["red", "blue", "Oslo", "São Paulo", "中文", "x y"]),
    }
    names = [f"{kind} {i}" for i, kind in enumerate(kinds)]
    columns = [[make[kind](i) for i in range(count)] for kind in kinds]
    width = len(names)
    rows = [separator.join(cells) for cells in zip(*columns, strict=True)]
    lines = [separator.join(names), *rows]
    table = dict(zip(names, columns, strict=True))
    if rng.random() < 0.3:  # pandas' index
        lines = [separator + lines[0], *(f"{i * 3}{separator}{row}" for i, row in enumerate(lines[1:]))]
        table = {"Unnamed: 0": [str(i * 3) for i in range(count)], **table}
    numeric = any(kind != "word" for kind in kinds)
    if numeric and rng.random() < 0.3:  # units
        units = [rng.choice(["kg", "°C", "[m]", "%"]) if kind != "word" else "" for kind in kinds]
        lines.insert(1, separator.join([""] * (len(table) - width) + units))
    if rng.random() < 0.3:
        lines = [line + separator for line in lines]
    if rng.random() < 0.3:
        title = rng.choice(["Sales report", "Umsatz 2024", "报告"])
        lines[:0] = [title + separator * rng.choice([0, len(table) - 1])] + [""] * rng.randint(0, 2)
    if rng.random() < 0.2:
        lines[:0] = ["# made by hand"]
    if rng.random() < 0.3:
        lines += [""] * rng.randint(0, 2) + [rng.choice(["Source: WHO", "* estimated", "Stand: 2024"])]
    if rng.random() < 0.2:
        lines[:0] = [f"sep={separator}"]
    text = rng.choice(["\n", "\r\n"]).join([*lines, ""])
    return text.encode(rng.choice(["utf-8", "utf-8-sig", "utf-16", "utf-16-le"])), table


def check_exported(seed, write):
    """Read exactly, or refused with an option that, when given, reads it exactly."""
    content, table = exported(random.Random(seed))
    name = write(content)
    for _ in range(3):
        try:
            assert cells(read_table(name)) == table, content
            return "read"
        except DataError as error:
            options = re.findall(r"(header|first_row|footer|separator)=('.'|\d+)", str(error))
            assert options, (str(error), content)
        tried = [{option: value.strip("'") if "'" in value else int(value)} for option, value in options]
        for given in tried:
            try:
                if cells(read_table(name, **given)) == table:
                    return "refused"
            except DataError:
                continue
        raise AssertionError((options, content))


def test_files_as_people_export_them(write):
    found = [check_exported(seed, write) for seed in range(60)]
    assert found.count("read") >= 55


@pytest.mark.nightly
def test_many_files_as_people_export_them(write):
    found = [check_exported(seed, write) for seed in range(60, 10_000)]
    assert found.count("read") > 0.95 * len(found)
