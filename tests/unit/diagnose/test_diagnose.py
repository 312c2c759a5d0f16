"""A network's health: what is wrong is named, with place and number; what is right is left in peace."""

import json
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import special

from clearprop import MLP, MSE, SGD, Dataset, Preparation, fit, load_dataset
from clearprop.diagnose import diagnose
from clearprop.diagnose.sentences import SENTENCES, WORDS
from clearprop.errors import ConfigurationError, DataError, DataWarning, ShapeError
from clearprop.judge import judge
from clearprop.judge.scores import METRICS_OF_TASK
from clearprop.runs.folder import report
from clearprop.runs.options import RunOptions
from clearprop.runs.training import train_run
from recordings import array, model_000, moons, read


@pytest.fixture(scope="module")
def blobs():
    data = load_dataset("blobs", n_samples=200, random_state=3)
    return Preparation.of(data).transform(data)


def found(model, data, loss="crossentropy", **options):
    return {finding.key: finding for finding in diagnose(model, data, loss, **options).findings}


# --- the posts --------------------------------------------------------------------------------------------------------


def test_post_001_at_its_start():
    recording, iris = read("seed001_faithful"), read("data_iris")
    data = Dataset(array(iris["X"]), iris["y"], target_names=("setosa", "versicolor", "virginica"))
    model = MLP([4, 12, 6, 3], "sigmoid", output_activation="sigmoid", use_bias=False)
    for layer, W in zip((0, 2, 4), recording["init"]["W"], strict=True):
        model.parameters()[f"{layer}.weight"][...] = array(W)
    diagnosis = diagnose(model, data, MSE("sum"))
    assert diagnosis.problems == ["saturated", "saturated", "vanishing", "same", "constant"]
    inputs = [round(layer.input, 2) for layer in diagnosis.layers if layer.layer in (1, 3, 5)]
    assert inputs == [7.79, 5.55, 2.98]
    assert [f.about["layer"] for f in diagnosis.findings[:2]] == [1, 3]
    assert diagnosis.findings[2].about["factor"] < 1e-3


@pytest.mark.parametrize(("post", "data", "rate"), [("000", "data_moons1000", 0.1), ("004", "data_moons2000", 0.01)])
def test_posts_000_and_004_at_epoch_50(post, data, rate):
    training, test = moons(data)
    model = model_000(read(f"seed{post}_faithful"), ("weight",))
    start = model.w.copy()
    fit(model, training, MSE(), SGD(rate), epochs=50, batch_size=1, order="sequential")
    for rows in (training, test):
        diagnosis = diagnose(model, rows, MSE(), start=start)
        assert diagnosis.problems == ["frozen", "linear"]
        assert diagnosis.findings[0].about["layers"] == "0, 2, 4, 6"
        assert diagnosis.findings[1].about["agreement"] >= 0.98


def test_post_000_when_it_has_learnt():
    training, _ = moons("data_moons1000")
    model = model_000(read("seed000_bias_updated"), ("weight", "bias"))
    fit(model, training, MSE(), SGD(0.1), epochs=400, batch_size=1, order="sequential")
    diagnosis = diagnose(model, training, MSE())
    assert diagnosis.healthy and diagnosis.scores["network"] > 0.95


# --- no false alarms --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["iris", "wine", "digits", "breast_cancer", "moons", "circles", "friedman1"])
def test_a_well_trained_network_is_left_in_peace(name):
    run = train_run(load_dataset(name), RunOptions())
    assert run.diagnosis.problems == []
    assert run.diagnosis.summary() == "no problem found"
    prepared = run.saved.preparation.transform(run.data)
    assert diagnose(run.saved.model, prepared, "crossentropy" if run.metric == "accuracy" else "mse").healthy


def test_diabetes_is_linear_and_that_is_said():
    # Ridge regression explains 52 % of the variance, the network 54 %, and 97 % of the network's answers are linear.
    run = train_run(load_dataset("diabetes"), RunOptions())
    assert run.diagnosis.problems == ["linear"]
    assert abs(run.score - run.baselines["linear"]) < 0.05


