"""Containers: what is sealed is opened again, and nothing else."""

import json
import os
import threading

import numpy as np
import pytest

from clearprop.errors import CheckpointError, ConfigurationError, ModelFileError
from clearprop.files import container
from clearprop.files.container import DocumentKind, opened, sealed

NOTE = DocumentKind(
    name="checkpoint",
    format=3,
    fields=frozenset({"title", "pages"}),
    tensors=frozenset({"a", "b", "c"}),
    error=CheckpointError,
    make="write one",
    remedy="use the one before",
)
DOCUMENT = {"title": '花 "x" \\ \n', "pages": [1, 2.5, None, True, {"a": []}]}
TENSORS = {
    "a": np.arange(6.0).reshape(2, 3),
    "b": np.array([-1, 2**40]),
    "c": np.array([1.5, -0.0, 1e-40], "f4"),
}


@pytest.fixture
def path(tmp_path):
    place = tmp_path / "n"
    place.write_bytes(sealed(NOTE, DOCUMENT, TENSORS))
    return place


def test_round_trip(path):
    document, tensors = opened(path, NOTE)
    assert document == DOCUMENT and set(tensors) == set(TENSORS)
    for name, tensor in tensors.items():
        assert tensor.dtype == TENSORS[name].dtype and tensor.shape == TENSORS[name].shape
        assert tensor.tobytes() == TENSORS[name].tobytes()
        tensor[...] = 0  # it belongs to whoever asked
    assert sealed(NOTE, DOCUMENT, TENSORS) == path.read_bytes()


def test_a_tensor_less_and_empty_ones(tmp_path):
    path = tmp_path / "n"
    path.write_bytes(sealed(NOTE, DOCUMENT, {"a": np.empty(0), "c": np.empty((0, 4), "f4")}))
    _, tensors = opened(path, NOTE)
    assert tensors["a"].shape == (0,) and tensors["c"].shape == (0, 4) and "b" not in tensors


def test_every_truncation_every_byte_and_everything_after(path):
    content = path.read_bytes()
    rng = np.random.default_rng(0)
    for place in range(len(content)):
        for changed in (
            content[:place],
            content[:place] + bytes([content[place] ^ 1 << rng.integers(8)]) + content[place + 1 :],
        ):
            path.write_bytes(changed)
            with pytest.raises(CheckpointError):
                opened(path, NOTE)
    path.write_bytes(content + b"\0")
    with pytest.raises(CheckpointError, match="use the one before"):
        opened(path, NOTE)


def test_kinds_do_not_mix(path):
    model = DocumentKind("model file", 1, NOTE.fields, NOTE.tensors, ModelFileError, "train one", "train again")
    with pytest.raises(ModelFileError, match="this is a checkpoint, not a model file; name a model file"):
        opened(path, model)
    path.write_bytes(sealed(model, DOCUMENT, TENSORS))
    with pytest.raises(CheckpointError, match="this is a model file, not a checkpoint"):
        opened(path, NOTE)


def test_a_newer_format_is_refused_with_the_version_that_wrote_it(path):
    newer = DocumentKind("checkpoint", 4, NOTE.fields | {"more"}, NOTE.tensors, CheckpointError, "", "")
    path.write_bytes(sealed(newer, {**DOCUMENT, "more": 1}, TENSORS))
    with pytest.raises(
        CheckpointError, match=r"format 4, written by clearprop [\d.]+; this version reads format 3; upg"
    ):
        opened(path, NOTE)


