"""Witnesses: checks of one definition, given as a value, so that a test can also hand them a wrong one.

The conformance tests walk the registries and call these; `test_broken_definitions_are_noticed.py` calls them with
definitions that are broken on purpose.
"""

from typing import Any

import numpy as np
import pytest

from clearprop.gradients.check import check_gradients, sample_inputs
from clearprop.layers import Layer
from clearprop.losses import Loss
from clearprop.ops import Op
from clearprop.tape import GradientTape, Tensor

STEP = 1e-30  # of the complex step: no subtraction, so the smaller the better
COMPLEX_STEP = ("complex step",)

# How often a random test is repeated: always, and before a release.
CASES = [500, pytest.param(10_000, marks=pytest.mark.nightly)]


def is_float(x: Any) -> bool:
    """Whether x has a derivative: masks do not."""
    return np.asarray(x).dtype.kind == "f"


def random_sizes(rng: np.random.Generator) -> dict[str, int]:
    """Lengths of the axes n, i, o, single rows and single features included."""
    return {"n": int(rng.integers(1, 7)), "i": int(rng.integers(1, 6)), "o": int(rng.integers(1, 5))}


# --- operations -------------------------------------------------------------------------------------------------------


def op_error(op: Op, inputs: list[Any], rng: np.random.Generator) -> float:
    """The largest error of the op's derivative against the complex step, relative as in `clearprop.gradients.check`.

    Elementwise operations are checked at every element at once, others along one direction: a random sign vector, or
    an axis, by turns.
    """
    y = op.forward(*inputs)
    dy = rng.normal(size=np.shape(y))
    shaken = [x * (1 + 1e-7 * rng.choice([-1, 1], x.shape)) if is_float(x) else x for x in inputs]
    derived = op.pullback(dy, y, *inputs)
    moved = op.pullback(dy, op.forward(*shaken), *shaken)
    errors, scales = [], []
    for k, x in enumerate(inputs):
        if derived[k] is None:
            continue
        v = np.ones(x.shape) if op.kind == "elementwise" else _direction(x.shape, rng)
        terms = dy * np.imag(op.forward(*inputs[:k], x + 1j * STEP * v, *inputs[k + 1 :])) / STEP
        sensitivity = np.max(np.abs(moved[k] - derived[k])) / 1e-7
        if op.kind == "elementwise":
            errors.append(np.max(np.abs(derived[k] - terms)))
            scales.append(np.max(np.abs(terms)) + sensitivity)
        else:
            errors.append(abs(np.sum(derived[k] * v) - np.sum(terms)))
            scales.append(np.sum(np.abs(terms)) + np.sum(np.abs(derived[k] * v)) + sensitivity * np.sum(np.abs(v)))
    floor = max(1e-2 * max(scales), 1e-300)  # a derivative that is exactly 0 is measured against the others
    return float(max(error / max(scale, floor) for error, scale in zip(errors, scales, strict=True)))


def _direction(shape: tuple[int, ...], rng: np.random.Generator) -> Any:
    if rng.random() < 0.5:
        return rng.choice([-1.0, 1.0], shape)
    axis = np.zeros(shape)
    axis.flat[rng.integers(axis.size)] = 1.0
    return axis


def worst_op_error(op: Op, cases: int, seed: int = 0) -> float:
    """The largest `op_error` over random inputs of random shapes."""
    rng = np.random.default_rng(seed)
    return max(op_error(op, sample_inputs(op, rng, random_sizes(rng)), rng) for _ in range(cases))


def second_order_error(op: Op, inputs: list[Any], rng: np.random.Generator) -> float:
    """The error of nested tapes against the complex step of the op's own vjp, along one direction."""
    dy = rng.normal(size=np.shape(op.forward(*inputs)))
    free = [k for k, x in enumerate(inputs) if is_float(x)]
    outer_v, inner_v = ({k: rng.normal(size=inputs[k].shape) for k in free} for _ in range(2))

    def pulled(values: list[Any]) -> Any:
        found = op.pullback(dy, op.forward(*values), *values)
        return sum(np.sum(found[k] * inner_v[k]) for k in free if found[k] is not None)

    moved = [x + 1j * STEP * outer_v[k] if k in free else x for k, x in enumerate(inputs)]
    numeric = np.imag(pulled(moved)) / STEP
    with GradientTape() as outer:
        values = [outer.watch(x) if k in free else x for k, x in enumerate(inputs)]
        tensors = [values[k] for k in free]
        with GradientTape() as inner:
            for tensor in tensors:
                inner.watch(tensor)
            y = op(*values)
        first = inner.gradient(y, tensors, output_gradient=dy, unconnected="zero")
        s = sum((dx * inner_v[k]).sum() for k, dx in zip(free, first, strict=True))
    second = outer.gradient(s, tensors, unconnected="zero")
    terms = [float(np.sum(d.value * outer_v[k])) for k, d in zip(free, second, strict=True)]
    sizes = [np.sum(np.abs(d.value * outer_v[k])) for k, d in zip(free, second, strict=True)]
    return float(abs(sum(terms) - numeric) / max(sum(sizes), 1.0))


def tape_gradients(op: Op, inputs: list[Any], dy: Any) -> list[Any]:
    """What the tape says the gradients are; None for masks."""
    with GradientTape() as tape:
        values = [tape.watch(x) if is_float(x) else x for x in inputs]
        y = op(*values)
    found = iter(tape.gradient(y, [v for v in values if isinstance(v, Tensor)], output_gradient=dy, unconnected="zero"))
    return [next(found).value if isinstance(v, Tensor) else None for v in values]


# --- layers and losses ------------------------------------------------------------------------------------------------


def layer_errors(layer: Layer, cases: int, training: bool, seed: int = 0) -> float:
    """The largest error `check_gradients` finds for the layer over random batches."""
    rng = np.random.default_rng(seed)
    worst = 0.0
    for case in range(cases):
        x = rng.normal(size=(int(rng.integers(2, 6)), int(rng.integers(1, 5))))
        report = check_gradients(layer, x, training=training, methods=COMPLEX_STEP, seed=case)
        worst = max(worst, report.worst.error)
    return worst


def worst_loss_error(loss: Loss, draw: Any, cases: int, seed: int = 0) -> float:
    """The largest error `check_gradients` finds for the loss; draw(rng) gives y_true, y_pred and weights."""
    rng = np.random.default_rng(seed)
    return max(check_gradients(loss, *draw(rng), methods=COMPLEX_STEP).worst.error for _ in range(cases))


def same_bits(a: Any, b: Any) -> bool:
    """Equality of shape, dtype and every bit (so 0.0 and -0.0 differ, and NaN equals itself)."""
    a, b = np.asarray(a), np.asarray(b)
    return a.shape == b.shape and a.dtype == b.dtype and a.tobytes() == b.tobytes()