# --- each finding, provoked -------------------------------------------------------------------------------------------


def test_a_network_without_hidden_layers_is_linear_by_design():
    assert train_run(load_dataset("moons"), RunOptions(hidden=(), epochs=30)).diagnosis.healthy


def test_dead_units(blobs):
    model = MLP([2, 8, 8, 3], "relu", seed=1)
    assert "dead" not in found(model, blobs)
    model.parameters()["0.bias"][:3] = -1000.0
    dead = found(model, blobs)["dead"]
    assert dead.about["layer"] == 1 and dead.about["count"] == 3 and dead.about["rows"] == 200
    assert "3 of 8 units are dead, active on none of 200 rows" in str(dead)


def test_one_dead_unit_of_many_is_no_finding(blobs):
    model = MLP([2, 8, 3], "relu", seed=1)
    model.parameters()["0.bias"][0] = -1000.0
    diagnosis = diagnose(model, blobs, "crossentropy")
    assert diagnosis.layers[1].dead == 1 and "dead" not in diagnosis.problems


def test_saturated_units(blobs):
    model = MLP([2, 8, 3], "tanh", seed=1)
    assert "saturated" not in found(model, blobs)
    model.parameters()["0.bias"][...] = 50.0
    assert found(model, blobs)["saturated"].about["count"] == 8


def test_a_saturated_output_is_a_sure_answer(blobs):
    model = MLP([2, 8, 3], "tanh", output_activation="sigmoid", seed=1)
    model.parameters()["2.bias"][...] = 50.0
    assert "saturated" not in found(model, blobs, "mse")


def test_gradients_that_vanish_or_explode(blobs):
    deep = MLP([2, *[10] * 8, 3], "sigmoid", seed=1)
    assert found(deep, blobs)["vanishing"].about["factor"] < 1e-3
    assert {"vanishing", "exploding"}.isdisjoint(found(MLP([2, *[10] * 8, 3], "tanh", seed=1), blobs))
    wild = MLP([2, *[10] * 8, 3], "relu", seed=1)
    wild.w *= 5.0
    assert found(wild, blobs)["exploding"].about["factor"] > 1e3


def test_what_never_moved(blobs):
    model = MLP([2, 8, 3], "tanh", seed=1)
    start = model.w.copy()
    assert "unmoved" not in found(model, blobs, start=start)  # before training nothing has moved
    fit(model, blobs, "crossentropy", epochs=2)
    assert "unmoved" not in found(model, blobs, start=start)
    model.parameters()["0.bias"][...] = model.parameters(start)["0.bias"]
    assert found(model, blobs, start=start)["unmoved"].about["names"] == "0.bias"


def test_one_answer_for_all_rows():
    data = load_dataset("diabetes")
    model = MLP([10, 4, 1], "tanh", seed=1)
    model.parameters()["2.weight"][...] = 0.0
    assert set(found(model, data, "mse")) == {"vanishing", "same", "constant"}


def judged(rows, network, linear, constant):
    """The verdict on answers of which these shares are right, the first ones of all rows."""
    truth = np.zeros(rows, dtype=int)
    answers = {
        name: np.eye(2)[(np.arange(rows) >= round(share * rows)).astype(int)]
        for name, share in {"network": network, "constant": constant, "linear": linear}.items()
    }
    return judge("accuracy", truth, answers.pop("network"), answers)


def test_the_verdict_on_held_back_rows_is_taken_as_given(blobs):
    model = MLP([2, 8, 3], "tanh", seed=1)
    fit(model, blobs, "crossentropy", epochs=50)
    verdict = judged(100, 0.6, 0.6, 0.58)
    diagnosis = diagnose(model, blobs, "crossentropy", verdict=verdict)
    assert diagnosis.problems == ["constant"] and diagnosis.verdict is verdict
    assert diagnosis.scores == {"network": 0.6, "linear": 0.6, "constant": 0.58, "rows": 100}
    assert "not clearly better than a constant: accuracy 0.6 against 0.58 on 100 rows" in diagnosis.summary()


