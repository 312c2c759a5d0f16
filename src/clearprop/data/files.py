"""Which files a source means: one, those of a folder, or those that match a pattern; and what kind they are."""

import glob
import gzip
import os
import stat
import zipfile
import zlib
from typing import Literal

from clearprop.errors import DataError
from clearprop.files.nearest import nearest_file

FileKind = Literal["CSV", "JSON lines", "Parquet", "workbook"]

GZIP = b"\x1f\x8b"
_ZIP = b"PK\x03\x04"
_COMPOUND = b"\xd0\xcf\x11\xe0"  # old Excel workbooks, and new ones with a password

_OTHER_FORMATS = {
    b"\x89PNG": "a PNG picture; name a table",
    b"\xff\xd8\xff": "a JPEG picture; name a table",
    b"%PDF": "a PDF document; export the table as CSV",
    b"BZh": "a bzip2 archive; unpack it first",
    b"\xfd7zXZ": "an xz archive; unpack it first",
    b"\x28\xb5\x2f\xfd": "a zstd archive; unpack it first",
    b"SQLite format 3": "an SQLite database; export the table as CSV",
}


def files_of(source: str) -> list[str]:
    """The files that `source` names, sorted: itself, a folder's, or those that match a pattern."""
    if os.path.isdir(source):
        found = sorted(
            os.path.join(source, name)
            for name in os.listdir(source)
            if not name.startswith((".", "_")) and not os.path.isdir(os.path.join(source, name))
        )
        if not found:
            raise DataError(f"{source}: this folder has no files in it; name a folder with tables, or one file")
        return found
    if not os.path.lexists(source) and glob.has_magic(source):
        found = sorted(name for name in glob.glob(source, recursive=True) if not os.path.isdir(name))
        if not found:
            raise DataError(f"{source}: no file matches this pattern; check the folder and the pattern")
        return found
    return [source]


def look_at(name: str) -> os.stat_result:
    """Refuse what is not a file with something in it."""
    try:
        found = os.stat(name)
    except FileNotFoundError:
        hint = nearest_file(name) or "check the name and the folder"
        raise DataError(f"{name}: there is no such file; {hint}") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "not a file name"
        raise DataError(f"{name}: cannot be opened ({reason}); check the path") from None
    if not stat.S_ISREG(found.st_mode):
        raise DataError(f"{name}: this is a device or a pipe, not a file; save its content to a file first")
    if found.st_size == 0:
        raise DataError(f"{name}: the file is empty (0 bytes); it needs a header line and data lines")
    return found


def kind_of(name: str) -> FileKind:
    """What the file's first bytes show it to be."""
    start = _first_bytes(name)
    if start.startswith(b"PAR1"):
        return "Parquet"
    if start.startswith(_ZIP):
        _look_into_zip(name)
        return "workbook"
    if start.startswith(_COMPOUND):
        return "workbook"
    for mark, what in _OTHER_FORMATS.items():
        if start.startswith(mark):
            raise DataError(f"{name}: this looks like {what}")
    text = start.lstrip(b"\xef\xbb\xbf\xff\xfe").replace(b"\0", b"").lstrip()  # as it begins in any encoding
    if text.startswith(b"{"):
        return "JSON lines"
    if text.startswith(b"[") and ".json" in os.path.basename(name).lower():
        raise DataError(f"{name}: this is one JSON list; write one object on each line instead (JSON lines)")
    if text[:14].lower().startswith((b"<!doctype html", b"<html", b"<table", b"<?xml")):
        raise DataError(f"{name}: this is a web page or XML, whatever its name; open it and save it as .xlsx or CSV")
    return "CSV"


def _look_into_zip(name: str) -> None:
    """Refuse a ZIP archive that is no workbook."""
    try:
        with zipfile.ZipFile(name) as archive:
            names = archive.namelist()
            kind = archive.read("mimetype") if "mimetype" in names else b""
    except (zipfile.BadZipFile, EOFError, OSError, ValueError, NotImplementedError, RuntimeError, zlib.error):
        raise DataError(f"{name}: this is a damaged ZIP archive or an Excel workbook that is; save it anew") from None
    if not any(inside.startswith("xl/") for inside in names) and b"opendocument.spreadsheet" not in kind:
        raise DataError(f"{name}: this looks like a ZIP archive that holds no workbook; unpack it first")


def is_gzip(name: str) -> bool:
    """Whether the file is compressed with gzip, whatever its name."""
    with open(name, "rb") as file:
        return file.read(2) == GZIP


def _first_bytes(name: str) -> bytes:
    try:
        if is_gzip(name):
            with gzip.open(name) as unpacked:
                start = unpacked.read(256)
                if not start:
                    raise DataError(f"{name}: the archive is empty; it needs a header line and data lines")
                return start
        with open(name, "rb") as file:
            return file.read(256)
    except (gzip.BadGzipFile, EOFError, zlib.error):
        raise DataError(f"{name}: a damaged gzip archive; make it anew") from None
    except OSError as error:
        raise DataError(f"{name}: cannot be read ({error.strerror}); check its permissions") from None
