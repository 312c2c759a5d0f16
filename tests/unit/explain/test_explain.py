"""One row through a network: the numbers are the model's own, the formulas give them, and the witness agrees."""

import json
import math
import re
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest
import typer
from typer.testing import CliRunner

from clearprop import LBFGS, MLP, MSE, SGD, Activation, CrossEntropy, Dense, Sequential, load_dataset, save
from clearprop.cli.diagnose import diagnose as diagnose_command
from clearprop.cli.explain import explain as command
from clearprop.engine import GradientOptions, choose_engine
from clearprop.errors import ClearpropError, ConfigurationError, DataError, OutputError, ShapeError, UnknownNameError
from clearprop.explain import explain
from clearprop.explain.formula import formula
from clearprop.explain.named import Named
from clearprop.explain.sentences import SENTENCES
from clearprop.gradients.check import TOLERANCE
from clearprop.layers import LAYERS
from clearprop.losses import LOSSES
from clearprop.ops import ACTIVATIONS, Op, sigmoid
from clearprop.optim import OPTIMIZERS
from clearprop.posts.starts import STARTS
from clearprop.runs.options import RunOptions
from clearprop.runs.training import train_run
from examples import DATA_OF_LOSS, LAYER_EXAMPLES, LOSS_EXAMPLES, OPTIMIZER_EXAMPLES
from recordings import array, model_000, moons, read


def numbers(found):
    return [n for group in found.walk() for n in group.numbers]


def calculated(text):
    """What a formula with numbers gives when Python calculates it, to the four digits it is written with."""
    text = re.sub(r"\|([^|]+)\|", r"abs(\1)", text.replace("−", "-").replace("·", "*").replace("²", "**2"))
    text = text.replace("√", "sqrt").replace("e^", "exp").replace("^", "**")
    known = {name: getattr(math, name) for name in ("sqrt", "exp", "log", "log1p", "tanh", "erf", "sin", "cos")}
    return eval(text, {"__builtins__": {}, "abs": abs, "max": max, "min": min, **known})


def assert_formulas_give_the_numbers(found, least):
    """Every number in a formula has four digits, so the result has about three."""
    checked = 0
    for n in numbers(found):
        if n.numbers and "…" not in n.numbers:
            scale = max(1e-2, *(abs(m.value) for m in found[n.name.partition("[")[0]]), 0.0)
            assert calculated(n.numbers) == pytest.approx(n.value, rel=5e-3, abs=5e-3 * scale), str(n)
            checked += 1
    assert checked >= least


def assert_the_witness_agrees(found):
    """Within gradcheck's bound for the complex step, relative to the array's largest gradient."""
    assert found.about["witness"] == "complex step"
    for n in found.gradients:
        scale = max(1e-2, *(abs(m.value) for m in found[n.name.partition("[")[0]]), 0.0)
        assert abs(n.value - n.numeric) <= TOLERANCE["complex step"] * scale, str(n)
    assert found.agrees, found.text()


def assert_is_the_models_own(found, model, x, y, loss):
    """To the last bit, and the gradient the engines' to 1e-12."""
    X = np.asarray(x, model.dtype)[None, :]
    outputs, caches, _ = model.forward(X)
    value, cache = loss.forward(y, outputs)
    g = np.empty_like(model.w)
    dx = model.backward(loss.backward(cache), caches, g)
    shown = {n.name: n for n in numbers(found)}
    assert shown["L"].value == value
    for name, values in found.arrays.items():
        for n in found[name]:
            if not n.replaces and "[" in n.name:
                place = tuple(map(int, n.name.partition("[")[2][:-1].split(",")))
                assert n.value == (values[0][place] if values.ndim > len(place) else values[place])
    np.testing.assert_array_equal(found.arrays["dx"], dx)
    views = model.parameter_views(g)
    symbols = {"weight": "dW", "bias": "db", "gamma": "dγ", "beta": "dβ"}
    symbols |= {name: f"d{name}" for name in ("scale", "frequency", "phase", "start", "slope")}
    expected = [v for view in views for v in view.values()]
    names = [name for name in found.arrays if name.startswith(tuple(symbols.values()))]
    assert sum(found.arrays[name].size for name in names) == len(g) == sum(v.size for v in expected)
    assert sorted(found.arrays[name].tobytes() for name in names) == sorted(v.tobytes() for v in expected)


