"""What `clearprop train` does: honest splits, honest comparison, and folders that are never overwritten by chance."""

import csv
import json
from dataclasses import replace

import numpy as np
import pytest

from clearprop.data import Dataset, load_dataset, read_table
from clearprop.errors import (
    CheckpointError,
    ConfigurationError,
    DataError,
    DataWarning,
    DivergenceError,
    ModelFileError,
    OutputError,
    UnknownNameError,
)
from clearprop.formats import load, save
from clearprop.judge import judge
from clearprop.judge.answers import answer_table, evaluate, load_model, predictions, predictions_for, rows_for
from clearprop.judge.importance import importances
from clearprop.judge.scores import METRICS_OF_TASK
from clearprop.model import MLP
from clearprop.optim import SCHEDULES
from clearprop.runs.folder import mean_and_spread, report, run_folder, write_evaluation, write_run
from clearprop.runs.options import RunOptions, losses_of, make_optimizer
from clearprop.runs.parts import load_data
from clearprop.runs.training import Checkpoints, train_repeatedly, train_run

SHORT = RunOptions(epochs=3)


@pytest.fixture(scope="module")
def moons():
    return train_run(load_dataset("moons", n_samples=300))


@pytest.fixture(autouse=True)
def in_temporary_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def test_moons_beats_a_linear_model(moons):
    assert moons.rows == {"training": 192, "validation": 48, "test": 60}
    assert moons.score > moons.baselines["linear"] > moons.baselines["constant"]
    assert moons.verdict.startswith("better than a linear model: accuracy 0.")
    assert moons.score == evaluate(moons.saved, moons.test)["accuracy"]
    assert 1 <= moons.best_epoch <= len(moons.history) <= 200


def test_same_seed_same_run(moons):
    again = train_run(load_dataset("moons", n_samples=300))
    np.testing.assert_array_equal(again.saved.model.w, moons.saved.model.w)
    other = train_run(load_dataset("moons", n_samples=300), RunOptions(seed=1))
    assert not np.array_equal(other.saved.model.w, moons.saved.model.w)


@pytest.mark.parametrize("name", ["iris", "diabetes", "linnerud"])
def test_kinds_of_data(name):
    run = train_run(load_dataset(name), RunOptions(epochs=20))
    assert np.isfinite(run.score)
    assert predictions(run.saved, run.test.X).shape == (len(run.test), run.data.n_outputs)
    json.dumps(report(run), allow_nan=False)


def test_test_rows_shape_nothing():
    """Whatever stands in the test rows, the trained model is the same."""
    data = load_dataset("diabetes")
    run = train_run(data, SHORT)
    _, test = data.split(0.2, seed=0)
    rows = [np.flatnonzero((x == data.X).all(axis=1))[0] for x in test.X]
    X, y = data.X.copy(), data.y.copy()
    X[rows] *= 100.0
    y[rows] += 1e4
    spoiled = train_run(replace(data, X=X, y=y), SHORT)
    np.testing.assert_array_equal(spoiled.saved.model.w, run.saved.model.w)
    assert spoiled.saved.preparation == run.saved.preparation
    assert spoiled.score != run.score


