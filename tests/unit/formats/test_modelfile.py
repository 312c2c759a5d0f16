"""Model files: the same bytes for the same model, and no damage goes unnoticed."""

import json
import tracemalloc

import numpy as np
import pytest

from clearprop.data import Preparation, load_dataset, read_table
from clearprop.errors import ConfigurationError, ModelFileError, OutputError
from clearprop.formats.modelfile import load, save
from clearprop.judge.answers import predictions_for
from clearprop.layers import Activation, BatchNorm, Dense
from clearprop.model import MLP, Sequential
from fuzz.forged import GOLDEN, forged, sealed_again


@pytest.fixture
def saved(tmp_path):
    """A file, and what is in it."""
    model = MLP([4, 5, 3], activation="tanh", seed=3)
    preparation = Preparation.of(load_dataset("iris"))
    path = tmp_path / "模型.safetensors"
    save(model, path, preparation=preparation, link="softmax")
    return path, model, preparation


def test_round_trip_is_exact_and_deterministic(saved, tmp_path):
    path, model, preparation = saved
    found = load(path)
    np.testing.assert_array_equal(found.model.w, model.w)
    assert found.model.config() == model.config()
    assert found.preparation == preparation and found.link == "softmax"
    again = tmp_path / "again"
    save(found.model, again, preparation=found.preparation, link=found.link)
    assert again.read_bytes() == path.read_bytes()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_buffers_and_types(tmp_path, dtype):
    model = Sequential(
        [Dense(3, init="orthogonal"), BatchNorm(), Activation("leaky_relu", slope=0.3)], n_in=2, dtype=dtype
    )
    model.buffers[...] = np.arange(len(model.buffers))
    save(model, tmp_path / "m")
    found = load(tmp_path / "m")
    assert found.model.w.dtype == dtype and found.preparation is None and found.link == "identity"
    np.testing.assert_array_equal(found.model.buffers, model.buffers)
    X = np.ones((4, 2), dtype)
    np.testing.assert_array_equal(found.model.forward(X)[0], model.forward(X)[0])


def test_other_programs_can_read_the_tensors(saved):
    from safetensors.numpy import load_file

    path, model, _ = saved
    np.testing.assert_array_equal(load_file(path)["w"], model.w)


def test_every_truncation_is_noticed(saved):
    path, _, _ = saved
    content = path.read_bytes()
    for length in range(len(content)):
        path.write_bytes(content[:length])
        with pytest.raises(ModelFileError):
            load(path)


def test_every_damaged_byte_is_noticed(saved):
    path, _, _ = saved
    content = path.read_bytes()
    rng = np.random.default_rng(0)
    for place in range(len(content)):
        damaged = bytearray(content)
        damaged[place] ^= 1 << int(rng.integers(8))
        path.write_bytes(damaged)
        with pytest.raises(ModelFileError) as caught:
            load(path)
        assert len(str(caught.value)) < 400
    for extra in (b"\0", content):
        path.write_bytes(content + extra)
        with pytest.raises(ModelFileError):
            load(path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "ends after 0 bytes"),
        (b"\x80\x04\x95abcdefgh", "pickle file, which could run any code"),
        (b"PK\x03\x04abcdefgh", "ZIP archive"),
        (b"\x89HDF\r\n\x1a\nabcd", "HDF5"),
        (b"\x89PNG\r\n\x1a\nabcd", "PNG picture"),
        (b"a,b,c\n1,2,3\n4,5,6\n", "this is not a model file"),
        ((2**62).to_bytes(8, "little") + b"{}", "this is not a model file"),
        ((2).to_bytes(8, "little") + b"{}", "not a model file that clearprop wrote"),
        ((6).to_bytes(8, "little") + b'"\xff\xff"\n\n', "not a model file that clearprop wrote"),
        ((200_000).to_bytes(8, "little") + b"[" * 200_000, "not a model file that clearprop wrote"),
    ],
)
def test_files_of_another_kind_are_refused_by_what_they_are(tmp_path, content, message):
    path = tmp_path / "m"
    path.write_bytes(content)
    with pytest.raises(ModelFileError, match=message) as caught:
        load(path)
    assert caught.value.exit_code == 4


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"format": 2}, r"format 2, written by clearprop .* reads format 1; upgrade"),
        ({"format": True}, "incomplete"),
        ({"link": "os.system"}, "its link is none that there is"),
        ({"extra": 1}, "incomplete"),
        ({"versions": 3}, "incomplete"),
        ({"architecture": {}}, "exactly the entries"),
        (
            {"architecture": {"layers": [{"layer": "os.system"}], "n_in": 4, "seed": 0, "dtype": "float64"}},
            "no layer 'os.system'",
        ),
        (
            {
                "architecture": {
                    "layers": [{"layer": "Dense", "units": 10**12}],
                    "n_in": 4,
                    "seed": 0,
                    "dtype": "float64",
                }
            },
            r"w is float64\[43\], but the architecture needs float64\[5000000000000\]",
        ),
        (
            {"architecture": {"layers": [{"layer": "Dense", "units": 4}], "n_in": 4, "seed": 0, "dtype": "float64"}},
            r"w is float64\[43\], but the architecture needs float64\[20\]",
        ),
        (
            {"architecture": {"layers": [{"layer": "Dense", "units": 4}], "n_in": "4", "seed": 0, "dtype": "float64"}},
            "needs a number of inputs",
        ),
        ({"preparation": {"target": "x"}}, "preparation"),
    ],
)
def test_senseless_descriptions_with_a_right_digest(saved, changes, message):
    path, _, _ = saved
    path.write_bytes(forged(path.read_bytes(), {f"document.{name}": value for name, value in changes.items()}))
    with pytest.raises(ModelFileError, match=message):
        load(path)


