"""Text files as text: the encoding by name, gzip unpacked, and the line of the first byte that makes no sense."""

import codecs
import gzip
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, cast

from clearprop.data.encodings import likely_encodings, wide_encoding
from clearprop.data.files import is_gzip
from clearprop.errors import ConfigurationError, DataError

LONGEST_LINE = 1 << 26
"""No line of a table is longer; reading one must not fill the memory."""

UTF8 = "utf-8-sig"  # with or without a mark
_CHUNK = 1 << 20
_START = 1 << 16
_SAMPLE = 1 << 14  # so many bytes of lines beyond ASCII show the encoding


def checked_encoding(encoding: str | None) -> str:
    """The codec that `encoding` names; UTF-8, with or without byte order mark, if none.

    >>> checked_encoding("GBK"), checked_encoding(None)
    ('gbk', 'utf-8-sig')
    """
    try:
        codec = codecs.lookup(encoding or UTF8).name
        b"a".decode(codec, errors="replace")  # refuses what is no encoding of text
    except (LookupError, TypeError, ValueError):
        raise ConfigurationError(
            f"there is no text encoding {encoding!r}; try 'utf-8', 'gbk', 'shift_jis', 'utf-16' or 'cp1252'"
        ) from None
    return UTF8 if codec == "utf-8" else codec


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


def encoding_of(name: str, given: str) -> tuple[str, tuple[str, ...]]:
    """The codec to read the file with, and what is to be said about it; UTF-16 and UTF-32 show themselves."""
    if given != UTF8:
        return given, ()
    with _open_bytes(name) as file:
        found = wide_encoding(file.read(_START))
    return (given, ()) if found is None else (found, (f"the file is in {found.upper()}",))


@contextmanager
def _open_bytes(name: str) -> Iterator[IO[bytes]]:
    """The file's bytes, unpacked."""
    with gzip.open(name) if is_gzip(name) else open(name, "rb") as file:
        yield cast(IO[bytes], file)


def _undecodable(name: str, encoding: str) -> DataError:
    """The refusal that names the line and the byte, found by decoding once more, piece by piece."""
    decoder = codecs.getincrementaldecoder(encoding)()
    line = 1
    with _open_bytes(name) as file:
        while True:
            piece = file.read(_CHUNK)
            try:
                text = decoder.decode(piece, final=not piece)
            except UnicodeError as error:
                return _at(name, encoding, line, error)
            line += text.count("\n")
            if not piece:
                return DataError(f"{name}: the file changed while it was read; read it again")


def _at(name: str, encoding: str, line: int, error: UnicodeError) -> DataError:
    if not isinstance(error, UnicodeDecodeError):
        return DataError(f"{name}: this is not {encoding} text; name another encoding")
    bad = error.object
    line += bad[: error.start].decode(encoding, errors="replace").count("\n")
    wrong = f"{name}:{line}: byte 0x{bad[error.start]:02X} is not {'UTF-8' if encoding == UTF8 else encoding} text"
    if encoding != UTF8 and _decodes(name, UTF8):
        return DataError(f"{wrong}, but all of the file is UTF-8; leave encoding out (--encoding)")
    sample = _beyond_ascii(name)
    if encoding == UTF8 and _mostly_utf8(sample):
        return DataError(f"{wrong}, as the other lines are; correct this line, or save the file anew as UTF-8")
    guesses = likely_encodings(sample, lambda guess: _decodes(name, guess))
    if not guesses:
        return DataError(
            f"{wrong}, nor is the file plausible text in another known encoding; ask who made it, or save it as UTF-8"
        )
    (first, words), *others = guesses
    also = "".join(f", or encoding={other!r}, which reads {reads!r}" for other, reads in others[:2])
    return DataError(
        f"{wrong}; save the file as UTF-8, or name its encoding, perhaps encoding={first!r} (--encoding {first}), "
        f"which reads {words!r}{also}"
    )


def _decodes(name: str, encoding: str) -> bool:
    """Whether the encoding makes text of the whole file."""
    decoder = codecs.getincrementaldecoder(encoding)()
    try:
        with _open_bytes(name) as file:
            while piece := file.read(_CHUNK):
                decoder.decode(piece)
        decoder.decode(b"", final=True)
    except UnicodeError:
        return False
    return True


def _beyond_ascii(name: str) -> bytes:
    """Lines with bytes beyond ASCII, as many as show the encoding."""
    sample = bytearray()
    with _open_bytes(name) as file:
        for line in iter(lambda: file.readline(_CHUNK), b""):
            if not line.isascii():
                sample += line
                if len(sample) > _SAMPLE:
                    break
    return bytes(sample)


def _mostly_utf8(sample: bytes) -> bool:
    """Whether most letters beyond ASCII are UTF-8's."""
    text = sample.decode("utf-8", errors="replace")
    wrong = text.count("\ufffd")
    return sum(letter > "\x7f" for letter in text) - wrong > 4 * wrong
