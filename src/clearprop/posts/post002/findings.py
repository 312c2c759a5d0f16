"""What is wrong in post 002, each measured."""

import warnings
from functools import cache
from typing import Any

import numpy as np

from clearprop import ACTIVATIONS, SGD, CrossEntropy, check_gradients, fit, predict, train
from clearprop._types import Array
from clearprop.posts.base import Numbers, Replays, raised
from clearprop.posts.post002.replay import get_loss_acc, net, points

LOSS = CrossEntropy(from_logits=False)


def gradients(replays: Replays) -> Numbers:
    training = replays.published.training
    X, y = training.X[:8].astype(float), training.y[:8]
    model = net(np.random.RandomState(1), 2, 10, 2)
    error = check_gradients(model, X, y, loss=LOSS, methods=("complex step",)).worst.error
    z = predict(net(np.random.RandomState(1), 2, 10, 2, after=()), X)
    p, softmax = ACTIVATIONS["softmax"](z), ACTIVATIONS["softmax"]
    layered = softmax.vjp(LOSS.backward(LOSS.forward(y, p)[1]), p)
    fused = (p - np.eye(2)[y]) / len(y)
    return {"error": error, "difference": float(np.abs(layered - fused).max())}


def large_logits(replays: Replays) -> Numbers:
    """The post's formulas for a wrong class, and the fused loss."""

    def posts(z: Array) -> tuple[float, Array]:
        p = np.exp(z - z.max()) / np.exp(z - z.max()).sum()
        dp = np.array([0.0, -1.0 / p[1]])  # the true class is the second
        return float(-np.log(p[1])), p * dp - p * np.sum(p * dp)

    numbers: dict[str, Any] = {}
    for size in (100, 700):
        z = np.array([float(size), -float(size)])
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            value, dz = posts(z)
        fused = CrossEntropy()
        ours, cache = fused.forward(np.array([1]), z[None, :])
        numbers |= {
            f"loss_{size}": value, f"dz_{size}": _shown(dz), f"warnings_{size}": len(caught),
            f"ours_{size}": float(ours), f"ours_dz_{size}": _shown(fused.backward(cache)[0]),
        }  # fmt: skip
    return numbers


def _shown(values: Array) -> str:
    return f"[{', '.join(f'{value:g}' for value in values)}]"


def broken_today(replays: Replays) -> Numbers:
    """The post's lines, run against the libraries installed here."""
    from matplotlib.figure import Figure

    figure = Figure()
    axes = figure.add_subplot()
    axes.plot([0, 1])
    axes.scatter([0], [0])

    def label() -> None:
        axes.set_title(r"$\mathcal{L}_{abs}}$ (absolute loss)")
        figure.draw_without_rendering()

    def escapes() -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            compile(r"'$\hat{p}(y|x)$'", "post", "eval")

    lines = {
        "np.NAN": lambda: getattr(np, "NAN"),  # noqa: B009
        "ax.collections.pop()": lambda: axes.collections.pop(),  # type: ignore[attr-defined]
        "ax.lines.pop()": lambda: axes.lines.pop(),  # type: ignore[attr-defined]
        "L_{abs}}": label,
        "ax.scatter(": lambda: compile("ax.scatter(x, y", "post", "exec"),
        r"'$\hat{p}$'": escapes,
    }
    found = {line: raised(call).partition(":")[0] for line, call in lines.items()}
    shown = [f"{line} → {error}" for line, error in found.items() if error]
    return {"tried": len(found), "failing": len(shown), "lines": "; ".join(shown)}


def zero_one_inverted(replays: Replays) -> Numbers:
    p = np.linspace(0, 1, 100)
    posts = np.where(p < 0.5, 0, 1)
    right = np.where(p > 0.5, 0, 1)  # for class 1: wrong, so 1, where its probability is below one half
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        value = float(-np.log(p[:1])[0])
    return {"wrong": int((posts != right).sum()), "of": len(p), "log0": value, "warning": str(caught[0].message)}


def hidden_state(replays: Replays) -> Numbers:
    """What the post's `get_loss_acc` says of one net while another is the global one, and its shared loss object."""
    random = np.random.RandomState(0)
    _, test = points(random)
    first, second = net(random, 2, 2), net(random, 2, 2)
    asked, told = get_loss_acc(first, test, LOSS), get_loss_acc(second, test, LOSS)
    return {"asked": asked.loss, "told": told.loss}


