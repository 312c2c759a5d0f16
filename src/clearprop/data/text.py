"""Text files as text: the encoding by name, gzip unpacked, and the line of the first byte that makes no sense."""

import codecs
import gzip
import re
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO

from clearprop.data.files import is_gzip
from clearprop.errors import ConfigurationError, DataError

LONGEST_LINE = 1 << 26
"""No line of a table is longer; reading one must not fill the memory."""

_CHUNK = 1 << 20
_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_CHINESE = re.compile("[\u3000-\u303f\u4e00-\u9fff\uff00-\uffef]+")


def checked_encoding(encoding: str | None) -> str:
    """The codec that `encoding` names; UTF-8, with or without byte order mark, if none.

    >>> checked_encoding("GBK"), checked_encoding(None)
    ('gbk', 'utf-8-sig')
    """
    try:
        codec = codecs.lookup(encoding or "utf-8-sig").name
        b"a".decode(codec, errors="replace")  # refuses what is no encoding of text
    except (LookupError, TypeError, ValueError):
        raise ConfigurationError(
            f"there is no text encoding {encoding!r}; try 'utf-8', 'gbk', 'big5', 'utf-16' or 'latin-1'"
        ) from None
    return "utf-8-sig" if codec == "utf-8" else codec


@contextmanager
def open_text(name: str, encoding: str) -> Iterator[IO[str]]:
    """The file as text with its own line ends, for reading; errors name file and line."""
    try:
        opened = gzip.open if is_gzip(name) else open
        with opened(name, "rt", encoding=encoding, newline="") as file:
            yield file
    except UnicodeError:
        raise _undecodable(name, encoding) from None
    except (gzip.BadGzipFile, EOFError, zlib.error):
        raise DataError(f"{name}: a damaged gzip archive; make it anew") from None
    except OSError as error:
        raise DataError(f"{name}: cannot be read ({error.strerror}); check its permissions") from None


def lines_of(name: str, file: IO[str]) -> Iterator[str]:
    """The lines of an open file; a zero byte, or a line too long for memory, is refused with its number."""
    for number, line in enumerate(iter(lambda: file.readline(LONGEST_LINE), ""), start=1):
        if "\0" in line:
            raise DataError(
                f"{name}:{number}: a zero byte: this is a binary file, or a damaged one; save it anew as text"
            )
        if len(line) == LONGEST_LINE:
            raise DataError(
                f"{name}:{number}: a line of more than {LONGEST_LINE} letters; is this a table? Name another file"
            )
        yield line


def _undecodable(name: str, encoding: str) -> DataError:
    """The refusal that names the line and the byte, found by decoding once more, piece by piece."""
    decoder = codecs.getincrementaldecoder(encoding)()
    line, first = 1, True
    with gzip.open(name) if is_gzip(name) else open(name, "rb") as file:
        while True:
            piece = file.read(_CHUNK)
            if first and piece.startswith(_UTF16) and encoding == "utf-8-sig":
                return DataError(f"{name}: this looks like UTF-16 text; pass encoding='utf-16' (--encoding utf-16)")
            try:
                text = decoder.decode(piece, final=not piece)
            except UnicodeError as error:
                return _at(name, encoding, line, error)
            first = False
            line += text.count("\n")
            if not piece:
                return DataError(f"{name}: the file changed while it was read; read it again")


def _at(name: str, encoding: str, line: int, error: UnicodeError) -> DataError:
    if not isinstance(error, UnicodeDecodeError):
        return DataError(f"{name}: this is not {encoding} text; name another encoding")
    bad = error.object
    line += bad[: error.start].decode(encoding, errors="replace").count("\n")
    if encoding != "utf-8-sig":
        return DataError(
            f"{name}:{line}: byte 0x{bad[error.start]:02X} is not {encoding} text; name another encoding, "
            "such as encoding='utf-8', 'gb18030' or 'latin-1'"
        )
    begin = bad.rfind(b"\n", 0, error.start) + 1
    end = bad.find(b"\n", error.start)
    likely = "gbk" if _looks_chinese(bad[begin : end if end >= 0 else len(bad)]) else "latin-1"
    return DataError(
        f"{name}:{line}: byte 0x{bad[error.start]:02X} is not UTF-8 text; save the file as UTF-8, or name its "
        f"encoding, perhaps encoding={likely!r} (--encoding {likely})"
    )


def _looks_chinese(line: bytes) -> bool:
    """Whether GBK makes Chinese of the line, and not by taking a letter after each accent (as Latin-1 has)."""
    letters = "".join(letter for letter in line.decode("gb18030", errors="replace") if letter > "\x7f")
    high = sum(byte > 0x7F for byte in line)
    return bool(_CHINESE.fullmatch(letters)) and high >= 1.5 * len(letters)