def test_luck_is_taken_into_account(blobs):
    model = MLP([2, 8, 3], "tanh", seed=1)
    few, many = (judged(rows, 0.6, 0.3, 0.5) for rows in (30, 3000))
    assert "constant" in found(model, blobs, verdict=few)
    assert "constant" not in found(model, blobs, verdict=many)


RIVALS_OF = {"constant": "a constant", "linear": "a linear model"}


@settings(max_examples=150, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    rows=st.integers(2, 120),
    classes=st.integers(2, 4),
    metric=st.sampled_from(METRICS_OF_TASK["classification"]),
    skill=st.lists(st.sampled_from([0.0, 0.5, 2.0, 50.0]), min_size=3, max_size=3),
)
def test_verdict_and_diagnosis_never_contradict_each_other(seed, rows, classes, metric, skill):
    """Whatever three models answer: what one calls better the other does not call unclear, nor the other way round."""
    rng = np.random.default_rng(seed)
    y = np.concatenate([[0, 1], rng.integers(classes, size=rows - 2)])
    answers = [special.softmax(rng.normal(size=(rows, classes)) + s * np.eye(classes)[y], axis=1) for s in skill]
    verdict = judge(metric, y, answers[0], {"constant": answers[1], "linear": answers[2]})
    data = Dataset(rng.normal(size=(30, 2)), np.arange(30) % 3, target_names=("a", "b", "c"))
    diagnosis = diagnose(MLP([2, 4, 3], "tanh", seed=1), data, "crossentropy", verdict=verdict)
    about = [finding for finding in diagnosis.findings if finding.key in ("constant", "linear", "rival")]
    for finding in about:
        rival = "constant" if finding.key == "constant" else "linear"
        assert finding.what().startswith(f"{verdict.decision} than {RIVALS_OF[rival]}: {metric}")
        assert str(verdict).startswith(f"{verdict.decision} than {RIVALS_OF[rival]}: {metric}")
    decisive = verdict.decisive
    if verdict.decision == "better":
        assert not about and all(one.low > 0 for one in verdict.differences)
    elif decisive.rival == "constant":
        assert [finding.key for finding in about] == ["constant"] and decisive.low <= 0
    elif decisive.high < -0.01:  # a linear model is clearly better, however good the network is
        assert about
    assert f"{verdict.decision} than {RIVALS_OF[decisive.rival]}" in diagnosis.sentences()[1]


def test_a_good_network_beside_a_clearly_better_linear_model_is_a_finding():
    y = np.linspace(-1.0, 1.0, 200)
    close = y + 0.15 * np.cos(40.0 * y)
    verdict = judge("r2", y, close, {"constant": 0.0 * y, "linear": y + 1e-3})
    data = Dataset(np.column_stack([y, y**3]), y)
    diagnosis = diagnose(MLP([2, 4, 1], "tanh", seed=1), data, "mse", verdict=verdict)
    assert verdict.score > 0.95 and verdict.decision == "NOT better"
    assert any(finding.key in ("linear", "rival") for finding in diagnosis.findings)


def test_a_class_that_is_never_answered_is_named_with_what_helps():
    rng = np.random.default_rng(0)
    rare = (rng.random(600) < 0.06).astype(int)
    data = Dataset(rng.normal(size=(600, 3)) + 0.5 * rare[:, None], rare, target_names=("well", "ill"))
    plain, balanced = (train_run(data, RunOptions(class_weight=weight, epochs=40)) for weight in (None, "balanced"))
    assert plain.scores["classes"]["ill"]["recall"] == 0.0 < balanced.scores["classes"]["ill"]["recall"]
    (overlooked,) = [one for one in plain.diagnosis.findings if one.key == "overlooked"]
    rows = plain.scores["classes"]["ill"]["rows"]
    assert overlooked.what() == f"the network never answers 'ill', the truth of {rows} of 120 rows"
    assert "--class-weight balanced" in overlooked.remedy()
    assert {"overlooked", "overlooked_still"}.isdisjoint(balanced.diagnosis.problems)
    prepared = plain.saved.preparation.transform(data)
    confusion = np.array(plain.scores["confusion"])
    still = diagnose(plain.saved.model, prepared, "crossentropy", confusion=confusion, weighted=True)
    assert "overlooked_still" in still.problems and "class" not in next(
        one.remedy() for one in still.findings if one.key == "overlooked_still"
    )


