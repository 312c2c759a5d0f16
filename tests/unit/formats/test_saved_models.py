"""From a run to Python: `load` gives what predicts, from whatever holds rows."""

import csv
import json
import os

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from typer.testing import CliRunner

import clearprop
from clearprop import MLP, Dataset, MLPClassifier, Preparation, load, load_dataset, predict, read_table, save
from clearprop.cli.entry import app
from clearprop.errors import ConfigurationError, DataError, ModelFileError, ShapeError
from clearprop.formats import SavedModel
from exports import mixed_rows, trained, write_rows


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A run's folder `run` with a model of `t.csv`, another `cost` of a quantity, and the file."""
    path = tmp_path_factory.mktemp("saved")
    write_rows(path / "t.csv", mixed_rows())
    for name, target, other in (("run", "label", "cost"), ("cost", "cost", "label")):
        (path / name).mkdir()
        saved = trained(read_table(path / "t.csv"), target, drop=[other])
        save(saved.model, path / name / "model.safetensors", preparation=saved.preparation, link=saved.link)
    return path


@pytest.fixture
def here(folder, monkeypatch):
    monkeypatch.chdir(folder)


def frames():
    frame = pd.read_csv("t.csv", dtype={"city": str, "grade": str, "member": str})
    yield frame
    yield pl.from_pandas(frame)
    yield pa.Table.from_pandas(frame, preserve_index=False)
    yield frame[list(frame)[::-1]].assign(extra=1)


def test_a_run_predicts_from_a_path_a_table_and_every_frame(here):
    saved = load("run")
    wanted = saved.predict_proba("t.csv")
    assert wanted.shape == (240, 3) and saved.classes == tuple(sorted({"买", "不买", "later"}))
    label = saved.predict("t.csv")
    assert label.dtype == object and label.tolist() == [saved.classes[i] for i in wanted.argmax(axis=1)]
    for data in (read_table("t.csv"), *frames()):
        np.testing.assert_array_equal(saved.predict_proba(data), wanted)
        assert saved.predict(data).tolist() == label.tolist()
    assert isinstance(load("run/model.safetensors"), SavedModel) and clearprop.load is load


def test_quantities_come_in_the_targets_unit(here):
    saved, costs = load("cost"), read_table("t.csv").text("cost").astype(float)
    found = saved.predict("t.csv")
    assert found.shape == (240,) and found.dtype == np.float64
    assert abs(found.mean() - costs.mean()) < 2 * costs.std()
    with pytest.raises(ConfigurationError, match="this model predicts a quantity, 'cost', which has no classes"):
        saved.predict_proba("t.csv")
    several = SavedModel(MLP([3, 3]), Preparation.of(load_dataset("linnerud")), "identity")
    assert several.predict(load_dataset("linnerud")).shape == (20, 3)


def test_a_data_set_and_an_array_of_the_models_columns():
    iris = load_dataset("iris")
    saved = SavedModel(MLP([4, 3]), Preparation.of(iris), "softmax")
    wanted = saved.predict_proba(iris)
    for X in (iris.X, iris.X.tolist(), pd.DataFrame(iris.X[:, ::-1], columns=iris.feature_names[::-1])):
        np.testing.assert_array_equal(saved.predict_proba(X), wanted)
    with pytest.raises(ShapeError, match=r"X must have shape \(n, 4\), not \(150, 3\); its columns are sepal length"):
        saved.predict(iris.X[:, :3])
    with pytest.raises(DataError, match="iris has other features than the model"):
        SavedModel(MLP([2, 2]), Preparation.of(load_dataset("moons")), "softmax").predict(iris)


def test_an_array_is_no_table_of_words_and_gaps(here):
    with pytest.raises(DataError, match=r"an array has neither names nor words nor gaps, .* 'age' \(number\) needs"):
        load("run").predict(np.zeros((3, 5)))
    with pytest.raises(DataError, match="cannot read a table from int"):
        load("run").predict(5)
    with pytest.raises(DataError, match="there is no column 'age'"):
        load("run").predict(pd.DataFrame({"height": [1.0]}))


