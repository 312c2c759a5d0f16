"""Writes t.xls (with xlwt 1.3, which is no dependency) and t.ods, which test_workbooks.py reads."""

import datetime
import zipfile
from pathlib import Path

HERE = Path(__file__).parent
DAYS = (datetime.date(2024, 1, 31), datetime.date(2024, 2, 1))
ROWS = ((1.5, 2, DAYS[0], True, "007"), (2.5, 3, DAYS[1], False, "Ü"))
NAMES = ("a", "b", "day", "yes", "y")


def write_xls() -> None:
    import xlwt

    book = xlwt.Workbook()
    sheet = book.add_sheet("S1")
    date = xlwt.easyxf(num_format_str="YYYY-MM-DD")
    for column, name in enumerate(NAMES):
        sheet.write(0, column, name)
        for row, cells in enumerate(ROWS, start=1):
            sheet.write(row, column, cells[column], *([date] if name == "day" else []))
    book.save(str(HERE / "t.xls"))


def ods_cell(value: object) -> str:
    """A cell in OpenDocument's XML."""
    if isinstance(value, bool):
        return f'<table:table-cell office:value-type="boolean" office:boolean-value="{str(value).lower()}"/>'
    if isinstance(value, datetime.date):
        return f'<table:table-cell office:value-type="date" office:date-value="{value}"/>'
    if isinstance(value, str):
        return f'<table:table-cell office:value-type="string"><text:p>{value}</text:p></table:table-cell>'
    return f'<table:table-cell office:value-type="float" office:value="{value}"/>'


def write_ods() -> None:
    rows = "".join(f"<table:table-row>{''.join(map(ods_cell, row))}</table:table-row>" for row in (NAMES, *ROWS))
    names = "".join(
        f' xmlns:{name}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"' for name in ("office", "table", "text")
    )
    content = (
        f'<?xml version="1.0" encoding="UTF-8"?><office:document-content{names}><office:body><office:spreadsheet>'
        f'<table:table table:name="S1">{rows}</table:table>'
        "</office:spreadsheet></office:body></office:document-content>"
    )
    manifest = (
        '<?xml version="1.0"?><manifest:manifest xmlns:manifest="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0">'
        '<manifest:file-entry manifest:full-path="/" '
        'manifest:media-type="application/vnd.oasis.opendocument.spreadsheet"/></manifest:manifest>'
    )
    with zipfile.ZipFile(HERE / "t.ods", "w") as archive:
        for name, text in (
            ("mimetype", "application/vnd.oasis.opendocument.spreadsheet"),
            ("content.xml", content),
            ("META-INF/manifest.xml", manifest),
        ):
            archive.writestr(zipfile.ZipInfo(name, (2024, 1, 1, 0, 0, 0)), text)


if __name__ == "__main__":
    write_xls()
    write_ods()
