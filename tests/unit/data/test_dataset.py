"""Dataset: one gate that names the cell, and splits that keep what they promise."""

import numpy as np
import pytest

from clearprop.data.dataset import Dataset, as_dataset
from clearprop.data.sources import load_dataset
from clearprop.errors import ConfigurationError, DataError, ShapeError
from clearprop.judge.baselines import baselines
from clearprop.judge.scores import classification_scores, regression_scores, score
from clearprop.model import MLP
from clearprop.train import fit

X = np.arange(12.0).reshape(6, 2)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"X": None}, DataError, "X is None"),
        ({"X": "data.csv"}, DataError, "X is the text 'data.csv'"),
        ({"X": X.ravel()}, ShapeError, r"X.reshape\(-1, 1\) for one feature"),
        ({"X": X.reshape(3, 2, 2)}, ShapeError, r"expected \(rows, features\)"),
        ({"X": np.empty((0, 2)), "y": []}, DataError, "no rows"),
        ({"X": np.empty((6, 0))}, DataError, "no columns"),
        ({"X": np.where(X == 5, np.nan, X)}, DataError, r"X contains NaN at row 2, column 1 \('b'\)"),
        ({"X": np.where(X > 9, np.inf, X)}, DataError, r"infinity at row 5, column 0 \('a'\) \(2 such"),
        ({"X": np.where(X == 4, "Oslo", X.astype(str))}, DataError, r"'Oslo' at row 2, column 0 \('a'\)"),
        ({"X": X.astype(complex)}, DataError, "complex"),
        ({"X": X.astype("datetime64[D]")}, DataError, "dates"),
        ({"X": np.ma.masked_equal(X, 3.0)}, DataError, "masked"),
        ({"X": [[1.0, 2.0], [3.0]]}, ShapeError, "not rectangular"),
        ({"X": [[1, 10**400]] * 6}, DataError, "at row 0, column 1"),
        ({"X": [[{}, 1.0]] * 6}, DataError, r"\{\} at row 0, column 0"),
        ({"y": np.zeros(5)}, DataError, "X has 6 rows but y has 5"),
        ({"y": np.zeros((6, 1, 1))}, ShapeError, "y has shape"),
        ({"y": [0, 1, 2, 0, 1, 2], "target_names": ("a", "b")}, DataError, "y is 2 at row 2"),
        ({"y": [0, 1, -1, 0, 1, 0], "target_names": ("a", "b")}, DataError, "y is -1 at row 2"),
        ({"y": [0, 0.5, 1, 0, 1, 0], "target_names": ("a", "b")}, DataError, "y is 0.5 at row 1"),
        ({"sample_weight": [1, 1, -1, 1, 1, 1]}, DataError, "sample_weight is -1 at row 2"),
        ({"sample_weight": np.zeros(6)}, DataError, "zero in every row"),
        ({"sample_weight": np.ones(5)}, DataError, "sample_weight has 5"),
        ({"feature_names": ("a",)}, ShapeError, "X has 2 columns but feature_names has 1"),
    ],
)
def test_what_is_no_table_of_numbers_is_refused_in_few_words(arguments, error, message):
    with pytest.raises(error, match=message) as caught:
        Dataset(**({"X": X, "y": np.zeros(6), "feature_names": ("a", "b")} | arguments))
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize(
    "given",
    [X.astype(np.float32), X.astype(int), X > 3, np.asfortranarray(X), X[::-1], X.astype(">f8"), X.tolist()],
    ids=["float32", "int", "bool", "fortran", "reversed", "big endian", "list"],
)
def test_converts_without_touching_the_original(given):
    before = np.array(given)
    if isinstance(given, np.ndarray):
        given.flags.writeable = False
    data = Dataset(given, np.zeros(6))
    assert data.X.flags.c_contiguous and data.X.dtype.isnative
    assert data.X.dtype == (np.float32 if before.dtype == np.float32 else np.float64)
    np.testing.assert_array_equal(data.X, before)


def test_tasks_and_counts():
    classes = Dataset(X, [0, 1, 0, 1, 0, 1], target_names=("no", "yes"))
    assert (classes.task, classes.n_features, classes.n_classes, classes.n_outputs) == (
        "classification",
        2,
        2,
        2,
    )
    assert classes.y.dtype == np.int64
    two = Dataset(X, np.zeros((6, 3)))
    assert (two.task, two.n_classes, two.n_outputs) == ("regression", 0, 3)


