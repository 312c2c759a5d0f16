"""Tensors and one JSON document in a file: what model files and checkpoints share.

The layout is safetensors, which many programs read and which cannot hold code: a length, a header of JSON, then
the tensors, one after the other. The document is a text in the header's metadata. A SHA-256 over every byte of
the file (taken with the digest's own 64 places set to zero) makes damage certain to be noticed. It is no
signature: it tells accident from content, not friend from foe. So the reader believes nothing that it has not
checked, a right digest or not:

- no size is used before it has been compared with the file's, and no memory taken before that;
- what a description takes once it is read is bounded before, by counting its commas and brackets: whatever a file
  holds, it is refused in a second of time and in twice its size of memory, 16 MiB besides;
- the document is canonical JSON (keys sorted, no blanks, ASCII, numbers as Python writes them), so it has no key
  twice and no NaN; the header around it need not be, as other writers order it in their own way;
- entries and tensors have the names that their kind allows, and types from a list;
- the tensors fill the rest of the file exactly, and their numbers are finite.

The safetensors library writes; it does not read, as it accepts a key that occurs twice and values that are not
finite.
"""

import hashlib
import io
import json
import math
import os
import re
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

import numpy as np

from clearprop._types import Array
from clearprop._versions import versions
from clearprop.errors import ClearpropError, ConfigurationError
from clearprop.files.atomic import digest
from clearprop.files.memory import free_memory
from clearprop.files.nearest import nearest_file

LONGEST_HEADER = 6 << 20
"""Bytes; Chinese text counts double and emoji count fourfold, as they do in memory."""
MOST_VALUES = 240_000
"""Values in a document: those of a table of 40,000 columns, each with mean and scale."""
FREE_VALUES, BYTES_PER_VALUE = 70_000, 60
"""What a small file may hold, and what of a file each further value takes: it has some 80 bytes once it is read."""
DEEPEST = 16
"""How many lists and objects may lie within each other."""

_SMALL = 64 << 20  # bytes that any machine has
_BLANK = "0" * 64
_MARK = b'\\"sha256\\":\\"'  # as the document, a JSON string inside JSON, shows its digest
_ESCAPED = re.compile(r"(?<!\\)(?:\\\\)*+\\u")  # by the header itself, not by the text within it
_ENVELOPE = {"format", "versions", "sha256"}
_TYPES: dict[str, np.dtype[Any]] = {"F64": np.dtype("<f8"), "F32": np.dtype("<f4"), "I64": np.dtype("<i8")}
_Place = tuple[int, np.dtype[Any], tuple[int, ...]]
_KINDS = ("model file", "checkpoint")

_OTHER_FORMATS = {
    b"\x80": "a pickle file, which could run any code; clearprop never loads those",
    b"PK\x03\x04": "a ZIP archive (perhaps .npz, .keras or .pt)",
    b"\x89HDF": "an HDF5 file",
    b"\x93NUMPY": "a NumPy array",
    b"\x89PNG": "a PNG picture",
    b"\x1f\x8b": "a gzip archive",
}


@dataclass(frozen=True)
class DocumentKind:
    """What a file is for, and so what it may hold.

    Attributes
    ----------
    name : str
        What messages call it: ``"model file"`` or ``"checkpoint"``.
    format : int
        The newest layout that this version writes and reads.
    fields, tensors : frozenset of str
        The entries that its document has, beside the format, versions and digest; the names that its tensors may
        have.
    error : type
        What is raised if it cannot be read.
    make, remedy : str
        What to do where there is no file, and about a damaged one.
    """

    name: str
    format: int
    fields: frozenset[str]
    tensors: frozenset[str]
    error: type[ClearpropError]
    make: str
    remedy: str

    def damaged(self, path: str | os.PathLike[str], what: str) -> ClearpropError:
        """The error that says so; `what` may quote the file."""
        what = what if len(what) <= 300 else f"{what[:297]}..."
        return self.error(f"{os.fspath(path)}: the {self.name} is damaged: {what}; {self.remedy}")


# --------------------------------------------------------------------------------------------------- writing