@pytest.mark.parametrize("loss", LOSS_EXAMPLES, ids=repr)
def test_every_loss(loss, rng):
    y, y_pred = DATA_OF_LOSS[type(loss)](loss, rng, 1, 3)
    # A network whose outputs are exactly the example's: the last layer's bias is what is missing.
    model = MLP([2, 4, 3], "tanh", seed=1)
    x = np.array([0.4, -0.7])
    model.parameters()["2.bias"][...] = (y_pred - model.forward(x[None, :])[0])[0]
    found = explain(model, x, y[0], loss, full=True)
    assert_is_the_models_own(found, model, x, y, loss)
    assert_formulas_give_the_numbers(found, least=40)
    assert_the_witness_agrees(found)
    assert len(found.gradients) == 3 + 3 * 4 + 3 + 4 + 4 + 2 * 4 + 4 + 2


def test_every_loss_of_the_registry_is_among_the_examples():
    assert {type(loss) for loss in LOSS_EXAMPLES} == set(LOSSES.values())
    assert {type(layer) for layer in LAYER_EXAMPLES} == set(LAYERS.values())


@pytest.mark.parametrize("layer", LAYER_EXAMPLES, ids=repr)
def test_every_layer(layer, rng):
    model = Sequential([Dense(4), layer, Dense(2)], n_in=3, seed=2)
    model.w += 0.1 * rng.normal(size=model.w.shape)
    model.buffers[...] = rng.uniform(0.5, 1.5, model.buffers.shape)
    x, y = rng.normal(size=3), np.array([0.3, -0.2])
    found = explain(model, x, y, "mse", full=True)
    assert_is_the_models_own(found, model, x, y[None, :], MSE())
    assert_formulas_give_the_numbers(found, least=30)
    assert_the_witness_agrees(found)


@pytest.mark.parametrize("optimizer", [*OPTIMIZER_EXAMPLES, LBFGS()], ids=repr)
def test_every_optimizer(optimizer):
    model = MLP([2, 3, 1], "tanh", seed=1)
    found = explain(model, [0.5, -1.0], 0.7, "mse", optimizer, full=True)
    if isinstance(optimizer, LBFGS):
        assert "minimises the loss of all rows at once" in found.text()
        return
    assert_formulas_give_the_numbers(found, least=30)
    g = np.empty_like(model.w)
    outputs, caches, _ = model.forward(np.array([[0.5, -1.0]]))
    model.backward(MSE().backward(MSE().forward([0.7], outputs)[1]), caches, g)
    for segment in model.segments:
        w = model.w[segment.slice].copy()
        slots = optimizer.initial_slots(len(w), w.dtype)
        table, _ = optimizer.table(1, 1, [1.0], [segment.decays], optimizer.initial_carry)
        optimizer.apply(w, g[segment.slice], slots, table[0, 0].tolist())
        after = model.w.copy()
        after[segment.slice] = w
        views = model.parameters(after)
        for name, symbol in (("0.weight", "W₁"), ("0.bias", "b₁"), ("2.weight", "W₂"), ("2.bias", "b₂")):
            if (segment.decays and name.endswith("weight")) or (not segment.decays and name.endswith("bias")):
                np.testing.assert_array_equal(found.arrays[symbol], views[name])
    assert set(OPTIMIZERS.values()) == {type(o) for o in OPTIMIZER_EXAMPLES} | {LBFGS}