def test_the_verdict_is_the_judgement_of_the_test_rows(moons):
    answers = predictions(moons.saved, moons.test.X)
    wrong = {"constant": np.eye(2)[np.zeros(60, dtype=int)], "linear": np.eye(2)[1 - answers.argmax(axis=1)]}
    run = replace(moons, judgement=judge("accuracy", moons.test.y, answers, wrong))
    assert run.verdict.startswith(f"better than a linear model: accuracy {run.score:.3f} against ")
    same = replace(moons, judgement=judge("accuracy", moons.test.y, answers, dict.fromkeys(wrong, answers)))
    assert same.verdict.startswith("NOT better than a constant: accuracy") and same.score == run.score
    assert "a difference of 0.000 (no row tells them apart)" in same.verdict
    assert same.diagnosis.problems == ["constant"]


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        (RunOptions(activation="rleu"), UnknownNameError, "did you mean 'relu'"),
        (RunOptions(optimizer="adm"), UnknownNameError, "did you mean 'adam'"),
        (RunOptions(optimizer="lbfgs", learning_rate=1.0), ConfigurationError, "has no learning rate"),
        (RunOptions(learning_rate=-1.0), ConfigurationError, "learning_rate"),
        (RunOptions(hidden=(0,)), ConfigurationError, "units"),
        (
            RunOptions(learning_rate=1e200, weight_decay=0.0, activation="relu"),
            DivergenceError,
            "diverged in epoch 1",
        ),
        (RunOptions(optimizer="lbfgs", schedule="cosine"), ConfigurationError, "leave learning_rate and schedule out"),
        (RunOptions(optimizer="adam", weight_decay=0.1), ConfigurationError, "has no weight decay; use adamw"),
        (RunOptions(loss="mze"), UnknownNameError, "did you mean 'mse'"),
        (RunOptions(loss="mse"), ConfigurationError, "does not suit classification; use one of crossentropy"),
        (RunOptions(validation=0.0), ConfigurationError, "early stopping watches validation rows"),
        (RunOptions(activation=("relu", "tanh", "relu")), ConfigurationError, "3 activations for 2 hidden layers"),
        (RunOptions(dropout=1.5), ConfigurationError, "rate"),
        (RunOptions(metric="r2"), ConfigurationError, "metric 'r2' does not suit classification; use one of accuracy,"),
        (RunOptions(split="time:x"), ConfigurationError, "split is for tables, and moons is numbers already"),
    ],
)
def test_options_out_of_range(options, error, message):
    with pytest.raises(error, match=message):
        train_run(load_dataset("moons", n_samples=100), options)


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ({"test": 0.0}, "test=0.0 must lie between 0 and 1"),
        ({"test": 1.0}, "test=1.0"),
        ({"validation": -0.1}, "validation=-0.1"),
        ({"early_stopping": -1}, "0 turns it off"),
        ({"normalization": "bacth"}, "normalization cannot be 'bacth'; did you mean 'batch'"),
        ({"class_weight": "balance"}, "did you mean 'balanced'"),
        ({"schedule": "cosin"}, "did you mean 'cosine'"),
        ({"dtype": "float16"}, "dtype cannot be 'float16'"),
        ({"metric": "acuracy"}, "metric cannot be 'acuracy'; did you mean 'accuracy'"),
        ({"split": "tme:x"}, "neither time:COLUMN"),
    ],
)
def test_options_that_cannot_be(option, message):
    with pytest.raises(ConfigurationError, match=message):
        RunOptions(**option)


@pytest.mark.parametrize(
    "option",
    [
        {"hidden": ()},
        {"hidden": (8, 4), "activation": ("relu", "gelu"), "dropout": 0.2, "normalization": "batch"},
        {"activation": ("relu",), "normalization": "layer", "dtype": "float32", "l2": 0.01},
        {"early_stopping": 0, "validation": 0.0},
        {"class_weight": "balanced"},
        *({"schedule": name} for name in SCHEDULES),
        *({"loss": name} for name in losses_of("classification")),
    ],
    ids=str,
)
def test_every_option_trains(option):
    run = train_run(load_dataset("moons", n_samples=150), RunOptions(epochs=6, **option))
    assert len(run.history) == 6 and np.isfinite(run.kept_loss)
    assert run.saved.model.dtype == option.get("dtype", "float64")
    answers = predictions(run.saved, run.test.X)
    np.testing.assert_allclose(answers.sum(axis=1), 1.0, rtol=1e-5)
    if "schedule" in option:
        assert len(set(run.history["learning_rate"])) > 1
    if option.get("early_stopping") == 0:
        assert run.best_epoch == 6 and run.rows == {"training": 120, "validation": 0, "test": 30}
    report(run)


@pytest.mark.parametrize("loss", losses_of("regression"))
def test_losses_of_quantities(loss):
    run = train_run(load_dataset("diabetes"), RunOptions(epochs=30, loss=loss))
    assert run.score > 0.2, run.score


def test_defaults_of_optimizers():
    assert repr(make_optimizer(RunOptions(), 100, 20)) == "AdamW(learning_rate=0.005, weight_decay=1.0)"
    assert repr(make_optimizer(RunOptions(optimizer="adam"), 100, 20)) == "Adam(learning_rate=0.005)"
    assert repr(make_optimizer(RunOptions(optimizer="sgd"), 100, 20)) == "SGD()"
    lion = make_optimizer(RunOptions(optimizer="lion", weight_decay=0.3), 100, 20)
    assert lion.weight_decay == 0.3


def test_rare_classes_count_for_more_when_balanced():
    data = load_dataset("moons", n_samples=400)
    data = data.take(np.concatenate([np.flatnonzero(data.y == 0), np.flatnonzero(data.y == 1)[:20]]))
    plain, balanced = (
        train_run(data, RunOptions(class_weight=weight, hidden=(), epochs=60)) for weight in (None, "balanced")
    )
    assert balanced.scores["classes"]["1"]["recall"] > plain.scores["classes"]["1"]["recall"]
    with pytest.raises(ConfigurationError, match="class_weight is for classes"):
        train_run(load_dataset("diabetes"), RunOptions(class_weight="balanced"))


