"""Preparation: what each column is, exact numbers, and refusals that name line and column."""

import json

import numpy as np
import pytest

from clearprop.data.dataset import Dataset
from clearprop.data.preparation import Preparation
from clearprop.data.sources import load_dataset
from clearprop.data.tables import read_table
from clearprop.errors import ConfigurationError, DataError, ShapeError


@pytest.fixture
def table(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def table(content, name="t.csv"):
        (tmp_path / name).write_text(content, encoding="utf-8")
        return read_table(name)

    return table


FLOWERS = "petal,sepal,species\n1,5,setosa\n2,5,setosa\n3,5,virginica\n6,5,virginica\n"


def test_plan_of_a_classification_table(table):
    plan = Preparation.fit(table(FLOWERS), "species")
    assert plan.task == "classification"
    assert plan.feature_names == ("petal", "sepal") and plan.class_names == ("setosa", "virginica")
    assert plan.mean == (3.0, 5.0) and plan.scale[0] == pytest.approx(np.std([1, 2, 3, 6]))
    assert plan.constant == ("sepal",) and plan.scale[1] == 1.0
    data = plan.dataset(table(FLOWERS))
    assert data.y.tolist() == [0, 0, 1, 1] and data.X[:, 0].tolist() == [1, 2, 3, 6]
    ready = plan.transform(data)
    assert ready.X.mean(axis=0) == pytest.approx([0, 0]) and ready.X[:, 0].std() == pytest.approx(1)
    assert plan.inverse_target(ready.y) is ready.y
    assert plan.describe()[1:] == [
        ("sepal", "feature", "constant"),
        ("species", "target", "2 classes: setosa, virginica"),
    ]


def test_plan_of_a_regression_table(table):
    rows = "".join(f"{i},{i / 10}\n" for i in range(30))
    content = table("x,y\n" + rows)
    plan = Preparation.fit(content, "y")
    assert plan.task == "regression" and plan.class_names == ()
    data = plan.dataset(content)
    ready = plan.transform(data)
    assert ready.y.std() == pytest.approx(1)
    np.testing.assert_allclose(plan.inverse_target(ready.y), data.y)
    np.testing.assert_allclose(plan.inverse_target(ready.y[:, None])[:, 0], data.y)


@pytest.mark.parametrize(
    ("labels", "task", "classes"),
    [
        (["10", "9", "10", "9"], None, ("9", "10")),
        (["1.0", "0.0", "1.0", "0.0"], None, ("0.0", "1.0")),
        (["007", "42", "007", "42"], None, ("007", "42")),
        (["NA", "None", "NA", "None"], None, ("NA", "None")),
        (["b", "a", "b", "1"], "classification", None),
        (["1", "2", "3", "4"], None, ()),
        (["1.5", "2.5", "1.5", "2.5"], None, ()),
        (["1.5", "2.5", "1.5", "2.5"], "classification", ("1.5", "2.5")),
        (["1", "2", "1", "2"], "regression", ()),
    ],
)
def test_task_and_order_of_classes(table, labels, task, classes):
    content = table("x,y\n" + "".join(f"{i},{label}\n" for i, label in enumerate(labels)))
    if classes is None:
        with pytest.raises(DataError, match="3 different values in 4 rows"):
            Preparation.fit(content, "y", task)
    else:
        assert Preparation.fit(content, "y", task).class_names == classes


def test_twenty_whole_numbers_are_classes_and_twenty_one_are_not(table):
    for count, task in ((20, "classification"), (21, "regression")):
        content = table("x,y\n" + "".join(f"{i},{i % count}\n" for i in range(100)))
        assert Preparation.fit(content, "y").task == task


@pytest.mark.parametrize(
    ("content", "target", "task", "message"),
    [
        (FLOWERS, "specie", None, "no column 'specie'; did you mean 'species'"),
        ("y\n1\n2\n", "y", None, "no column but the target"),
        (
            "a,b,y\n1,2,u\nx,2,v\n1,2,u\n3,4,v\n",
            "y",
            None,
            r"t\.csv:3: column 'a': 'x' is not a number; correct it, or rem",
        ),
        (
            "a,y\n?,u\n?,v\n1,u\n2,v\n",
            "y",
            None,
            r"t\.csv:2: column 'a': '\?' is not a number \(2 of 4 cells are not",
        ),
        ("a,y\n1,u\n\n,v\n1,u\n2,v\n", "y", None, r"t\.csv:4: column 'a': the value is missing; fill it in"),
        ("a,y\n1,u\n1,\n1,\n2,v\n", "y", None, r"t\.csv:3: column 'y': the value is missing \(2 cells"),
        ("a;y\n1,5;u\n2;v\n1;u\n2;v\n", "y", None, "'1,5' is not a number; write decimals with a point"),
        ("a,y\n1e400,u\n2,v\n1,u\n2,v\n", "y", None, "'1e400' is not a number"),
        ("a,y\n1_000,u\n2,v\n1,u\n2,v\n", "y", None, "'1_000' is not a number"),
        ("a,y\nnan,u\n2,v\n1,u\n2,v\n", "y", None, "'nan' is not a number"),
        ("a,y\n0x10,u\n2,v\n1,u\n2,v\n", "y", None, "'0x10' is not a number"),
        ("a,y\n1e300,u\n-1e300,v\n1,u\n2,v\n", "y", None, r"column 'a' has values up to 1e\+300"),
        ("a,y\n1,u\n2,u\n", "y", None, "'u' in every row"),
        ("a,y\n1,u\n2,v\n3,w\n", "y", None, "3 different values in 3 rows"),
        ("a,y\n1,u\n2,v\n3,v\n4,u\n", "y", "regression", r"t\.csv:2: column 'y': 'u' is not a number"),
    ],
)
def test_refuses(table, content, target, task, message):
    with pytest.raises(DataError, match=message):
        Preparation.fit(table(content), target, task)


def test_new_table_needs_the_same_columns(table):
    plan = Preparation.fit(table(FLOWERS), "species")
    reordered = table("extra,sepal,petal\nx,5,1\n", "new.csv")
    assert plan.apply(reordered).tolist() == [[1.0, 5.0]]
    with pytest.raises(DataError, match=r"new\.csv: there is no column 'petal'; did you mean 'petals'"):
        plan.apply(table("petals,sepal\n1,2\n", "new.csv"))
    with pytest.raises(DataError, match=r"new\.csv:3: column 'species': 'rose' is not among .* setosa, virginica"):
        plan.dataset(table("petal,sepal,species\n1,2,setosa\n1,2,rose\n", "new.csv"))
    with pytest.raises(ShapeError, match="X has 1 columns"):
        plan.standardise(np.zeros((2, 1)))


def test_statistics_come_from_the_given_rows_alone():
    data = load_dataset("diabetes")
    plan = Preparation.of(data)
    train = data.take(np.arange(50))
    measured = plan.fit_statistics(train)
    assert measured.mean == tuple(train.X.mean(axis=0)) and measured.target_mean == (train.y.mean(),)
    assert measured.feature_names == plan.feature_names


def test_several_targets_and_float32():
    data = load_dataset("linnerud")
    plan = Preparation.of(data)
    np.testing.assert_allclose(plan.inverse_target(plan.transform(data).y), data.y)
    small = Dataset(data.X.astype(np.float32), data.y.astype(np.float32))
    ready = Preparation.of(small).transform(small)
    assert ready.X.dtype == ready.y.dtype == np.float32


@pytest.mark.parametrize("name", ["iris", "diabetes", "linnerud"])
def test_config_survives_json(name):
    plan = Preparation.of(load_dataset(name))
    assert Preparation.from_config(json.loads(json.dumps(plan.config()))) == plan


@pytest.mark.parametrize(
    "change",
    [
        {"mean": [0.0]},
        {"mean": "0"},
        {"mean": [1, 2, 3, 4]},
        {"mean": [float("nan")] * 4},
        {"class_names": []},
        {"target": 3},
        {"surprise": 1},
        {"feature_names": [], "mean": [], "scale": []},
    ],
    ids=str,
)
def test_senseless_config_is_refused(change):
    config = Preparation.of(load_dataset("iris")).config() | change
    with pytest.raises(ConfigurationError, match="preparation"):
        Preparation.from_config(config)


def test_cells_with_blanks_and_chinese_names(table):
    plan = Preparation.fit(table("年龄,類別\n 1 ,猫\n2, 猫\n3,犬\n4,犬\n"), "類別")
    assert plan.feature_names == ("年龄",) and set(plan.class_names) == {"猫", "犬"}
