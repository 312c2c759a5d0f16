"""Several outputs for each quantity: what they are, how they start, and that everything else knows them."""

import json

import numpy as np
import pytest

from clearprop import NumericEmbedding, explain, load, predict, save
from clearprop.engine import choose_engine
from clearprop.errors import ConfigurationError, ModelFileError
from clearprop.formats.json_format import from_json, to_json
from clearprop.formats.numpy_source import to_numpy
from clearprop.formats.python_source import to_python
from clearprop.layers import Activation, Dense
from clearprop.losses import MSE
from clearprop.model import Sequential, model_from_config
from clearprop.optim import SGD, Adam
from clearprop.train import train

EDGES = [[-1.0, 0.0, 0.5, 2.0], [0.0, 1.0]]
FORMS = {
    "waves": NumericEmbedding(3, columns=[0, 2], frequencies=5, sigma=0.5),
    "waves of all, without the input": NumericEmbedding(1, keep_input=False, frequencies=3),
    "ramps": NumericEmbedding(3, columns=[2, 0], edges=EDGES),
    "ramps of all, without the input": NumericEmbedding(2, edges=[*EDGES, [3.0, 4.0]], keep_input=False),
}
every_form = pytest.mark.parametrize("layer", FORMS.values(), ids=FORMS)


@pytest.fixture
def model(layer, rng):
    above = NumericEmbedding(2, frequencies=4)
    model = Sequential([layer, Dense(3), Activation("tanh"), above, Dense(2)], 3)
    model.w += 0.1 * rng.normal(size=len(model.w))
    return model


def outputs(layer, x, parameters):
    """y[n] written out, number by number."""
    first, second, weight, bias = parameters.values()
    columns = range(x.shape[1]) if layer.columns is None else layer.columns
    y = []
    for i, column in enumerate(columns):
        for o in range(len(bias[i])):
            total = bias[i, o]
            for f in range(first.shape[1]):
                inner = x[:, column] * first[i, f] + second[i, f]
                ramp = np.clip((x[:, column] - first[i, f]) * second[i, f], 0.0, 1.0)
                total = total + weight[i, o, f] * (np.cos(2.0 * np.pi * inner) if layer.edges is None else ramp)
            y.append(total)
    y += [x[:, i] for i in range(x.shape[1]) if layer.keep_input or i not in columns]
    return np.stack(y, axis=1)


@every_form
def test_outputs_are_the_formulas_written_out_number_by_number(layer, rng):
    x = rng.normal(size=(7, 3))
    parameters = layer.initial_parameters(3, rng)
    y, _, _ = layer.forward(x, parameters)
    np.testing.assert_allclose(y, outputs(layer, x, parameters), rtol=1e-13, atol=1e-14)


def test_ramps_rise_from_0_to_1_between_the_edges_and_stay_there():
    layer = NumericEmbedding(3, edges=[[-1.0, 0.0, 0.5, 2.0]], keep_input=False)
    parameters = {**layer.initial_parameters(1, np.random.default_rng(0)), "bias": np.zeros((1, 3))}
    parameters["weight"] = np.eye(3)[None]
    x = np.array([[-9.0], [-1.0], [-0.75], [0.0], [0.25], [1.25], [9.0]])
    y, _, _ = layer.forward(x, parameters)
    expected = [[0, 0, 0], [0, 0, 0], [0.25, 0, 0], [1, 0, 0], [1, 0.5, 0], [1, 1, 0.5], [1, 1, 1]]
    np.testing.assert_array_equal(y, expected)


def test_a_column_with_fewer_bins_has_ramps_that_never_rise(rng):
    layer = NumericEmbedding(2, edges=EDGES, keep_input=False)
    parameters = layer.initial_parameters(2, rng)
    np.testing.assert_array_equal(parameters["start"], [[-1.0, 0.0, 0.5], [0.0, 0.0, 0.0]])
    np.testing.assert_array_equal(parameters["slope"], [[1.0, 2.0, 1.0 / 1.5], [1.0, 0.0, 0.0]])
    y, cache, _ = layer.forward(rng.normal(size=(5, 2)), parameters)
    grads = {name: np.empty_like(p) for name, p in parameters.items()}
    layer.backward(np.ones_like(y), cache, grads)
    assert not grads["weight"][1, :, 1:].any() and grads["weight"][1, :, 0].any()


