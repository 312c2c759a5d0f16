"""The same network trained here and in other libraries: same start, same batches; how alike, and how fast?"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from clearprop._registry import did_you_mean
from clearprop._types import Array
from clearprop.compare.peers import PEERS, Problem, Weights, differences
from clearprop.data import Dataset, Preparation, as_dataset
from clearprop.errors import ConfigurationError, DataError
from clearprop.judge.scores import METRIC_OF_TASK
from clearprop.losses import LOSSES
from clearprop.metrics import METRICS
from clearprop.model import MLP
from clearprop.ops import ACTIVATIONS
from clearprop.randomness import ORDERS, generator

OURS = "clearprop"
ACTIVATIONS_OF_ALL = ("tanh", "relu", "sigmoid")
OPTIMIZERS_OF_ALL = ("sgd", "adam")
TEST = 0.2


@dataclass(frozen=True)
class Result:
    """What one library made of the network.

    Attributes
    ----------
    name, version : str
    score, loss : float
        Accuracy or R² and loss on the held-back rows, computed here from the library's weights.
    seconds : float
        Median time of training.
    ratio : float
        Median over the rounds of the time divided by clearprop's in the same round.
    difference : float
        The largest difference of a weight from clearprop's after training.
    """

    name: str
    version: str
    score: float
    loss: float
    seconds: float
    ratio: float
    difference: float


@dataclass(frozen=True)
class Comparison:
    """Results of all libraries; prints as a table.

    Attributes
    ----------
    results : tuple of Result
        clearprop's first.
    metric : str
    setting : dict
        What was trained, and how.
    missing : tuple of str
        Libraries that are not installed.
    notes : tuple of str
        What differs, and why.
    """

    results: tuple[Result, ...]
    metric: str
    setting: dict[str, Any]
    missing: tuple[str, ...]
    notes: tuple[str, ...]

    def __getitem__(self, library: str) -> Result:
        for result in self.results:
            if result.name == library:
                return result
        raise ConfigurationError(
            f"{library!r} was not compared; {did_you_mean(library, [r.name for r in self.results])}"
        )

    def table(self) -> list[tuple[str, ...]]:
        """A row for each library, a heading first."""
        rows: list[tuple[str, ...]] = [
            ("library", "version", f"test {self.metric}", "test loss", "ms", "times ours", "weight difference")
        ]
        for r in self.results:
            ours = r.name == OURS
            rows.append(
                (
                    r.name,
                    r.version,
                    f"{r.score:.4f}",
                    f"{r.loss:.6f}",
                    f"{1000 * r.seconds:.4g}",
                    "1" if ours else f"{r.ratio:.3g}",
                    "" if ours else f"{r.difference:.1e}",
                )
            )
        return rows

    def sentences(self) -> list[str]:
        """What was compared, what is missing, and what differs."""
        s = self.setting
        lines = [
            f"{s['network']}, {s['loss']}, {s['optimizer']}; {s['epochs']} epochs of {s['rows']} rows in batches of "
            f"{s['batch_size']}, float64, same start and same batches; medians of {s['rounds']} interleaved rounds"
        ]
        if self.missing:
            lines.append(f"not installed: {', '.join(self.missing)}")
        return [*lines, *self.notes]

    def to_dict(self) -> dict[str, Any]:
        """Plain values, as JSON can hold them."""
        return {
            "metric": self.metric,
            "setting": self.setting,
            "results": [dict(vars(result)) for result in self.results],
            "missing": list(self.missing),
            "notes": list(self.notes),
        }

    def __str__(self) -> str:
        rows = self.table()
        widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
        lines = ["  ".join(f"{cell:<{w}}" for cell, w in zip(row, widths, strict=True)).rstrip() for row in rows]
        return "\n".join([*lines, *self.sentences()])


def compare(
    data: Any,
    hidden: Sequence[int] = (32, 32),
    *,
    activation: str = "tanh",
    optimizer: str = "sgd",
    learning_rate: float | None = None,
    momentum: float = 0.9,
    nesterov: bool = False,
    epochs: int = 20,
    batch_size: int = 32,
    rounds: int = 5,
    libraries: Sequence[str] | None = None,
    seed: int = 0,
) -> Comparison:
    """Train one network here and in the other libraries that are installed, in float64.

    The rows are put in one random order, and every epoch takes them in that order, so that no library's own shuffling
    comes between.  A fifth of them is held back to judge on.  The libraries take turns, in another order each round,
    after one round that is not timed.

    Parameters
    ----------
    data : Dataset, (X, y) or (X, y, sample_weight)
        Standardised here; weights are not used.
    hidden : sequence of int
    activation : {"tanh", "relu", "sigmoid"}
    optimizer : {"sgd", "adam"}
    learning_rate : float, optional
        Default 0.05 for SGD, 0.005 for Adam.
    momentum, nesterov
        Of SGD.
    epochs, batch_size, rounds : int
    libraries : sequence of str, optional
        Of ``PEERS``: "scikit-learn", "PyTorch", "Keras"; default all that are installed.
    seed : int
        Of the split, the order and the start weights.

    Raises
    ------
    ConfigurationError
        What not all libraries have, or a number out of its range.
    DataError
        A class without rows to learn from.

    >>> from clearprop.data import load_dataset
    >>> found = compare(load_dataset("iris"), (4,), epochs=2, rounds=1, libraries=["scikit-learn"])
    >>> found["scikit-learn"].difference < 1e-12
    True
    """
    _check_choices(activation=(activation, ACTIVATIONS_OF_ALL), optimizer=(optimizer, OPTIMIZERS_OF_ALL))
    _check_counts(epochs=[epochs], batch_size=[batch_size], rounds=[rounds], hidden=hidden)
    wanted = [OURS, *(name for name in (PEERS if libraries is None else libraries) if name != OURS)]
    present = [name for name in wanted if PEERS[name].installed]
    training, test = _prepared(as_dataset(data), seed)
    if learning_rate is None:
        learning_rate = 0.05 if optimizer == "sgd" else 0.005
    loss = {0: "mse", 2: "binary_crossentropy"}.get(training.n_classes, "crossentropy")
    widths = (training.n_features, *map(int, hidden), 1 if training.n_classes == 2 else training.n_outputs)
    model = MLP(widths, activation, seed=seed)
    start = [view.copy() for view in model.parameters().values()]
    problem = Problem(
        training, widths, activation, loss, start, optimizer, learning_rate, momentum, nesterov, epochs, batch_size
    )
    times, trained = _timed(problem, present, rounds)
    rule = "Adam" if optimizer == "adam" else f"SGD, momentum {momentum:g}{' (Nesterov)' if nesterov else ''}"
    setting = {
        "network": repr(model),
        "loss": loss,
        "optimizer": f"{rule}, learning rate {learning_rate:g}",
        "epochs": epochs,
        "rows": len(training),
        "batch_size": batch_size,
        "rounds": rounds,
    }
    return Comparison(
        tuple(_result(name, model, loss, test, times, trained) for name in present),
        METRIC_OF_TASK[test.task],
        setting,
        tuple(name for name in wanted if name not in present),
        differences(problem, present),
    )


def _check_choices(**choices: tuple[str, Sequence[str]]) -> None:
    for option, (value, allowed) in choices.items():
        if value not in allowed:
            raise ConfigurationError(
                f"{option} {value!r} is not in all libraries; {did_you_mean(value, list(allowed))}"
            )


def _check_counts(**counts: Sequence[int]) -> None:
    for option, numbers in counts.items():
        for number in numbers:
            if isinstance(number, bool) or not isinstance(number, int | np.integer) or number < 1:
                raise ConfigurationError(f"{option} is a whole number, 1 or more, not {number!r}")


def _result(
    name: str,
    model: MLP,
    loss: str,
    test: Dataset,
    times: Mapping[str, list[float]],
    trained: Mapping[str, Weights],
) -> Result:
    """What this library's weights are worth, computed in `model`, and how long they took beside ours."""
    for view, w in zip(model.parameters().values(), trained[name], strict=True):
        view[...] = w
    outputs, of_loss = model.forward(test.X)[0], LOSSES[loss]()
    return Result(
        name=name,
        version=PEERS[name].version,
        score=METRICS[METRIC_OF_TASK[test.task]](test.y, ACTIVATIONS[of_loss.link].forward(outputs)),
        loss=float(of_loss(test.y, outputs)),
        seconds=float(np.median(times[name])),
        ratio=float(np.median(np.divide(times[name], times[OURS]))),
        difference=max(float(np.max(np.abs(a - b))) for a, b in zip(trained[name], trained[OURS], strict=True)),
    )


