"""The work that everybody is given: data, network, start weights, order of the rows, and what the answer must be."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

Weights = list[tuple[Any, Any]]
"""One (W, b) for each layer; W has shape (n_in, n_out)."""


class Data(NamedTuple):
    """Rows to train on (or to predict), and held-out rows for the workloads that evaluate."""

    X: Any
    y: Any
    X_test: Any
    y_test: Any


@dataclass(frozen=True)
class Workload:
    """One line of the table.

    Two recipes: "sigmoid" is a sigmoid after every layer, mean squared error and plain gradient descent, as in the
    posts; "relu" is relu, softmax cross-entropy and Adam.
    """

    name: str
    title: str
    data: str
    rows: int
    widths: tuple[int, ...]
    recipe: str
    batch_size: int
    epochs: int
    dtype: str
    learning_rate: float = 1e-3
    kind: str = "training"  # or "prediction", "post", "population"
    shuffled: bool = True
    calls: int = 1  # in one repetition: one row is predicted in less time than a clock resolves
    evaluate_every: int = 0  # epochs; a post's own evaluations belong to its run
    networks: int = 1

    @property
    def flops(self) -> float:
        """Multiplications and additions in the matrix products of one call; activations and the optimiser are free."""
        sizes = [a * b for a, b in pairwise(self.widths)]
        if self.kind == "prediction":
            return 2.0 * sum(sizes) * self.rows
        return 2.0 * (2 * sum(sizes) + sum(sizes[1:])) * self.rows * self.epochs * self.networks

    @property
    def optional(self) -> bool:
        """Whether it runs only when asked for by name."""
        return self.kind == "population"

    def learning_rates(self) -> Any:
        """One for each network."""
        if self.networks == 1:
            return np.array([self.learning_rate])
        return self.learning_rate * np.geomspace(0.1, 10.0, self.networks)

    def start(self, seed: int = 0) -> Weights:
        """The weights that everybody starts from."""
        rng, weights = np.random.default_rng(seed), []
        for n_in, n_out in pairwise(self.widths):
            if self.recipe == "sigmoid":  # the posts' own
                W, b = rng.standard_normal((n_in, n_out)) * np.sqrt(1 / n_out), rng.random(n_out) * 0.1
            else:
                limit = np.sqrt(6 / (n_in + n_out))
                W, b = rng.uniform(-limit, limit, (n_in, n_out)), np.zeros(n_out)
            weights.append((W.astype(self.dtype), b.astype(self.dtype)))
        return weights

    def orders(self, seed: int = 0) -> Any:
        """Row numbers, of shape (epochs, rows)."""
        rng, rows = np.random.default_rng(seed), np.arange(self.rows, dtype=np.int32)
        return np.stack([rng.permutation(rows) if self.shuffled else rows for _ in range(self.epochs)])

    def make_data(self) -> Data:
        """The rows, drawn or loaded."""
        X, y, *test = DATA[self.data](self.rows)
        X_test, y_test = test or (X[:0], y[:0])
        X, X_test = X[: self.rows].astype(self.dtype), X_test.astype(self.dtype)
        return Data(X, y[: self.rows].astype(np.int64), X_test, y_test.astype(np.int64))

    def part(self, data: Data) -> Data:
        """As many of the rows as this workload has."""
        return data._replace(X=data.X[: self.rows], y=data.y[: self.rows])

    def one_hot(self, y: Any) -> Any:
        """Targets as rows of 0 and 1."""
        return np.eye(self.widths[-1], dtype=self.dtype)[y]

    def loss(self, weights: Weights, data: Data) -> float:
        """The loss at these weights, in float64, on at most 20,000 rows: the answer that must agree."""
        activations = data.X[:20_000].astype(np.float64)
        for number, (W, b) in enumerate(weights, start=1):
            activations = activations @ np.asarray(W, np.float64) + np.asarray(b, np.float64)
            if self.recipe == "sigmoid":
                activations = 1 / (1 + np.exp(-activations))
            elif number < len(weights):
                activations = np.maximum(activations, 0)
        return self.loss_of_outputs(activations, data)

    def loss_of_outputs(self, outputs: Any, data: Data) -> float:
        """The same from outputs (logits or their log-softmax) of the first rows."""
        outputs = np.asarray(outputs[:20_000], np.float64)
        y = data.y[: len(outputs)]
        if self.recipe == "sigmoid":
            return float(np.mean((outputs - self.one_hot(y)) ** 2))
        outputs = outputs - outputs.max(1, keepdims=True)
        return float(np.mean(np.log(np.exp(outputs).sum(1)) - outputs[np.arange(len(y)), y]))

    def quick(self) -> "Workload":
        """About a fiftieth of the work, of the same shape."""
        return replace(
            self,
            rows=min(self.rows, max(2000, 10 * self.batch_size)),
            epochs=max(1, self.epochs // 50),
            calls=max(1, self.calls // 50),
            networks=min(self.networks, 4),
        )

    def short(self) -> "Workload":
        """A few steps in a fixed order, after which everybody must have the same loss."""
        networks = min(self.networks, 2)
        return replace(
            self, rows=min(self.rows, max(700, 20 * self.batch_size)), epochs=1, shuffled=False, networks=networks
        )


def save(data: Data, path: Path) -> None:
    """Write the data where workers read it."""
    np.savez(path, **data._asdict())


def load(path: str | Path) -> Data:
    """Read what `save` wrote."""
    with np.load(path) as file:
        return Data(**file)


def _moons(rows: int) -> tuple[Any, ...]:
    """As in posts 000 and 004: 70 % for training."""
    from sklearn.datasets import make_moons
    from sklearn.model_selection import train_test_split

    X, y = make_moons(n_samples=round(rows / 0.7), noise=0.2, random_state=100)
    X, X_test, y, y_test = train_test_split(X, y, test_size=0.3, random_state=42)
    return X, y, X_test, y_test


def _digits(rows: int) -> tuple[Any, ...]:
    """Repeated when more rows are asked for than there are."""
    from sklearn.datasets import load_digits

    X, y = load_digits(return_X_y=True)
    times = -(-rows // len(X))
    return np.tile((X / 16).astype(np.float32), (times, 1)), np.tile(y, times)


def _images(rows: int) -> tuple[Any, ...]:
    """As many numbers as MNIST has, most of them 0; the classes can be learned."""
    rng = np.random.default_rng(0)
    X = rng.random((rows, 784), dtype=np.float32)
    X *= X > 0.8
    return X, (X @ rng.standard_normal((784, 10), dtype=np.float32)).argmax(1)


def _table(rows: int) -> tuple[Any, ...]:
    """As many columns and classes as Covertype has."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((rows, 54), dtype=np.float32)
    return X, (np.tanh(X) @ rng.standard_normal((54, 7), dtype=np.float32)).argmax(1)