def sealed(kind: DocumentKind, document: Mapping[str, Any], tensors: Mapping[str, Array]) -> bytes:
    """The file's bytes, digest included: the same for the same content, as there is no date in them.

    Parameters
    ----------
    kind : DocumentKind
    document : mapping
        Exactly the kind's fields, with values that JSON can hold.
    tensors : mapping of str to array
        Finite numbers: float64, float32 or int64, of at most two axes.

    Raises
    ------
    ConfigurationError
        Something that `opened` would refuse.
    """
    from safetensors.numpy import save

    if set(document) != kind.fields or not set(tensors) <= kind.tensors:
        raise ConfigurationError(
            f"a {kind.name} holds {sorted(kind.fields)} and tensors {sorted(kind.tensors)}; no other"
        )
    for name, tensor in tensors.items():
        if tensor.dtype not in _TYPES.values() or tensor.ndim > 2:
            raise ConfigurationError(
                f"{name} is {tensor.dtype}{list(tensor.shape)}; it must be float64, float32 or int64, two axes at most"
            )
        if not np.isfinite(tensor).all():
            raise ConfigurationError(f"{name} holds values that are NaN or infinite; train again before saving")
    whole: dict[str, Any] = {} if kind.name == _KINDS[0] else {"kind": kind.name}
    whole |= {**document, "format": kind.format, "versions": versions("numpy"), "sha256": _BLANK}
    try:
        text = _canonical(whole)
    except ValueError:
        raise ConfigurationError("a description that holds NaN or infinity cannot be saved; change that") from None
    content = bytearray(save({n: np.asarray(t, order="C") for n, t in tensors.items()}, {"clearprop": text}))
    header = content[: 8 + int.from_bytes(content[:8], "little")]
    try:
        _check_size(header[8:].decode(), len(content))
        _check_document(whole, text)
    except ValueError as error:
        raise ConfigurationError(
            f"a description that {error} cannot be saved; use fewer columns, or shorter names"
        ) from None
    place = _digest_place(header)
    content[place : place + 64] = digest(bytes(content)).encode()
    return bytes(content)


def _canonical(document: Any) -> str:
    return json.dumps(document, sort_keys=True, separators=(",", ":"), allow_nan=False)


# --------------------------------------------------------------------------------------------------- reading


def opened(path: str | os.PathLike[str], kind: DocumentKind) -> tuple[dict[str, Any], dict[str, Array]]:
    """The document (the kind's fields) and the tensors of a file that `sealed` made.

    Raises
    ------
    ClearpropError
        The kind's: no such file, another kind of file, a damaged one, or one that a newer version wrote.
    """
    try:
        name = os.fsdecode(path)
    except TypeError:
        raise kind.error(f"{path!r:.60} is not a path; name a {kind.name}") from None
    try:
        with _file(name, kind) as file:
            return _read(_Reader(name, kind, file, os.fstat(file.fileno()).st_size))
    except FileNotFoundError:
        raise kind.error(f"{name}: there is no such {kind.name}; {nearest_file(name) or kind.make}") from None
    except ClearpropError:  # it is a ValueError too
        raise
    except MemoryError:
        size = os.stat(name).st_size / 2**30
        raise kind.error(
            f"{name}: reading this file of {size:.2f} GiB needs twice its size, and {free_memory() / 2**30:.2f} GiB of "
            "memory are free; close other programs"
        ) from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "not a file name"
        raise kind.error(f"{name}: cannot be read ({reason}); check the path") from None


@dataclass(frozen=True)
class _Reader:
    name: str
    kind: DocumentKind
    file: io.FileIO
    size: int

    def damaged(self, what: str) -> ClearpropError:
        return self.kind.damaged(self.name, what)

    def foreign(self) -> ClearpropError:
        return self.kind.error(
            f"{self.name}: this is not a {self.kind.name} that clearprop wrote, or it is damaged; use another copy"
        )


def _file(name: str, kind: DocumentKind) -> io.FileIO:
    """The file, opened; nothing else (a pipe, a device, a folder), which could block or never end."""
    if stat.S_ISREG(os.stat(name).st_mode):
        wait_for_nobody = getattr(os, "O_NONBLOCK", 0)  # should it have become a pipe meanwhile
        file = io.FileIO(name, opener=lambda n, flags: os.open(n, flags | wait_for_nobody))
        if stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            return file
        file.close()
    raise kind.error(f"{name}: this is not a file; name a {kind.name}")