def test_validation_and_test_rows_of_their_own():
    data = load_dataset("iris")
    rest, part = data.split(0.3, seed=5)
    run = train_run(rest, SHORT, test=part)
    assert run.rows == {"training": 84, "validation": 21, "test": 45} and run.test is part
    run = train_run(rest, replace(SHORT, validation=0.0), validation=part)
    assert run.rows == {"training": 84, "validation": 45, "test": 21}
    with pytest.raises(DataError, match="moons has other features than the model"):
        train_run(rest, SHORT, validation=load_dataset("moons"))


def test_a_fold_of_a_cross_validation():
    run = train_run(load_dataset("iris"), SHORT, test_rows=np.arange(0, 150, 5))
    np.testing.assert_array_equal(run.test.X, load_dataset("iris").X[::5])
    assert run.rows == {"training": 96, "validation": 24, "test": 30}


def test_repeats_are_the_runs_of_the_next_seeds_with_mean_and_spread():
    data = load_dataset("iris")
    runs = train_repeatedly(data, SHORT, repeats=3)
    assert [run.options.seed for run in runs] == [0, 1, 2]
    np.testing.assert_array_equal(runs[2].saved.model.w, train_run(data, replace(SHORT, seed=2)).saved.model.w)
    mean, spread = mean_and_spread(runs)
    assert mean == pytest.approx(np.mean([run.score for run in runs])) and spread >= 0.0
    written = report(runs[1], runs)
    assert [one["seed"] for one in written["repeats"]] == [0, 1, 2] and written["mean"] == mean
    with pytest.raises(ConfigurationError, match="repeats=0"):
        train_repeatedly(data, SHORT, repeats=0)


def test_importance_finds_the_columns_that_matter():
    """friedman1: the first five of ten features shape the target, the rest are noise."""
    run = train_run(load_dataset("friedman1"))
    worth = {one.column: one.mean for one in run.importances}
    assert list(worth) == sorted(worth, key=worth.__getitem__, reverse=True)
    assert min(worth[f"x{i}"] for i in range(1, 6)) > 0.03 > max(abs(worth[f"x{i}"]) for i in range(6, 11))
    again = importances(run.saved, run.test)
    assert again == run.importances


def test_importance_is_scikit_learns():
    from sklearn.base import BaseEstimator, RegressorMixin
    from sklearn.inspection import permutation_importance

    run = train_run(load_dataset("diabetes"), RunOptions(epochs=20))

    class Network(RegressorMixin, BaseEstimator):
        def fit(self, X, y):
            return self

        def predict(self, X):
            return predictions(run.saved, X).ravel()

    theirs = permutation_importance(Network(), run.test.X, run.test.y, n_repeats=200, random_state=0)
    for one in run.importances:
        column = run.data.feature_names.index(one.column)
        spread = theirs.importances_std[column]
        assert abs(one.mean - theirs.importances_mean[column]) < 4 * spread / np.sqrt(5) + 1e-12


def test_importance_of_many_rows_uses_some(monkeypatch):
    run = train_run(load_dataset("moons", n_samples=300), SHORT)
    monkeypatch.setattr("clearprop.judge.importance.MOST_ROWS", 20)
    assert len(importances(run.saved, run.test)) == 2


@pytest.mark.parametrize("optimizer", ["sgd", "lbfgs", "rmsprop"])
def test_other_optimizers(optimizer):
    run = train_run(load_dataset("moons", n_samples=100), RunOptions(epochs=5, optimizer=optimizer))
    assert len(run.history) == 5


def test_a_table_needs_a_target_and_a_data_set_has_one():
    with pytest.raises(ConfigurationError, match="moons has its target already"):
        train_run(load_dataset("moons"), target="y")
    with open("t.csv", "w") as file:
        file.write("a,b\n" + "1,x\n2,y\n" * 10)
    with pytest.raises(ConfigurationError, match=r"t\.csv: which column .* one of: a, b"):
        train_run(read_table("t.csv"))
    with pytest.raises(DataError, match="at least 10"):
        train_run(Dataset([[1.0], [2.0]], [0.0, 1.0]))
    run = train_run(read_table("t.csv"), SHORT, target="b")
    assert run.saved.preparation.class_names == ("x", "y")


def test_a_class_with_one_row_is_no_obstacle():
    data = load_dataset("iris")
    data = data.take(np.flatnonzero((data.y < 2) | (np.arange(len(data)) == 149)))
    with pytest.warns(
        DataWarning, match=r"iris: classes without rows .* 'virginica' \(1 row\): none for val.* and test"
    ):
        run = train_run(data, SHORT)
    assert run.data.n_classes == 3
    assert np.bincount(run.test.y, minlength=3).tolist() == [10, 10, 0]  # the others are stratified all the same
    assert run.rows == {"training": 65, "validation": 16, "test": 20}


