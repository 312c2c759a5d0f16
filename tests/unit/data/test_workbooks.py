"""Workbooks: cells as the file says, tables where they stand in the sheet, damage and passwords named."""

import datetime
import zipfile
from pathlib import Path

import pytest

from clearprop.data.excel import _text
from clearprop.data.tables import read_table
from clearprop.errors import ConfigurationError, DataError

openpyxl = pytest.importorskip("openpyxl")
DATA = Path(__file__).parent / "workbooks"


def cells(table):
    return {name: table.text(name).tolist() for name in table.names}


@pytest.fixture
def write(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def write(*sheets, name="t.xlsx", change=lambda book: None):
        """A workbook of sheets, each a list of rows."""
        book = openpyxl.Workbook()
        for number, rows in enumerate(sheets):
            sheet = book.active if not number else book.create_sheet()
            sheet.title = f"S{number + 1}"
            for row in rows:
                sheet.append(row)
        change(book)
        book.save(name)
        return name

    return write


ROWS = [["a", "b", "y"], [1.5, 2, "p"], [2.5, 3, "q"], [3.5, 4, "p"]]
TABLE = {"a": ["1.5", "2.5", "3.5"], "b": ["2", "3", "4"], "y": ["p", "q", "p"]}


def test_cells_have_the_types_that_they_have_in_the_sheet(write):
    day = datetime.datetime(2024, 1, 31, 12, 30)
    rows = [
        ["whole", "number", "date", "yes", "percent", "text", "mixed", "time", "empty", "gap"],
        [1, 0.1, day, True, 0.125, "00123", 7, datetime.time(8, 5), None, None],
        [-2, 2, datetime.date(1905, 1, 2), False, 0.5, " x ", "n/a", datetime.time(23, 59, 59), None, 3],
        [2**40, 1e300, None, None, 1, "7", 2.5, datetime.timedelta(hours=30), None, None],
    ]

    def percent(book):
        for row in (2, 3, 4):
            book.active.cell(row, 5).number_format = "0.0%"

    table = read_table(write(rows, change=percent))
    kinds = {name: cell.kind for name, cell in table.cells.items()}
    assert kinds == {
        "whole": "BIGINT",
        "number": "DOUBLE",
        "date": "TIMESTAMP",
        "yes": "BOOLEAN",
        "percent": "DOUBLE",
        "text": "VARCHAR",
        "mixed": "VARCHAR",
        "time": "VARCHAR",
        "empty": "VARCHAR",
        "gap": "BIGINT",
    }
    assert cells(table) == {
        "whole": ["1", "-2", "1099511627776"],
        "number": ["0.1", "2", "1e+300"],
        "date": ["2024-01-31 12:30:00", "1905-01-02 00:00:00", ""],
        "yes": ["true", "false", ""],
        "percent": ["0.125", "0.5", "1"],
        "text": ["00123", "x", "7"],
        "mixed": ["7", "n/a", "2.5"],
        "time": ["08:05:00", "23:59:59", "30:00:00"],
        "empty": ["", "", ""],
        "gap": ["", "3", ""],
    }
    assert table.place(2, "mixed") == "t.xlsx:4: column 'mixed'" and table.notes == ()


def test_an_error_cell_is_empty(write):
    def error(book):
        cell = book.active["A3"]
        cell.value, cell.data_type = "#DIV/0!", "e"

    assert cells(read_table(write(ROWS, change=error)))["a"] == ["1.5", "", "3.5"]


def test_the_calendar_of_1904(write):
    def old(book):
        book.epoch = openpyxl.utils.datetime.CALENDAR_MAC_1904

    book = openpyxl.Workbook()
    old(book)
    for row in (["d", "y"], [datetime.datetime(2024, 1, 31), "p"], [datetime.datetime(1904, 5, 1), "q"]):
        book.active.append(row)
    write(ROWS)
    book.save("t.xlsx")
    assert cells(read_table("t.xlsx"))["d"] == ["2024-01-31 00:00:00", "1904-05-01 00:00:00"]


@pytest.mark.parametrize(
    ("rows", "first", "note"),
    [
        ([["Sales 2024"], [], *ROWS], 4, r"row 1 (Sales 2024) above the names is passed over"),
        ([[], [], *ROWS], 4, None),
        ([[None, None, *row] for row in [["Sales"], *ROWS]], 3, "row 1 (Sales) above the names is passed over"),
        ([ROWS[0], ["kg", "cm", None], *ROWS[1:]], 3, "row 2 holds units (kg, cm) and is passed over"),
        ([*ROWS, [], ["Source: WHO"]], 2, "row 6 (Source: WHO) below the table is passed over"),
        ([*ROWS[:2], [], *ROWS[2:]], 2, None),
        ([*ROWS, [None, " "], []], 2, None),
        ([["Company", "X"], ["Date", datetime.date(2024, 1, 1)], [], *ROWS], 5, "rows 1 to 2 (Company, X) above"),
    ],
)
def test_what_stands_around_the_table_is_passed_over_and_said(write, rows, first, note):
    table = read_table(write(rows))
    assert cells(table) == TABLE and table.place(0, "a") == f"t.xlsx:{first}: column 'a'"
    assert (note is None and table.notes == ()) or f"t.xlsx: {note}" in table.notes[0]


def test_merged_cells(write):
    def merge(book):
        sheet = book.active
        sheet.merge_cells("A1:C1")
        sheet.merge_cells("C3:C4")

    rows = [["Sales"], ROWS[0], *[[*row[:2], "p" if number != 1 else None] for number, row in enumerate(ROWS[1:])]]
    table = read_table(write(rows, change=merge))
    assert cells(table) == TABLE | {"y": ["p", "p", "p"]}
    assert "t.xlsx: cells that are merged over several rows hold the same in each" in table.notes
    two = [["id", "size", None, "y"], [None, "w", "h", None], [1, 2, 3, "p"], [2, 3, 4, "q"], [3, 4, 5, "p"]]

    def merge_names(book):
        for area in ("A1:A2", "B1:C1", "D1:D2"):
            book.active.merge_cells(area)

    assert read_table(write(two, change=merge_names)).names == ("id", "w", "h", "y")


def test_the_first_sheet_is_read_the_others_named_and_can_be_asked_for(write):
    other = [["c", "d"], ["x", 1], ["y", 2]]
    name = write(ROWS, other, [])
    table = read_table(name)
    assert cells(table) == TABLE
    assert table.notes == ("t.xlsx: of 3 sheets the first, 'S1', is read; the others are S2, S3",)
    table = read_table(name, sheet="S2")
    assert cells(table) == {"c": ["x", "y"], "d": ["1", "2"]} and table.notes == ()
    assert table.place(0, "c") == "t.xlsx, sheet 'S2':2: column 'c'"
    with pytest.raises(DataError, match=r"t\.xlsx: there is no sheet 'S4'; its sheets are S1, S2, S3"):
        read_table(name, sheet="S4")
    with pytest.raises(DataError, match=r"the sheet 'S3' is empty; name another with sheet \(--sheet\): S1, S2"):
        read_table(name, sheet="S3")
    with pytest.raises(DataError, match="the sheet 'S1' is empty; put the table into it"):
        read_table(write([]))
    with pytest.raises(ConfigurationError, match="separator says nothing about a workbook"):
        read_table(name, separator=";")

    def hide(book):
        book["S1"].sheet_state = "hidden"
        book.active = 1

    assert read_table(write(ROWS, other, change=hide)).names == ("c", "d")


def test_options_and_refusals(write):
    name = write([["x", "z"], *ROWS, ["Total", 9, None]])
    with pytest.raises(DataError, match=r"t\.xlsx:6: the last row \(Total, 9\) looks like a total; pass footer=1"):
        read_table(name)
    assert cells(read_table(name, footer=1, header=2)) == TABLE
    with pytest.raises(DataError, match=r"t\.xlsx:1: two columns are called 'a' \(1 and 2\); rename one"):
        read_table(write([["a", "a "], [1, 2], [2, 3]]))
    with pytest.raises(DataError, match=r"t\.xlsx:1: column 2 of 3 has no name; name it"):
        read_table(write([["a", None, "y"], [1, 2, 3], [2, 3, 4], [2, 3, 5]]))
    with pytest.raises(DataError, match=r"t\.xlsx:6: a second table seems to begin here"):
        read_table(write([*ROWS, [], ["c", "d", "e"], [1, 2, "x"]]))


def test_a_workbook_is_known_by_its_content(write, tmp_path):
    assert cells(read_table(write(ROWS, name="t.csv.xlsx"))) == TABLE
    Path("t.csv.xlsx").rename("t.csv")
    assert cells(read_table("t.csv")) == TABLE


def test_folders_of_workbooks(write, tmp_path):
    (tmp_path / "d").mkdir()
    write(ROWS, name="d/1.xlsx")
    write(ROWS[:3], name="d/2.xlsx")
    assert len(read_table("d")) == 5


@pytest.mark.parametrize("name", ["t.xls", "t.ods"])
def test_other_workbooks(name):
    """Made by data/make_workbooks.py."""
    table = read_table(DATA / name)
    assert cells(table) == {
        "a": ["1.5", "2.5"],
        "b": ["2", "3"],
        "day": ["2024-01-31 00:00:00", "2024-02-01 00:00:00"],
        "yes": ["true", "false"],
        "y": ["007", "Ü"],
    }
    assert [cell.kind for cell in table.cells.values()] == ["DOUBLE", "BIGINT", "TIMESTAMP", "BOOLEAN", "VARCHAR"]


def test_what_is_no_workbook(write, tmp_path):
    content = Path(write(ROWS)).read_bytes()
    for damaged in (content[: len(content) // 2], b"PK\x03\x04junk"):
        Path("t.xlsx").write_bytes(damaged)
        with pytest.raises(DataError, match=r"t\.xlsx: this is a damaged ZIP archive or an Excel workbook"):
            read_table("t.xlsx")
    with zipfile.ZipFile("t.xlsx", "w") as archive:
        archive.writestr("a.txt", "x")
    with pytest.raises(DataError, match="a ZIP archive that holds no workbook; unpack it first"):
        read_table("t.xlsx")
    with zipfile.ZipFile("t.xlsx", "w") as archive:
        archive.writestr("xl/workbook.xml", "<x")
    with pytest.raises(DataError, match=r"t\.xlsx: a damaged workbook, or none"):
        read_table("t.xlsx")
    Path("t.xls").write_bytes(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"x" * 600)
    with pytest.raises(DataError, match=r"t\.xls: a damaged workbook, or none"):
        read_table("t.xls")
    Path("t.xls").write_bytes(
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600) + "EncryptedPackage".encode("utf-16-le") + bytes(600)
    )
    with pytest.raises(DataError, match=r"t\.xls: this workbook is protected by a password; save it without one"):
        read_table("t.xls")
    Path("t.xls").write_text("<html><table><tr><td>a</td></tr></table></html>")
    with pytest.raises(DataError, match="this is a web page or XML, whatever its name"):
        read_table("t.xls")


def test_a_cell_as_text_is_its_shortest_form():
    assert [_text(value) for value in (7.0, 0.1, 1e300, -0.0, 2.0**60, 12345678.9)] == [
        *("7", "0.1", "1e+300", "0", "1.152921504606847e+18", "12345678.9"),
    ]