def _read(reader: _Reader) -> tuple[dict[str, Any], dict[str, Array]]:
    header = _header(reader)
    text, entries = _metadata(reader, header)
    seal, header_size = _seal(header), len(header)
    del header  # before the description is read, which takes more
    document = _document(reader, text)
    del text
    kind = reader.kind
    found = document.pop("kind", _KINDS[0])
    if found != kind.name:
        found = found if found in _KINDS else "file of another kind"
        raise kind.error(f"{reader.name}: this is a {found}, not a {kind.name}; name a {kind.name}")
    _check_format(reader, document)
    if set(document) != kind.fields | _ENVELOPE:
        raise reader.damaged("its description is incomplete")
    places, total = _places(reader, entries, reader.size - header_size)
    if total > _SMALL and 2 * total > free_memory():  # whoever reads it makes something of it
        raise MemoryError
    data = _taken(reader, total)
    _check_digest(reader, seal, data, document["sha256"])
    tensors = {
        name: np.frombuffer(data, dtype, math.prod(shape), begin).reshape(shape)
        for name, (begin, dtype, shape) in places.items()
    }
    for name, tensor in tensors.items():
        if not np.isfinite(tensor).all():
            raise reader.damaged(f"{name} contains NaN or infinity")
    return {field: document[field] for field in kind.fields}, tensors


def _header(reader: _Reader) -> bytearray:
    """The length and the header, read only if they can be what they should."""
    start = reader.file.read(64) or b""
    length = int.from_bytes(start[:8], "little")
    for mark, what in _OTHER_FORMATS.items():
        # A length's last bytes are zero.
        if start.startswith(mark) and start[5:8] != b"\0\0\0":
            raise reader.kind.error(f"{reader.name}: this is {what}; name a {reader.kind.name} that clearprop wrote")
    if len(start) > 8 and (length > LONGEST_HEADER or start[8:9] != b"{"):
        raise reader.foreign()
    if len(start) < 10 or length > reader.size - 8:
        raise reader.damaged(f"it ends after {reader.size} bytes")
    reader.file.seek(0)
    return _taken(reader, 8 + length)


def _taken(reader: _Reader, count: int) -> bytearray:
    """The next `count` bytes of the file, which were seen to be there."""
    taken, done = bytearray(count), 0
    with memoryview(taken) as view:
        while done < count:
            got = reader.file.readinto(view[done : done + (1 << 30)])
            if not got:  # the file has become shorter meanwhile
                raise reader.damaged(f"it ends after {done} bytes")
            done += got
    return taken


def _metadata(reader: _Reader, header: bytearray) -> tuple[str, dict[str, Any]]:
    """The description as text, and the header's entries for the tensors."""
    try:
        whole = str(memoryview(header)[8:], "ascii")
        _check_size(whole, reader.size)
        # Nobody needs to write so, and one emoji makes all of the text four times as large in memory.
        if "\\u" in whole and _ESCAPED.search(whole):
            raise ValueError("an escaped character")
        entries = json.loads(whole, object_pairs_hook=_once, **_STRICT)
        text = entries.pop("__metadata__")["clearprop"]
        assert isinstance(text, str)
    except (ValueError, RecursionError, KeyError, TypeError, AttributeError, AssertionError):
        raise reader.foreign() from None
    return text, entries


def _document(reader: _Reader, text: str) -> dict[str, Any]:
    """The description, strictly read."""
    try:
        document = json.loads(text, **_STRICT)
        if _canonical(document) != text:  # which a repeated key makes it, too
            raise ValueError("not canonical")
        _check_document(document, text)
    except (ValueError, RecursionError):
        raise reader.damaged("its description is unreadable") from None
    writers = document.get("versions") if isinstance(document, dict) else None
    if not isinstance(writers, dict) or not all(isinstance(version, str) for version in writers.values()):
        raise reader.damaged("its description is incomplete")
    return document  # type: ignore[no-any-return]


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object without repeated keys, which Python's reader lets pass."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("repeated key")
    return found


def _refuse(constant: str) -> NoReturn:
    raise ValueError(constant)


def _finite(number: str) -> float:
    value = float(number)
    return value if math.isfinite(value) else _refuse(number)  # 1e999, which Python makes infinite


_STRICT: dict[str, Any] = {"parse_constant": _refuse, "parse_float": _finite}