def test_load_data():
    assert load_data("moons").name == "moons"
    with pytest.raises(DataError, match="neither a file nor a built-in data set; did you mean 'moons'"):
        load_data("mons")
    with pytest.raises(DataError, match="no such file"):
        load_data("mons.csv")
    with open("moons", "w") as file:
        file.write("a\n1\n")
    assert len(load_data("./moons")) == 1 and len(load_data("moons")) == 1000


def test_written_run_can_be_used(moons, tmp_path):
    files = write_run(moons, "out")
    assert [file.name for file in files] == [
        "model.safetensors",
        "history.csv",
        "report.json",
        "curves.png",
        "confusion.png",
        "calibration.png",
        "importance.png",
        "boundary.png",
    ]
    assert all(file.stat().st_size > 200 for file in files)
    saved = load_model("out")
    np.testing.assert_array_equal(predictions(saved, moons.test.X), predictions(moons.saved, moons.test.X))
    with open("out/history.csv") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == len(moons.history) and float(rows[-1]["loss"]) == moons.history[-1]["loss"]
    with open("out/report.json", encoding="utf-8") as file:
        written = json.load(file)
    assert written["verdict"] == moons.verdict and written["test"]["accuracy"] == moons.score
    assert "/" not in json.dumps(written["options"])


def test_overwriting_needs_force(moons):
    write_run(moons, "out")
    with pytest.raises(OutputError, match="there is a run in this folder"):
        write_run(moons, "out")
    with pytest.raises(OutputError, match="there is a run in this folder"), run_folder("x", "out"):
        pass
    quantity = train_run(load_dataset("diabetes"), SHORT)
    with run_folder("x", "out", force=True) as folder:
        files = write_run(quantity, folder, force=True)
    assert sorted(files) == sorted(folder.iterdir())
    assert {file.name for file in files} >= {"residuals.png", "importance.png"} and len(files) == 6


def test_files_that_are_no_run_are_safe_too(moons, tmp_path):
    (tmp_path / "curves.png").write_text("my own")
    with pytest.raises(OutputError, match=r"it holds a file curves\.png already"):
        write_run(moons, tmp_path)
    with pytest.raises(OutputError), run_folder("x", tmp_path):
        pass
    assert (tmp_path / "curves.png").read_text() == "my own"


def test_evaluation_folder(moons):
    scores = evaluate(moons.saved, moons.test)
    files = write_evaluation(moons.saved, moons.test, scores, "e")
    assert [file.name for file in files] == ["evaluation.json", "confusion.png", "calibration.png"]
    with open("e/evaluation.json", encoding="utf-8") as file:
        assert json.load(file)["accuracy"] == moons.score
    with pytest.raises(OutputError, match="holds a file evaluation"):
        write_evaluation(moons.saved, moons.test, scores, "e")
    assert len(write_evaluation(moons.saved, moons.test, scores, "e", force=True)) == 3


def test_folders_count_up_and_empty_ones_go():
    with run_folder("花 data.csv") as first, run_folder("花 data.csv") as second:
        assert (first.name, second.name) == ("花-data-1", "花-data-2")
        (second / "x").write_text("")
    assert not first.exists() and second.exists()
    with pytest.raises(KeyboardInterrupt), run_folder("x", "deep/er"):
        raise KeyboardInterrupt
    with open("file", "w"):
        pass
    with pytest.raises(OutputError, match="cannot be written"), run_folder("x", "file/in"):
        pass
    with run_folder("..") as odd:
        assert odd.name == "run-1"


def test_models_without_preparation():
    save(MLP([2, 2]), "m")
    with pytest.raises(ConfigurationError, match="saved without a preparation"):
        load_model("m")
    with pytest.raises(ConfigurationError, match="no preparation"):
        predictions_for(load("m"), load_dataset("moons"))
    with pytest.raises(ModelFileError, match="no such model file"):
        load_model("n")


def test_data_that_is_not_the_model_s(moons):
    with pytest.raises(DataError, match="iris has other features than the model, which needs: x1, x2"):
        predictions_for(moons.saved, load_dataset("iris"))
    with pytest.raises(DataError, match="other classes than the model: 0, 1"):
        rows_for(moons.saved, load_dataset("blobs"))
    assert len(rows_for(moons.saved, load_dataset("circles"))) == 1000


def test_prediction_tables(moons):
    columns = answer_table(moons.saved, np.array([[0.25, 0.75], [1.0, 0.0]]))
    assert {name: column.tolist() for name, column in columns.items()} == {
        "target": ["1", "0"],
        "P(0)": [0.25, 1.0],
        "P(1)": [0.75, 0.0],
    }
    several = train_run(load_dataset("linnerud"), SHORT).saved
    assert list(answer_table(several, np.array([[1.5, 2.0, 3.0]]))) == ["target 1", "target 2", "target 3"]
    one = train_run(load_dataset("diabetes"), SHORT).saved
    assert list(answer_table(one, np.array([[1.5]]))) == ["target"]


