"""What is wrong in post 000, each measured."""

import warnings
from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np

from clearprop import ACTIVATIONS, Dataset, check_gradients, predict
from clearprop._types import Array
from clearprop.posts.base import Numbers, Printed, Replay, Replays, raised
from clearprop.posts.post000.replay import BOTH, PUBLISHED, layer, moons, network, replay, start

WINDOW = (-2.0, 2.5, -1.0, 2.0)


def last(run: Replay) -> tuple[float, ...]:
    """The four numbers of the last epoch."""
    return tuple(float(values[-1]) for name, values in run.history.items() if name != "epoch")


@cache
def ends(seeds: int = 10, **options: Any) -> Array:
    """The four numbers for each of the seeds 0, 1, ...; several findings look at the same runs."""
    return np.array([last(replay(seed, **options)) for seed in range(seeds)])


def averages(ends: Array) -> dict[str, float]:
    """Means and standard deviations over the seeds."""
    named = zip(("train_mse", "train", "test_mse", "test"), ends.T, strict=True)
    return {key: float(f(column)) for name, column in named for key, f in ((name, np.mean), (f"{name}_sd", np.std))}


def grid(window: tuple[float, ...] = WINDOW) -> Array:
    """The post's grid: 100 points for each unit of length."""
    x0, x1, y0, y1 = window
    sides = np.linspace(x0, x1, int((x1 - x0) * 100)), np.linspace(y0, y1, int((y1 - y0) * 100))
    return np.stack(np.meshgrid(*sides), axis=-1).reshape(-1, 2)


def straightness(run: Replay) -> float:
    """On what share of the grid the best straight line decides as the network does."""
    from sklearn.linear_model import LogisticRegression

    points = grid()
    decided = predict(run.model, points).argmax(axis=1)
    return float(LogisticRegression(C=1e4, max_iter=1000).fit(points, decided).score(points, decided))


def logistic_regression(training: Dataset, test: Dataset) -> tuple[float, float]:
    """Its accuracy on both sets: what a straight line can do."""
    from sklearn.linear_model import LogisticRegression

    line = LogisticRegression().fit(training.X, training.y)
    return 100 * line.score(training.X, training.y), 100 * line.score(test.X, test.y)


def unseeded(replays: Replays) -> Numbers:
    low, high = ends().min(axis=0), ends().max(axis=0)
    names = ("train_mse", "train", "test_mse", "test")
    return {f"{n}_{k}": float(v[i]) for i, n in enumerate(names) for k, v in (("low", low), ("high", high))}


def frozen_biases(replays: Replays) -> Numbers:
    run = replays.published
    before, after = start(4).parameters(), run.model.parameters()
    frozen, updated = averages(ends()), averages(ends(trainable=BOTH))
    long = [replay(0, epochs=400, trainable=kind).history["train MSE"] for kind in (("weight",), BOTH)]
    numbers: dict[str, float] = {
        "moved": float(max(np.abs(after[name] - before[name]).max() for name in before if name.endswith("bias")))
    }
    for kind, average, losses in (("frozen", frozen, long[0]), ("updated", updated, long[1])):
        numbers |= {f"{kind}_train": average["train"], f"{kind}_test": average["test"]}
        numbers |= {f"{kind}_{epoch}": float(losses[epoch]) for epoch in (99, 149, 199, 399)}
    return numbers


def gradient(replays: Replays) -> Numbers:
    run, rows = replays.published, slice(0, 5)
    worst = max(
        check_gradients(
            network(
                [layer(2, 5, kind, random=np.random.RandomState(0)), layer(5, 2, kind, random=np.random.RandomState(1))]
            ),
            run.training.X[rows],
            run.training.y[rows],
            loss=run.loss,
            methods=("complex step",),
        ).worst.error
        for kind in ("sigmoid", "tanh", "relu", None)
    )
    # ∂L/∂b is the post's stored `delta`: what it computes and throws away
    X, y, g = run.training.X[:1], run.training.y[:1], np.empty(run.model.n_parameters)
    outputs, caches, _ = run.model.forward(X)
    run.model.backward(run.loss.backward(run.loss.forward(y, outputs)[1]), caches, g)
    delta = (outputs - np.eye(2)[y]) * outputs * (1.0 - outputs)
    lost = float(np.abs(run.model.parameters(g)["6.bias"] - delta[0]).max())
    return {"error": worst, "lost": lost, "delta": float(np.abs(delta).max())}


def stops_early(replays: Replays) -> Numbers:
    run = replays.published
    train, test = logistic_regression(run.training, run.test or run.training)
    _, train_0, _, test_0 = last(replay(0, epochs=400))
    _, train_1, _, test_1 = last(replay(1, epochs=400))
    return {
        "straight": 100 * straightness(run), "line_train": train, "line_test": test,
        "train": run.numbers["last epoch, train accuracy"], "test": run.numbers["last epoch, test accuracy"],
        "train_0": train_0, "test_0": test_0, "train_1": train_1, "test_1": test_1,
    }  # fmt: skip