def unused_argument(replays: Replays) -> Numbers:
    """`CrossEntropyLoss.backward(loss)` ignores `loss`: passed the sum of 4 losses, it gives the mean's gradient."""
    training = replays.published.training
    y, p = training.y[:4], predict(net(np.random.RandomState(1), 2, 2), training.X[:4])
    gradients = [one.backward(one.forward(y, p)[1]) for one in (CrossEntropy(False, "sum"), LOSS)]
    return {"ratio": float(np.linalg.norm(gradients[0]) / np.linalg.norm(gradients[1]))}


def bias_shape(replays: Replays) -> Numbers:
    b, db = np.zeros((1, 2)), np.zeros((4, 2)).sum(axis=0)
    return {"b": str(b.shape), "db": str(db.shape)}


def never_shuffled(replays: Replays) -> Numbers:
    random = np.random.RandomState(0)
    training, _ = points(random)
    numbers: dict[str, float] = {}
    for order in ("sequential", "shuffled"):
        model = net(np.random.RandomState(1), 2, 10, 2)
        fit(model, training, LOSS, SGD(0.01), epochs=30, batch_size=4, order=order)
        numbers |= {f"{order}_loss": get_loss_acc(model, training, LOSS).loss}
    return numbers


def remainder(replays: Replays) -> Numbers:
    """How much more a row of a last batch of 2 counts than a row of a batch of 4."""
    training = replays.published.training
    rows, steps = np.arange(2), []
    for batch in (np.tile(rows, 2), rows):  # the same two rows, as a batch of 4 and of 2
        model = net(np.random.RandomState(1), 2, 2)
        before = model.w.copy()
        for _ in train(model, training, LOSS, SGD(0.1), epochs=1, order=[batch]):
            pass
        steps.append(float(np.linalg.norm(model.w - before)) / len(batch))
    return {"ratio": steps[1] / steps[0]}


@cache
def averages(epochs: int, seeds: int) -> dict[str, float]:
    """Mean accuracies of both networks over several start weights, on the post's data."""
    training, test = points(np.random.RandomState(0))
    found: dict[str, float] = {}
    for name, widths, rate in (("linear", (2, 2), 0.005), ("mlp", (2, 10, 2), 0.01)):
        ends = []
        for seed in range(seeds):
            model = net(np.random.RandomState(seed), *widths)
            options = {"batch_size": 4, "order": "sequential"}
            fit(model, training, LOSS, SGD(rate), epochs=epochs, **options)  # type: ignore[arg-type]
            ends.append([get_loss_acc(model, data, LOSS).accuracy for data in (training, test)])
        found |= {f"{name}_train": float(np.mean(ends, axis=0)[0]), f"{name}_test": float(np.mean(ends, axis=0)[1])}
    return found


def overfitting_not_shown(replays: Replays) -> Numbers:
    ours = replays.published.numbers
    once = {
        f"{short}_{part}_once": ours[f"{name}: {part} accuracy"]
        for short, name in (("linear", "linear"), ("mlp", "two layers"))
        for part in ("train", "test")
    }
    longer = {f"{key}_long": value for key, value in averages(3000, 4).items()}
    return {**once, **averages(30, 10), **longer, "step": 1.0 / len(replays.published.test or ())}


def colours_run_the_other_way(replays: Replays) -> Numbers:
    """The post colours by Z = p0: its colour map's end (yellow) is class 0, whose points have the other end's blue."""
    run = replays.published
    p0 = predict(run.model, run.training.X)[:, 0]
    points_value = run.training.y.astype(float)  # jet(0) is blue, jet(1) red
    return {"correlation": float(np.corrcoef(p0, points_value)[0, 1])}


def prose_says_80(replays: Replays) -> Numbers:
    return {"printed": 100 * replays.published.numbers["accuracy after"]}


PROBES = (
    gradients,
    large_logits,
    broken_today,
    zero_one_inverted,
    hidden_state,
    unused_argument,
    bias_shape,
    never_shuffled,
    remainder,
    overfitting_not_shown,
    colours_run_the_other_way,
    prose_says_80,
)
LONG = ()
