"""Post 004: derivatives, the chain rule on a tape, Himmelblau's function, and the moons of post 000 for 1001 epochs."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from clearprop import ACTIVATIONS, GradientTape, Tensor
from clearprop._types import Array, Value
from clearprop.posts.base import Printed, Replay
from clearprop.posts.post000.replay import BOTH
from clearprop.posts.post000.replay import replay as moons_run

DESCENTS = {
    (-2.0, 2.0): ("-2.805", "3.131"),
    (4.0, 0.0): ("3.584", "-1.848"),
    (1.0, 0.0): ("3", "2"),
    (-4.0, 0.0): ("-3.779", "-3.283"),
}
"""Where a descent starts (the first in the post's code, the others in its comments), and the minimum it prints."""

# --- derivatives ------------------------------------------------------------------------------------------------------


def derivative(name: str, x: Any, *, p: float = 0.1, at_zero: float = 1.0) -> Array:
    """The post's derivative functions of the pre-activation: "sigmoid", "relu", "leaky_relu" (slope p) and "tanh".

    The post takes 1 at the kink of both ReLUs (but 0 in its `Layer`, as the library does): `at_zero` chooses.

    >>> derivative("relu", [-1.0, 0.0, 1.0]), derivative("relu", [0.0], at_zero=0.0)
    (array([0., 1., 1.]), array([0.]))
    """
    x = np.asarray(x, dtype=float)
    op = ACTIVATIONS[name].bind(**({"slope": p} if name == "leaky_relu" else {}))
    slope: Array = op.vjp(np.ones_like(x), op.forward(x), x)
    return np.where(x == 0.0, at_zero, slope) if name in ("relu", "leaky_relu") else slope


def chain_rule(x: float = 1.0, w1: float = 2.0, b1: float = 1.0, w2: float = 2.0, b2: float = 1.0) -> dict[str, float]:
    """y1 = x w1 + b1, y2 = y1 w2 + b2: both factors of ∂y2/∂w1, their product, and the tape's own answer."""
    with GradientTape(persistent=True) as tape:
        W1, B1, W2, B2 = tape.watch(w1, b1, w2, b2)
        y1 = x * W1 + B1
        y2 = y1 * W2 + B2
    dy2_dy1, dy1_dw1 = tape.gradient(y2, y1).item(), tape.gradient(y1, W1).item()
    watched = {"w1": W1, "b1": B1, "w2": W2, "b2": B2}
    others = {f"dy2_d{name}": one.item() for name, one in tape.gradient(y2, watched).items()}
    return {
        "y1": y1.item(), "y2": y2.item(), "dy2_dy1": dy2_dy1, "dy1_dw1": dy1_dw1,
        "product": dy2_dy1 * dy1_dw1, **others,
    }  # fmt: skip


# --- Himmelblau -------------------------------------------------------------------------------------------------------


def himmelblau(x: Value, y: Value) -> Value:
    """(x² + y - 11)² + (x + y² - 7)²

    >>> float(himmelblau(3.0, 2.0))
    0.0
    """
    return np.square(np.square(x) + y - 11.0) + np.square(x + np.square(y) - 7.0)


def surface() -> tuple[Array, Array, Array]:
    """The post's grid: x and y of shape (120,), and f of shape (120, 120)."""
    x = np.arange(-6, 6, 0.1)
    return x, x, himmelblau(*np.meshgrid(x, x))


def descend(start: Sequence[float], *, steps: int = 200, learning_rate: float = 0.01, dtype: Any = "float64") -> Array:
    """Gradient descent on the tape, rows x, y after the step and f before it (as the post prints them)."""
    point, rate = Tensor(np.array(start, dtype)), np.array(learning_rate, dtype)
    rows = []
    for _ in range(steps):
        with GradientTape() as tape:
            tape.watch(point)
            f = himmelblau(point[0], point[1])
        point = Tensor(point.value - rate * tape.gradient(f, point).value)
        rows.append([*map(float, point.value), f.item()])
    return np.array(rows)


def stationary_point(guess: Sequence[float]) -> Array:
    """The point near `guess` where the gradient is 0, by Newton's method; the tape gives gradient and curvature."""
    point = np.array(guess, dtype=float)
    for _ in range(20):
        with GradientTape(persistent=True) as outer:
            p = outer.watch(point)
            with GradientTape() as inner:
                inner.watch(p)
                f = himmelblau(p[0], p[1])
            gradient = inner.gradient(f, p)
            parts = gradient[0], gradient[1]
        hessian = np.array([outer.gradient(part, p).value for part in parts])
        point = point - np.linalg.solve(hessian, gradient.value)
    return point


# --- moons ------------------------------------------------------------------------------------------------------------


def replay(seed: int = 0, *, trainable: tuple[str, ...] = ("weight",), epochs: int = 1001, **options: Any) -> Replay:
    """The whole post: its chain rule, its descents, and the moons; the history has every epoch, not each tenth."""
    run = moons_run(seed, epochs=epochs, learning_rate=0.01, n_samples=2000, trainable=trainable, **options)
    chain = chain_rule()
    numbers = {"dy2_dy1 · dy1_dw1": chain["product"], "dy2_dw1": chain["dy2_dw1"]}
    for start in DESCENTS:
        x, y, _ = descend(start)[-1]
        numbers |= {f"minimum from {start}, x": float(x), f"minimum from {start}, y": float(y)}
    for epoch in (0, 10, 20, 50, 100, 500, 1000):
        if epoch < epochs:
            numbers[f"epoch {epoch}, train MSE"] = float(run.history["train MSE"][epoch])
            numbers[f"epoch {epoch}, test accuracy"] = float(run.history["test accuracy"][epoch])
    return Replay(numbers, run.model, run.loss, run.training, run.test, run.history)


def as_published(seed: int = 0, **options: Any) -> Replay:
    """1001 epochs, biases frozen; the post gives no seed."""
    return replay(seed, **options)


def corrected(seed: int = 0, **options: Any) -> Replay:
    """The same with biases trained."""
    return replay(seed, **{"trainable": BOTH, **options})


PUBLISHED = (
    Printed("dy2_dy1 · dy1_dw1", "2.0", "dy2_dy1 · dy1_dw1（链式法则）"),
    Printed("dy2_dw1", "2.0", "dy2_dw1（直接求导）"),
    *(
        Printed(f"minimum from {start}, {axis}", text, f"从 {start} 下降到的极小点，{axis}")
        for start, minimum in DESCENTS.items()
        for axis, text in zip("xy", minimum, strict=True)
    ),
    *(
        Printed(f"epoch {epoch}, {name}", zh=f"第 {epoch} 轮，{zh}", digits=digits)
        for epoch in (0, 10, 20, 50, 100, 500, 1000)
        for name, zh, digits in (("train MSE", "训练 MSE", 6), ("test accuracy", "测试准确率", 2))
    ),
)
"""The moons' numbers are only in the post's pictures, which end at epoch 100."""
