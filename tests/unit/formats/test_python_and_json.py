"""Networks as Python text and as JSON, and PyTorch's weights: each is run, and predicts what clearprop predicts."""

import json
import subprocess
import sys

import numpy as np
import pytest

from clearprop.data import Preparation, read_table
from clearprop.errors import ConfigurationError, ModelFileError
from clearprop.formats import SavedModel, plain_rows
from clearprop.formats.json_format import from_json, to_json
from clearprop.formats.numpy_source import to_numpy
from clearprop.formats.python_source import to_python
from clearprop.formats.state_dict import from_state_dict
from clearprop.initializers import Normal
from clearprop.judge.answers import answer_table, predictions_for
from clearprop.layers import PREDICTION, Activation, Dense, Layer
from clearprop.layers.base import LAYERS
from clearprop.losses import links
from clearprop.model import MLP, Sequential
from clearprop.ops import ACTIVATIONS, OPS, Op, activation, erf, sigmoid
from clearprop.train import predict
from exports import CASES, expected, inputs, iris, mixed_rows, network, new_rows, trained, write_rows


def execute(text):
    """The names that the text defines, in an empty namespace."""
    namespace = {"__name__": "exported"}
    exec(compile(text, "exported", "exec"), namespace)
    return namespace


def close(found, wanted, tolerance=1e-12):
    assert found.shape == wanted.shape
    np.testing.assert_allclose(found, wanted, rtol=tolerance, atol=tolerance)


# --- networks ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "norm", "dtype"), CASES)
def test_numpy_text_predicts_the_same(name, norm, dtype, rng):
    model, X = network(name, norm, dtype), inputs(name, dtype, rng)
    # In float32 only the same order of sums gives the same digits: that of the reference engine, which is NumPy too.
    engine = "reference" if dtype == "float32" else "auto"
    for link in links():
        with np.errstate(over="ignore"):  # the link exp
            found = execute(to_numpy(model, link=link))["predict"](X)
            close(found, predict(model, X, link=link, engine=engine))
        assert found.dtype == dtype


@pytest.mark.parametrize(("name", "norm", "dtype"), CASES)
def test_python_and_json_give_the_network_back_bit_for_bit(name, norm, dtype, rng):
    model, X = network(name, norm, dtype), inputs(name, dtype, rng)
    script = execute(to_python(model, link="sigmoid"))
    again = from_json(to_json(model, link="sigmoid"))
    for found in (script["model"], again.model):
        assert found.config() == model.config()
        assert found.w.tobytes() == model.w.tobytes() and found.buffers.tobytes() == model.buffers.tobytes()
    assert again.link == "sigmoid" and again.preparation is None
    close(script["predict"](X), predict(model, X, link="sigmoid"))


def test_numpy_text_needs_numpy_alone():
    text = to_numpy(network("gelu", "batch", "float64"), link="softmax", classes=["a", "b", "c"])
    others = "[name for name in sys.modules if name.split('.')[0] in ('clearprop', 'scipy', 'sklearn')]"
    code = f"import sys\n{text}\npredict([[1, 2, 3, 4]])\nassert not {others}"
    subprocess.run([sys.executable, "-I", "-c", code], check=True, timeout=60)


def test_classes_are_told_by_one_output_by_several_or_each_for_itself(rng):
    X = rng.normal(size=(20, 4))
    one, three = network("relu", "none", "float64", n_out=1), network("relu", "none", "float64")
    p = predict(one, X, link="sigmoid")[:, 0]
    text = execute(to_numpy(one, link="sigmoid", classes=[7, 9]))
    close(text["predict_proba"](X), np.column_stack([1 - p, p]))
    assert text["predict"](X).tolist() == np.where(p > 0.5, 9, 7).tolist()
    p = predict(three, X, link="softmax")
    text = execute(to_numpy(three, link="softmax", classes=["x", "it's", "汉"]))
    close(text["predict_proba"](X), p)
    assert text["predict"](X).tolist() == np.array(["x", "it's", "汉"])[p.argmax(axis=1)].tolist()
    p = predict(three, X, link="sigmoid")
    close(
        execute(to_numpy(three, link="sigmoid", classes=[0, 1, 2]))["predict_proba"](X),
        p / p.sum(axis=1, keepdims=True),
    )
    text = execute(to_numpy(three, link="sigmoid", classes=[0, 1, 2], multilabel=True))
    assert text["predict"](X).tolist() == (p > 0.5).astype(int).tolist()


