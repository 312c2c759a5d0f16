"""What is wrong in post 003, each measured."""

import contextlib
import io
import warnings
from functools import cache
from typing import Any

import numpy as np

from clearprop import BinaryCrossEntropy, Op, Sequential, predict
from clearprop._types import Array
from clearprop.ops import sigmoid
from clearprop.posts.base import Numbers, Replay, Replays, raised
from clearprop.posts.post003.replay import (
    moons,
    network,
    posts_sigmoid,
    replay,
    scikit_learn,
    second_listing,
    start,
)

LOSS = BinaryCrossEntropy(from_logits=False)


def gradient(model: Sequential) -> Array:
    """The gradient that training with this model follows, over the whole training set."""
    training, _ = moons()
    g = np.empty(model.n_parameters)
    outputs, caches, _ = model.forward(training.X)
    model.backward(LOSS.backward(LOSS.forward(training.y, outputs)[1]), caches, g)
    return g


def numeric_gradient(model: Sequential) -> Array:
    """The gradient of the loss as it is, by the complex step: exact, and no derivative formula is used."""
    training, _ = moons()
    g = np.empty(model.n_parameters)
    for k in range(len(g)):
        w = model.w.astype(complex)
        w[k] += 1e-30j
        outputs, _, _ = model.forward(training.X.astype(complex), model.parameter_views(w))
        g[k] = np.imag(LOSS(training.y, outputs)) / 1e-30
    return g


def cosine(a: Array, b: Array) -> float:
    return float(a @ b / np.linalg.norm(a) / np.linalg.norm(b))


def _with_weights(w: Array, kind: "str | Op") -> Sequential:
    model = network([], kind, kind)
    model.w[...] = w
    return model


def wrong_derivative(replays: Replays) -> Numbers:
    """Directions of the post's gradient and of the right one against the numeric one, at its start and its end."""
    begin, end = network(start(42, 1).weights, posts_sigmoid, posts_sigmoid), replays.published.model
    numbers: dict[str, float] = {}
    for when, model in (("start", begin), ("end", end)):
        posts, right, numeric = (
            gradient(model), gradient(_with_weights(model.w, "sigmoid")), numeric_gradient(model)
        )  # fmt: skip
        numbers |= {
            f"cosine_{when}": cosine(posts, numeric),
            f"right_{when}": abs(1.0 - cosine(right, numeric)),
            f"length_{when}": float(np.linalg.norm(posts) / np.linalg.norm(numeric)),
            f"error_{when}": float(np.linalg.norm(right - numeric) / np.linalg.norm(numeric)),
        }
    return numbers


def weights_run_away(replays: Replays) -> Numbers:
    run, before = replays.published, start(42, 1).weights[0]
    training = run.training
    z1 = training.X @ run.model.parameters()["0.weight"] + run.model.parameters()["0.bias"]
    a1 = sigmoid(z1)
    outputs = predict(run.model, training.X)
    return {
        "before": float(np.abs(before).max()),
        "after": float(np.abs(run.model.parameters()["0.weight"]).max()),
        "corrected": float(np.abs(replays.corrected.model.parameters()["0.weight"]).max()),
        "z1": float(np.abs(z1).max()),
        "saturated": 100 * float(np.mean((a1 < 0.01) | (a1 > 0.99))),
        "distinct": len(np.unique(np.round(outputs, 4))),
    }


def which_half(replays: Replays) -> Numbers:
    """The four combinations of wrong and right derivative."""
    runs = {
        "both": replays.published,
        "hidden": replay(output="sigmoid"),
        "output": replay(hidden="sigmoid"),
        "none": replays.corrected,
    }
    numbers = {
        f"{name}_{key}": run.numbers[full]
        for name, run in runs.items()
        for key, full in (("loss", "last loss"), ("train", "train accuracy"), ("test", "test accuracy"))
    }
    return {**numbers, "output_peak": float(runs["output"].history["loss"].max())}


@cache
def _long_runs() -> tuple[Replay, Replay]:
    return replay(epochs=500), replay(hidden="sigmoid", output="sigmoid", epochs=500)


def not_a_local_optimum(replays: Replays) -> Numbers:
    """500 epochs: the plateau stays with the wrong derivative and goes with the right one."""
    wrong, right = _long_runs()
    return {
        f"{name}_{key}": value
        for name, run in (("wrong", wrong), ("right", right))
        for key, value in (
            ("400", float(run.history["loss"][400])),
            ("train", run.numbers["train accuracy"]),
            ("test", run.numbers["test accuracy"]),
        )
    }


def plateau(replays: Replays) -> Numbers:
    losses = replays.published.history["loss"]
    rises = int((np.diff(losses[40:]) > 0).sum())
    return {"at_40": float(losses[40]), "at_99": float(losses[99]), "rises": rises, "of": len(losses[40:]) - 1}