def test_repeated_keys_and_nan_in_the_description(saved):
    path, _, _ = saved
    content = path.read_bytes()
    repeated = content.replace(b'\\"format\\":1', b'\\"link\\":\\"s\\"', 1)
    assert repeated != content
    not_finite = content.replace(b'\\"seed\\":3', b'\\"seed\\":NaN', 1)
    infinite = content.replace(b'\\"seed\\":3', b'\\"seed\\":1e999', 1)
    for damaged in (repeated, not_finite, infinite):
        header = int.from_bytes(content[:8], "little") + len(damaged) - len(content)
        path.write_bytes(sealed_again(header.to_bytes(8, "little") + damaged[8:]))
        with pytest.raises(ModelFileError, match="unreadable"):
            load(path)


def test_weights_that_are_not_finite(saved):
    path, model, _ = saved
    content = path.read_bytes()
    path.write_bytes(sealed_again(content[:-8] + np.float64(np.nan).tobytes()))
    with pytest.raises(ModelFileError, match="w contains NaN"):
        load(path)
    model.w[0] = np.inf
    with pytest.raises(ConfigurationError, match="NaN or infinite"):
        save(model, path)


def test_a_long_file_of_another_kind_is_not_read_to_its_end(tmp_path):
    path = tmp_path / "m"
    for start in (b"", b"\xff" * 8, b"PK\x03\x04"):
        with path.open("wb") as file:
            file.write(start)
            file.truncate(1 << 42)  # four terabytes of nothing
        with pytest.raises(ModelFileError):
            load(path)


def test_a_path_without_a_model_is_told_with_the_nearest_one(saved, tmp_path):
    path, model, _ = saved
    with pytest.raises(ModelFileError, match=r"there is no such model file; did you mean '.*模型\.safetensors'"):
        load(str(path).replace("safetensors", "safetensor"))
    with pytest.raises(ModelFileError, match="train one with"):
        load(tmp_path / "elsewhere" / "m")
    with pytest.raises(
        ModelFileError, match=r"there is no model\.safetensors in this folder; name the folder of a run"
    ):
        load(tmp_path)
    with pytest.raises(OutputError, match="its folder does not exist"):
        save(model, tmp_path / "no" / "m")
    with pytest.raises(ConfigurationError, match="link='probit'; choose one of identity"):
        save(model, path, link="probit")


@pytest.mark.parametrize("path", sorted(GOLDEN.glob("*.safetensors")), ids=lambda path: path.stem)
def test_the_models_of_every_format_predict_what_they_did(path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    kept = json.loads(path.with_suffix(".json").read_text())
    (tmp_path / "table.csv").write_text(kept["table"])
    saved = load(path)
    answers = predictions_for(saved, read_table("table.csv"))
    tolerance = 1e-12 if saved.model.dtype == np.float64 else 1e-6
    np.testing.assert_allclose(answers, kept["predictions"], rtol=tolerance, atol=tolerance)
    save(saved.model, "again", preparation=saved.preparation, link=saved.link)
    assert load("again").model.w.tobytes() == saved.model.w.tobytes()


def test_a_preparation_for_another_network_is_not_saved(saved, tmp_path):
    _, _, preparation = saved
    for model, message in (
        (MLP([5, 3]), "makes 4 features, but the network has 5 inputs"),
        (MLP([4, 1]), "has 3 classes, but the network has 1 outputs"),
    ):
        with pytest.raises(ConfigurationError, match=message):
            save(model, tmp_path / "m", preparation=preparation)
    with pytest.raises(ConfigurationError, match="has 1001 layers; at most 1000"):
        save(Sequential([Activation("relu")] * 1001, 2), tmp_path / "m")
    assert not (tmp_path / "m").exists()


def test_loading_draws_no_initial_weights(tmp_path):
    """An orthogonal matrix of this size would take seconds and much memory."""
    model = MLP([3000, 1000], init="glorot_uniform")
    model.layers[0].init = "orthogonal"
    save(model, tmp_path / "m")
    size = (tmp_path / "m").stat().st_size
    tracemalloc.start()
    try:
        found = load(tmp_path / "m")
        assert tracemalloc.get_traced_memory()[1] < 2 * size + (1 << 20)
    finally:
        tracemalloc.stop()
    assert found.model.layers[0].init == "orthogonal" and found.model.w.tobytes() == model.w.tobytes()