@pytest.mark.parametrize(
    ("labels", "names", "numbers"),
    [
        ([5, -1, 5], ("-1", "5"), [1, 0, 1]),
        ([True, False, True], ("False", "True"), [1, 0, 1]),
        (["b", "a", "b"], ("a", "b"), [1, 0, 1]),
        (np.array(["b", "a", "b"], dtype=object), ("a", "b"), [1, 0, 1]),
    ],
)
def test_as_dataset_numbers_labels(labels, names, numbers):
    data = as_dataset((X[:3], labels))
    assert data.target_names == names
    assert data.y.tolist() == numbers


LABELS = {
    "whole numbers": [7, 5, 7, 5, 5, 7],
    "an array of them": np.array([2, 1, 0, 0, 1, 2]),
    "unsigned": np.array([2, 1, 0, 0, 1, 2], np.uint8),
    "negative": [-1, 1, 1, -1, 1, 1],
    "yes or no": [True, False, True, True, False, False],
    "text": ["b", "a", "b", "a", "a", "a"],
    "text as objects": np.array(["b", "a", "b", "a", "a", "a"], object),
}


@pytest.mark.parametrize("y", LABELS.values(), ids=LABELS)
def test_a_dataset_and_a_tuple_follow_one_rule(y):
    data, pair = Dataset(X, y), as_dataset((X, y))
    assert (data.task, data.target_names) == (pair.task, pair.target_names) and data.task == "classification"
    assert data.y.tolist() == pair.y.tolist()
    assert data.take([0, 1]).target_names == data.target_names  # once found they stay


QUANTITIES = {
    "floats": np.arange(6.0),
    "whole floats": [1.0, 2.0, 3.0, 1.0, 2.0, 3.0],
    "float32": np.arange(6, dtype=np.float32),
    "several": np.arange(12.0).reshape(6, 2),
    "floats as objects": np.array([1.5, 2, 3.0, 1, 2.5, 3], object),
}


@pytest.mark.parametrize("y", QUANTITIES.values(), ids=QUANTITIES)
def test_floats_are_quantities_wherever_they_are_given(y):
    for data in (Dataset(X, y), as_dataset((X, y))):
        assert data.task == "regression" and data.y.tolist() == np.asarray(y, float).tolist()


@pytest.mark.parametrize("make", [Dataset, lambda X, y: as_dataset((X, y))], ids=["Dataset", "tuple"])
def test_labels_lie_in_one_column(make):
    with pytest.raises(ShapeError, match=r"one for each row: use y\.ravel\(\), or y\.astype\(float\)"):
        make(X, [[1], [2], [1], [1], [2], [2]])
    with pytest.raises(ShapeError, match=r"np\.argmax\(y, axis=1\) for one-hot rows"):
        make(X, np.eye(6, dtype=int))


@pytest.mark.parametrize("make", [Dataset, lambda X, y: (X, y)], ids=["Dataset", "tuple"])
def test_no_advice_was_followed_already(make):
    """Whole numbers train a classifier; where they are refused, the advice works when it is followed."""
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(30, 2)), rng.integers(3, 6, 30)
    assert len(fit(MLP([2, 4, 3]), make(X, y), "crossentropy", epochs=1)) == 1
    with pytest.raises(
        DataError, match=r"3 classes .* has 1 output; for quantities pass floats, as y\.astype\(float\)"
    ):
        fit(MLP([2, 4, 1]), make(X, y), "mse", epochs=1)
    assert len(fit(MLP([2, 4, 1]), make(X, y.astype(float)), "mse", epochs=1)) == 1
    with pytest.raises(DataError, match=r"for classes pass whole numbers, as y\.astype\(int\)"):
        fit(MLP([2, 4, 3]), make(X, y.astype(float)), "crossentropy", epochs=1)
    with pytest.raises(DataError, match="has 1 output; for classes give the network one output for each"):
        fit(MLP([2, 4, 1]), make(X, np.array(["a", "b", "c"])[y - 3]), "mse", epochs=1)


