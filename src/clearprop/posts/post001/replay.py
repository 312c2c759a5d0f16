"""Post 001: iris by random mini-batches, 4-12-6-3 sigmoids without biases, drawn with replacement.

The post's `NeuronNetwork` is an `MLP` with `use_bias=False`; its loss is the sum of squares over the batch.
"""

from collections.abc import Iterable, Sequence
from functools import cache
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from clearprop import METRICS, MLP, MSE, SGD, Dataset, load_dataset, predict, train
from clearprop._types import Array
from clearprop.posts.base import Printed, Replay, expecting_saturation

SPECIES = ("setosa", "versicolor", "virginica")
CONSTANT = 64 * 2 / 3
"""The loss of 64 rows if every answer is 1/3: where the post's run ends."""


class BadLine(NamedTuple):
    """A line of the text file that is not used, and why."""

    number: int
    text: str
    reason: str


def read_iris(lines: Iterable[str]) -> tuple[Dataset, list[BadLine]]:
    """The post's reader for ``iris.txt`` (``5.1,3.5,1.4,0.2,Iris-setosa``), which also says what it leaves out.

    The post skips lines that are no numbers without a word, and takes any unknown species for virginica.

    >>> data, bad = read_iris(["5.1,3.5,1.4,0.2,Iris-setosa", "5.1,,1.4,0.2,Iris-setosa", "4,3,2,1,Iris-rosa"])
    >>> len(data), [(line.number, line.reason) for line in bad]
    (1, [(2, "'' is not a number"), (3, "'Iris-rosa' is none of setosa, versicolor, virginica")])
    """
    rows, labels, bad = [], [], []
    for number, line in enumerate(lines, start=1):
        *cells, name = line.strip().split(",")
        wrong = [cell for cell in cells if not _is_number(cell)]
        species = [k for k, known in enumerate(SPECIES) if known in name]
        if not line.strip():
            continue
        if wrong:
            bad.append(BadLine(number, line.strip(), f"{wrong[0]!r} is not a number"))
        elif len(cells) != 4:
            bad.append(BadLine(number, line.strip(), f"it has {len(cells)} numbers, not 4"))
        elif not species:
            bad.append(BadLine(number, line.strip(), f"{name!r} is none of {', '.join(SPECIES)}"))
        else:
            rows.append([float(cell) for cell in cells])
            labels.append(species[0])
    return Dataset(np.array(rows), np.array(labels), target_names=SPECIES, name="iris"), bad


def _is_number(cell: str) -> bool:
    try:
        return bool(np.isfinite(float(cell)))
    except ValueError:
        return False


@cache
def iris_text() -> str:
    """The post's ``iris.txt``, made from scikit-learn's copy (rows 35 and 38 are Fisher's)."""
    data = load_dataset("iris")
    rows = zip(data.X, data.y, strict=True)
    return "".join(f"{','.join(map(str, x))},Iris-{SPECIES[k]}\n" for x, k in rows)


def draws(random: np.random.RandomState, widths: Sequence[int], init: str) -> list[Array]:
    """The post's U[0, 1) weights; "centred" makes them U[-1, 1), "normal" draws N(0, 1/n_in) instead."""
    pairs = list(pairwise(widths))
    if init == "normal":
        return [random.randn(a, b) / np.sqrt(a) for a, b in pairs]
    return [2.0 * w - 1.0 if init == "centred" else w for w in (random.rand(a, b) for a, b in pairs)]


def network(weights: Sequence[Array], activation: str = "sigmoid") -> MLP:
    """The post's network with these weights: no biases, the same activation on every layer."""
    widths = [weights[0].shape[0], *(W.shape[1] for W in weights)]
    model = MLP(widths, activation, output_activation=activation, use_bias=False)
    for number, W in enumerate(weights):
        model.parameters()[f"{2 * number}.weight"][...] = W
    return model


def prepared(data: Dataset, standardise: bool, constant: bool) -> Dataset:
    """The features as the variant wants them."""
    X = np.asarray(data.X)
    X = (X - X.mean(axis=0)) / X.std(axis=0) if standardise else X
    X = np.hstack([X, np.ones((len(X), 1))]) if constant else X
    return Dataset(X, data.y, target_names=data.target_names, name=data.name)


def replay(
    seed: int = 0,
    *,
    hidden: Sequence[int] = (12, 6),
    activation: str = "sigmoid",
    init: str = "published",
    learning_rate: float = 0.01,
    iterations: int = 1000,
    standardise: bool = False,
    constant: bool = False,
    data: Dataset | None = None,
    random: np.random.RandomState | None = None,
    batch_size: int = 64,
    every: int = 50,
    record: str = "step",
    engine: str = "auto",
) -> Replay:
    """Train as the post does; the history has each batch's loss before its update, and every 50 the whole set's.

    Any number of hidden layers; the post allows one or two.  Each batch is drawn with replacement.  With
    `record="epoch"`, which is faster, the batch losses are means over 50.
    """
    data = data or read_iris(iris_text().splitlines())[0]
    data, random = prepared(data, standardise, constant), random or np.random.RandomState(seed)
    widths = (data.n_features, *hidden, data.n_classes)
    model = network(draws(random, widths, init), activation)
    batches = [random.choice(len(data), batch_size) for _ in range(iterations)]
    loss = MSE(reduction="sum")
    losses: list[float] = []
    rows: list[tuple[int, float, float]] = []
    with expecting_saturation():
        steps = train(
            model,
            data,
            loss,
            SGD(learning_rate),
            epochs=iterations // every,
            order=lambda epoch: batches[(epoch - 1) * every : epoch * every],
            record=record,
            engine=engine,
        )
        for step in steps:
            losses.append(step["loss"])
            if record == "epoch" or len(losses) % every == 0:
                outputs = predict(model, data.X, engine=engine)
                rows.append((every * (len(rows) + 1), loss(data.y, outputs), METRICS["accuracy"](data.y, outputs)))
    updates, totals, shares = np.array(rows).T
    printed = range(0, iterations, every) if record == "step" else ()
    numbers = {f"loss at iteration {i}": losses[i] for i in printed}
    numbers |= {"loss of all rows": float(totals[-1]), "accuracy": 100 * float(shares[-1])}
    history = {"batch loss": np.array(losses), "updates": updates, "loss": totals, "accuracy": 100 * shares}
    return Replay(numbers, model, loss, data, None, history)


def as_published(seed: int = 0, **options: Any) -> Replay:
    """1000 batches of 64; the post gives no seed."""
    return replay(seed, **options)


def corrected(seed: int = 0, **options: Any) -> Replay:
    """The same draws, moved to [-1, 1): nothing else is needed."""
    return replay(seed, **{"init": "centred", **options})


PUBLISHED = (
    *(
        Printed(f"loss at iteration {i}", zh=f"第 {i} 次迭代的批损失", binding=False, digits=2)
        for i in range(0, 1000, 50)
    ),
    Printed("loss of all rows", zh="全部 150 行的损失", digits=2),
    Printed("accuracy", zh="准确率", digits=2),
)
"""The post prints no numbers; these are what its program prints every 50 iterations, and what it does not measure."""
