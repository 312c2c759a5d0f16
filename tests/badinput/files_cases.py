"""The rows I: files as people export them. What stands around the table is passed over; what may be a row or not is
refused with the option that decides."""

import io
import zipfile

from cases import GOOD, Case, files

HEAD = "a,b,y\n"
BOOK = io.BytesIO()
with zipfile.ZipFile(BOOK, "w") as archive:
    archive.writestr("readme.txt", "no workbook")
TITLED = "one,two\nname,city,y\n" + "Bob,Oslo,p\nAnn,Rome,q\nEve,Bonn,q\n" * 8
LEARNS = "target 'y': 2 classes"

I = [  # noqa: E741  # the section's letter
    files("I1", "Excel's line with the separator", "sep=;\n" + (HEAD + GOOD).replace(",", ";"), 0, LEARNS),
    files("I2", "a title above the names", "Report, May 2026\n\n" + HEAD + GOOD, 0, LEARNS),
    files("I2b", "a title in a file from a sheet", "Report,,\n" + HEAD + GOOD, 0, LEARNS),
    files("I2c", "what may be a title or the names", TITLED,
          3, r"data\.csv:2: the names may be in this line; pass header=2 \(--header 2\) if they are"),
    files("I2d", "the same, decided", TITLED,
          0, LEARNS, "--header 2"),
    files("I3", "units below the names", HEAD + "kg,°C,\n" + GOOD, 0, LEARNS),
    files("I3b", "words below the names", HEAD + "left,right,\n" + GOOD, 3,
          r"data\.csv:2: this line \(left, right\) has words where the rows below have numbers; pass header=2"
          r".*first_row=3 \(--first-row 3\) if it is to be passed over"),
    files("I3c", "the same, decided", HEAD + "left,right,\n" + GOOD, 0, LEARNS, "--first-row 3"),
    files("I4", "a note below the table", HEAD + GOOD + "\nSource: the office\n", 0, LEARNS),
    files("I4b", "lines of separators below the table", HEAD + GOOD + ",,\n,,\n", 0, LEARNS),
    files("I5", "a total below the table", "y,b\n" + "p,1.5\nq,2.5\n" * 12 + "Total,48\n", 3,
          r"data\.csv:26: the last line \(Total, 48\) looks like a total; pass footer=1 \(--footer 1\)"),
    files("I5b", "the same, decided", "y,b\n" + "p,1.5\nq,2.5\n" * 12 + "Total,48\n", 0, LEARNS, "--footer 1"),
    files("I5c", "a last word that may be a row", "y,b\n" + "p,1.5\nq,2.5\n" * 12 + "end\n", 3,
          r"data\.csv:26: the last line \(end\) has fewer fields than there are columns; pass footer=1"),
    files("I6", "comments between the rows", HEAD + GOOD.replace("\n", "\n# by hand\n", 3), 0, LEARNS),
    files("I7", "the names once more, where files were joined", HEAD + GOOD + HEAD + GOOD, 0, LEARNS),
    files("I8", "an index without a name", ",a,b,y\n" + "".join(f"{i},{line}\n" for i, line in enumerate(GOOD.split())),
          0, LEARNS),
    files("I9", "two tables, one below the other", HEAD + GOOD + "\nname,city,x\n1,2,3\n", 3,
          r"data\.csv:27: a second table seems to begin here \(name, city, x\), below a blank"),
    files("I10", "columns set with blanks", (HEAD + GOOD).replace(",", "   "), 0, LEARNS),
    files("I11", "two separators that fit", "a;b,y\n" + "1;2,x\n2;3,y\n" * 12, 3,
          r"data\.csv: two separators make a table of this file; name one: separator=',' \(--separator ','\)"),
    files("I12", "numbers and words without names", "5.1,3.5,p\n4.9,3.0,q\n" * 12, 3,
          r"data\.csv:1: the first line \(5\.1, 3\.5, p\) looks like data; .* header=1 \(--header 1\)"),
    files("I13", "Shift-JIS", "名前,y\n田中,p\n鈴木,q\n".encode("shift_jis") * 12, 3,
          r"data\.csv:1: .* encoding='shift_jis' \(--encoding shift_jis\), which reads '名前'"),
    files("I13b", "Polish in cp1250", "płeć,y\nkobieta,p\nmężczyzna,q\n".encode("cp1250"), 3,
          r"encoding='cp1250' \(--encoding cp1250\), which reads 'płeć'"),
    files("I13c", "bytes of no known encoding", b"a,y\n" + bytes(range(255, 127, -1)) + b",p\n", 3,
          "nor is the file plausible text in another known encoding; ask who made it"),
    files("I13d", "one line that is not UTF-8", ("städte,y\n" + "köln,p\nlübeck,q\n" * 12).encode() + b"k\xf6ln,p\n", 3,
          r"data\.csv:26: byte 0xF6 is not UTF-8 text, as the other lines are; correct this line"),
    files("I14", "UTF-16 without a mark", (HEAD + GOOD).encode("utf-16-le"), 0, LEARNS),
    files("I15", "names that differ in blanks only", "a,b,a ,y\n1,2,3,p\n", 3,
          r"data\.csv:1: two columns are called 'a' \(1 and 3\); rename one"),
    files("I15b", "a query over names that differ in capitals only", "a,A,y\n" + "1,2,p\n" * 9, 3,
          "a query cannot tell the columns 'a' and 'A' apart; rename one", "--sql 'SELECT * FROM data'"),
    Case("I16", "a folder a=5 above a Parquet file with a column a", tested="tests/unit/data/test_names.py"),
    files("I17", "a ZIP archive", BOOK.getvalue(), 3,
          r"data\.csv: this looks like a ZIP archive that holds no workbook; unpack it first"),
    files("I17b", "a web page called a table", "<html><table><tr><td>1</td></tr></table></html>", 3,
          r"data\.csv: this is a web page or XML, whatever its name; open it and save it as \.xlsx or CSV"),
    files("I17c", "a damaged workbook", b"\xd0\xcf\x11\xe0" + b"x" * 600, 3, r"data\.csv: a damaged workbook, or none"),
    Case("I18", "workbooks: sheets, types of cells, titles, merged cells, passwords",
         tested="tests/unit/data/test_workbooks.py"),
    files("I19", "a sheet of a text file", HEAD + GOOD, 2, "sheet says nothing about a text file; leave it out",
          "--sheet S1"),
    files("I20", "a separator of two letters", HEAD + GOOD, 2, r"separator=';;' must be one letter, .*; or name",
          "--separator ';;'"),
]  # fmt: skip