def test_numpy_text_refuses_another_shape():
    text = execute(to_numpy(MLP([4, 2])))
    for X in ([1.0, 2.0, 3.0, 4.0], [[1.0, 2.0]]):
        with pytest.raises(ValueError, match=r"X must have shape \(n, 4\)"):
            text["predict"](X)


def test_long_and_odd_numbers_come_back(rng):
    for dtype in ("float64", "float32"):
        model = MLP([60, 3], dtype=dtype)
        model.w[:] = rng.normal(size=len(model.w)) * 10.0 ** rng.integers(-30, 30, len(model.w))
        text = to_python(model)
        assert execute(text)["model"].w.tobytes() == model.w.tobytes()
        assert max(map(len, text.splitlines())) <= 120


# --- your own ---------------------------------------------------------------------------------------------------------


HALF = 0.5


def bent(x):
    """x, bent"""
    return np.where(x > 0.0, x, HALF * sigmoid(x) + np.sin(x) * erf(x))


class Doubled(Layer):
    """y = 2 x"""

    def forward(self, x, parameters=None, run=PREDICTION):
        return np.minimum(np.absolute(2.0 * x), 3.0) - (-x), None, {}

    def backward(self, dy, cache, grads):
        return 2.0 * dy


class Looking(Doubled):
    """A layer whose way depends on the values"""

    def forward(self, x, parameters=None, run=PREDICTION):
        return (x if x[0, 0] > 0 else -x), None, {}


@pytest.fixture
def own():
    """Registered for one test; returns a network with them."""
    operation = activation()(bent)
    LAYERS.register("Doubled", Doubled)
    yield Sequential([Dense(3, init=Normal(0.0, 0.5)), Activation("bent"), Doubled(), Dense(2)], n_in=4)
    for registry, name in ((OPS, "bent"), (ACTIVATIONS, "bent"), (LAYERS, "Doubled")):
        del registry._definitions[name]
    assert operation.name == "bent"


def test_own_layers_and_activations_are_written_too(own, rng):
    X = rng.normal(size=(9, 4))
    text = to_numpy(own)
    assert "HALF = 0.5" in text and "def bent(x):" in text
    close(execute(text)["predict"](X), predict(own, X))
    script = to_python(own)
    assert "import test_python_and_json  # registers 'bent'" in script
    assert (
        "from test_python_and_json import Doubled" in script
        and "from clearprop import Activation, Dense, Normal" in script
    )
    close(execute(script)["predict"](X), predict(own, X))


FAR = np.inf


def clipped(x):
    """x up to FAR"""
    return np.minimum(x, FAR)


def test_infinite_constants(rng):
    model = Sequential([Activation(Op(clipped, shapes="ni->ni", kind="elementwise"))], n_in=4)
    X = rng.normal(size=(3, 4))
    close(execute(to_numpy(model))["predict"](X), X)


def test_what_cannot_be_written_is_refused(monkeypatch):
    with pytest.raises(ConfigurationError, match="the source of '<lambda>' cannot be copied"):
        to_numpy(Sequential([Dense(2), Activation(lambda x: x * x)], n_in=2))
    with pytest.raises(ConfigurationError, match="not a registered activation"):
        to_python(Sequential([Activation(lambda x: x * x)], n_in=2))
    with pytest.raises(ConfigurationError, match=r"layer 0 \(Looking\(\)\) cannot be written"):
        to_numpy(Sequential([Looking()], n_in=2))
    with pytest.raises(ConfigurationError, match="'predict' would be two functions"):
        to_numpy(Sequential([Activation(Op(predict, shapes="ni->ni", kind="elementwise"))], n_in=2))
    monkeypatch.setattr(Normal, "__module__", "__main__")
    with pytest.raises(ConfigurationError, match="defined in the running program"):
        to_python(Sequential([Dense(2, init=Normal())], n_in=2))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"link": "tanh"}, "choose one of identity, softmax"),
        ({"classes": ["a", "b", "c"]}, "gives no probabilities"),
        ({"link": "exp", "classes": ["a", "b", "c"]}, "gives no probabilities"),
        ({"link": "softmax", "classes": ["a", "b"]}, "2 classes for 3 outputs"),
        ({"link": "softmax", "classes": ["a", "b", "a"]}, "named twice"),
        ({"link": "softmax", "classes": [1.5, 2.0, 3.0]}, "texts or whole numbers"),
        ({"link": "softmax", "multilabel": True}, "needs classes"),
        ({"link": "softmax", "multilabel": True, "classes": [0, 1, 2]}, "use 'sigmoid'"),
    ],
)
def test_classes_that_do_not_fit_are_refused(arguments, message):
    with pytest.raises(ConfigurationError, match=message):
        to_numpy(MLP([2, 3]), **arguments)