def _prepared(data: Dataset, seed: int) -> tuple[Dataset, Dataset]:
    """Rows to learn from, in the order in which they are used, and rows to judge on; standardised."""
    rest, test = data.split(TEST, seed=seed)
    missing = set(range(data.n_classes)) - set(np.unique(rest.y).tolist() if data.n_classes else ())
    if missing or data.n_classes == 1:
        names = ", ".join(data.target_names[k] for k in sorted(missing)) or "but one"
        raise DataError(f"{data.name}: no rows to learn from of class {names}; add some")
    plan = Preparation.of(rest)
    order: Array = generator(seed, ORDERS).permutation(len(rest))
    learnt = plan.transform(rest.take(order))
    plain = Dataset(learnt.X.astype(np.float64), learnt.y, None, learnt.feature_names, learnt.target_names, data.name)
    return plain, plan.transform(test)


def _timed(problem: Problem, names: Sequence[str], rounds: int) -> tuple[dict[str, list[float]], dict[str, Weights]]:
    """The seconds of each round, and the weights after training."""
    times: dict[str, list[float]] = {name: [] for name in names}
    trained: dict[str, Weights] = {}
    for number in range(rounds + 1):
        turn = number % len(names)
        for name in (*names[turn:], *names[:turn]):
            network = PEERS[name].prepare(problem)
            started = time.perf_counter()
            network.train()
            seconds = time.perf_counter() - started
            if number:  # the first round warms caches, compilers and thread pools
                times[name].append(seconds)
            trained[name] = network.weights()
    return times, trained
