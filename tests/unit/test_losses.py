"""Losses: values by hand, arguments, penalties."""

import numpy as np
import pytest

from clearprop.errors import DataError, ShapeError
from clearprop.losses import (
    MAE,
    MSE,
    BinaryCrossEntropy,
    CrossEntropy,
    Hinge,
    Huber,
    LogCosh,
    Poisson,
    Quantile,
    SquaredHinge,
    penalty,
    penalty_gradient,
)

BY_HAND = [  # loss, y_true, y_pred, value of each
    (MSE(), [1.0, -1.0], [3.0, -1.0], [4.0, 0.0]),
    (MAE(), [1.0, -1.0], [3.0, -1.5], [2.0, 0.5]),
    (Huber(), [0.0, 0.0], [0.5, -3.0], [0.125, 2.5]),
    (Huber(2.0), [0.0, 0.0], [1.0, 4.0], [0.5, 6.0]),
    (LogCosh(), [0.0, 0.0], [1.0, -800.0], [np.log(np.cosh(1.0)), 800.0 - np.log(2.0)]),
    (Quantile(0.9), [1.0, 1.0], [0.0, 2.0], [0.9, 0.1]),
    (Poisson(), [2.0, 0.0], [0.0, 1.0], [1.0, np.e]),
    (BinaryCrossEntropy(), [1.0, 0.0], [0.0, 2.0], [np.log(2.0), np.log1p(np.exp(2.0))]),
    (BinaryCrossEntropy(False), [1.0, 0.0], [0.5, 0.75], [np.log(2.0), np.log(4.0)]),
    (Hinge(), [1.0, 0.0], [0.25, 3.0], [0.75, 4.0]),
    (SquaredHinge(), [1.0, 0.0], [0.5, -2.0], [0.25, 0.0]),
]


@pytest.mark.parametrize(("loss", "y_true", "y_pred", "values"), BY_HAND, ids=lambda p: repr(p))
def test_values_by_hand(loss, y_true, y_pred, values):
    np.testing.assert_allclose(loss.value(np.array(y_true), np.array(y_pred)), values, rtol=1e-14, atol=1e-15)


@pytest.mark.parametrize("from_logits", [True, False])
def test_cross_entropy_by_hand(from_logits):
    p = np.array([[0.5, 0.25, 0.25]])
    loss = CrossEntropy(from_logits)
    y_pred = np.log(p) + 7.0 if from_logits else p
    assert loss([1], y_pred) == pytest.approx(np.log(4.0), rel=1e-14)
    assert loss([[0.5, 0.5, 0.0]], y_pred) == pytest.approx(1.5 * np.log(2.0), rel=1e-14)


def test_post_000s_loss_is_the_mean_of_two_outputs(rng):
    t, y = rng.normal(size=(2, 1, 2))
    assert MSE()(t, y) == pytest.approx(0.5 * np.sum((y - t) ** 2), rel=1e-15)


@pytest.mark.parametrize(
    ("loss", "at"),
    [(MAE(), 1.0), (Quantile(0.9), 1.0), (Hinge(), 1.0), (SquaredHinge(), 1.0)],
    ids=repr,
)
def test_the_derivative_at_a_corner_is_zero(loss, at):
    assert loss.gradient(np.array([1.0]), np.array([at])) == 0.0


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: MSE("average"), "reduction is 'mean', 'rows' or 'sum', not 'average'"),
        (lambda: Huber(0.0), "Huber needs delta > 0, not 0.0"),
        (lambda: Huber(float("nan")), "Huber needs delta > 0"),
        (lambda: Quantile(1.0), "Quantile needs q between 0 and 1, not 1.0"),
    ],
)
def test_settings_out_of_range_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.parametrize(
    ("loss", "y_true", "message"),
    [
        (
            BinaryCrossEntropy(),
            [[0.0], [-1.0]],
            "y_true is -1 at row 1, column 0, but BinaryCrossEntropy is for targets from 0",
        ),
        (
            Hinge(),
            [[2.0], [1.0]],
            "y_true is 2 at row 0, column 0, but Hinge is for targets from 0 to 1; encode them so",
        ),
        (Poisson(), [[1.0], [-3.0]], "y_true is -3 at row 1, column 0, but Poisson is for targets from 0 to inf"),
        (CrossEntropy(), [0, 0], "CrossEntropy needs an output for each class, but the network has 1"),
    ],
    ids=repr,
)
def test_targets_that_the_loss_is_not_made_for_are_refused(loss, y_true, message):
    with pytest.raises(ValueError, match=message):
        loss(y_true, np.zeros((2, 1)))


def test_links_follow_what_the_loss_takes():
    assert [CrossEntropy().link, CrossEntropy(False).link] == ["softmax", "identity"]
    assert [BinaryCrossEntropy().link, BinaryCrossEntropy(False).link] == ["sigmoid", "identity"]
    assert [MSE().link, Poisson().link, Hinge().link] == ["identity", "exp", "sigmoid"]


@pytest.mark.parametrize(("l1", "l2"), [(0.0, 0.3), (0.2, 0.0), (0.2, 0.3)])
def test_the_penaltys_gradient_is_its_slope(l1, l2):
    w = np.array([-2.0, 0.5, 3.0])
    slope = [np.imag(penalty(w + 1e-30j * v, l1, l2)) / 1e-30 for v in np.eye(3)]
    np.testing.assert_allclose(penalty_gradient(w, l1, l2), slope, rtol=1e-14)


def test_the_penalty_by_hand():
    assert penalty(np.array([-2.0, 1.0]), 0.5, 0.1) == pytest.approx(1.5 + 0.25)
    assert penalty_gradient(np.array([0.0]), 0.5, 0.1) == 0.0


@pytest.mark.parametrize(
    ("loss", "y_true", "message"),
    [
        (BinaryCrossEntropy(), [[0.0], [2.0]], "y_true is 2 at row 1, column 0, but BinaryCrossEntropy is for targets"),
        (CrossEntropy(), [[0.5, 0.5], [-1.0, 2.0]], "y_true is -1 at row 1, column 0"),
        (Poisson(), [[-1.0], [0.0]], "from 0 to inf"),
        (Hinge(), [[-1.0], [1.0]], "from 0 to 1"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_targets_outside_of_what_a_loss_is_for_are_refused(loss, y_true, message):
    with pytest.raises(DataError, match=message):
        loss(y_true, np.zeros(np.shape(y_true)))


def test_cross_entropy_of_a_single_output_is_refused():
    with pytest.raises(ShapeError, match="use BinaryCrossEntropy"):
        CrossEntropy()([0, 0], np.zeros((2, 1)))
