"""What is wrong in post 001, each measured."""

import warnings
from functools import cache
from typing import Any

import numpy as np

from clearprop import MLP, MSE, SGD, Dataset, check_gradients, train
from clearprop.errors import SaturationWarning
from clearprop.ops import sigmoid
from clearprop.posts.base import Numbers, Replays, raised
from clearprop.posts.post001.replay import BadLine, draws, iris_text, network, read_iris, replay

SEEDS = range(10)


@cache
def outcome(**options: Any) -> dict[str, float]:
    """Over ten seeds: least, median and greatest accuracy, and the median loss of a row."""
    ends = [replay(seed, **options, every=options.get("iterations", 1000), record="epoch").numbers for seed in SEEDS]
    shares = [run["accuracy"] / 100 for run in ends]
    losses = [run["loss of all rows"] / 150 for run in ends]
    return {
        "low": min(shares),
        "median": float(np.median(shares)),
        "high": max(shares),
        "loss": float(np.median(losses)),
    }


def named(**variants: dict[str, Any]) -> Numbers:
    """The outcomes of several variants: {variant}_{low, median, high, loss}."""
    return {f"{name}_{key}": value for name, options in variants.items() for key, value in outcome(**options).items()}


def learns_nothing(replays: Replays) -> Numbers:
    first = [replays.published.numbers[f"loss at iteration {i}"] for i in (0, 50, 100, 150, 950)]
    return {**named(as_is={}), **{f"at_{i}": v for i, v in zip((0, 50, 100, 150, 950), first, strict=True)}}


def saturated_start(replays: Replays) -> Numbers:
    """Mean pre-activation and mean slope of each layer at the start, over all rows."""
    data = replays.published.training
    y, numbers = np.asarray(data.X), dict[str, float]()
    weights = draws(np.random.RandomState(0), (4, 12, 6, 3), "published")
    for number, W in enumerate(weights, start=1):
        z = y @ W
        y = sigmoid(z)
        numbers |= {f"z{number}": float(z.mean()), f"slope{number}": float((y * (1.0 - y)).mean())}
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        train(network(weights), data, MSE(reduction="sum"), SGD(0.01), epochs=1)
    return {**numbers, "warnings": sum(issubclass(one.category, SaturationWarning) for one in caught)}


def other_starts(replays: Replays) -> Numbers:
    return named(
        one_hidden={"hidden": (12,)},
        centred={"init": "centred"},
        normal={"init": "normal"},
        scaled={"standardise": True},
        scaled_normal={"standardise": True, "init": "normal"},
        scaled_normal_constant={"standardise": True, "init": "normal", "constant": True},
        constant={"constant": True},
        three_hidden={"hidden": (12, 8, 6), "init": "centred"},
    )


def other_rates(replays: Replays) -> Numbers:
    return named(
        fast={"learning_rate": 0.1},
        slow={"learning_rate": 0.001},
        mean={"learning_rate": 0.01 / 64},
    )


def relu_dies(replays: Replays) -> Numbers:
    relus = {f"lr{k}": {"activation": "relu", "learning_rate": 10.0**-k} for k in (2, 4, 5)}
    alive = {"centred": {"activation": "relu", "init": "centred", "learning_rate": 1e-4}}
    return named(**relus, **alive)


def gradient(replays: Replays) -> Numbers:
    data = replays.published.training
    errors = {}
    for kind in ("sigmoid", "relu"):
        model = MLP([4, 12, 6, 3], kind, output_activation=kind, use_bias=False)
        errors[kind] = check_gradients(
            model, data.X[::30], data.y[::30], loss=MSE(reduction="sum"), methods=("complex step",)
        ).worst.error
    return errors


def relu_overwrites(replays: Replays) -> Numbers:
    def posts_gra_relu(z: Any) -> Any:
        z[z > 0] = 1.0  # in place: the caller's array is changed
        z[z <= 0] = 0.0
        return z

    cache = np.array([-1.5, 0.0, 2.5])
    posts_gra_relu(cache)
    return {"before": "-1.5, 0, 2.5", "after": ", ".join(f"{value:g}" for value in cache)}


def bad_activation_accepted(replays: Replays) -> Numbers:
    ours = raised(lambda: MLP([4, 12, 3], "sigmoyd"))
    return {"ours": ours.partition(";")[0]}


def sum_grows_with_batch(replays: Replays) -> Numbers:
    """The step for 150 rows and for 15 of them."""
    data, steps = replays.published.training, []
    for rows in (np.arange(0, 150, 10), np.arange(150)):
        model = MLP([4, 12, 6, 3], "sigmoid", output_activation="sigmoid", use_bias=False)
        before = model.w.copy()
        for _ in train(model, data, MSE(reduction="sum"), SGD(0.01), epochs=1, order=[rows]):
            pass
        steps.append(float(np.linalg.norm(model.w - before)))
    return {"ratio": steps[1] / steps[0]}


def drawn_with_replacement(replays: Replays) -> Numbers:
    random = np.random.RandomState(0)
    return {"distinct": float(np.mean([len(np.unique(random.choice(150, 64))) for _ in range(1000)]))}


def random_labels(replays: Replays) -> Numbers:
    """The post's commented-out data: 100 random features, random labels 0 to 8 in ten columns."""
    random = np.random.RandomState(1)
    X, y = random.rand(1000, 100), random.randint(0, 9, size=1000)
    data = Dataset(X, y, target_names=tuple(map(str, range(10))), name="random labels")
    run = replay(data=data, random=random, hidden=(20,))
    losses = run.history["batch loss"]
    return {"first": float(losses[0]), "last": float(losses[950]), "zero": 64.0, "labels": int(y.max()) + 1}


def bad_lines_hidden(replays: Replays) -> Numbers:
    lines = iris_text().splitlines()
    lines[9] = "4.9;3.1;1.5;0.1;Iris-setosa"
    lines[79] = "5.7,2.6,,1.0,Iris-versicolor"
    lines[120] = "6.9,3.2,5.7,2.3,Iris-virginca"
    data, bad = read_iris(lines)
    kept = [line for line in lines if _posts_keep(line)]
    return {"kept": len(kept), "ours": len(data), "bad": "; ".join(_shown(line) for line in bad)}


def _posts_keep(line: str) -> bool:
    try:
        return bool([float(cell) for cell in line.split(",")[:4]])
    except ValueError:
        return False


def _shown(line: BadLine) -> str:
    return f"{line.number}: {line.reason}"


def nothing_measured(replays: Replays) -> Numbers:
    return {"accuracy": replays.published.numbers["accuracy"], "better": replays.corrected.numbers["accuracy"]}


def patience(replays: Replays) -> Numbers:
    """Runs of 5,000 and 20,000 iterations, and when each seed first passes 90 %."""
    numbers = dict(named(five={"iterations": 5000}, twenty={"iterations": 20000}))
    first = []
    for seed in SEEDS:
        run = replay(seed, iterations=20000, record="epoch")
        above = run.history["updates"][run.history["accuracy"] > 90.0]
        first.append(str(int(above[0])) if len(above) else "–")
    return {**numbers, "first": ", ".join(first)}


PROBES = (
    learns_nothing,
    saturated_start,
    other_starts,
    other_rates,
    relu_dies,
    gradient,
    relu_overwrites,
    bad_activation_accepted,
    sum_grows_with_batch,
    drawn_with_replacement,
    random_labels,
    bad_lines_hidden,
    nothing_measured,
)
LONG = (patience,)
