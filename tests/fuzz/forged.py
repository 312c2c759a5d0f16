"""Files that lie with a right digest, as only malice would make them: read, changed somewhere, and sealed again."""

import copy
import hashlib
import json
import random
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

GOLDEN = Path(__file__).parents[1] / "golden" / "modelfiles"
MARK = b'\\"sha256\\":\\"'
DELETED = object()
"""In place of a value: the entry is taken out."""


def parts(content: bytes) -> tuple[dict[str, Any], dict[str, Any], bytes]:
    """Document, header without it, and tensors."""
    end = 8 + int.from_bytes(content[:8], "little")
    header = json.loads(content[8:end])
    document = json.loads(header.pop("__metadata__")["clearprop"])
    return document, header, content[end:]


def whole(document: Any, header: Mapping[str, Any], data: bytes, *, text: str | None = None) -> bytes:
    """A file with a right digest; `text` in place of the document as this library writes it."""
    if text is None:
        text = json.dumps(document, sort_keys=True, separators=(",", ":"))
    raw = json.dumps({"__metadata__": {"clearprop": text}, **header}, separators=(",", ":")).encode()
    raw += b" " * (-len(raw) % 8)
    return sealed_again(len(raw).to_bytes(8, "little") + raw + data)


def sealed_again(content: bytes) -> bytes:
    """The same with the digest that its other bytes have; unchanged if there is no digest in it."""
    place = content.find(MARK) + len(MARK)
    if place < len(MARK):
        return content
    blank = content[:place] + b"0" * 64 + content[place + 64 :]
    return content[:place] + hashlib.sha256(blank).hexdigest().encode() + content[place + 64 :]


def forged(content: bytes, changes: Mapping[str, Any]) -> bytes:
    """`content` with entries changed, named by path: ``document.architecture.layers.0.units``, ``header.w.shape``.

    A value that can be called is given the old one. ``data`` is the bytes of the tensors, ``text`` the document as it
    stands in the file.
    """
    document, header, data = parts(content)
    places: dict[str, Any] = {"document": document, "header": header, "data": data, "text": None}
    for path, value in changes.items():
        *outer, last = path.split(".")
        place: Any = places
        for key in outer:
            place = place[int(key) if isinstance(place, list) else key]
        key = int(last) if isinstance(place, list) else last
        if callable(value):
            plain = json.dumps(document, sort_keys=True, separators=(",", ":")) if path == "text" else None
            value = value(plain or copy.deepcopy(place[key]))
        if value is DELETED:
            del place[key]
        else:
            place[key] = value
    return whole(places["document"], places["header"], places["data"], text=places["text"])


VALUES = (
    None, True, -1, 0, 1, 2**31, 10**12, 10**40, 1.5, -0.0, 1e308, "", "relu", "os.system", "../x", "x" * 999,
    [], [1], {}, "\ud800", [[[]]], {"layer": "Dense", "units": 10**9}, {"layer": "Dropout", "rate": 2},
    {"initializer": "Normal", "mean": 0, "std": -1}, "BatchNorm", "checkpoint", 2**63, 1e-320, "F64", [0, 2**63],
)  # fmt: skip


def change(document: object, rng: random.Random) -> None:
    """Another value, or none, somewhere inside."""
    place: Any = document
    keys: list[Any] = list(document) if isinstance(document, dict) else []
    while keys:
        key = rng.choice(keys)
        inner = place[key]
        if isinstance(inner, dict | list) and inner and rng.random() < 0.8:
            place, keys = inner, list(inner) if isinstance(inner, dict) else list(range(len(inner)))
        elif rng.random() < 0.15:
            del place[key]
            return
        else:
            place[key] = rng.choice(VALUES)
            return


def randomly_forged(content: bytes, rng: random.Random, damage: Callable[[bytes, int], bytes]) -> bytes:
    """The description, the header or the numbers changed in one place, and sealed again."""
    document, header, data = parts(content)
    text = None
    kind = rng.random()
    if kind < 0.4:
        plain = json.dumps(document, sort_keys=True, separators=(",", ":"))
        text = damage(plain.encode(), rng.randrange(1 << 30)).decode("utf-8", "replace")
    elif kind < 0.8:
        change(document, rng)
    if kind > 0.7:
        change(header, rng)
    if kind > 0.9:
        data = damage(data, rng.randrange(1 << 30))
    return whole(document, header, data, text=text)