def fan_out(replays: Replays) -> Numbers:
    runs = {fan: averages(ends(3, fan=fan)) for fan in ("in", "out")}
    return {f"{fan}_{name}": run[name] for fan, run in runs.items() for name in ("train_mse", "train", "test")}


def never_shuffled(replays: Replays) -> Numbers:
    numbers: dict[str, float] = {}
    variants: dict[str, dict[str, Any]] = {
        "in_order": {},
        "shuffled": {"order": "shuffled"},
        "both": {"order": "shuffled", "trainable": BOTH},
    }
    for name, options in variants.items():
        average = averages(ends(**options))
        numbers |= {f"{name}_{key}": average[key] for key in ("train_mse", "train_mse_sd", "test", "test_sd")}
    return numbers


def single_samples(replays: Replays) -> Numbers:
    weights, delta = np.zeros((25, 2)), np.zeros((4, 2))  # the post's line `np.dot(layer.weights, layer.delta)`
    seconds = replay(0, epochs=1, batch_size=4)
    return {"error": raised(lambda: np.dot(weights, delta)), "mse": seconds.numbers["last epoch, train MSE"]}


def exp_overflow(replays: Replays) -> Numbers:
    r = np.array([-710.0])
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        theirs = 1.0 / (1.0 + np.exp(-r))  # the post's line
        words = str(caught[0].message) if caught else "no warning"
    with np.errstate(all="raise", under="ignore"):
        ours = ACTIVATIONS["sigmoid"](r)
    return {"words": words, "theirs": float(theirs[0]), "ours": float(ours[0])}


def unknown_activation(replays: Replays) -> Numbers:
    known = {"relu": 1.0, "sigmoid": 0.7, "tanh": 0.8}
    result = known.get("sigmoyd")  # the post's `apply_activation` falls through its ifs: None
    return {
        "theirs": raised(lambda: np.dot(result, np.zeros((2, 2)))),  # type: ignore[arg-type]
        "ours": raised(lambda: ACTIVATIONS["sigmoyd"]).partition(";")[0],
    }


def given_arrays(replays: Replays) -> Numbers:
    weights = np.random.RandomState(0).randn(2, 2)
    kept, given = weights, weights.copy()  # the post keeps the caller's array ...
    kept -= 0.1 * np.ones((2, 2))  # ... and its update is in place
    theirs = float(np.abs(weights - given).max())
    mine = given.copy()
    model = network([layer(2, 2, "sigmoid", weights=mine, random=np.random.RandomState(0))])
    model.w -= 0.1
    return {"theirs": theirs, "ours": float(np.abs(mine - given).max())}


def validated_on_the_test_set(replays: Replays) -> Numbers:
    """The best of the 50 epochs by the test set, against the last: what choosing by it would gain."""
    accuracy = replays.published.history["test accuracy"]
    rows = len(replays.published.training) + len(replays.published.test or ())
    return {"best": float(accuracy.max()), "last": float(accuracy[-1]), "rows": 2 * rows, "needed": rows}


def boundary_picture(replays: Replays) -> Numbers:
    from matplotlib.colors import ListedColormap
    from matplotlib.figure import Figure

    run, points = replays.published, grid()
    axes = Figure().add_subplot()
    shape = (300, 450)
    classes = predict(run.model, points).argmax(axis=1).reshape(shape)
    x, y = points.reshape(*shape, 2).transpose(2, 0, 1)
    drawn = axes.contourf(x, y, classes, cmap=ListedColormap(["#EF9A9A", "#FFF590", "#90CAF9"]))
    levels = np.asarray(drawn.levels)
    middles = (levels[:-1] + levels[1:]) / 2
    yellow = [i for i, m in enumerate(middles) if 1 / 3 <= (m - middles[0]) / (middles[-1] - middles[0]) < 2 / 3]
    X = moons()[0].X, moons()[1].X
    outside = sum(int(((p[:, 1] < WINDOW[2]) | (p[:, 1] > WINDOW[3])).sum()) for p in X)
    return {"low": float(levels[yellow[0]]), "high": float(levels[yellow[-1] + 1]), "outside": outside}


def no_seed_gives_epoch_0(replays: Replays) -> Numbers:
    tried = 2200
    first, last_epoch = PUBLISHED[3:5], PUBLISHED[5:]
    alike = [seed for seed in range(tried) if _agree(first, replay(seed, epochs=1))]
    return {"tried": tried, "alike": len(alike), "found": sum(_agree(last_epoch, replay(seed)) for seed in alike)}


def _agree(published: Sequence[Printed], run: Replay) -> bool:
    return all(one.agrees(run.numbers[one.name]) for one in published)


PROBES = (
    unseeded,
    frozen_biases,
    gradient,
    stops_early,
    fan_out,
    never_shuffled,
    single_samples,
    exp_overflow,
    unknown_activation,
    given_arrays,
    validated_on_the_test_set,
    boundary_picture,
)
LONG = (no_seed_gives_epoch_0,)