def test_what_could_not_be_saved_is_not_trained(monkeypatch):
    monkeypatch.setattr("clearprop.files.container.FREE_VALUES", 40)
    trained = []
    with pytest.raises(ConfigurationError, match="is too long cannot be saved; use fewer columns, or shorter names"):
        train_run(load_dataset("digits"), options=RunOptions(epochs=1, hidden=(1,)), callbacks=(trained.append,))
    assert not trained


# --- what is judged by, and on which rows -----------------------------------------------------------------------------


def written(name, header, rows):
    """A table in a file, read."""
    with open(name, "w", encoding="utf-8") as file:
        file.write(header + "\n" + "".join(",".join(map(str, row)) + "\n" for row in rows))
    return read_table(name)


def visits(rows=120, seed=0, patients=12):
    """Visits of patients, a day each, in no order: when, patient, two measurements, and whether they were ill."""
    rng = np.random.default_rng(seed)
    day = np.datetime64("2024-01-01") + rng.permutation(rows)
    who = rng.integers(patients, size=rows)
    x = rng.normal(size=(rows, 2))
    ill = np.where(x[:, 0] + rng.normal(size=rows) > 0.3, "yes", "no")
    return [(d, f"P{w}", f"{a:.4f}", f"{b:.4f}", y) for d, w, (a, b), y in zip(day, who, x, ill, strict=True)]


@pytest.mark.parametrize("metric", METRICS_OF_TASK["classification"])
def test_the_metric_decides_everywhere(metric):
    run = train_run(load_dataset("moons", n_samples=200), RunOptions(epochs=30, metric=metric))
    document = report(run)
    assert run.metric == document["metric"] == document["judgement"]["metric"] == run.diagnosis.metric == metric
    assert run.score == run.scores[metric] == document["judgement"]["score"]
    assert run.baselines == {name: run.rivals[name][metric] for name in ("constant", "linear")}
    assert run.verdict == document["verdict"] and metric in run.verdict
    assert document["judgement"]["decision"] == run.diagnosis.verdict.decision
    json.dumps(document, allow_nan=False)


@pytest.mark.parametrize("metric", METRICS_OF_TASK["regression"])
def test_the_metric_of_quantities(metric):
    run = train_run(load_dataset("diabetes"), RunOptions(epochs=30, metric=metric))
    assert run.baselines["linear"] == run.rivals["linear"][metric] and run.score == run.scores[metric]
    assert run.judgement.decision != "NOT better" and 40 < run.rivals["constant"]["rmse"] < 120
    assert run.importance_metric == "r2"


def test_balanced_classes_are_judged_balanced():
    """Their recall rose from 0, and they were called NOT better, for the constant that never answers the rare class."""
    rng = np.random.default_rng(0)
    rare = (rng.random(1000) < 0.1).astype(int)
    data = Dataset(rng.normal(size=(1000, 3)) + 1.5 * rare[:, None], rare, target_names=("well", "ill"))
    run = train_run(data, RunOptions(class_weight="balanced", epochs=40))
    assert run.metric == "balanced_accuracy" and run.baselines["constant"] == 0.5
    assert run.scores["classes"]["ill"]["recall"] > 0.6 > run.scores["accuracy"] - 0.4
    assert run.judgement.differences[0].decision == "better"
    assert run.rivals["linear"]["classes"]["ill"]["recall"] > 0.6  # weighted as the network was
    assert train_run(data, RunOptions(class_weight="balanced", metric="roc_auc", epochs=4)).metric == "roc_auc"


def test_what_cannot_be_judged_is_not_trained():
    data = load_dataset("iris")
    trained = []
    with (
        pytest.raises(DataError, match="roc_auc of rows of one class"),
        pytest.warns(DataWarning, match="classes without"),
    ):
        train_run(data, RunOptions(metric="roc_auc"), test_rows=np.arange(20), callbacks=(trained.append,))
    assert not trained


