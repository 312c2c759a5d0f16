"""Every registered loss: its gradient is its value's, weights mean repetition, extremes are finite."""

import numpy as np
import pytest

import clearprop
from clearprop.errors import DataError, ShapeError
from clearprop.gradients.check import check_gradients
from clearprop.losses import BinaryCrossEntropy, CrossEntropy, Loss
from clearprop.tape import GradientTape
from examples import DATA_OF_LOSS, LOSS_EXAMPLES, NUMPY_LOSSES
from witnesses import CASES, same_bits, worst_loss_error

every_loss = pytest.mark.parametrize("loss", [*LOSS_EXAMPLES, *NUMPY_LOSSES], ids=repr)
FROM_LOGITS = [loss for loss in LOSS_EXAMPLES if getattr(loss, "from_logits", False)]


def draw(loss: Loss, rng: np.random.Generator, n: int = 5, k: int = 3):
    return DATA_OF_LOSS[type(loss)](loss, rng, n, k)


def value_and_gradient(loss: Loss, *arguments):
    value, cache = loss.forward(*arguments)
    return value, loss.backward(cache)


@every_loss
@pytest.mark.parametrize("cases", CASES)
def test_gradient_equals_complex_step(loss, cases):
    def draw_case(rng):
        n, k = int(rng.integers(1, 6)), int(rng.integers(1, 5))
        weights = [rng.uniform(0.1, 2.0, n)] if rng.random() < 0.5 else []
        return *draw(loss, rng, n, k), *weights

    assert worst_loss_error(loss, draw_case, cases) <= 1e-12


@every_loss
def test_gradient_check_passes_with_both_witnesses(loss, rng):
    report = check_gradients(loss, *draw(loss, rng))
    assert report.passed, report


@every_loss
def test_tape_derivative_of_the_value_is_the_gradient(loss, rng):
    y_true, y_pred = draw(loss, rng)
    with GradientTape() as tape:
        y = tape.watch(y_pred)
        value = loss.value(y_true, y)
    np.testing.assert_allclose(tape.gradient(value, y), loss.gradient(y_true, y_pred), rtol=1e-12, atol=1e-14)


@every_loss
def test_calling_it_on_a_tensor_records_it(loss, rng):
    y_true, y_pred = draw(loss, rng)
    with GradientTape() as tape:
        y = tape.watch(y_pred)
        value = loss(y_true, y)
    explicit_value, explicit = value_and_gradient(loss, y_true, y_pred)
    assert value.item() == explicit_value
    np.testing.assert_allclose(tape.gradient(value, y), explicit, rtol=1e-12, atol=1e-14)


@every_loss
def test_whole_weights_mean_repetition(loss, rng):
    y_true, y_pred = draw(loss, rng, n=4)
    times = np.array([1, 3, 0, 2])
    value, dy = value_and_gradient(loss, y_true, y_pred, times)
    repeated_value, repeated = value_and_gradient(loss, y_true.repeat(times, 0), y_pred.repeat(times, 0))
    np.testing.assert_allclose(value, repeated_value, rtol=1e-13)
    np.testing.assert_allclose(dy.repeat(times, 0), repeated * times.repeat(times)[:, None], rtol=1e-12, atol=1e-15)


@every_loss
def test_a_row_of_weight_zero_might_as_well_be_absent(loss, rng):
    y_true, y_pred = draw(loss, rng, n=4)
    weights = np.array([1.5, 0.0, 2.0, 0.5])
    value, dy = value_and_gradient(loss, y_true, y_pred, weights)
    kept = [0, 2, 3]
    rest_value, rest = value_and_gradient(loss, y_true[kept], y_pred[kept], weights[kept])
    np.testing.assert_allclose(value, rest_value, rtol=1e-14)
    np.testing.assert_allclose(dy[kept], rest, rtol=1e-14)
    np.testing.assert_array_equal(dy[1], 0.0)


@every_loss
def test_all_weights_zero_give_no_loss_and_no_gradient(loss, rng):
    value, dy = value_and_gradient(loss, *draw(loss, rng), np.zeros(5))
    assert value == 0.0 and not dy.any()


@every_loss
def test_equal_weights_are_no_weights(loss, rng):
    data = draw(loss, rng)
    value, dy = value_and_gradient(loss, *data)
    weighted_value, weighted = value_and_gradient(loss, *data, np.ones(5))
    np.testing.assert_allclose(weighted_value, value, rtol=1e-14)
    np.testing.assert_allclose(weighted, dy, rtol=1e-14)