def other_seeds(replays: Replays) -> Numbers:
    numbers: dict[str, float] = {}
    for name, kind in (("wrong", posts_sigmoid), ("right", "sigmoid")):
        runs = [replay(seed, hidden=kind, output=kind).numbers for seed in range(5)]
        for key, full in (("loss", "last loss"), ("train", "train accuracy"), ("test", "test accuracy")):
            values = [run[full] for run in runs]
            numbers |= {f"{name}_{key}_low": min(values), f"{name}_{key}_high": max(values)}
    return numbers


def _posts_dz3(a: float) -> float:
    """The post's output gradient for y = 0: -(y/a - (1 - y)/(1 - a)) σ(a)(1 - σ(a))."""
    s = float(sigmoid(np.array(a)))
    with np.errstate(divide="ignore"):
        return float(np.float64(1.0) / np.float64(1.0 - a) * s * (1.0 - s))


def output_explodes(replays: Replays) -> Numbers:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        loss = -np.log(1.0 - np.array([1.0]))
    logits = BinaryCrossEntropy()
    value, cache = logits.forward(np.array([0]), np.array([[40.0]]))
    return {
        "at_99": _posts_dz3(0.99), "near_1": _posts_dz3(1.0 - 1e-12), "at_1": _posts_dz3(1.0), "true": 0.99,
        "loss": float(loss[0]), "warning": str(caught[0].message),
        "ours": float(value), "ours_dz": float(logits.backward(cache)[0, 0]),
    }  # fmt: skip


def second_listing_fails(replays: Replays) -> Numbers:
    a1, W2 = np.zeros((400, 4)), np.zeros((4, 1))
    b2, W3 = np.zeros((1, 1)), np.zeros((4, 1))
    return {"error": raised(lambda: np.dot(np.dot(a1, W2) + b2, W3)), **_named(second_listing())}


def second_listing_needs_patience(replays: Replays) -> Numbers:
    return _named(second_listing(iterations=20_000))


def _named(run: Replay) -> dict[str, float]:
    return {key.replace(" ", "_"): float(value) for key, value in run.numbers.items()}


def globals_only(replays: Replays) -> Numbers:
    """Fifty updates that rebind names instead of changing the global arrays: the loss never moves."""
    training, _ = moons()
    model = network(start(0, 0).weights)
    losses = []
    for _ in range(50):
        losses.append(float(LOSS(training.y, predict(model, training.X))))
        _ = model.w - 0.01 * gradient(model)  # a new array, which nobody reads: the first listing's way to update
    return {"distinct": len(set(losses)), "updates": len(losses)}


def prints_in_the_loop(replays: Replays) -> Numbers:
    """One step of the post's printing, counted; the run has 400 steps and one evaluation in each of 100 epochs."""
    training, _ = moons()
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        x = training.X[:1]
        for W in start(42, 1).weights:
            x = x @ W
            print(x.shape)
        print(x.shape)  # in compute_loss
    lines = out.getvalue().count("\n") * (400 + 1) * 100
    return {"lines": lines, "per_step": out.getvalue().count("\n")}


def loss_thrown_away(replays: Replays) -> Numbers:
    return {"computed": 400 * 100, "printed": len([i for i in range(100) if i % 100 == 0])}


def not_comparable(replays: Replays) -> Numbers:
    from sklearn.linear_model import LogisticRegression

    training, test = moons()
    line = LogisticRegression().fit(training.X, training.y)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # scikit-learn's own advice on convergence
        runs = {"one": scikit_learn(), "two": scikit_learn((4, 4))}
    ours = replays.published.numbers
    return {
        **{f"{name}_{key}": value for name, run in runs.items() for key, value in run.items()},
        "line_train": float(line.score(training.X, training.y)),
        "line_test": float(line.score(test.X, test.y)),
        "manual_train": ours["train accuracy"],
        "manual_test": ours["test accuracy"],
        "right_train": replays.corrected.numbers["train accuracy"],
        "right_test": replays.corrected.numbers["test accuracy"],
    }


def mse_unused(replays: Replays) -> Numbers:
    wrong, right = replays.published.numbers, replays.corrected.numbers
    return {"wrong": wrong["train MSE"], "right": right["train MSE"]}


PROBES: tuple[Any, ...] = (
    plateau,
    wrong_derivative,
    weights_run_away,
    which_half,
    not_a_local_optimum,
    other_seeds,
    output_explodes,
    second_listing_fails,
    globals_only,
    prints_in_the_loop,
    loss_thrown_away,
    mse_unused,
    not_comparable,
)
LONG = (second_listing_needs_patience,)