@pytest.mark.parametrize("kind", ["date", "number", "date that is a feature", "number that is a feature"])
def test_the_last_rows_in_time_are_put_aside(kind):
    rows = visits()
    if "number" in kind:
        rows = [((day - np.datetime64("2024-01-01")).astype(int), *rest) for day, *rest in rows]
    table = written("t.csv", "day,patient,a,b,ill", rows)
    options = replace(SHORT, split="time:day", drop=("patient",))
    if "feature" in kind:
        options = replace(options, kinds={"day": kind.split()[0]})
    runs = train_repeatedly(table, options, target="ill", repeats=2)
    days = np.array([row[0] for row in rows])
    for run in runs:
        assert run.rows == {"training": 77, "validation": 19, "test": 24}
        last = np.flatnonzero(days >= np.sort(days)[96])
        np.testing.assert_array_equal(run.test.X, run.data.X[last])
        left_out = dict(run.saved.preparation.left_out)
        assert ("day" in left_out) == ("feature" not in kind)
        if "feature" not in kind:
            assert left_out["day"] == "the rows are split by it" and "is left out of the features" in run.split
        else:
            assert "'day' stays a feature" in run.split
    begin = "96" if "number" in kind else "2024-04-06"
    assert runs[0].split.startswith(f"in time, by 'day': test from {begin} on, validation from ")
    assert report(runs[0])["split"] == runs[0].split


def test_times_of_day_count_and_equal_times_stay_together():
    rng = np.random.default_rng(0)
    rows = [
        (f"2024-01-01 {i // 60:02d}:{i % 60 // 10}0", f"{rng.normal():.4f}", f"{rng.normal():.4f}") for i in range(300)
    ]
    run = train_run(written("t.csv", "at,a,y", rows), replace(SHORT, split="time:at"), target="y")
    assert run.rows["test"] == 60 and "test from 2024-01-01 04:00:00 on" in run.split
    same = [(2020 + (i >= 70), a, b) for i, (_, a, b) in enumerate(rows[:100])]
    with pytest.warns(
        DataWarning, match="30 of 100 rows are for test, where 10 were asked for: rows that belong toget"
    ):
        run = train_run(
            written("u.csv", "year,a,y", same),
            replace(SHORT, split="time:year", test=0.1, validation=0.0, early_stopping=0),
            target="y",
        )
    assert run.rows["test"] == 30


def test_whole_groups_are_put_aside():
    rows = visits(200)
    table = written("t.csv", "day,patient,a,b,ill", rows)
    tests = []
    for seed in range(3):
        run = train_run(table, replace(SHORT, split="group:patient", drop=("day",), seed=seed), target="ill")
        owner = {tuple(map(float, row[2:4])): row[1] for row in rows}
        owners = {owner[tuple(x)] for x in run.test.X}
        others = {owner[tuple(x)] for x in run.data.X} - owners
        assert owners and others and sum(row[1] in owners for row in rows) == len(run.test)
        assert dict(run.saved.preparation.left_out)["patient"] == "the rows are split by it"
        assert f"12 in all: {len(owners)} for test" in run.split
        tests.append(frozenset(owners))
    assert len(set(tests)) > 1


def test_who_is_written_in_two_ways_is_one_group():
    rows = [
        (name, f"{i * 0.7 % 3:.2f}", f"{i * 0.3 % 2:.2f}")
        for i, name in enumerate(["Anna", "anna ", "BO", "Bo", "Cy"] * 12)
    ]
    options = replace(SHORT, split="group:who", validation=0.0, early_stopping=0)
    run = train_run(written("t.csv", "who,a,y", rows), options, target="y")
    assert "3 in all" in run.split
    rows = [(f"{i % 4}{'.0' * (i % 3 == 0)}", *row[1:]) for i, row in enumerate(rows)]
    run = train_run(written("u.csv", "who,a,y", rows), options, target="y")
    assert "4 in all" in run.split