DATA: dict[str, Callable[[int], tuple[Any, ...]]] = {
    "moons": _moons,
    "digits": _digits,
    "images": _images,
    "table": _table,
}

_POST = (2, 25, 50, 25, 2)
_DIGITS = (64, 100, 10)
_W2 = [
    Workload(
        f"W2-{batch}-{dtype.replace('loat', '')}",
        f"digits 64-100-10, batch {batch}, {dtype}",
        *("digits", 1797, _DIGITS, "relu", batch, 200, dtype),
    )
    for batch in (200, 32)
    for dtype in ("float32", "float64")
]
SUITE = [
    Workload("W1", "per-sample moons 2-25-50-25-2, float64", "moons", 700, _POST, "sigmoid", 1, 50, "float64", 0.1),
    *_W2,
    Workload("W3a", "60,000 images 784-128-10, float32", "images", 60_000, (784, 128, 10), "relu", 128, 3, "float32"),
    Workload(
        *("W3b", "60,000 images 784-512-512-10, float32", "images", 60_000, (784, 512, 512, 10), "relu", 128, 3),
        dtype="float32",
    ),
    Workload(
        "W4", "500,000 rows 54-256-256-7, float32", "table", 500_000, (54, 256, 256, 7), "relu", 1024, 1, "float32"
    ),
    Workload(
        *("W5-many", "predict 1,000,000 rows, 64-100-10", "digits", 1_000_000, _DIGITS, "relu", 1000, 1, "float32"),
        kind="prediction",
    ),
    Workload(
        *("W5-one", "predict one row, 64-100-10", "digits", 1, _DIGITS, "relu", 1, 1, "float32"),
        kind="prediction",
        calls=2000,
    ),
    Workload(
        *("W6", "64 networks on digits 64-100-10", "digits", 1797, _DIGITS, "relu", 200, 200, "float32"),
        kind="population",
        networks=64,
    ),
    Workload(
        *("P000", "post 000: moons, 50 epochs, evaluated after each", "moons", 700, _POST, "sigmoid", 1, 50, "float64"),
        learning_rate=0.1,
        kind="post",
        shuffled=False,
        evaluate_every=1,
    ),
    Workload(
        *("P004", "post 004: moons, 1,001 epochs", "moons", 1400, _POST, "sigmoid", 1, 1001, "float64"),
        learning_rate=0.01,
        kind="post",
        shuffled=False,
        evaluate_every=10,
    ),
]
STARTS = [
    Workload("digits", "digits 64-100-10, one epoch", "digits", 1797, _DIGITS, "relu", 200, 1, "float32"),
    Workload("moons", "moons 2-16-2, one epoch", "moons", 700, (2, 16, 2), "relu", 32, 1, "float32"),
]
"""What a fresh process trains, to see how long the first fit takes."""


def chosen(tokens: Sequence[str]) -> list[Workload]:
    """The workloads whose names begin so; without tokens all but the optional ones."""
    if not tokens:
        return [work for work in SUITE if not work.optional]
    return [work for work in SUITE if any(work.name.lower().startswith(token.lower()) for token in tokens)]