@pytest.mark.parametrize(
    ("document", "tensors", "message"),
    [
        ({"title": "x"}, {}, "a checkpoint holds"),
        ({**DOCUMENT, "more": 1}, {}, "a checkpoint holds"),
        (DOCUMENT, {"z": np.zeros(1)}, "a checkpoint holds"),
        (DOCUMENT, {"a": np.zeros(1, "f2")}, "a is float16"),
        (DOCUMENT, {"a": np.zeros((1, 1, 1))}, r"a is float64\[1, 1, 1\]"),
        (DOCUMENT, {"a": np.array([np.nan])}, "a holds values that are NaN"),
        ({**DOCUMENT, "title": "\ud800"}, {}, "holds half a character"),
        ({**DOCUMENT, "title": float("inf")}, {}, "NaN or infinity cannot be saved"),
        ({**DOCUMENT, "title": {"sha256": "0" * 64}}, {}, "one digest"),
        ({**DOCUMENT, "pages": [0] * container.MOST_VALUES}, {}, "is too long"),
        ({**DOCUMENT, "pages": "x" * container.LONGEST_HEADER}, {}, "is too long"),
    ],
)
def test_what_could_not_be_opened_is_not_sealed(document, tensors, message):
    with pytest.raises(ConfigurationError, match=message):
        sealed(NOTE, document, tensors)


def test_what_is_nested_deeper_than_can_be_read_is_not_written():
    value: list = []
    for _ in range(container.DEEPEST - 2):
        value = [value]
    sealed(NOTE, {**DOCUMENT, "pages": value}, {})
    with pytest.raises(ConfigurationError, match="nested too deeply"):
        sealed(NOTE, {**DOCUMENT, "pages": [value]}, {})


def test_a_word_that_looks_like_the_digest(tmp_path):
    path = tmp_path / "n"
    document = {**DOCUMENT, "title": '"sha256":"' + "0" * 64}
    path.write_bytes(sealed(NOTE, document, {"a": np.frombuffer(b'\\"sha256\\":\\"123', "f8")}))
    assert opened(path, NOTE)[0] == document


def test_a_header_in_another_order_with_blanks_is_read(path):
    """Other writers of safetensors arrange it in their own way; only the document must be canonical."""
    from fuzz.forged import parts, sealed_again

    document, header, data = parts(path.read_bytes())
    text = json.dumps(document, sort_keys=True, separators=(",", ":"))
    raw = (
        json.dumps({**dict(reversed(header.items())), "__metadata__": {"clearprop": text}}, indent=1).encode() + b"   "
    )
    path.write_bytes(sealed_again(len(raw).to_bytes(8, "little") + raw + data))
    assert opened(path, NOTE)[0] == DOCUMENT


def test_more_than_memory_holds(path, monkeypatch):
    monkeypatch.setattr(container, "_SMALL", 0)
    monkeypatch.setattr(container, "free_memory", lambda: 100)
    with pytest.raises(CheckpointError, match=r"reading this file of 0.00 GiB needs twice its size.*close other"):
        opened(path, NOTE)


@pytest.mark.parametrize("name", [None, 3, "a\0b", b"\xff\xfe", "x" * 5000, ""], ids=repr)
def test_what_is_no_path(name):
    with pytest.raises(CheckpointError) as caught:
        opened(name, NOTE)
    assert "; " in str(caught.value)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="POSIX pipes")
def test_a_pipe_a_device_and_a_folder_are_not_opened(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to(tmp_path / "pipe")

    def refused(name):
        with pytest.raises(CheckpointError, match="this is not a file; name a checkpoint"):
            opened(name, NOTE)

    for name in (tmp_path / "pipe", tmp_path / "link", "/dev/zero", tmp_path):
        worker = threading.Thread(target=refused, args=[name], daemon=True)
        worker.start()
        worker.join(5)
        assert not worker.is_alive(), f"{name} blocks"
        refused(name)
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    with pytest.raises(CheckpointError, match="cannot be read"):
        opened(tmp_path / "loop", NOTE)


def test_a_file_that_becomes_shorter_while_it_is_read(path, monkeypatch):
    size = path.stat().st_size
    real = container._places

    def then_cut(*arguments):
        found = real(*arguments)
        os.truncate(path, size - 10)
        return found

    monkeypatch.setattr(container, "_places", then_cut)
    with pytest.raises(CheckpointError, match="it ends after"):
        opened(path, NOTE)