def test_a_model_without_a_preparation_takes_arrays_through_its_link(tmp_path):
    save(MLP([2, 3], seed=1), tmp_path / "m", link="softmax")
    saved, X = load(tmp_path / "m"), np.ones((4, 2))
    np.testing.assert_array_equal(saved.predict(X), predict(saved.model, X, link="softmax"))
    assert saved.classes == ()
    with pytest.raises(ConfigurationError, match="does not know its classes; predict\\(X\\) gives its outputs after"):
        saved.predict_proba(X)
    with pytest.raises(ConfigurationError, match="does not know what columns mean; pass an array of its 2 inputs"):
        saved.predict("t.csv")
    with pytest.raises(ConfigurationError, match="a threshold chooses between two classes, but this model has no"):
        saved.predict(X, threshold=0.5)


def test_predict_of_what_is_no_network_names_its_own_method():
    saved = SavedModel(MLP([2, 3]), None, "softmax")
    for model, name in ((saved, "SavedModel"), (MLPClassifier(), "MLPClassifier")):
        with pytest.raises(ConfigurationError, match=rf"not {name}; it has a method of its own: model\.predict\(X\)"):
            predict(model, np.ones((1, 2)))
    with pytest.raises(ConfigurationError, match="predict takes a network, not str; pass a network"):
        predict("run", np.ones((1, 2)))


def test_folders_without_a_model_say_what_they_are(here, tmp_path):
    with pytest.raises(ModelFileError, match=r"this is a folder of runs; name one of them: \.[/\\]cost, \.[/\\]run"):
        load(".")
    with pytest.raises(
        ModelFileError, match=r"there is no model\.safetensors in this folder; name the folder of a run"
    ):
        load(tmp_path)
    os.mkdir(tmp_path / "checkpoint")
    with pytest.raises(ModelFileError, match=r"the run in this folder was interrupted.*go on with it: clearprop train"):
        load(tmp_path)
    with pytest.raises(ModelFileError, match="there is no such model file"):
        load(tmp_path / "none")


def test_a_saved_model_shows_itself_in_a_line(here):
    assert repr(load("run")).startswith("<SavedModel of label: later, 不买, 买 from 5 columns by Sequential([")
    assert repr(load("cost")).startswith("<SavedModel of cost from 5 columns by Sequential([")
    assert (
        repr(SavedModel(MLP([2, 1]), None, "exp"))
        == "<SavedModel without a preparation, by MLP([2, 1]) with link 'exp'>"
    )


# --- a threshold ------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def moons():
    data = load_dataset("moons", n_samples=200)
    saved = SavedModel(MLP([2, 4, 2], seed=3), Preparation.of(data), "softmax")
    return saved, data


def test_a_threshold_moves_answers_towards_the_second_class(moons):
    saved, data = moons
    second = saved.predict_proba(data)[:, 1]
    for threshold in (0.0, 0.3, float(second[7]), 0.5, 1.0, np.float64(0.7), 1):
        wanted = np.where(second >= threshold, "1", "0").tolist()
        assert saved.predict(data, threshold=threshold).tolist() == wanted
    apart = second != 0.5  # where both are equally probable, the first is the answer without a threshold
    assert saved.predict(data)[apart].tolist() == saved.predict(data, threshold=0.5)[apart].tolist()
    assert len(set(saved.predict(data, threshold=float(np.median(second))))) == 2


def test_thresholds_that_make_no_sense_are_refused(moons, here):
    saved, data = moons
    for wrong in (-0.1, 30, float("nan"), True, "0.3"):
        with pytest.raises(ConfigurationError, match="is no probability; give a number from 0 to 1"):
            saved.predict(data, threshold=wrong)
    with pytest.raises(ConfigurationError, match="between two classes, but this model has the classes later, 不买, 买"):
        load("run").predict("t.csv", threshold=0.3)
    with pytest.raises(ConfigurationError, match="between two classes, but this model has no classes"):
        load("cost").predict("t.csv", threshold=0.3)


# --- the command ------------------------------------------------------------------------------------------------------


def command(*arguments):
    """Exit code, stdout and stderr of `clearprop predict`; an error is raised."""
    done = CliRunner().invoke(app, ["predict", *map(str, arguments)])
    if done.exception and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done.exit_code, done.stdout, done.stderr


def table_of(text):
    header, *rows = csv.reader(text.splitlines())
    return dict(zip(header, zip(*rows, strict=True), strict=True))