def test_a_network_that_is_not_ready_is_refused():
    with pytest.raises(ConfigurationError, match="no parameters yet"):
        to_numpy(Sequential([Dense(2)]))
    model = MLP([2, 2])
    model.w[0] = np.inf
    with pytest.raises(ConfigurationError, match="NaN or infinite"):
        to_json(model)
    saved, _ = iris()
    for arguments in ({"link": "softmax"}, {"classes": ["a", "b", "c"]}):
        with pytest.raises(ConfigurationError, match="leave"):
            to_numpy(saved, **arguments)
    with pytest.raises(ConfigurationError, match="one output tells two classes apart, not 3"):
        to_numpy(MLP([2, 1]), link="sigmoid", classes=[1, 2, 3])
    with pytest.raises(ConfigurationError, match="leave multilabel out"):
        to_numpy(MLP([2, 1]), link="sigmoid", classes=[1], multilabel=True)


# --- tables -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_iris_from_its_columns(dtype):
    saved, data = iris(dtype)
    rows = {name: data.X[:, i].tolist() for i, name in enumerate(data.feature_names)}
    text = execute(to_numpy(saved))
    wanted = predictions_for(saved, data)
    close(text["predict_proba"](rows), wanted, 1e-12 if dtype == "float64" else 1e-6)
    assert text["predict"](rows).tolist() == answer_table(saved, wanted)["target"].tolist()
    script = execute(to_python(saved))["saved"]
    assert script.preparation == saved.preparation and script.link == saved.link
    assert predictions_for(script, data).tobytes() == wanted.tobytes()
    again = from_json(to_json(saved))
    assert predictions_for(again, data).tobytes() == wanted.tobytes()


@pytest.mark.parametrize("target", ["label", "cost"])
def test_a_table_with_categories_gaps_and_unseen_words(target, tmp_path):
    rows = mixed_rows()
    write_rows(tmp_path / "t.csv", rows)
    saved = trained(read_table(tmp_path / "t.csv"), target, drop=[{"label": "cost", "cost": "label"}[target]])
    kinds = {column.name: column for column in saved.preparation.columns}
    assert kinds["city"].other and kinds["city"].missing and kinds["grade"].other and not kinds["grade"].missing
    assert kinds["age"].indicator and kinds["member"].indicator
    text = execute(to_numpy(saved))
    wanted = expected(saved, tmp_path / "t.csv")
    close(text["predict_proba" if target == "label" else "predict"](rows), wanted)
    if target == "label":
        assert text["predict"](rows).tolist() == answer_table(saved, wanted)["label"].tolist()

    new = new_rows(tmp_path / "new.csv")
    wanted = expected(saved, tmp_path / "new.csv")
    function = text["predict_proba" if target == "label" else "predict"]
    close(function(new), wanted)
    spelt = {"age": [" 30", "", "n/a"], "height in cm": ["170.5", 160, None], "city": ["Atlantis", None, "北京 "]}
    close(function({**new, **spelt, "member": ["YES", "?", "No"]}), wanted)


def test_the_script_of_a_table_prints_its_answers(tmp_path):
    rows = mixed_rows()
    write_rows(tmp_path / "t.csv", rows)
    saved = trained(read_table(tmp_path / "t.csv"), "label", drop=["cost"])
    (tmp_path / "model.py").write_text(to_python(saved), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "model.py", "t.csv"],
        cwd=tmp_path,
        capture_output=True,
        timeout=60,
        encoding="utf-8",
        check=True,
    )
    found = [line.split(",")[0] for line in done.stdout.splitlines()]
    assert found == ["label", *answer_table(saved, expected(saved, tmp_path / "t.csv"))["label"].tolist()]