@pytest.mark.parametrize(
    ("split", "options", "message"),
    [
        ("time:dya", {}, r"t\.csv: there is no column 'dya' to split by; did you mean 'day'"),
        ("group:ill", {}, "'ill' is the column to predict; split by another one"),
        (
            "time:patient",
            {},
            r"t\.csv:2: column 'patient': 'P\d+' is not a date \(120 .* are not\); a column to split by in time",
        ),
        ("group:gap", {}, r"t\.csv:\d+: column 'gap': the value is missing \(60 cells .* fill it in, or leave"),
        ("time:gap", {}, r"t\.csv:\d+: column 'gap': the value is missing"),
        (
            "group:one",
            {},
            r"t\.csv: column 'one': all rows belong to one group, so none can be put aside; split by ano",
        ),
        ("time:one", {}, r"t\.csv: column 'one': all rows have the same time"),
        ("group:two", {}, "all rows belong to one group of the 60 that are not for testing"),
        ("time:two", {}, "all rows have the same time of the 60 that are not for testing"),
        ("tim:day", {}, "neither time:COLUMN .* write it as time:date"),
        ("time:day", {"test_rows": np.arange(9), "validation": "own"}, "has nothing to divide, as the rows of each"),
    ],
)
def test_splits_that_cannot_be(split, options, message):
    rows = [(*row[:4], i // 60 % 2 and "x", 7, i // 60, row[4]) for i, row in enumerate(visits())]
    rows = [tuple("" if cell == 0 and at == 4 else cell for at, cell in enumerate(row)) for row in rows]
    table = written("t.csv", "day,patient,a,b,gap,one,two,ill", rows)
    if "validation" in options:
        options = options | {"validation": table}
    drop = tuple(name for name in ("day", "gap", "one", "two") if name not in split)
    with pytest.raises((ConfigurationError, DataError), match=message):
        train_run(table, replace(SHORT, split=split, drop=drop), target="ill", **options)


def test_the_validation_rows_alone_may_be_split():
    rows = visits()
    test = written("test.csv", "day,patient,a,b,ill", visits(40, seed=1))
    table = written("t.csv", "day,patient,a,b,ill", rows)
    run = train_run(table, replace(SHORT, split="group:patient", drop=("day",)), target="ill", test=test)
    assert (
        run.rows["test"] == 40 and run.rows["training"] + run.rows["validation"] == 120 and "for test" not in run.split
    )


def test_rows_in_the_order_of_time_are_warned_of():
    rows = sorted(visits())
    table = written("t.csv", "day,patient,a,b,ill", rows)
    told = r"t\.csv: the rows are in the order of 'day', .* split='time:day' \(--split 'time:day'\)"
    for options in ({"dates": "expand"}, {"drop": ("day",)}):
        with pytest.warns(DataWarning, match=told):
            run = train_run(table, replace(SHORT, **options), target="ill")
        assert any("in the order of 'day'" in text for text in report(run)["warnings"])
    backwards = written("u.csv", "year,a,y", [(3000 - i // 2, f"{i * 7 % 11}.5", f"{i * 5 % 13}.5") for i in range(60)])
    with pytest.warns(DataWarning, match="in the order of 'year'"):
        train_run(backwards, SHORT, target="y")
    # No false alarm: split by it, rows in another order, a column that only rises, few years, test rows of their own.
    train_run(table, replace(SHORT, split="time:day"), target="ill")
    train_run(written("v.csv", "day,patient,a,b,ill", visits()), SHORT, target="ill")
    rising = [(i * 1.5, i // 20, f"{i * 7 % 11}.5", f"{i * 5 % 13}.5") for i in range(60)]
    train_run(written("w.csv", "height,year,a,y", rising), SHORT, target="y")
    train_run(table, SHORT, target="ill", test_rows=np.arange(100, 120))


def test_a_column_that_tells_the_answer_is_warned_of():
    rng = np.random.default_rng(0)
    rows = [
        (f"{a:.3f}", f"{b:.3f}", f"{100 + 9 * abs(b):.1f}" if y else "0", y)
        for a, b, y in zip(*rng.normal(size=(2, 150)), rng.integers(2, size=150), strict=True)
    ]
    table = written("t.csv", "age,debt,payout,default", rows)
    with pytest.warns(
        DataWarning, match="column 'payout' alone predicts 'default' with balanced accuracy 1.000; is it"
    ):
        runs = train_repeatedly(table, SHORT, target="default", repeats=2)
    document = report(runs[1], runs)
    assert document["warnings"] == [leak.about("default") for leak in runs[1].leaks] and len(runs[1].leaks) == 1
    assert "leak" in [finding["key"] for finding in document["diagnosis"]]
    assert [one["decision"] for one in document["repeats"]] == [run.judgement.decision for run in runs]
    train_run(table, replace(SHORT, drop=("payout",)), target="default")  # and nothing is said


def test_an_interrupted_run_goes_on_with_its_split(tmp_path):
    table = written("t.csv", "day,patient,a,b,ill", visits(200))
    options = RunOptions(epochs=12, split="group:patient", drop=("day",))
    whole = train_run(table, options, target="ill")

    class Stop(Exception):
        pass

    def stop(epoch):
        if epoch.number == 5:
            raise Stop

    with pytest.raises(Stop):
        train_run(table, options, target="ill", callbacks=(stop,), checkpoints=Checkpoints(tmp_path / "c", every=1))
    went_on = train_run(table, options, target="ill", checkpoints=Checkpoints(tmp_path / "c", every=1))
    np.testing.assert_array_equal(went_on.saved.model.w, whole.saved.model.w)
    assert went_on.judgement == whole.judgement and went_on.split == whole.split
    with pytest.raises(CheckpointError, match="the checkpoint is of other data"):
        train_run(table, replace(options, split=None), target="ill", checkpoints=Checkpoints(tmp_path / "c", every=1))


def awkward(rows=90, seed=0):
    """Cells of a table with gaps of every kind, dates, keys, a constant column and rows without a target."""
    rng = np.random.default_rng(seed)
    cells = {
        "key": [f"K-{3 * i}-{i}" for i in range(rows)],
        "size": rng.normal(size=rows).round(3).astype(str).tolist(),
        "day": (np.datetime64("2024-01-01") + rng.integers(0, 400, rows)).astype(str).tolist(),
        "city": rng.choice(["Bern", "Rome"], rows).tolist(),
        "member": rng.choice(["yes", "no"], rows).tolist(),
        "whole": rng.integers(0, 50, rows).astype(str).tolist(),
        "empty": [""] * rows,
        "same": ["7"] * rows,
        "price": rng.normal(10, 1, size=rows).round(2).astype(str).tolist(),
    }
    for name, count in {"size": 5, "day": 4, "city": 3, "member": 2, "price": 6}.items():
        for row in rng.choice(rows, count, replace=False):
            cells[name][row] = "" if name == "city" or row % 2 else "n/a"
    return cells


def test_any_table_needs_no_option_and_what_is_done_is_said_with_counts(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    cells = awkward()
    table = written("t.csv", ",".join(cells), zip(*cells.values(), strict=True))
    with pytest.warns(DataWarning, match="column 'key' is left out"):
        run = train_run(table, SHORT, target="price")
    plan = run.saved.preparation
    known = [cell not in ("", "n/a") for cell in cells["price"]]
    first = known.index(False)
    assert len(run.data) == 84 and f"6 of 90 rows have no target and are left out, the first at t.csv:{first + 2}" in (
        "".join(plan.notes)
    )
    there = {name: [cell for cell, row in zip(cells[name], known, strict=True) if row] for name in cells}
    counts = {name: sum(cell in ("", "n/a") for cell in there[name]) for name in ("size", "day", "city", "member")}
    assert dict(plan.gaps) == counts and all(counts.values())
    treatments = {name: (kind, treatment) for name, kind, treatment in plan.describe()}
    for name in ("size", "day", "member"):
        assert f"; {counts[name]} gap" in treatments[name][1] and "filled with" in treatments[name][1]
    assert treatments["day"][0] == "date"
    assert treatments["city"][1].startswith(f"2 values: Bern, Rome; {counts['city']} gap")
    assert dict(plan.left_out).keys() == {"key", "empty", "same"}
    save(run.saved.model, "m.safetensors", preparation=plan, link=run.saved.link)
    assert load("m.safetensors").preparation == plan

    new = written(
        "new.csv", "size,day,city,member,whole,price", [("", "", "", "", "", "9.5"), ("", "", "", "", "3", "")]
    )
    with pytest.warns(DataWarning, match=r"1 value is missing in columns .* 'whole' \(1\); the median") as said:
        assert np.isfinite(predictions_for(run.saved, new)).all()
    assert len(said) == 1
    new = written(
        "new.csv", "size,day,city,member,whole,price", [("", "", "", "", "3", "9.5"), ("", "", "", "", "3", "")]
    )
    with pytest.warns(DataWarning, match=r"new.csv: 1 of 2 rows has no target and is left out: new.csv:3: column 'p"):
        assert len(rows_for(run.saved, new)) == 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"missing": "refuse"}, r"'price': .*missing='median'"),
        ({"dates": "refuse"}, r"'day': '2024.* is a date.*dates='expand'"),
        ({"missing": None}, "missing cannot be None; .*Known: refuse, median"),
        ({"dates": "drop"}, "dates cannot be 'drop'; .*Known: refuse, expand"),
    ],
)
def test_who_wants_it_strict_is_told_where_the_first_gap_or_date_is(options, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    cells = awkward()
    table = written("t.csv", ",".join(cells), zip(*cells.values(), strict=True))
    with pytest.raises((DataError, ConfigurationError), match=message):
        train_run(table, replace(SHORT, **options), target="price")


def test_row_numbers_of_a_table_whose_rows_are_left_out_are_refused(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    cells = awkward()
    table = written("t.csv", ",".join(cells), zip(*cells.values(), strict=True))
    with pytest.raises(DataError, match=r"6 of 90 rows have no target .* test_rows would count other rows"):
        train_run(table, SHORT, target="price", test_rows=np.arange(20))


def test_times_and_groups_are_those_of_the_rows_with_a_target(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rows = [(*row[:-1], "" if i % 5 == 0 else row[-1]) for i, row in enumerate(visits())]
    for column in ("day", "patient"):
        split = f"{'time' if column == 'day' else 'group'}:{column}"
        run = train_run(written("t.csv", "day,patient,a,b,ill", rows), replace(SHORT, split=split), target="ill")
        whole = train_run(
            written("u.csv", "day,patient,a,b,ill", [row for row in rows if row[-1] != ""]),
            replace(SHORT, split=split),
            target="ill",
        )
        assert run.rows == whole.rows and run.split == whole.split
        np.testing.assert_array_equal(run.test.X, whole.test.X)