def test_initial_values_are_those_of_the_literature():
    drawn = NumericEmbedding(4, sigma=0.3, frequencies=16).initial_parameters(2000, np.random.default_rng(1))
    assert {name: p.shape for name, p in drawn.items()} == {
        "frequency": (2000, 16), "phase": (2000, 16), "weight": (2000, 3, 16), "bias": (2000, 3),
    }  # fmt: skip
    assert drawn["frequency"].std() == pytest.approx(0.3, rel=0.02) and abs(drawn["frequency"].mean()) < 0.01
    for name, limit in (("phase", 0.5), ("weight", 0.25), ("bias", 0.25)):
        assert np.abs(drawn[name]).max() <= limit
        assert drawn[name].var() == pytest.approx(limit**2 / 3.0, rel=0.05)
    few, many = NumericEmbedding(2, edges=[[0.0, 1.0], np.arange(101.0)]).initial_parameters(
        2, np.random.default_rng(1)
    )["weight"]
    assert np.abs(many).max() < 0.1 < np.abs(few).max()  # 1/√bins


def test_it_learns_a_tenth_as_fast_only_the_maps_decay_and_edges_stay():
    waves, ramps = Sequential([NumericEmbedding()], 2), Sequential([NumericEmbedding(edges=EDGES)], 2)
    assert {segment.learning_rate_factor for segment in (*waves.segments, *ramps.segments)} == {0.1}
    for model, frozen in ((waves, set()), (ramps, {"start", "slope"})):
        places = model.parameters(np.arange(model.n_parameters))
        for name, place in places.items():
            segment = next(s for s in model.segments if s.start <= place.flat[0] < s.stop)
            assert segment.decays == (name == "0.weight")
            assert segment.trainable == (name.partition(".")[2] not in frozen)
    moved = Sequential([NumericEmbedding(edges=EDGES, trainable=("start", "slope"))], 2)
    assert sum(len(s) for s in moved.segments if s.trainable) == 2 * 2 * 3


@every_form
def test_exports_and_files_know_it_without_being_told(layer, model, tmp_path, rng):
    X = rng.normal(size=(7, 3))
    expected = predict(model, X)
    numpy_text, script = {}, {}
    exec(to_numpy(model), numpy_text)
    exec(to_python(model), script)
    save(model, tmp_path / "model.safetensors")
    read = load(tmp_path / "model.safetensors").model
    assert read.layers == model.layers and model_from_config(model.config()).layers == model.layers
    for found in (
        numpy_text["predict"](X),
        script["predict"](X),
        predict(read, X),
        predict(from_json(to_json(model)).model, X),
    ):
        np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@every_form