@pytest.mark.filterwarnings("ignore::clearprop.errors.DataWarning")
def test_join_puts_predictions_behind_the_columns_as_the_file_wrote_them(here, tmp_path):
    code, out, err = command("run", "t.csv", "--join")
    found, rows, saved = table_of(out), mixed_rows(), load("run")
    assert list(found) == [*rows, "label (predicted)", "P(later)", "P(不买)", "P(买)"] and code == 0
    assert {name: list(found[name]) for name in rows} == rows
    assert list(found["label (predicted)"]) == saved.predict("t.csv").tolist()
    assert err == "there is a column 'label' already; the predicted one is 'label (predicted)'\n"

    command("run", "t.csv", "--join", "--out", tmp_path / "joined.parquet")
    joined = duckdb.connect().execute("SELECT * FROM read_parquet(?)", [str(tmp_path / "joined.parquet")]).fetchnumpy()
    assert list(joined) == list(found)
    for name in rows:
        cells = ["" if gap else cell for cell, gap in zip(joined[name], np.ma.getmaskarray(joined[name]), strict=True)]
        assert cells == rows[name]
    np.testing.assert_array_equal(joined["P(买)"], saved.predict_proba("t.csv")[:, 2])

    again = json.loads(command("run", tmp_path / "joined.parquet", "--join", "--json")[1])
    assert again["columns"][-4:] == ["label (predicted 2)", *(f"P({c}) (predicted)" for c in ("later", "不买", "买"))]
    assert again["predictions"]["age"].count(None) == rows["age"].count("") and len(again["notes"]) == 4
    assert again["predictions"]["label (predicted 2)"] == list(found["label (predicted)"])


def test_join_keeps_the_types_of_a_typed_table(here, tmp_path):
    frame = pd.read_csv("t.csv")
    frame["when"] = pd.to_datetime("2024-01-31 08:30:00")
    frame["flag"] = [True, False] * 120
    frame["count"] = range(240)
    frame.to_parquet(tmp_path / "typed.parquet")
    command("cost", tmp_path / "typed.parquet", "--join", "--out", tmp_path / "joined.parquet")
    found = pd.read_parquet(tmp_path / "joined.parquet")
    assert found["count"].tolist() == list(range(240)) and found["flag"].tolist() == [True, False] * 120
    assert (found["when"] == frame["when"]).all() and found["age"].isna().sum() == frame["age"].isna().sum()
    np.testing.assert_array_equal(found["cost (predicted)"], load("cost").predict("t.csv"))
    cells = json.loads(command("cost", tmp_path / "typed.parquet", "--join", "--json")[1])["predictions"]
    assert cells["when"][0] == "2024-01-31 08:30:00" and cells["flag"][:2] == [True, False]
    assert table_of(command("cost", tmp_path / "typed.parquet", "--join")[1])["when"][0] == "2024-01-31 08:30:00"


def test_join_of_a_built_in_data_set(tmp_path, moons):
    saved, _ = moons
    save(saved.model, tmp_path / "m", preparation=saved.preparation, link=saved.link)
    found = table_of(command(tmp_path / "m", "moons", "--join")[1])
    moons_of = load_dataset("moons")
    assert list(found) == ["x1", "x2", "target", "target (predicted)", "P(0)", "P(1)"]
    assert [float(cell) for cell in found["x1"]] == moons_of.X[:, 0].tolist()
    assert [int(cell) for cell in found["target"]] == moons_of.y.tolist()


def test_the_command_takes_a_threshold(tmp_path, moons):
    saved, _ = moons
    save(saved.model, tmp_path / "m", preparation=saved.preparation, link=saved.link)
    second = saved.predict_proba(load_dataset("moons"))[:, 1]
    threshold = float(np.quantile(second, 0.3))
    _, out, err = command(tmp_path / "m", "moons", "--threshold", threshold)
    assert list(table_of(out)["target"]) == np.where(second >= threshold, "1", "0").tolist()
    assert err == f"the answer is 1 where P(1) is at least {threshold:g}\n"
    assert json.loads(command(tmp_path / "m", "moons", "--threshold", 0.9, "--json")[1])["notes"] == [
        "the answer is 1 where P(1) is at least 0.9"
    ]
    with pytest.raises(ConfigurationError, match="is no probability"):
        command(tmp_path / "m", "moons", "--threshold", 30)


def test_names_of_answers_never_hide_a_column():
    from clearprop.judge.answers import joined

    data = Dataset(np.zeros((1, 3)), [0.0], feature_names=("y", "y (predicted)", "y (predicted 2)"))
    columns = joined(data, {"y": np.array([1.0])})
    assert list(columns) == ["y", "y (predicted)", "y (predicted 2)", "target", "y (predicted 3)"]
