"""A trained model in one file: numbers, architecture, and how to prepare new rows.

The layout is safetensors, which many programs read and which cannot hold code: the tensors ``w`` and
``buffers``, and one JSON document that describes the rest. A SHA-256 over every byte of the file (taken with
the digest's own 64 places set to zero) makes damage certain to be noticed. It is no signature: it tells
accident from content, not friend from foe. Nothing in the file is executed, and no name in it is imported.
The same model always gives the same bytes; there is no date in them.
"""

import json
import math
import os
import stat
from dataclasses import dataclass
from typing import Any, NoReturn

import numpy as np

from clearprop._types import Array
from clearprop._versions import versions
from clearprop.data.files import nearest_file
from clearprop.data.preparation import Preparation
from clearprop.errors import ClearpropError, ConfigurationError, ModelFileError
from clearprop.model import Sequential, model_from_config
from clearprop.store import atomic_write, digest

FORMAT = 1
"""The version of the layout described above; a reader refuses newer ones."""

LINKS = ("identity", "softmax", "sigmoid", "exp")
"""What may turn the network's raw output into predictions."""

_FIELDS = {"format", "architecture", "preparation", "link", "versions", "sha256"}
_BLANK = "0" * 64
_LONGEST_HEADER = 100_000_000  # bytes, as safetensors has it
_MARK = b'\\"sha256\\":\\"'  # as the document, a JSON string inside JSON, shows its digest

_OTHER_FORMATS = {
    b"\x80": "a pickle file, which could run any code; clearprop never loads those",
    b"PK\x03\x04": "a ZIP archive (perhaps .npz, .keras or .pt)",
    b"\x89HDF": "an HDF5 file",
    b"\x93NUMPY": "a NumPy array",
    b"\x89PNG": "a PNG picture",
}


@dataclass(frozen=True)
class SavedModel:
    """What a model file holds.

    Attributes
    ----------
    model : Sequential
        The network with its parameters.
    preparation : Preparation or None
        How columns become its input, and its output becomes words again.
    link : str
        What turns its raw output into predictions.
    """

    model: Sequential
    preparation: Preparation | None
    link: str


def save(
    model: Sequential,
    path: str | os.PathLike[str],
    *,
    preparation: Preparation | None = None,
    link: str = "identity",
) -> None:
    """Write `model` to `path`, entirely or not at all.

    Parameters
    ----------
    model : Sequential
        The network.
    path : path
        The file; by custom it ends in ``.safetensors``.
    preparation : Preparation, optional
        Saved along, so that predictions need nothing else.
    link : str
        ``"identity"``, ``"softmax"``, ``"sigmoid"`` or ``"exp"``; a loss has it as ``loss.link``.

    Raises
    ------
    ConfigurationError
        An unknown link, or weights that are not finite.
    OutputError
        The file cannot be written.
    """
    if link not in LINKS:
        raise ConfigurationError(f"link={link!r}; choose one of {', '.join(LINKS)}")
    if not (np.isfinite(model.w).all() and np.isfinite(model.buffers).all()):
        raise ConfigurationError("the model has weights that are NaN or infinite; train it again before saving")
    document = {
        "format": FORMAT,
        "architecture": model.config(),
        "preparation": None if preparation is None else preparation.config(),
        "link": link,
        "versions": versions("numpy"),
        "sha256": _BLANK,
    }
    atomic_write(path, _sealed(model.w, model.buffers, document))


def load(path: str | os.PathLike[str]) -> SavedModel:
    """The model that `save` wrote.

    Raises
    ------
    ModelFileError
        No such file, another kind of file, a damaged one, or one that a newer version wrote.
    """
    name = os.fspath(path)
    content = _content(name)
    document = _document(name, content)
    if type(document.get("format")) is not int:  # True is 1 for Python, not for us
        _damaged(name, "its description is incomplete")
    if document["format"] > FORMAT:
        writer = document.get("versions", {}).get("clearprop", "a newer version")
        raise ModelFileError(
            f"{name}: format {document['format']}, written by clearprop {writer}; this version reads format "
            f"{FORMAT}; upgrade clearprop"
        )
    _check_digest(name, content, document)
    if set(document) != _FIELDS or document["format"] != FORMAT or document["link"] not in LINKS:
        _damaged(name, "its description is incomplete")
    try:
        model = _architecture(name, document["architecture"], content)
        plan = document["preparation"]
        preparation = None if plan is None else Preparation.from_config(plan)
    except ModelFileError:
        raise
    except ClearpropError as error:
        _damaged(name, str(error))
    except Exception:  # whatever a senseless description leads to, the file is to blame
        _damaged(name, "its architecture makes no sense")
    _fill(name, model, content)
    return SavedModel(model, preparation, document["link"])


def _architecture(name: str, config: dict[str, Any], content: bytes) -> Sequential:
    """The network with its initial weights, made only if the file is long enough to hold its parameters."""
    model = model_from_config({**config, "n_in": None})
    width, n_parameters = config["n_in"], 0
    for layer in model.layers:
        width, shapes = layer.build(width)
        n_parameters += sum(math.prod(shape) for shape in shapes.values())
    if n_parameters * model.dtype.itemsize > len(content):
        _damaged(name, f"its architecture has {n_parameters} parameters, more than the file can hold")
    return model.build(config["n_in"])


