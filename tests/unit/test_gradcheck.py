"""The gradient check: finds what is wrong, says where, and is not fooled."""

import numpy as np
import pytest

from clearprop import ops
from clearprop.errors import ConfigurationError
from clearprop.gradcheck import TOLERANCE, check_gradients, sample_inputs
from clearprop.layers import Dense, Dropout
from clearprop.losses import MSE, CrossEntropy
from clearprop.model import MLP


def right(x, y):
    return np.sum(np.tanh(x) * y)


def wrong_square():
    op = ops.Op(lambda x: x * x, shapes="ni->ni", kind="elementwise")
    op.defvjp(lambda dy, y, x: dy * x)
    return op


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("loss", [None, CrossEntropy()], ids=repr)
@pytest.mark.parametrize("options", [{}, {"normalization": "batch"}, {"normalization": "layer"}, {"dropout": 0.3}])
def test_models(options, loss, training, rng):
    model = MLP([3, 5, 4], "gelu", **options)
    data = (rng.normal(size=(6, 3)), rng.integers(0, 4, 6)) if loss else (rng.normal(size=(6, 3)),)
    report = check_gradients(model, *data, loss=loss, training=training)
    assert report.passed, report
    assert {c.input for c in report.comparisons} == {*model.parameters(), "X"}


def test_a_model_larger_than_256_numbers_is_checked_along_directions(rng):
    report = check_gradients(MLP([20, 40, 1], "tanh"), rng.normal(size=(4, 20)))
    assert report.passed, report
    assert {c.where.split()[0] for c in report.comparisons if c.input == "0.weight"} == {"along"}


def test_functions_are_checked_through_the_tape(rng):
    report = check_gradients(right, rng.normal(size=3), rng.normal(size=3))
    assert report.passed and report.subject == "right"


def test_an_input_without_influence_has_gradient_zero():
    assert check_gradients(lambda x, y: x * x, [1.0, 2.0], [3.0]).passed


def test_a_function_that_takes_no_complex_numbers_is_checked_by_differences():
    def kinked(x):
        return np.maximum(x, 0.0) if x.dtype != complex else pytest.fail("complex numbers were given")

    assert check_gradients(kinked, [1.0, -2.0], methods=["central differences"]).passed


def test_a_wrong_derivative_is_shown_with_its_place():
    report = check_gradients(wrong_square(), [[1.0, 3.0]])
    assert not report.passed
    assert report.worst.input == "x" and report.worst.where == "x[0, 1]" and report.worst.method == "complex step"
    text = str(report)
    assert "gradients WRONG" in text and "WRONG, allowed 1e-12" in text and "WRONG, allowed 1e-06" in text


def test_a_right_derivative_is_shown_too():
    text = str(check_gradients(ops.tanh))
    assert text.startswith("tanh(): gradients right\n") and "complex step" in text and "ok" in text


def test_nan_is_not_right():
    op = ops.Op(lambda x: x * x, shapes="ni->ni", kind="elementwise")
    op.defvjp(lambda dy, y, x: dy * np.nan)
    report = check_gradients(op)
    assert not report.passed and np.isnan(report.worst.error)


def test_an_overflowing_derivative_is_not_right():
    op = ops.Op(lambda x: x * x, shapes="ni->ni", kind="elementwise")
    op.defvjp(lambda dy, y, x: dy * np.where(x > 0, np.inf, 2.0 * x))
    with np.errstate(invalid="ignore"):
        assert not check_gradients(op).passed


def test_the_same_seed_is_the_same_check():
    assert check_gradients(ops.gelu, seed=3) == check_gradients(ops.gelu, seed=3) != check_gradients(ops.gelu, seed=4)


def test_a_loss_with_weights(rng):
    assert check_gradients(MSE(), rng.normal(size=(4, 2)), rng.normal(size=(4, 2)), [1.0, 0.0, 2.0, 1.0]).passed


def test_dropout_keeps_its_mask_during_the_check():
    assert check_gradients(Dropout(0.5), np.ones((4, 5))).passed


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        ((ops.tanh,), {"methods": ["guess"]}, "methods are 'complex step' and 'central differences', not 'guess'"),
        ((MSE(), [1.0]), {}, r"check_gradients\(loss, y_true, y_pred\) needs both"),
        ((MLP([2, 1]),), {}, "needs data"),
        ((MLP([2, 1]), np.ones((3, 2))), {"loss": MSE()}, "needs data"),
        ((right,), {}, "needs the function's inputs"),
        ((3.0,), {}, "cannot check 3.0"),
    ],
)
def test_misuse_is_explained(arguments, options, message):
    with pytest.raises(ConfigurationError, match=message):
        check_gradients(*arguments, **options)


@pytest.mark.parametrize("op", [ops.hard_sigmoid, ops.log1p, ops.exp, ops.where], ids=repr)
def test_sample_inputs_lie_in_the_domain_and_off_the_kinks(op, rng):
    low, high = op.domain
    for _ in range(100):
        for x in sample_inputs(op, rng, {"n": 5}):
            assert x.shape == (5, 3)
            if x.dtype != bool:
                assert (x > low).all() and (x <= high).all()
                assert all((np.abs(x - kink) > 0.04).all() for kink in op.kinks)


def test_tolerances_are_those_of_the_methods():
    assert check_gradients(Dense(2)).worst.error <= max(TOLERANCE.values())
    assert TOLERANCE == {"complex step": 1e-12, "central differences": 1e-6}