def test_the_gradient_is_the_engines(rng):
    model, loss = MLP([3, 8, 8, 2], "gelu", seed=4), CrossEntropy()
    x = rng.normal(size=3)
    program = choose_engine("auto", model, loss, SGD())[0].compile(model, loss, SGD(), GradientOptions())
    value, g = program.loss_and_grad(x[None, :], [1])
    found = explain(model, x, 1, loss)
    assert found["L"][0].value == pytest.approx(value, rel=1e-12)
    for name, symbol in {"0.weight": "dW₁", "2.bias": "db₂", "4.weight": "dW₃"}.items():
        np.testing.assert_allclose(found.arrays[symbol], model.parameters(g)[name], rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("name", [n for n, op in ACTIVATIONS.items() if op.domain[0] == -math.inf])
def test_formulas_with_numbers_give_the_numbers(name):
    model = MLP([2, 3, 2], name, seed=6)
    found = explain(model, [0.8, -0.5], 1, "crossentropy", "adam")
    assert_formulas_give_the_numbers(found, least=40)


def test_a_formula_read_aloud():
    found = explain(MLP([2, 2, 2], "sigmoid", seed=1), [1.0, 0.0], 0, "crossentropy")
    assert found["z₁"][1].formula == "x[0]·W₁[0,1] + x[1]·W₁[1,1] + b₁[1]"
    assert found["a₁"][0].formula == "(1 if z₁[0] > 0 else e^(−|z₁[0]|)) / (1 + e^(−|z₁[0]|))"
    assert found["dz₁"][0].formula == "da₁[0]·a₁[0]·(1 − a₁[0])"
    assert found["da₁"][1].formula == "dz₂[0]·W₂[1,0] + dz₂[1]·W₂[1,1]"
    assert found["dz₂"][1].formula == "p[1]·(t[0] + t[1]) − t[1]"
    assert found["dW₁"][2].formula == "x[1]·dz₁[0]"
    assert found["W₁"][2].formula == "W₁[1,0] − 0.01·dW₁[1,0]"


def test_values_inside_formulas():
    a, b = Named([[2.0, -1.0]], "a", sample=True), Named([[3.0, 4.0]], "b", sample=True)
    assert formula(a - (b - a), (0, 1)) == "a[1] − b[1] + a[1]"
    assert formula(a / (b * b) / a, (0, 0)) == "(a[0] / (b[0]·b[0])) / a[0]"
    assert formula(-(a + b) * 2.0, (0, 1), numbers=True) == "(−(−1) − 4)·2"
    assert formula(np.sum(a * b, axis=-1, keepdims=True), (0, 0)) == "a[0]·b[0] + a[1]·b[1]"
    assert formula(np.mean(a, axis=1), (0,)) == "(a[0] + a[1]) / 2"
    assert formula(np.reshape(a.T, (1, 2)), (0, 1)) == "a[1]"
    assert formula(a[:, 1:] * 2.0, (0, 0)) == "a[1]·2"


def test_a_wrong_derivative_is_marked():
    wrong = Op(lambda z: sigmoid(z), shapes="ni->ni", kind="elementwise")
    wrong.defvjp(lambda dy, y: dy * (sigmoid(y) * (1.0 - sigmoid(y))))  # post 003: of the activation, not of z
    model = Sequential([Dense(3), Activation(wrong), Dense(1)], n_in=2, seed=3)
    found = explain(model, [0.5, -2.0], 1.0, "mse")
    assert not found.agrees
    assert all(n.agrees for n in found["dW₂"]) and not any(n.agrees for n in found["dz₁"])
    assert "✗" in found.text() and 'class="wrong"' in found.html() and not found.to_dict()["agrees"]


def test_a_function_of_ones_own_is_explained_by_the_tape():
    model = Sequential([Dense(3), Activation(lambda z: np.maximum(z, 0.1 * z) + np.sin(z)), Dense(1)], n_in=2)
    found = explain(model, [0.5, -2.0], 1.0, "mse")
    assert found.about["witness"] == "central differences"
    assert found.agrees, found.text()
    assert "sin(z₁[0])" in found["a₁"][0].formula


def test_wide_layers_fold():
    model = MLP([64, 60, 3], "relu", seed=2)
    x = np.linspace(-1, 1, 64)
    found = explain(model, x, 2, "crossentropy")
    assert [n.name for n in found["a₁"]][:4] == ["a₁[0]", "a₁[1]", "a₁[2]", "a₁[3]"]
    assert found["a₁"][-1].largest and found["a₁"][-1].value == np.max(found.arrays["a₁"])
    assert "… 55 more" in found.text() and "… (61) …" in found["z₁"][0].formula
    assert len(explain(model, x, 2, "crossentropy", units=10)["z₁"]) in (10, 11)
    assert len(found.text().splitlines()) < 200
    whole = explain(MLP([5, 12, 3]), np.ones(5), 2, "crossentropy", full=True)
    assert len(whole["dW₁"]) == 60 and "more" not in whole.text()


def test_what_is_frozen_off_or_normalised_is_said():
    model = MLP([2, 3, 1], "relu", trainable=("weight",), dropout=0.5, normalization="batch", seed=1)
    model.buffers[...] = 2.0
    found = explain(model, [1.0, 2.0], 1.0, "mse")
    text = found.text()
    assert "frozen: not updated" in text and "off when explaining" in text and "running statistics" in text
    assert "mean₁[0]" in found["n₁"][0].formula
    assert "W₁" in found.arrays and "b₁" not in found.arrays


def test_float32():
    model = MLP([3, 4, 2], "tanh", dtype="float32", seed=1)
    found = explain(model, [0.1, 0.2, 0.3], 1, "crossentropy", "adam")
    assert found.agrees and found.arrays["z₁"].dtype == found.arrays["W₁"].dtype == np.float32


@pytest.mark.parametrize("language", list(SENTENCES))
def test_every_format_in_every_language(language):
    model = MLP([2, 3, 2], "tanh", dropout=0.1, seed=1)
    names = {"feature_names": ("花瓣<长>", "w|idth"), "target_names": ("a", "b")}
    found = explain(model, [0.5, -1.0], 1, "crossentropy", "adam", language=language, **names)
    words = SENTENCES[language]
    for page in (found.text(), found.markdown(), found.html(), json.dumps(found.to_dict(), ensure_ascii=False)):
        assert words["backward"] in page and "dW₁[1,2]" in page
    assert str(found) == found.text() and "花瓣<长>" in found.text()
    page = ElementTree.fromstring(found.html().partition("\n")[2].replace("<details open>", "<details>"
        ).replace('<meta charset="utf-8">', "").replace(
        '<meta name="viewport" content="width=device-width, initial-scale=1">', ""))  # fmt: skip
    assert len(page.findall(".//details")) > 8 and "script" not in found.html() and "http" not in page.get("lang")
    assert found._repr_html_() in found.html()
    document = json.loads(json.dumps(found.to_dict()))
    assert [group["title"] for group in document["groups"]] == [
        words[name] for name in ("input", "forward", "loss", "backward", "update")
    ]


def test_languages_say_the_same_things():
    gaps = {language: {k: set(re.findall(r"{\w+}", v)) for k, v in words.items()} for language, words in
            SENTENCES.items()}  # fmt: skip
    assert gaps["zh"] == gaps["en"]
    english = explain(MLP([2, 2]), [1.0, 2.0], 1, "crossentropy")
    assert "前向传播" in english.in_language("zh").text()


def test_mistakes_are_answered():
    model = MLP([2, 3, 2])
    with pytest.raises(ShapeError, match=r"one row.*pass X\[i\]"):
        explain(model, np.ones((2, 2)), 1, "crossentropy")
    with pytest.raises(ShapeError, match=r"\(n, 2\)"):
        explain(model, np.ones(3), 1, "crossentropy")
    with pytest.raises(DataError, match="class 5"):
        explain(model, np.ones(2), 5, "crossentropy")
    with pytest.raises(DataError, match="finite"):
        explain(model, [1.0, np.nan], 1, "crossentropy")
    with pytest.raises(ConfigurationError, match="Known: en, zh"):
        explain(model, np.ones(2), 1, "crossentropy", language="fr")
    with pytest.raises(ConfigurationError, match="units"):
        explain(model, np.ones(2), 1, "crossentropy", units=0)
    with pytest.raises(UnknownNameError, match="dz₁"):
        explain(model, np.ones(2), 1, "crossentropy")["dz1"]


def test_the_model_is_not_changed():
    model = MLP([2, 3, 2], normalization="batch")
    w, buffers = model.w.copy(), model.buffers.copy()
    explain(model, [1.0, 2.0], 1, "crossentropy", "adam")
    np.testing.assert_array_equal(model.w, w)
    np.testing.assert_array_equal(model.buffers, buffers)


# --- the posts --------------------------------------------------------------------------------------------------------


def test_post_000s_first_sample():
    recording = read("seed000_faithful")
    training, _ = moons("data_moons1000")
    model = model_000(recording, ("weight",))
    probe = recording["probe_first_sample_at_init"]
    found = explain(model, training.X[0], training.y[0], MSE(), SGD(0.1))
    for number, delta in enumerate(probe["dL_dz"]):
        symbol = "dz" + "₁₂₃₄"[number]
        np.testing.assert_allclose(found.arrays[symbol][0], delta, rtol=1e-12)
    assert found.agrees


@pytest.mark.parametrize("post", list(STARTS))
def test_every_post_at_its_start(post):
    start = STARTS[post]()
    found = explain(start.model, start.training.X[0], start.training.y[0], start.loss, start.optimizer)
    assert found.agrees == (post != "003"), found.text()
    if post == "003":  # the output's sigmoid is the first whose derivative is wrong
        assert found["da₃"][0].agrees and not found["dz₃"][0].agrees
        assert "backward, is dz₃[0]" in found.text()


@pytest.mark.parametrize(
    ("post", "recording", "weights"),
    [("001", "seed001_faithful", ["0.weight", "2.weight", "4.weight"]), ("003", "seed003_faithful", ["0.weight"])],
)
def test_the_posts_start_weights_are_theirs(post, recording, weights):
    recorded, model = read(recording)["init"], STARTS[post]().model
    expected = recorded["W"] if "W" in recorded else [recorded["W1"]]
    for name, W in zip(weights, expected, strict=True):
        np.testing.assert_array_equal(model.parameters()[name], array(W))


# --- the command ------------------------------------------------------------------------------------------------------


def run(command, *arguments):
    app = typer.Typer()
    app.command()(command)
    return CliRunner().invoke(app, list(map(str, arguments)))


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    trained = train_run(load_dataset("iris"), RunOptions(hidden=(6,), epochs=5))
    path = tmp_path_factory.mktemp("model") / "model.safetensors"
    save(trained.saved.model, path, preparation=trained.saved.preparation, link=trained.saved.link)
    return path


def test_the_command_explains_a_row_of_a_table(saved, tmp_path):
    result = run(command, saved, "iris", "--row", 60)
    assert result.exit_code == 0, result.exception
    assert "sepal length (cm) 5" in result.output and "versicolor" in result.output
    assert result.output.count("✗") == 1  # where it is said what the mark means
    assert "前向传播" in run(command, saved, "iris", "--lang", "zh").output
    assert run(command, saved, "iris", "--format", "markdown").output.startswith("# One row through")
    document = json.loads(run(command, saved, "iris", "--json", "--optimizer", "adam").output)
    assert document["agrees"] and document["optimizer"] == "Adam()"
    page = tmp_path / "row.html"
    assert run(command, saved, "iris", "--format", "html", "--out", page).exit_code == 0
    assert page.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    assert isinstance(run(command, saved, "iris", "--out", page).exception, OutputError)
    assert run(command, saved, "iris", "--out", page, "--force").exit_code == 0


def test_the_command_explains_a_post():
    assert "dz₄" in run(command, "000").output
    assert "✗" in run(command, "003", "--row", 7).output
    for arguments in (("007",), ("000", "--row", 700), ("000", "iris")):
        assert isinstance(run(command, *arguments).exception, ClearpropError)


def test_the_command_knows_its_limits(saved):
    for arguments, error in (
        (("iris", "--row", 150), DataError),
        (("wine",), DataError),
        (("iris", "--loss", "mze"), UnknownNameError),
        ((), ConfigurationError),
    ):
        assert isinstance(run(command, saved, *arguments).exception, error)


def test_the_diagnosis_command(saved):
    result = run(diagnose_command, saved, "iris")
    assert result.exit_code == 0 and "accuracy: network" in result.output
    assert "对 150 行数据的诊断" in run(diagnose_command, saved, "iris", "--lang", "zh").output
    document = json.loads(run(diagnose_command, saved, "iris", "--json").output)
    assert document["rows"] == 150 and len(document["layers"]) == 3
