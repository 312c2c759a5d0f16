"""What is wrong in post 004, each measured."""

import warnings
from typing import Any

import numpy as np

from clearprop import ACTIVATIONS, check_gradients
from clearprop.posts.base import Numbers, Replay, Replays, raised
from clearprop.posts.post000.findings import logistic_regression, straightness
from clearprop.posts.post000.replay import start
from clearprop.posts.post004.replay import DESCENTS, derivative, descend, himmelblau, replay, stationary_point

NEVER = -1


def first_below(run: Replay, level: float) -> int:
    """The first epoch whose train MSE is below `level`."""
    below = np.flatnonzero(run.history["train MSE"] < level)
    return int(below[0]) if len(below) else NEVER


def frozen_biases(replays: Replays) -> Numbers:
    before, after = start(0).parameters(), replays.published.model.parameters()
    moved = max(float(np.abs(after[name] - before[name]).max()) for name in before if name.endswith("bias"))
    numbers: dict[str, float] = {"moved": moved}
    for name, run in (("frozen", replays.published), ("updated", replays.corrected)):
        numbers |= {f"{name}_05": first_below(run, 0.05), f"{name}_03": first_below(run, 0.03)}
        numbers |= {f"{name}_end": float(run.history["train MSE"][-1])}
    return numbers


def curves_end_at_100(replays: Replays) -> Numbers:
    run = replays.published
    shown, test = run.history["train MSE"], run.history["test accuracy"]
    at_100 = replay(0, epochs=101)
    train_line, test_line = logistic_regression(run.training, run.test or run.training)
    return {
        "mse_100": float(shown[100]), "mse_1000": float(shown[1000]),
        "test_100": float(test[100]), "test_1000": float(test[1000]),
        "straight": 100 * straightness(at_100), "line_train": train_line, "line_test": test_line,
        "share": 100 * 11 / 101,
    }  # fmt: skip


def gradient(replays: Replays) -> Numbers:
    run, rows = replays.published, slice(0, 5)
    report = check_gradients(
        run.model, run.training.X[rows], run.training.y[rows], loss=run.loss, methods=("complex step",)
    )
    return {"error": report.worst.error}


def unknown_activation(replays: Replays) -> Numbers:
    r = 3.0
    posts_derivative = r  # the post's `_apply_activation_derivative` falls through to `return r`
    ours = raised(lambda: ACTIVATIONS["sigmoyd"])
    return {"r": r, "theirs": posts_derivative, "true": 1.0, "ours": ours.partition(";")[0]}


def relu_at_zero(replays: Replays) -> Numbers:
    return {
        "section_1": float(derivative("relu", [0.0])[0]),
        "layer": float(derivative("relu", [0.0], at_zero=0.0)[0]),
        "library": float(ACTIVATIONS["relu"].vjp(1.0, np.zeros(1))[0]),
    }


def leaky_relu_of_integers(replays: Replays) -> Numbers:
    x = np.array([-1, 2])
    posts = np.ones_like(x)  # the post's line: integers stay integers
    with np.errstate(all="ignore"):
        posts[x < 0] = 0.1
    return {"theirs": float(posts[0]), "ours": float(derivative("leaky_relu", x)[0])}


def exp_overflow(replays: Replays) -> Numbers:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        theirs = 1.0 / (1.0 + np.exp(-np.array([-800.0])))
    return {"words": str(caught[0].message), "theirs": float(theirs[0]), "ours": float(derivative("sigmoid", -800.0))}


def pictures_broken(replays: Replays) -> Numbers:
    from matplotlib.figure import Figure

    failing = raised(lambda: Figure().gca(projection="3d"))  # type: ignore[call-arg]
    return {"gca": failing.partition(":")[0]}


def value_of_the_step_before(replays: Replays) -> Numbers:
    x, y, printed = descend((4.0, 0.0))[19]
    return {"printed": float(printed), "true": float(himmelblau(x, y))}


def one_epoch_more(replays: Replays) -> Numbers:
    return {"epochs": len(replays.published.history["epoch"]), "asked": 1000}


def single_precision(replays: Replays) -> Numbers:
    """How far float32 is from float64 at the end, and what f it then prints; and the saddle on the fourth way."""
    numbers: dict[str, Any] = {}
    gap = 0.0
    for number, begin in enumerate(DESCENTS):
        wide, narrow = descend(begin), descend(begin, dtype="float32")
        gap = max(gap, float(np.abs(wide[-1, :2] - narrow[-1, :2]).max()))
        numbers |= {f"f64_{number}": float(wide[-1, 2]), f"f32_{number}": float(narrow[-1, 2])}
        numbers[f"first_{number}"] = int(np.flatnonzero(wide[:, 2] < 1e-10)[0])
    saddle = stationary_point((-3.07, -0.08))
    distance = np.hypot(*(descend((-4.0, 0.0))[:, :2] - saddle).T)
    return {**numbers, "gap": gap, "saddle": float(distance.min()), "step": int(distance.argmin())}


def names_and_leftovers(replays: Replays) -> Numbers:
    return {}


def as_in_post_000(replays: Replays) -> Numbers:
    """Start weights by fan-in, and shuffled samples: when the loss falls below 0.05."""
    runs = {"fan_in": replay(0, fan="in"), "shuffled": replay(0, order="shuffled"), "as_is": replays.published}
    return {name: first_below(run, 0.05) for name, run in runs.items()}


PROBES = (
    frozen_biases,
    curves_end_at_100,
    gradient,
    unknown_activation,
    relu_at_zero,
    leaky_relu_of_integers,
    exp_overflow,
    pictures_broken,
    value_of_the_step_before,
    one_epoch_more,
    single_precision,
    names_and_leftovers,
)
LONG = (as_in_post_000,)
