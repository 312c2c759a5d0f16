"""The same network in every library: the same weights come out, so only the time differs."""

import json
from dataclasses import replace

import numpy as np
import pytest
import typer
from typer.testing import CliRunner

from clearprop import MLP, load_dataset
from clearprop.cli.compare import compare as command
from clearprop.compare import PEERS, compare
from clearprop.compare import comparison as module
from clearprop.errors import ConfigurationError, DataError, UnknownNameError

RULES = [
    {"momentum": 0.0},
    {"momentum": 0.9},
    {"momentum": 0.9, "nesterov": True},
]


@pytest.mark.parametrize("rule", RULES, ids=str)
@pytest.mark.parametrize("activation", ["tanh", "relu", "sigmoid"])
def test_scikit_learn_ends_with_our_weights(rule, activation):
    for name in ("iris", "moons", "diabetes", "linnerud"):  # softmax, one sigmoid, one and three quantities
        rate = 0.01 if name == "linnerud" else 0.05
        found = compare(
            load_dataset(name),
            (8, 4),
            activation=activation,
            learning_rate=rate,
            epochs=5,
            rounds=1,
            libraries=["scikit-learn"],
            **rule,
        )
        ours, theirs = found.results
        assert theirs.difference < 1e-12
        assert (theirs.score, theirs.loss) == pytest.approx((ours.score, ours.loss), rel=1e-10)


@pytest.mark.peers
@pytest.mark.parametrize("rule", [*RULES, {"optimizer": "adam"}], ids=str)
def test_pytorch_ends_with_our_weights(rule):
    pytest.importorskip("torch")
    for name in ("iris", "moons", "diabetes"):
        found = compare(load_dataset(name), (8, 4), epochs=3, rounds=1, libraries=["PyTorch"], **rule)
        assert found["PyTorch"].difference < 1e-12
        assert not found.notes


@pytest.mark.peers
@pytest.mark.parametrize("rule", [*RULES[1:], {"optimizer": "adam"}], ids=str)
def test_keras_ends_with_our_weights(rule):
    if not installed("keras") or not any(map(installed, ("tensorflow", "torch", "jax"))):
        pytest.skip("Keras is not installed, or without a backend that trains")
    for name in ("iris", "moons", "diabetes"):
        found = compare(load_dataset(name), (8, 4), epochs=2, rounds=1, libraries=["Keras"], **rule)
        in_float32 = any("float32" in note for note in found.notes)
        adam = "optimizer" in rule  # whose first steps are as long for a gradient of 1e-8 as for one of 1
        assert found["Keras"].difference < (1e-3 if adam else 1e-5 if in_float32 else 1e-10)


def installed(name):
    return replace(PEERS["Keras"], module=name).installed


def test_adams_epsilon_is_elsewhere_and_that_is_said():
    found = compare(load_dataset("iris"), (8,), optimizer="adam", epochs=3, rounds=1, libraries=["scikit-learn"])
    assert 1e-12 < found["scikit-learn"].difference < 1e-3
    assert "Adam's ε" in found.notes[0]


def test_what_is_reported():
    found = compare(load_dataset("iris"), (8,), epochs=2, rounds=3, libraries=["scikit-learn"])
    ours, theirs = found.results
    assert (ours.name, ours.ratio, ours.difference) == ("clearprop", 1.0, 0.0)
    assert ours.seconds > 0 and theirs.seconds > 0 and theirs.ratio > 0
    assert found.setting["network"] == "MLP([4, 8, 3], activation='tanh')" and found.setting["rows"] == 120
    text = str(found)
    assert text.splitlines()[0].split()[:2] == ["library", "version"] and "medians of 3 interleaved rounds" in text
    document = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert [r["name"] for r in document["results"]] == ["clearprop", "scikit-learn"]
    with pytest.raises(ConfigurationError, match="'Keras' was not compared"):
        found["Keras"]


def test_the_scores_are_those_of_the_trained_weights():
    # Against scikit-learn's own judgement of its own network.
    from sklearn.metrics import log_loss

    data, taken = load_dataset("iris"), {}
    prepare = PEERS["scikit-learn"].prepare

    def spy(problem):
        taken["problem"], taken["ready"] = problem, prepare(problem)
        return taken["ready"]

    peers = {"clearprop": PEERS["clearprop"], "scikit-learn": replace(PEERS["scikit-learn"], prepare=spy)}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "PEERS", peers)
        found = compare(data, (8,), epochs=10, rounds=1)
    network = taken["ready"].train.__closure__
    network = next(c.cell_contents for c in network if hasattr(c.cell_contents, "predict_proba"))
    _, test = module._prepared(data, 0)
    assert found["scikit-learn"].score == network.score(test.X, test.y)
    assert found["scikit-learn"].loss == pytest.approx(log_loss(test.y, network.predict_proba(test.X)), rel=1e-9)


def test_every_library_starts_with_the_same_weights():
    training, _ = module._prepared(load_dataset("iris"), 0)
    start = [w.copy() for w in MLP((4, 6, 3), "tanh", seed=5).parameters().values()]
    problem = module.Problem(training, (4, 6, 3), "tanh", "crossentropy", start, "sgd", 1e-300, 0.0, False, 1, 32)
    for name, peer in PEERS.items():
        if peer.installed and name != "Keras":
            ready = peer.prepare(problem)
            ready.train()  # by steps of nothing
            for w, w0 in zip(ready.weights(), start, strict=True):
                np.testing.assert_allclose(w, w0, rtol=0, atol=1e-250)


def test_a_library_that_is_not_installed_is_named():
    peers = {"clearprop": PEERS["clearprop"], "Absent": replace(PEERS["PyTorch"], name="Absent", module="no_such_one")}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "PEERS", peers)
        found = compare(load_dataset("iris"), (4,), epochs=1, rounds=1)
    assert found.missing == ("Absent",) and "not installed: Absent" in str(found)


def test_mistakes_are_answered():
    data = load_dataset("iris")
    with pytest.raises(ConfigurationError, match="'gelu' is not in all libraries"):
        compare(data, activation="gelu")
    with pytest.raises(ConfigurationError, match="'rmsprop' is not in all libraries"):
        compare(data, optimizer="rmsprop")
    with pytest.raises(ConfigurationError, match="rounds is a whole number"):
        compare(data, rounds=0)
    with pytest.raises(UnknownNameError, match="Known: clearprop, scikit-learn"):
        compare(data, libraries=["sklern"])
    with pytest.raises(DataError, match="no rows to learn from of class"):
        compare(replace(data, target_names=(*data.target_names, "rosa")))


def run(*arguments):
    app = typer.Typer()
    app.command()(command)
    return CliRunner().invoke(app, list(map(str, arguments)))


def test_the_command(tmp_path):
    table = tmp_path / "t.csv"
    rng = np.random.default_rng(0)
    rows = "".join(f"{x:.3f},{-x:.3f},{'yes' if x > 0 else 'no'}\n" for x in rng.normal(size=60))
    table.write_text("a,b,kind\n" + rows)
    quick = ("--epochs", 2, "--rounds", 1, "--library", "scikit-learn")
    for arguments in ((table, "--target", "kind", "--hidden", "0"), ("iris", "--hidden", "6,4", "--nesterov")):
        result = run(*arguments, *quick)
        assert result.exit_code == 0, result.exception
        assert "scikit-learn" in result.output and "weight difference" in result.output
    document = json.loads(run("iris", *quick, "--json").output)
    assert document["results"][1]["difference"] < 1e-12
    assert isinstance(run(table, *quick).exception, ConfigurationError)
    assert isinstance(run("iris", "--target", "kind", *quick).exception, ConfigurationError)