def test_as_dataset_other_forms():
    data = as_dataset((X, np.zeros(6)))
    assert data.task == "regression" and as_dataset(data) is data
    weighted = as_dataset((X, np.zeros(6), np.arange(6.0)))
    assert weighted.sample_weight is not None
    with pytest.raises(DataError, match="contains None at row 1"):
        as_dataset((X[:2], np.array(["a", None], dtype=object)))
    with pytest.raises(DataError, match="mixes text and numbers"):
        as_dataset((X[:2], np.array(["a", 1], dtype=object)))
    with pytest.raises(DataError, match="cannot train on int"):
        as_dataset(3)
    with pytest.raises(ShapeError, match="one for each row"):
        as_dataset((X, np.zeros((6, 2), dtype=int)))


def test_split_is_stratified_complete_and_repeatable():
    data = load_dataset("iris")
    rest, part = data.split(0.2, seed=3)
    assert (len(rest), len(part)) == (120, 30)
    assert np.bincount(part.y).tolist() == [10, 10, 10]
    rows = np.concatenate([rest.X, part.X])
    np.testing.assert_array_equal(np.sort(rows, axis=0), np.sort(data.X, axis=0))
    np.testing.assert_array_equal(data.split(0.2, seed=3)[1].X, part.X)
    assert not np.array_equal(data.split(0.2, seed=4)[1].X, part.X)


def test_split_where_classes_are_too_small_is_plain():
    data = Dataset(X, [0, 0, 0, 0, 0, 1], target_names=("often", "once"))
    rest, part = data.split(0.2, seed=0)
    assert (len(rest), len(part)) == (5, 1)
    with pytest.raises(DataError, match="1 row"):
        data.take([0]).split(0.5, seed=0)
    with pytest.raises(ConfigurationError, match="between 0 and 1"):
        data.split(1.0, seed=0)


def test_split_carries_weights():
    data = Dataset(X, np.arange(6.0), sample_weight=np.arange(1.0, 7.0))
    for part in data.split(0.5, seed=0):
        assert part.sample_weight is not None
        np.testing.assert_array_equal(part.sample_weight, part.y + 1)


def test_baselines_beat_each_other_in_the_right_order():
    rest, part = load_dataset("iris").split(0.3, seed=0)
    scores = baselines(rest, part, "accuracy")
    assert scores["constant"] == pytest.approx(1 / 3, abs=0.01) and scores["linear"] > 0.9
    rest, part = load_dataset("diabetes").split(0.3, seed=0)
    scores = baselines(rest, part, "r2")
    assert scores["constant"] < 0.05 < scores["linear"]


def test_baselines_with_one_class_or_several_targets():
    one = Dataset(X, np.zeros(6), target_names=("a", "b"))
    assert baselines(one, one, "accuracy") == {"constant": 1.0, "linear": 1.0}
    linnerud = load_dataset("linnerud")
    assert set(baselines(linnerud, linnerud, "r2")) == {"constant", "linear"}


def test_scores_equal_those_worked_out_by_hand():
    data = Dataset(X, [0, 0, 0, 1, 1, 1], target_names=("a", "b"))
    probabilities = np.array([[0.9, 0.1]] * 4 + [[0.2, 0.8]] * 2, dtype=np.float32)
    scores = classification_scores(data, probabilities)
    assert scores["accuracy"] == pytest.approx(5 / 6)
    assert scores["confusion"] == [[3, 0], [1, 2]]
    assert scores["classes"]["b"] == {"precision": 1.0, "recall": pytest.approx(2 / 3), "f1": 0.8, "rows": 3}
    expected = -(3 * np.log(0.9) + np.log(0.1) + 2 * np.log(0.8)) / 6
    assert scores["log_loss"] == pytest.approx(expected, rel=1e-6)
    quantities = Dataset(X, np.arange(6.0))
    assert regression_scores(quantities, np.arange(6.0)[:, None] + 1.0) == {
        "r2": pytest.approx(1 - 6 / 17.5),
        "rmse": 1.0,
        "mae": 1.0,
        "max_error": 1.0,
    }
    assert "r2" not in regression_scores(quantities.take([0]), np.zeros(1))
    with pytest.raises(DataError, match="single row"):
        score("r2", np.zeros(1), np.zeros(1))
    with pytest.raises(ConfigurationError, match="metric cannot be 'r3'; did you mean 'r2'"):
        score("r3", np.zeros(2), np.zeros(2))