def test_dates_and_columns_without_gaps(tmp_path):
    days = ["2024-01-31", "2023-07-04", "2020-02-29", "1969-12-31 18:30:00"] * 10
    rows = {
        "sold": days,
        "words": ["a", "b"] * 20,
        "size": [str(i % 7) for i in range(40)],
        "y": [str(i * 1.5) for i in range(40)],
    }
    write_rows(tmp_path / "t.csv", rows)
    for missing in ("refuse", "median"):
        saved = trained(read_table(tmp_path / "t.csv"), "y", missing=missing, dates="expand")
        function = execute(to_numpy(saved))["predict"]
        close(function(rows), expected(saved, tmp_path / "t.csv"))
        written = {"sold": ["31.01.2024", "2024-01-31T00:00:00+02:00", "19-Jan-2018 2:55 PM"], "words": list("aba")}
        written["size"] = ["1", "2", "3"]
        write_rows(tmp_path / "new.csv", written)
        close(function(written), expected(saved, tmp_path / "new.csv"))
        for bad in ("31/01/2024", "2024-13-01"):
            with pytest.raises(ValueError, match=r"column 'sold', row 1: .* cannot be used"):
                function({"sold": [bad], "words": ["a"], "size": [1]})


def test_numpy_text_refuses_cells_that_clearprop_refuses(tmp_path):
    rows = {"size": ["1", "2", "3"] * 5, "word": ["a", "b", "c"] * 5, "member": ["yes", "no", "no"] * 5}
    write_rows(tmp_path / "t.csv", {**rows, "y": [str(float(i)) for i in range(15)]})
    strict = execute(to_numpy(trained(read_table(tmp_path / "t.csv"), "y", missing="refuse")))["predict"]
    filled = execute(to_numpy(trained(read_table(tmp_path / "t.csv"), "y")))["predict"]
    for predict_rows in (strict, filled):
        with pytest.raises(ValueError, match="there is no column 'word'"):
            predict_rows({"size": [1], "member": ["no"]})
        for bad in ("1_000", "inf", "big"):
            with pytest.raises(ValueError, match=f"column 'size', row 1: '{bad}' cannot be used"):
                predict_rows({"size": [bad], "word": ["a"], "member": ["no"]})
        with pytest.raises(ValueError, match="column 'member', row 1: 'maybe' cannot be used"):
            predict_rows({"size": [1], "word": ["a"], "member": ["maybe"]})
    for gap in ({"size": [""]}, {"word": [None]}, {"member": [""]}):
        with pytest.raises(ValueError, match="row 1: the value is missing"):
            strict({"size": [1], "word": ["a"], "member": ["no"], **gap})
        assert np.isfinite(filled({"size": [1], "word": ["a"], "member": ["no"], **gap})).all()


def test_words_for_missing_values_are_the_tables_own():
    from clearprop.data.cells import MISSING_WORDS

    assert plain_rows.MISSING_WORDS == MISSING_WORDS


def test_yes_or_no_for_each_class_in_proportion(rng):
    data = iris()[1]
    saved = SavedModel(MLP([4, 5, 3], "tanh"), Preparation.of(data), "sigmoid")
    rows = {name: data.X[:, i].tolist() for i, name in enumerate(data.feature_names)}
    close(execute(to_numpy(saved))["predict_proba"](rows), predictions_for(saved, data))


# --- JSON -------------------------------------------------------------------------------------------------------------


def test_json_is_what_its_documentation_says():
    saved, _ = iris()
    document = json.loads(to_json(saved))
    assert (document["format"], document["version"], document["link"]) == ("clearprop network", 1, "softmax")
    assert np.shape(document["weights"]["0.weight"]) == (4, 8) and np.shape(document["weights"]["2.bias"]) == (3,)
    assert document["preparation"]["class_names"] == list(saved.preparation.class_names)


def changed(**entries):
    return json.dumps({**json.loads(to_json(network("relu", "batch", "float64"))), **entries})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no JSON document"),
        ("[" * 100_000, "no JSON document"),
        ("[1]", "no JSON document"),
        ("{}", "no JSON document"),
        (changed(version=2), "upgrade clearprop"),
        (changed(more=1), "entries"),
        (changed(link="tanh"), "entries"),
        (changed(link=["softmax"]), "entries"),
        (changed(weights={}), "weights"),
        (changed(weights=None), "makes no sense"),
        (changed(buffers={}), "buffers"),
        (changed(buffers={"1.mean": [1.0], "1.variance": [1.0]}), "makes no sense"),
        (changed(architecture={"layers": []}), "makes no sense"),
        (changed(architecture={"layers": [{"layer": "Nonsense"}], "n_in": 1, "seed": 0, "dtype": "float64"}), "makes"),
        (
            changed(
                architecture={
                    "layers": [{"layer": "Dense", "units": 10**9}],
                    "n_in": 10**9,
                    "seed": 0,
                    "dtype": "float64",
                }
            ),
            "weights",
        ),
        (changed(preparation={"columns": []}), "makes no sense"),
    ],
)
def test_json_that_makes_no_sense_is_refused(text, message):
    with pytest.raises(ModelFileError, match=message):
        from_json(text)