def _check_size(header: str, file_size: int) -> None:
    """Bounds of what JSON, and JSON within it, takes once it is read: by what can be seen before."""
    values = header.count(",") + header.count("[") + header.count("{")
    weight = 4 if "\\ud" in header else 2 if "\\u" in header else 1
    if len(header) * weight > LONGEST_HEADER or values > min(MOST_VALUES, FREE_VALUES + file_size // BYTES_PER_VALUE):
        raise ValueError("is too long")


def _check_document(document: Any, text: str) -> None:
    """A bound of depth; and whole characters, not halves of them (lone surrogates)."""
    level: list[Any] = [[document]]
    depth = 0
    while level:
        if "\\ud" in text:
            try:
                for item in _items(level, keys=True):
                    if isinstance(item, str):
                        item.encode()
            except UnicodeEncodeError:
                raise ValueError("holds half a character") from None
        level = [item for item in _items(level) if isinstance(item, dict | list)]
        depth += bool(level)
        if depth > DEEPEST:
            raise ValueError("is nested too deeply")


def _items(level: list[Any], *, keys: bool = False) -> Iterator[Any]:
    """What lists and objects hold."""
    for outer in level:
        if isinstance(outer, dict):
            if keys:
                yield from outer
            yield from outer.values()
        else:
            yield from outer


def _check_format(reader: _Reader, document: dict[str, Any]) -> None:
    found, kind = document.get("format"), reader.kind
    if type(found) is not int or not 1 <= found < 1_000_000:  # True is 1 for Python, not for us
        raise reader.damaged("its description is incomplete")
    if found > kind.format:
        writer = document["versions"].get("clearprop")
        writer = writer if isinstance(writer, str) and len(writer) < 40 else "a newer version"
        raise kind.error(
            f"{reader.name}: format {found}, written by clearprop {writer}; this version reads format "
            f"{kind.format}; upgrade clearprop"
        )


def _places(reader: _Reader, entries: dict[str, Any], available: int) -> tuple[dict[str, _Place], int]:
    """Where each tensor begins, its type and shape; and the bytes of all, which fill the file."""
    found = []
    for name, entry in entries.items():
        if name not in reader.kind.tensors:
            raise reader.damaged(f"there is no tensor called {name!r:.60}")
        fields = isinstance(entry, dict) and set(entry) == {"dtype", "shape", "data_offsets"}
        if not fields or not isinstance(entry["dtype"], str) or entry["dtype"] not in _TYPES:
            raise reader.damaged(f"{name} has no known type")
        shape, offsets, dtype = entry["shape"], entry["data_offsets"], _TYPES[entry["dtype"]]
        if not _are_counts(shape) or len(shape) > 2 or not _are_counts(offsets) or len(offsets) != 2:
            raise reader.damaged(f"the shape or place of {name} is no list of whole numbers")
        begin, end = offsets
        if begin + math.prod(shape) * dtype.itemsize != end:
            raise reader.damaged(f"{name} is longer or shorter than its shape says")
        found.append((begin, end, name, dtype, tuple(shape)))
    place = 0
    for begin, end, name, dtype, _ in sorted(found, key=lambda entry: entry[:2]):
        if begin != place or begin % dtype.itemsize:
            raise reader.damaged(f"{name} does not start where the tensor before it ends")
        place = end
    if place != available:
        raise reader.damaged(f"its tensors take {place} bytes, but {available} follow")
    return {name: (begin, dtype, shape) for begin, _, name, dtype, shape in found}, place


def _are_counts(value: Any) -> bool:
    return isinstance(value, list) and all(type(item) is int and 0 <= item < 2**63 for item in value)


def _digest_place(header: bytearray) -> int:
    """Where in the header the digest stands.

    Raises
    ------
    ConfigurationError
        It could be in several places.
    """
    if header.count(_MARK) != 1:
        raise ConfigurationError("a description has one digest, called sha256")
    return header.index(_MARK) + len(_MARK)


def _seal(header: bytearray) -> tuple[Any, bytes] | None:
    """The digest as far as the header goes, and the one that is written there; None if it is not to be found."""
    try:
        place = _digest_place(header)
    except ConfigurationError:
        return None
    found = hashlib.sha256(memoryview(header)[:place])
    found.update(_BLANK.encode())
    found.update(memoryview(header)[place + 64 :])
    return found, bytes(header[place : place + 64])


def _check_digest(reader: _Reader, seal: tuple[Any, bytes] | None, data: bytearray, stated: Any) -> None:
    if seal is None or seal[1] != str(stated).encode("ascii", "replace"):
        raise reader.damaged("its digest is unreadable")
    found = seal[0]
    found.update(data)
    if found.hexdigest() != stated:
        raise reader.damaged("its bytes do not match its digest")
