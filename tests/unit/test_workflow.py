"""What `clearprop train` does: honest splits, honest comparison, and folders that are never overwritten by chance."""

import csv
import json
from dataclasses import replace

import numpy as np
import pytest

from clearprop.answers import (
    column_names,
    evaluate,
    features_for,
    load_model,
    prediction_rows,
    predictions,
    rows_for,
)
from clearprop.data import Dataset, load_dataset, read_table
from clearprop.errors import (
    ConfigurationError,
    DataError,
    DivergenceError,
    ModelFileError,
    OutputError,
    UnknownNameError,
)
from clearprop.formats import load, save
from clearprop.model import MLP
from clearprop.runfolder import report, run_folder, write_run
from clearprop.workflow import RunOptions, load_data, train_run

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


@pytest.mark.parametrize(
    ("score", "metric", "verdict"),
    [
        (
            0.9,
            "accuracy",
            "better than a linear model: accuracy 0.900 against 0.850, a difference of 3 of 60 test rows",
        ),
        (
            0.85,
            "accuracy",
            "NOT better than a linear model: accuracy 0.850 against 0.850, a difference of 0 of 60 test rows",
        ),
        (0.5, "r2", "NOT better than a constant: r2 0.500 against 0.500 on 60 test rows"),
    ],
)
def test_verdict(moons, score, metric, verdict):
    run = replace(moons, metric=metric, scores={metric: score}, baselines={"constant": 0.5, "linear": 0.85})
    assert run.verdict == verdict


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        (RunOptions(activation="rleu"), UnknownNameError, "did you mean 'relu'"),
        (RunOptions(optimizer="adm"), UnknownNameError, "did you mean 'adam'"),
        (RunOptions(optimizer="lbfgs", learning_rate=1.0), ConfigurationError, "has no learning rate"),
        (RunOptions(learning_rate=-1.0), ConfigurationError, "learning_rate"),
        (RunOptions(hidden=(0,)), ConfigurationError, "units"),
        (RunOptions(learning_rate=1e200, activation="relu"), DivergenceError, "diverged in epoch 1"),
    ],
)
def test_options_out_of_range(options, error, message):
    with pytest.raises(error, match=message):
        train_run(load_dataset("moons", n_samples=100), options)


@pytest.mark.parametrize("optimizer", ["sgd", "lbfgs", "rmsprop"])
def test_other_optimizers(optimizer):
    run = train_run(load_dataset("moons", n_samples=100), RunOptions(epochs=5, optimizer=optimizer))
    assert len(run.history) == 5


def test_targets():
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
    run = train_run(data, SHORT)
    assert run.data.n_classes == 3


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
    flowers = train_run(load_dataset("iris"), SHORT)
    with run_folder("x", "out", force=True) as folder:
        files = write_run(flowers, folder, force=True)
    assert len(files) == 4 and not (folder / "boundary.png").exists()


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
        features_for(load("m"), load_dataset("moons"))
    with pytest.raises(ModelFileError, match="no such model file"):
        load_model("n")


def test_data_that_is_not_the_model_s(moons):
    with pytest.raises(DataError, match="iris has other features than the model, which needs: x1, x2"):
        features_for(moons.saved, load_dataset("iris"))
    with pytest.raises(DataError, match="other classes than the model: 0, 1"):
        rows_for(moons.saved, load_dataset("blobs"))
    assert len(rows_for(moons.saved, load_dataset("circles"))) == 1000


def test_prediction_tables(moons):
    assert column_names(moons.saved) == ["target", "P(0)", "P(1)"]
    rows = list(prediction_rows(moons.saved, np.array([[0.25, 0.75], [1.0, 0.0]])))
    assert rows == [["1", "0.25", "0.75"], ["0", "1.0", "0.0"]]
    several = train_run(load_dataset("linnerud"), SHORT).saved
    assert column_names(several) == ["target 1", "target 2", "target 3"]
    assert list(prediction_rows(several, np.array([[1.5, 2.0, 3.0]]))) == [["1.5", "2.0", "3.0"]]
    one = train_run(load_dataset("diabetes"), SHORT).saved
    assert column_names(one) == ["target"]
