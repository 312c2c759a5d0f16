"""The gradient check: finds what is wrong, says where, and is not fooled."""

import math

import numpy as np
import pytest

from clearprop import ops
from clearprop.errors import ConfigurationError
from clearprop.gradients.check import TOLERANCE, check_gradients, sample_inputs
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
def test_every_parameter_and_the_input_of_a_model_are_compared(options, loss, training, rng):
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


# --- witnesses that cannot know ---------------------------------------------------------------------------------------

SIGN = lambda x: np.where(x > 0, 1.0, -1.0)  # noqa: E731  a derivative, written so that it is no witness itself
NOT_ANALYTIC = {  # a function that a complex step cannot pass, and its derivative
    "np.abs": (lambda x: np.abs(x), SIGN),
    "np.abs of some": (lambda x: np.where(x > 0.0, x * x, np.abs(x)), lambda x: np.where(x > 0.0, 2.0 * x, -1.0)),
    "a little of np.abs": (lambda x: x * x * x + 1e-6 * np.abs(x), lambda x: 3.0 * x * x + 1e-6 * SIGN(x)),
    "np.sign": (lambda x: np.sign(x) * x, SIGN),
    "np.real": (lambda x: np.real(x) * x, lambda x: 2.0 * x),
    ".real": (lambda x: x.real**3, lambda x: 3.0 * x * x),
    "np.conjugate": (lambda x: np.conjugate(x) * x, lambda x: 2.0 * x),
    "astype": (lambda x: np.square(x.astype(float)), lambda x: 2.0 * x),
    "np.linalg.norm": (lambda x: np.linalg.norm(x[..., None], axis=-1), SIGN),
    "np.hypot": (lambda x: np.hypot(x, 1.0), lambda x: x / np.hypot(x, 1.0)),
    "np.floor": (lambda x: np.floor(x) + x, lambda x: 1.0 + 0.0 * x),
    "math.exp": (lambda x: np.reshape([math.exp(v) for v in x.ravel()], x.shape), np.exp),
}


def elementwise(function, derivative):
    op = ops.Op(function, shapes="ni->ni", kind="elementwise")
    op.defvjp(lambda dy, y, x: dy * derivative(x))
    return op


@pytest.mark.parametrize("name", NOT_ANALYTIC)
def test_a_complex_step_is_not_heard_where_it_cannot_pass(name):
    function, derivative = NOT_ANALYTIC[name]
    right = check_gradients(elementwise(function, derivative))
    assert right.passed and right.verdict == "right", right
    assert [c.unusable != "" for c in right.comparisons] == [True, False]
    for factor in (0.0, 0.999, 2.0):
        wrong = check_gradients(elementwise(function, lambda x, f=factor: f * derivative(x)))
        assert wrong.verdict == "WRONG" and wrong.worst.method == "central differences", wrong
    alone = check_gradients(elementwise(function, derivative), methods=["complex step"])
    assert not alone.passed and alone.verdict == "not proven" and alone.unproven == ["x"]
    assert str(alone).splitlines()[0].endswith("gradients not proven: no witness is left for x")


def test_what_a_complex_step_would_have_called_right_is_wrong():
    """It says that the derivative of |x| is 0, and agrees with whoever says so too."""
    report = check_gradients(elementwise(lambda x: np.abs(x), lambda x: 0.0 * x))
    assert report.verdict == "WRONG" and not report.passed
    assert "write np.maximum(x, -x)" in str(report) and "not usable" in str(report)


def test_the_remedy_is_one():
    assert check_gradients(elementwise(lambda x: np.maximum(x, -x), SIGN)).usable[0].method == "complex step"
    norm = check_gradients(lambda x: np.sqrt(np.sum(x * x)), [1.0, -2.0])
    assert norm.passed and not norm.reasons


@pytest.mark.parametrize("op", ops.OPS.values(), ids=repr)
def test_both_witnesses_can_be_used_on_every_operation(op):
    report = check_gradients(op)
    assert report.passed and not report.reasons, report


@pytest.mark.parametrize("activation", ["relu", "hard_tanh", "leaky_relu"])
def test_kinks_do_not_make_a_complex_step_unusable(activation, rng):
    report = check_gradients(MLP([30, 200, 2], activation), rng.normal(size=(50, 30)), methods=["complex step"])
    assert report.passed and not report.reasons, report


def test_differences_are_not_heard_across_a_kink():
    report = check_gradients(elementwise(lambda x: np.maximum(x, 0.0), lambda x: np.where(x > 0.0, 1.0, 0.0)), [[2e-6]])
    assert report.verdict == "right" and "another step gives another answer" in report.reasons[0]
    wrong = elementwise(lambda x: np.maximum(x, 0.0), lambda x: np.where(x > 0.0, 0.9, 0.0))
    assert check_gradients(wrong, [[2e-6]]).verdict == "WRONG"


def test_differences_are_not_heard_where_rounding_drowns_them():
    def rounding(x):
        return np.float64(np.float32(x)) ** 2 if x.dtype == float else np.complex64(x) ** 2

    assert check_gradients(elementwise(rounding, lambda x: 2.0 * x)).verdict == "not proven"
    assert check_gradients(elementwise(rounding, lambda x: -2.0 * x)).verdict == "WRONG"


def test_nothing_is_heard_of_what_is_no_number():
    report = check_gradients(elementwise(lambda x: x * np.nan, lambda x: 1.0 + 0.0 * x))
    assert not report.passed and report.verdict == "not proven"


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