def test_json_with_infinite_weights_is_refused():
    document = json.loads(to_json(MLP([1, 1])))
    document["weights"]["0.bias"] = [float("inf")]
    with pytest.raises(ModelFileError, match="makes no sense"):
        from_json(json.dumps(document))


# --- PyTorch ----------------------------------------------------------------------------------------------------------


def test_weights_of_a_state_dict(tmp_path, rng):
    torch = pytest.importorskip("torch")
    from safetensors.torch import save_file

    torch.manual_seed(0)
    steps = [torch.nn.Linear(4, 7), torch.nn.Tanh(), torch.nn.Dropout(0.5), torch.nn.Linear(7, 12), torch.nn.Tanh()]
    net = torch.nn.Sequential(*steps, *[torch.nn.Identity()] * 6, torch.nn.Linear(12, 3, bias=False)).eval()
    X = rng.normal(size=(20, 4)).astype(np.float32)
    wanted = net(torch.from_numpy(X)).detach().numpy()
    file = tmp_path / "net.safetensors"
    save_file(net.state_dict(), file)  # "11.weight" comes before "3.weight" there
    inside = {f"model.net.{name}": tensor for name, tensor in net.state_dict().items()}
    for source in (file, net.state_dict(), inside):
        model = from_state_dict(source, "tanh")
        assert model.dtype == np.float32 and repr(model).startswith("MLP([4, 7, 12, 3], activation='tanh'")
        close(predict(model, X), wanted, 1e-6)
    double = from_state_dict(net.double().state_dict(), "tanh", output_activation="sigmoid")
    wanted = torch.sigmoid(net(torch.from_numpy(X).double())).detach().numpy()
    close(predict(double, X), wanted)


def test_names_without_numbers_are_in_order_in_a_mapping_only(tmp_path):
    from safetensors.numpy import save_file

    layers = {"hidden.weight": np.ones((2, 3)), "hidden.bias": np.ones(2), "entry.weight": np.ones((2, 2))}
    assert from_state_dict(layers).widths == [3, 2, 2, 2]
    save_file(layers, tmp_path / "net.safetensors")
    with pytest.raises(ConfigurationError, match="do not tell the layers' order"):
        from_state_dict(tmp_path / "net.safetensors")


@pytest.mark.parametrize(
    ("tensors", "message"),
    [
        ({}, "there are no weights"),
        ({"0.weight": np.ones((2, 3)), "1.running_mean": np.ones(2)}, "'1.running_mean' with shape"),
        ({"0.weight": np.ones((2, 3, 3))}, "no weight or bias of a Linear layer"),
        ({"0.bias": np.ones(2)}, "no weight of that layer"),
        ({"0.weight": np.ones((2, 3)), "0.bias": np.ones(3)}, "the bias of '0' has shape"),
        ({"0.weight": np.ones((2, 3)), "2.weight": np.ones((2, 3))}, "'2' takes 3 inputs"),
        ({"0.weight": np.ones((2, 3), int)}, "finite floating-point"),
        ({"0.weight": np.full((2, 3), np.nan)}, "finite floating-point"),
        ({"0.weight": [[1.0], [1.0, 2.0]]}, "is not an array"),
    ],
)
def test_other_tensors_are_refused(tensors, message):
    with pytest.raises(ConfigurationError, match=message):
        from_state_dict(tensors)


def test_files_that_hold_no_tensors_are_refused(tmp_path):
    (tmp_path / "bad.safetensors").write_bytes(b"nonsense")
    with pytest.raises(ModelFileError, match="not a safetensors file"):
        from_state_dict(tmp_path / "bad.safetensors")
    with pytest.raises(ModelFileError, match="no such file"):
        from_state_dict(tmp_path / "none.safetensors")
