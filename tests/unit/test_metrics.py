"""Metrics: class numbers, columns, and the corner cases of r2."""

import numpy as np
import pytest

from clearprop.metrics import METRICS, classes

accuracy, mse, r2 = METRICS["accuracy"], METRICS["mse"], METRICS["r2"]


@pytest.mark.parametrize(
    ("y", "expected"),
    [
        ([2, 0, 1], [2, 0, 1]),
        ([[2], [0]], [2, 0]),
        ([True, False], [1, 0]),
        ([0.2, 0.5, 0.8], [0, 0, 1]),
        ([[0.2], [0.8]], [0, 1]),
        ([[0.1, 0.2, 0.7], [0.5, 0.3, 0.2]], [2, 0]),
    ],
)
def test_classes_of_numbers_probabilities_and_one_hot_rows(y, expected):
    np.testing.assert_array_equal(classes(y), expected)


def test_accuracy_of_one_column_of_probabilities():
    assert accuracy(np.array([0, 1, 1, 1]), np.array([[0.4], [0.6], [0.3], [0.9]])) == 0.75


def test_several_columns_are_averaged():
    assert mse(np.zeros((2, 2)), np.array([[1.0, 0.0], [1.0, 2.0]])) == 1.5
    y = np.array([[1.0, 1.0], [3.0, 2.0]])
    assert r2(y, np.array([[1.0, 1.5], [3.0, 1.5]])) == pytest.approx(0.5)


@pytest.mark.parametrize(("y_pred", "score"), [([2.0, 2.0], 1.0), ([2.0, 3.0], 0.0)])
def test_r2_of_a_constant_truth(y_pred, score):
    assert r2(np.array([2.0, 2.0]), np.array(y_pred)[:, None]) == score


def test_the_mean_as_prediction_scores_zero(rng):
    y = rng.normal(size=30)
    assert r2(y, np.full((30, 1), y.mean())) == pytest.approx(0.0, abs=1e-15)


def test_metrics_agree_with_scikit_learns(rng):
    from sklearn import metrics

    y_true, y_pred = rng.normal(size=(2, 20, 3))
    assert r2(y_true, y_pred) == pytest.approx(metrics.r2_score(y_true, y_pred), rel=1e-13)
    assert METRICS["mae"](y_true, y_pred) == pytest.approx(metrics.mean_absolute_error(y_true, y_pred), rel=1e-13)
    assert METRICS["rmse"](y_true[:, :1], y_pred[:, :1]) == pytest.approx(
        metrics.root_mean_squared_error(y_true[:, :1], y_pred[:, :1]), rel=1e-13
    )