def _sealed(w: Array, buffers: Array, document: dict[str, Any]) -> bytes:
    """The file's bytes, digest included."""
    from safetensors.numpy import save as to_bytes

    text = json.dumps(document, sort_keys=True, separators=(",", ":"), allow_nan=False)
    tensors = {"w": np.ascontiguousarray(w), "buffers": np.ascontiguousarray(buffers)}
    content = bytearray(to_bytes(tensors, metadata={"clearprop": text}))
    place = content.index(_MARK) + len(_MARK)
    content[place : place + 64] = digest(bytes(content)).encode()
    return bytes(content)


def _content(name: str) -> bytes:
    try:
        found = os.stat(name)
        regular = stat.S_ISREG(found.st_mode)
        content = _start(name, found.st_size) if regular else b""
    except FileNotFoundError:
        hint = nearest_file(name) or "train one with `clearprop train`"
        raise ModelFileError(f"{name}: there is no such model file; {hint}") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "not a file name"
        raise ModelFileError(f"{name}: cannot be read ({reason}); check the path") from None
    if not regular:
        raise ModelFileError(f"{name}: this is not a file; name a model file")
    for start, what in _OTHER_FORMATS.items():
        # A safetensors file starts with the header's length, whose last bytes are zero.
        if content.startswith(start) and content[5:8] != b"\0\0\0":
            raise ModelFileError(f"{name}: this is {what}; name a model file that clearprop wrote")
    return content


def _start(name: str, size: int) -> bytes:
    """All bytes, or only the first if they show that the file is something else, however long."""
    with open(name, "rb") as file:
        start = file.read(64)
        header = int.from_bytes(start[:8], "little")
        plausible = header <= min(_LONGEST_HEADER, size - 8) and start[8:9] == b"{"
        return start + file.read() if plausible else start


def _document(name: str, content: bytes) -> dict[str, Any]:
    """The JSON document, strictly read."""
    header_end = 8 + int.from_bytes(content[:8], "little")
    if header_end - 8 > _LONGEST_HEADER:
        raise ModelFileError(f"{name}: this is not a model file; name one that clearprop wrote")
    if len(content) > 8 and content[8:9] != b"{":
        raise _foreign(name)
    if len(content) < 10 or header_end > len(content):
        _damaged(name, f"it ends after {os.path.getsize(name)} bytes")
    try:
        header = _strict_json(content[8:header_end].decode())
        text = header["__metadata__"]["clearprop"]
    except (ValueError, RecursionError, KeyError, TypeError):
        raise _foreign(name) from None
    try:
        document = _strict_json(text)
    except (ValueError, RecursionError, TypeError):
        _damaged(name, "its description is unreadable")
    if not isinstance(document, dict) or not isinstance(document.get("versions"), dict):
        _damaged(name, "its description is incomplete")
    return document


def _foreign(name: str) -> ModelFileError:
    return ModelFileError(f"{name}: this is not a model file that clearprop wrote, or it is damaged; use another copy")


def _strict_json(text: str) -> Any:
    """JSON without repeated keys, NaN or infinity, all of which Python's reader lets pass."""

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) != len(pairs):
            raise ValueError("repeated key")
        return found

    def refuse(constant: str) -> NoReturn:
        raise ValueError(constant)

    def finite(number: str) -> float:
        value = float(number)
        return value if math.isfinite(value) else refuse(number)  # 1e999, which Python makes infinite

    return json.loads(text, object_pairs_hook=once, parse_constant=refuse, parse_float=finite)


def _check_digest(name: str, content: bytes, document: dict[str, Any]) -> None:
    stated = document.get("sha256")
    place = content.find(_MARK) + len(_MARK)
    if content[place : place + 64] != str(stated).encode("ascii", "replace"):
        _damaged(name, "its digest is unreadable")
    if digest(content[:place] + _BLANK.encode() + content[place + 64 :]) != stated:
        _damaged(name, "its bytes do not match its digest")


def _fill(name: str, model: Sequential, content: bytes) -> None:
    """Copy the tensors into `model`, if they fit it."""
    from safetensors import SafetensorError
    from safetensors.numpy import load as from_bytes

    try:
        tensors = from_bytes(content)
    except (SafetensorError, ValueError, KeyError):
        _damaged(name, "its tensors are unreadable")
    if set(tensors) != {"w", "buffers"}:
        _damaged(name, "it does not hold exactly the tensors w and buffers")
    for tensor, destination in (("w", model.w), ("buffers", model.buffers)):
        found = tensors[tensor]
        if found.shape != destination.shape or found.dtype != destination.dtype:
            _damaged(
                name,
                f"{tensor} is {found.dtype}{list(found.shape)}, "
                f"but the architecture needs {destination.dtype}{list(destination.shape)}",
            )
        if not np.isfinite(found).all():
            _damaged(name, f"{tensor} contains NaN or infinity")
        destination[...] = found


def _damaged(name: str, what: str) -> NoReturn:
    what = what if len(what) <= 300 else f"{what[:297]}..."  # it may quote the file
    raise ModelFileError(f"{name}: the model file is damaged: {what}; use another copy or train again")