def test_onnx_knows_it(layer, dtype, rng):
    runtime, onnx = pytest.importorskip("onnxruntime"), pytest.importorskip("clearprop.formats.onnx")
    model = Sequential([layer, Dense(2)], 3, dtype=dtype)
    X = rng.normal(size=(7, 3)).astype(dtype)
    session = runtime.InferenceSession(onnx.to_onnx(model).SerializeToString())
    found, tolerance = session.run(["prediction"], {"X": X})[0], 1e-12 if dtype == "float64" else 1e-5
    assert found.dtype == X.dtype
    np.testing.assert_allclose(found, predict(model, X), rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("language", ["en", "zh"])
@every_form
def test_explain_shows_all_its_gradients_right(layer, model, language, rng):
    found = explain(model, rng.normal(size=3), 1, "crossentropy", full=True, language=language)
    assert found.agrees and "✗" not in found.text().replace("✗", "", 1)  # the first is in the legend
    names = {number.name for number in found.gradients}
    assert {f"d{name}₁[{','.join('0' * p.ndim)}]" for name, p in named(model)} <= names


def named(model):
    """The embedding's parameters, by the symbols of `explain`."""
    symbols = {"weight": "W", "bias": "b"}
    views = model.parameter_views(model.w)[0]
    return [(symbols.get(name, name), view) for name, view in views.items()]


def test_explain_writes_the_formula(rng):
    layer = NumericEmbedding(2, columns=[1], frequencies=2)
    found = explain(Sequential([layer, Dense(1)], 2), [0.5, 2.0], 1.0, "mse", full=True)
    wave = "(−6.28319)·dn₁[0]·W₁[0,0,1]·sin(6.28319·(x[1]·frequency₁[0,1] + phase₁[0,1]))"
    assert found["dphase₁"][1].formula == wave
    assert [number.formula for number in found["n₁"][1:]] == ["x[0]", "x[1]"]


@pytest.mark.parametrize("engine", ["native", "reference"])
@pytest.mark.parametrize("form", ["waves", "ramps"])
def test_it_learns_what_a_straight_line_cannot(engine, form, rng):
    X = rng.uniform(-1.0, 1.0, (200, 1))
    layer = NumericEmbedding(4, sigma=1.0) if form == "waves" else NumericEmbedding(4, edges=[np.linspace(-1, 1, 9)])
    model = Sequential([layer, Dense(1)], 1, seed=1)
    if choose_engine("auto", model, MSE(), SGD())[0].name != engine == "native":
        pytest.skip("the native engine does not run here")
    y = np.sin(6.0 * X)
    *_, epoch = train(model, (X, y), "mse", Adam(0.03), epochs=150, engine=engine)
    assert epoch["loss"] < 0.05 < 0.3 < y.var()


REFUSED = {
    "k=1": ({"k": 1}, "2 or more: one output and the input itself, not 1"),
    "k=0": ({"k": 0, "keep_input": False}, "1 or more, not 0"),
    "k=2.5": ({"k": 2.5}, "a whole number k"),
    "no frequencies": ({"frequencies": 0}, "a whole number frequencies"),
    "sigma=0": ({"sigma": 0.0}, "sigma above 0"),
    "sigma=nan": ({"sigma": float("nan")}, "sigma above 0"),
    "no columns": ({"columns": []}, "one or more"),
    "a name": ({"columns": ["age"]}, "numbers of inputs"),
    "one number": ({"columns": 3}, "numbers of inputs"),
    "twice": ({"columns": [1, 1]}, "twice"),
    "below 0": ({"columns": [-1]}, "from 0"),
    "flat edges": ({"edges": [0.0, 1.0]}, "a list of numbers for each column"),
    "edges in text": ({"edges": [["0", "1"]]}, "a list of numbers for each column"),
    "no edges": ({"edges": []}, "a list of numbers for each column"),
    "a huge edge": ({"edges": [[0, 10**400]]}, "a list of numbers for each column"),
    "one edge": ({"edges": [[0.0]]}, "edges of column 0 must be two or more"),
    "equal edges": ({"edges": [[0.0, 1.0], [0.0, 0.0]]}, "edges of column 1"),
    "edges too near": ({"edges": [[0.0, 5e-324]]}, "edges of column 0"),
    "infinite edges": ({"edges": [[0.0, float("inf")]]}, "edges of column 0"),
    "edges of others": ({"edges": [[0.0, 1.0]], "columns": [0, 1]}, "edges for 1 columns, but 2 columns"),
    "trainable": ({"trainable": ("start", "weights")}, "no parameter 'weights'"),
}


@pytest.mark.parametrize(("arguments", "message"), REFUSED.values(), ids=REFUSED)
def test_senseless_arguments_are_refused_in_words(arguments, message):
    with pytest.raises(ConfigurationError, match=message):
        NumericEmbedding(**arguments)


def test_a_summary_cuts_long_edges_short():
    model = Sequential([NumericEmbedding(edges=[np.arange(50.0)])], 1)
    head, line, _ = model.summary().splitlines()
    assert len(head) == len(line) < 130 and "edges=((0.0, 1.0," in line and "…" in line


FORGED = [
    {"columns": "01"},
    {"columns": [0.5]},
    {"columns": [[0]]},
    {"columns": [9]},
    {"columns": 1},
    {"edges": [[0.0, "1"]]},
    {"edges": [[[0.0, 1.0]]]},
    {"edges": [[1.0, 0.0]]},
    {"edges": [[0.0, 1.0]] * 9},
    {"k": 1e3},
    {"k": True},
    {"frequencies": 10**12},
]


@pytest.mark.parametrize("forged", FORGED, ids=str)
def test_files_with_senseless_arguments_are_refused(forged, tmp_path):
    model = Sequential([NumericEmbedding(columns=[0, 2])], 3)
    document = json.loads(to_json(model))
    document["architecture"]["layers"][0] |= forged
    with pytest.raises(ModelFileError):
        from_json(json.dumps(document))
    described = {**model.config(), "layers": document["architecture"]["layers"]}
    model.config = lambda: described
    save(model, tmp_path / "model.safetensors")
    with pytest.raises(ModelFileError):
        load(tmp_path / "model.safetensors")


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        (NumericEmbedding(columns=[0, 3]), "no column 3 among 3 inputs; they are 0 to 2"),
        (NumericEmbedding(edges=EDGES), "edges for 2 columns, but 3 inputs; name the columns"),
    ],
)
def test_columns_that_the_input_lacks_are_refused_when_the_width_is_known(layer, message):
    with pytest.raises(ConfigurationError, match=message):
        Sequential([layer], 3)