@pytest.mark.parametrize("kind", DATA_OF_LOSS, ids=lambda kind: kind.__name__)
def test_sum_is_mean_times_the_number_of_values(kind, rng):
    mean, total = (kind(reduction=r) for r in ("mean", "sum"))
    data = draw(mean, rng, n=5, k=3)
    values = 5 * (3 if kind.kind == "elementwise" else 1)
    np.testing.assert_allclose(total(*data), values * mean(*data), rtol=1e-13)


@every_loss
def test_float32_stays_float32(loss, rng):
    y_true, y_pred = draw(loss, rng)
    for weights in ([], [rng.random(5)]):
        value, dy = value_and_gradient(loss, y_true, y_pred.astype(np.float32), *weights)
        assert value.dtype == dy.dtype == np.float32


@every_loss
def test_nothing_given_is_written_to(loss, rng):
    given = [*draw(loss, rng), np.ones(5)]
    for array in given:
        array.flags.writeable = False
    value_and_gradient(loss, *given)


@pytest.mark.parametrize(
    ("dtype", "extremes"), [(np.float64, [1e30, 800.0, 1e300]), (np.float32, [1e30, 800.0])], ids=["64", "32"]
)
@pytest.mark.parametrize("loss", FROM_LOGITS, ids=repr)
def test_extreme_logits_are_finite(loss, dtype, extremes):
    values = np.array([*extremes, 0.0], dtype)
    y_pred = np.stack([-values, values], axis=1)
    for y_true in (np.tile([1.0, 0.0], (len(values), 1)), np.tile([0.0, 1.0], (len(values), 1))):
        with np.errstate(over="raise", invalid="raise", divide="raise"):
            each, dy = loss.value(y_true.astype(dtype), y_pred), loss.gradient(y_true.astype(dtype), y_pred)
        assert np.isfinite(each).all() and np.isfinite(dy).all() and (np.abs(dy) <= 1).all()


@pytest.mark.parametrize("kind", [BinaryCrossEntropy, CrossEntropy])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_probabilities_of_exactly_zero_and_one_are_finite(kind, dtype):
    y_pred = np.array([[0.0, 1.0], [1.0, 0.0]], dtype)
    with np.errstate(all="raise", under="ignore"):
        value, dy = value_and_gradient(kind(from_logits=False), np.array([[1.0, 0.0], [1.0, 0.0]]), y_pred)
    assert np.isfinite(value) and np.isfinite(dy).all()


@every_loss
def test_class_numbers_are_one_hot_rows(loss, rng):
    y_pred = draw(loss, rng, n=6, k=3)[1]
    numbers = rng.integers(0, 3, 6)
    for by_number, by_row in zip(
        value_and_gradient(loss, numbers, y_pred), value_and_gradient(loss, np.eye(3)[numbers], y_pred), strict=True
    ):
        assert same_bits(by_number, by_row)


def test_class_numbers_of_a_single_output_are_its_targets():
    loss, y_pred = BinaryCrossEntropy(), np.array([[0.3], [-2.0]])
    assert loss([1, 0], y_pred) == loss([[1.0], [0.0]], y_pred)


@pytest.mark.parametrize(
    ("y_true", "weights", "error", "message"),
    [
        ([0, 1], None, ShapeError, "y_true has 2 rows, y_pred 3"),
        ([0, 3, 1], None, DataError, "row 1 is class 3, but the network has outputs 0 to 1; give it 4 outputs"),
        ([0, 1, -1], None, DataError, "row 2 is class -1"),
        (np.zeros((3, 3)), None, ShapeError, r"y_true has shape \(3, 3\), the predictions \(3, 2\)"),
        (np.zeros(3), None, ShapeError, "one output per target column"),
        ([0, 1, 1], np.ones(2), ShapeError, "sample_weight has 2 rows, y_true 3"),
    ],
)
@every_loss
def test_misfits_are_explained(loss, y_true, weights, error, message):
    with pytest.raises(error, match=message):
        loss.forward(y_true, np.full((3, 2), 0.5), weights)


@every_loss
def test_repr_and_config_read_back(loss):
    again = eval(repr(loss), {name: getattr(clearprop, name) for name in clearprop.__all__})
    assert again == loss == type(loss)(**loss.config())


@every_loss
def test_link_turns_outputs_into_predictions_in_range(loss, rng):
    y = clearprop.ops.ACTIVATIONS[loss.link](draw(loss, rng)[1])
    assert np.isfinite(y).all()
    if loss.link in ("sigmoid", "softmax"):
        assert (y >= 0).all() and (y <= 1).all()