@pytest.mark.parametrize("metric", ["r2", "rmse", "mae"])
def test_absurd_answers_are_called_absurd(metric):
    data = load_dataset("diabetes")
    answers = {"constant": np.full(442, data.y.mean()), "linear": data.y + 1.0}
    verdict = judge(metric, data.y, np.full(442, 1e100), answers)
    assert verdict.decision == "NOT better"
    model = MLP([10, 4, 1], "tanh", seed=1)
    diagnosis = diagnose(model, data, "mse", verdict=verdict)
    assert "absurd" in diagnosis.problems and "no problem" not in diagnosis.summary()
    assert len(str(verdict)) < 200


def test_a_leak_is_a_finding():
    data = load_dataset("moons", n_samples=300)
    told = Dataset(
        np.column_stack([data.X, data.y]), data.y, feature_names=("x1", "x2", "told"), target_names=data.target_names
    )
    with pytest.warns(DataWarning, match="column 'told' alone predicts 'target' with balanced accuracy 1.000"):
        run = train_run(told, RunOptions(epochs=5))
    (leak,) = [one for one in run.diagnosis.findings if one.key == "leak"]
    assert leak.about["column"] == "told" and leak.about["score"] == 1.0
    assert "'told' alone predicts" in run.diagnosis.summary() and report(run)["warnings"]


def test_it_is_in_the_report_of_a_run():
    run = train_run(load_dataset("moons"), RunOptions(epochs=1, hidden=()))
    assert report(run)["diagnosis"] == run.diagnosis.to_dict()["findings"]
    assert run.diagnosis.scores["rows"] == len(run.test) and run.diagnosis.rows == len(run.data)


# --- how it is said ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", list(SENTENCES))
def test_what_is_printed(blobs, language):
    model = MLP([2, 8, 3], "relu", trainable=("weight",), seed=1)
    model.parameters()["0.bias"][...] = -1000.0
    diagnosis = diagnose(model, blobs, "crossentropy", language=language)
    assert diagnosis.problems == ["dead", "vanishing", "frozen", "same", "constant"]
    text = str(diagnosis)
    for finding in diagnosis.findings:
        for words in (finding.what(language), finding.why(language), finding.remedy(language)):
            assert words in text and "{" not in words
    document = json.loads(json.dumps(diagnosis.to_dict(), allow_nan=False))
    assert [f["key"] for f in document["findings"]] == diagnosis.problems
    assert document["layers"][1]["dead"] == 8 and "relative" not in document["layers"][1]


def test_languages_say_the_same_things():
    for sentences in (SENTENCES, WORDS):
        gaps = [
            {key: sorted(re.findall(r"{(\w+)", "".join(words))) for key, words in table.items()}
            for table in sentences.values()
        ]
        assert gaps[0] == gaps[1]


def test_the_model_is_not_changed_and_few_rows_of_many_suffice():
    data = load_dataset("moons", n_samples=20000)
    model = MLP([2, 8, 2], "relu", normalization="batch", seed=1)
    w, buffers = model.w.copy(), model.buffers.copy()
    assert diagnose(model, data, "crossentropy").rows == 5000
    np.testing.assert_array_equal(model.w, w)
    np.testing.assert_array_equal(model.buffers, buffers)


def test_mistakes_are_answered(blobs):
    with pytest.raises(ShapeError, match="2 columns, but the model takes 3"):
        diagnose(MLP([3, 3]), blobs, "crossentropy")
    with pytest.raises(DataError, match="class"):
        diagnose(MLP([2, 2]), blobs, "crossentropy")
    with pytest.raises(ConfigurationError, match="Known: en, zh"):
        diagnose(MLP([2, 3]), blobs, "crossentropy", language="fr")
    broken = MLP([2, 3])
    broken.w[:] = np.nan
    with pytest.raises(DataError, match="not finite"):
        diagnose(broken, blobs, "crossentropy")
