"""A gradient is complete or refused: random programs, random moments at which the tape opens and things are watched."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings

from clearprop.errors import NotConnectedError
from clearprop.tape import GradientTape, Tensor
from strategies import seeds

STEP = 1e-30  # of the complex step, which says what is right
SHAPES = [(), (3,), (2, 3), (2, 1), (3, 2)]


def one_number(rng):
    """A function of one value, and whether it may keep the shape."""
    k, index = float(rng.normal()), int(rng.integers(3))
    return [
        lambda x: np.tanh(x) * k,
        lambda x: np.sin(x) - k,
        lambda x: k - np.exp(np.tanh(x)),
        lambda x: np.square(x) / (2.0 + np.cos(x)),
        lambda x: np.where(x > k, x, k * x),
        lambda x: np.maximum(x, k),
        lambda x: np.sum(x) if x.ndim else x,
        lambda x: np.mean(x, axis=-1, keepdims=True) if x.ndim else -x,
        lambda x: np.max(x, axis=0) if x.ndim else x * k,
        lambda x: x[index % x.shape[0]] if x.ndim else x + k,
        lambda x: x[None] if x.ndim < 2 else x.T,
        lambda x: np.reshape(x, (-1,)),
        lambda x: x.T,
        lambda x: x + np.full((3, 1, 1), k) if x.ndim < 2 else x[:, :1],
        lambda x: x**2,
        added_up,
    ][rng.integers(16)]


def added_up(x):
    total = 0.0
    for k in range(3):
        total += (x - k) * 0.5
    return total


def two_numbers(a, b, rng):
    """What two values give together, if their shapes fit."""
    if a.ndim == b.ndim == 2 and a.shape[1] == b.shape[0] and rng.random() < 0.7:
        return lambda a, b: a @ b
    try:
        np.broadcast_shapes(a.shape, b.shape)
    except ValueError:
        return lambda a, b: np.sum(a) * np.mean(b)
    return [
        lambda a, b: a + b,
        lambda a, b: a - 2.0 * b,
        lambda a, b: a * b,
        lambda a, b: a / (3.0 + b * b),
        lambda a, b: np.where(b > 0.1, a, a * b),
        lambda a, b: np.maximum(a, b),
    ][rng.integers(6)]


class Course:
    """A random program: leaves, then steps, each of earlier values; it runs on tensors and on complex arrays alike."""

    def __init__(self, rng):
        self.leaves = [rng.uniform(-1.5, 1.5, SHAPES[rng.integers(len(SHAPES))]) for _ in range(rng.integers(1, 4))]
        self.steps, values = [], list(self.leaves)
        for _ in range(rng.integers(2, 12)):
            inputs = tuple(int(k) for k in rng.integers(0, len(values), rng.integers(1, 3)))
            chosen = [np.asarray(values[k]) for k in inputs]
            function = one_number(rng) if len(inputs) == 1 else two_numbers(*chosen, rng)
            self.steps.append((function, inputs))
            values.append(np.asarray(function(*chosen)))
        self.values = values

    def run(self, leaves, change=lambda number, value: value):
        """All values; each is passed through `change` before others use it."""
        values = [change(number, leaf) for number, leaf in enumerate(leaves)]
        for function, inputs in self.steps:
            values.append(change(len(values), function(*(values[k] for k in inputs))))
        return values

    def derivative(self, target, source, v):
        """∂target/∂source · v, by the complex step."""

        def change(number, value):
            return np.asarray(value) + 1j * STEP * v if number == source else np.asarray(value)

        return np.imag(self.run(self.leaves, change)[target]) / STEP


def asked(course, rng, opens):
    """Runs the course on tensors; the tape opens before value `opens`, random values are watched at random moments."""
    tape = GradientTape(persistent=True)
    values = []

    def change(number, value):
        value = Tensor(value) if number < len(course.leaves) else value
        values.append(value)
        if number >= opens and tape._state == "recording":
            for k in np.flatnonzero(rng.random(len(values)) < 0.2):
                tape.watch(values[k])
        return value

    def opening(number, value):
        value = change(number, value)
        if number + 1 == opens:
            tape.__enter__()
        return value

    if opens == 0:
        tape.__enter__()
    try:
        course.run(course.leaves, opening)
    finally:
        tape.__exit__()
    return tape, values


def agree(course, tape, values, rng, counts, must_answer):
    target = int(rng.integers(len(course.leaves), len(values)))
    sources = sorted({int(k) for k in rng.integers(0, len(values), 3)})
    dy = rng.normal(size=values[target].shape)
    for number in sources:
        source = next(k for k, value in enumerate(values) if value is values[number])  # x.T of a vector x is x
        unconnected = ["raise", "zero"][rng.integers(2)]
        v = rng.normal(size=values[source].shape)
        expected = float(np.sum(dy * course.derivative(target, source, v)))
        backwards = -float(np.sum(dy * course.derivative(target, source, -v)))
        if abs(expected - backwards) > 1e-9 * (1.0 + abs(expected)):
            counts["at a kink"] += 1  # two equal elements under a maximum: no derivative
            continue
        depends = np.any(course.derivative(target, source, np.ones_like(v)) != 0.0) or expected != 0.0
        try:
            found = tape.gradient(values[target], values[source], output_gradient=dy, unconnected=unconnected)
        except NotConnectedError as error:
            counts["refused"] += 1
            assert not (must_answer and depends), (target, source, error)
            continue
        counts["answered"] += 1
        assert float(np.sum(found.value * v)) == pytest.approx(expected, rel=1e-9, abs=1e-9), (target, source)


@settings(max_examples=400)
@given(seeds)
def test_every_answer_is_complete(seed):
    """Wherever the tape opens: the answer is the complex step's, or it is refused."""
    rng = np.random.default_rng(seed)
    course = Course(rng)
    tape, values = asked(course, rng, int(rng.integers(0, len(course.values))))
    agree(course, tape, values, rng, COUNTS, must_answer=False)


@settings(max_examples=400)
@given(seeds)
def test_what_is_computed_inside_the_block_is_always_answered(seed):
    """Watched or not, and whenever."""
    rng = np.random.default_rng(seed)
    course = Course(rng)
    tape, values = asked(course, rng, len(course.leaves))
    agree(course, tape, values, rng, Counter(), must_answer=True)


COUNTS = Counter()


def test_both_happen():
    """Else the tests above would prove nothing."""
    COUNTS.clear()
    test_every_answer_is_complete()
    print(f"{COUNTS}")
    assert COUNTS["answered"] > 200 and COUNTS["refused"] > 50 and COUNTS["at a kink"] < 50, COUNTS
