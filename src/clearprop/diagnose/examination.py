"""Is this network in good health?  Units, gradients, biases and answers, measured on data."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from clearprop._types import Array
from clearprop.data import Dataset, as_dataset
from clearprop.data.arrays import dense_rows, in_precision
from clearprop.data.class_weights import balanced_weights
from clearprop.data.class_weights import weighted as weighted_rows
from clearprop.diagnose.diagnosis import Diagnosis, Finding, LayerState
from clearprop.errors import DataError, ShapeError
from clearprop.judge import Leak, Verdict, judge
from clearprop.judge.baselines import baselines, rivals
from clearprop.judge.scores import METRIC_OF_TASK, UP_TO_ONE, check_metric, classes_with_rows, score
from clearprop.judge.verdict import BETTER
from clearprop.layers import Activation, Dense
from clearprop.losses import LOSSES, Loss
from clearprop.metrics import classes
from clearprop.model import Sequential
from clearprop.ops import ACTIVATIONS, Op
from clearprop.ops.activations import FLAT, relative_slope

ROWS = 5000
"""At most so many rows are looked at, spread evenly: shares and means are known to a percent by then."""
DEAD_UNITS = 0.25
"""Share of a layer's units.  Some dead units are the price of ReLU; a quarter is capacity paid for and lost."""
FLAT_ROWS, SATURATED_UNITS = 0.9, 0.5
"""A unit that is flat on nine of ten rows learns from the tenth only; half of a layer being so blocks the layer."""
VANISHING, EXPLODING = 1e-3, 1e3
"""First layer's gradient over the last one's.  One learning rate serves all layers: beyond a factor of 1000 the first
layer stands still, or is thrown about, at any rate that suits the last."""
SAME = 0.01
"""Spread of the answers over that of the targets: what varies by a hundredth of what it should is constant."""
GOOD = 0.95
"""Score, of 1, from which on it is no fault to be as good as a linear model: little is left to win."""
HARDLY = 0.01
"""Score, of 1, by which a linear model may surely be better and yet count as good as the network."""
RARE = 0.5
"""Of the rows that a class would have if all had equally many: below, it is easily overlooked."""
FEW = 5
"""Test rows of a class that must all be missed before it is said to be overlooked."""
ABSURD = 1e3
"""Errors so many times as large as a constant's cannot be explained by data that are hard to predict."""
LINEAR_ANSWERS = 0.97
"""Share of a network's answers that a linear model reproduces: then the network is hardly more than one.  Posts 000 and
004 are at 98.6 and 99.3 % after 50 epochs, and at 87 % when they have learnt the moons."""
_MOST_NAMES = 5


def diagnose(
    model: Sequential,
    data: Any,
    loss: str | Loss,
    *,
    start: Array | None = None,
    verdict: Verdict | None = None,
    metric: str | None = None,
    leaks: Sequence[Leak] = (),
    confusion: Array | None = None,
    weighted: bool = False,
    language: str = "en",
) -> Diagnosis:
    """Dead and saturated units, gradients that vanish or explode, biases that never move, and answers that a constant
    or a linear model could give.

    The thresholds are the constants of `clearprop.diagnose.examination`, with their reasons.  An activation that is the
    network's output is not judged for being flat: a sure classifier is.

    Parameters
    ----------
    model : Sequential
        Not changed.
    data : Dataset or (X, y)
        Prepared as for training; at most 5000 rows are looked at.
    loss : Loss or str
    start : array like model.w, optional
        The weights before training; tells what never moved.
    verdict : Verdict, optional
        On rows that were held back.  By default the network is judged on `data`, where its rivals are also fitted.
    metric : str, optional
        What is judged by then; by default accuracy (balanced accuracy, if `weighted`) or R².
    leaks : sequence of Leak
        Columns that are known to tell the answer alone.
    confusion : array, optional
        Of the rows that were held back: true classes by answered ones.
    weighted : bool
        Whether rare classes counted for more in training; then they do for the rivals too.
    language : {"en", "zh"}

    Raises
    ------
    ShapeError, DataError
        The data do not fit the model or the loss.

    >>> from clearprop.data import load_dataset
    >>> from clearprop.model import MLP
    >>> model = MLP([2, 8, 2], "sigmoid", init="ones", bias_init="ones", trainable=("weight",))
    >>> diagnose(model, load_dataset("moons", n_samples=100), "crossentropy").problems
    ['vanishing', 'frozen', 'same', 'constant']
    """
    loss = LOSSES[loss]() if isinstance(loss, str) else loss
    data = as_dataset(data)
    if data.n_features != model.n_in:
        raise ShapeError(f"{data.name} has {data.n_features} columns, but the model takes {model.n_in} inputs")
    rows = spread(len(data))
    data = Dataset(
        in_precision(dense_rows(data.X, rows), model.dtype, "X", data.feature_names),
        data.y[rows],
        None,
        data.feature_names,
        data.target_names,
        data.name,
    )
    with np.errstate(all="ignore"):
        layers, outputs = _measured(model, data, loss)
    if not np.isfinite(outputs).all():
        raise DataError("the network's outputs are not finite numbers; train it again with a lower learning rate")
    answers = _answered(data, outputs, loss)
    if verdict is None:
        metric = check_metric(metric or ("balanced_accuracy" if weighted else METRIC_OF_TASK[data.task]), data.task)
        learnt = weighted_rows(data, balanced_weights(data) if weighted else None)
        verdict = judge(metric, data.y, answers, rivals(learnt, data.X, metric))
    found = [
        *(Finding("leak", {"column": one.column, "metric": one.metric, "score": one.score}) for one in leaks),
        *_units(model, layers, len(data)),
        *_gradients(model, layers),
        *_biases(model, start),
        *_same(data, answers),
        *_overlooked(data, answers, confusion, weighted=weighted),
        *_rivals(data, answers, verdict, linear=sum(isinstance(one, Dense) for one in model.layers) < 2),
    ]
    return Diagnosis(tuple(found), tuple(layers), verdict, len(data), *_reached(data, answers), language)


def _answered(data: Dataset, outputs: Array, loss: Loss) -> Array:
    """Probabilities of the classes, or quantities; one output for two classes is the second one's."""
    answers: Array = np.asarray(ACTIVATIONS[loss.link].forward(outputs))
    if data.task == "regression":
        return answers.reshape(data.y.shape)
    if answers.shape[1] == 1:
        return np.column_stack([1.0 - answers, answers])
    return answers


def _reached(data: Dataset, answers: Array) -> tuple[dict[str, float], dict[str, float]]:
    """The recall of each class, and what else a classifier reaches; of outputs that need be no probabilities."""
    if data.task == "regression":
        return {}, {}
    right = classes(answers) == data.y
    there = classes_with_rows(data.y)
    recalls = {data.target_names[c]: float(right[data.y == c].mean()) for c in there}
    names = ("accuracy", "balanced_accuracy", "f1_macro", *(("roc_auc",) if len(there) > 1 else ()))
    return recalls, {name: score(name, data.y, answers) for name in names}


def spread(n: int) -> Array:
    """The numbers of the rows that are looked at, of n.

    >>> spread(3)
    array([0, 1, 2])
    """
    return np.unique(np.linspace(0, n - 1, min(n, ROWS)).astype(int))


# --- measuring --------------------------------------------------------------------------------------------------------


def _measured(model: Sequential, data: Dataset, loss: Loss) -> tuple[list[LayerState], Array]:
    """The state of each layer, and the outputs."""
    y, states, caches = np.asarray(data.X), [], []
    for i, (layer, parameters, run) in enumerate(model.walk()):
        x = y
        y, cache, _ = layer.forward(x, parameters, run)
        caches.append(cache)
        state = LayerState(i, repr(layer), y.shape[1])
        states.append(_activation_state(state, layer.op, x) if isinstance(layer, Activation) else state)
    g = np.zeros_like(model.w)
    grads = model.parameter_views(g)
    dy = loss.backward(loss.forward(data.y, y)[1])
    weights = model.parameter_views(model.w)
    for i, layer, cache, grad in model.walk_back(caches, grads):
        states[i] = replace(states[i], gradient=float(np.sqrt(np.mean(np.sum(np.square(dy), axis=1)))))
        dy = layer.backward(dy, cache, grad)
        if "weight" in grad:
            length = float(np.linalg.norm(weights[i]["weight"]))
            relative = float(np.linalg.norm(grad["weight"])) / max(length, np.finfo(float).tiny)
            states[i] = replace(states[i], relative=relative)
    return states, y


def _activation_state(state: LayerState, op: Op, x: Array) -> LayerState:
    if op.kind != "elementwise":
        return state
    slope = relative_slope(op, x)
    dead = np.all(slope == 0.0, axis=0)
    flat = np.mean(slope < FLAT, axis=0) >= FLAT_ROWS
    # What has a kink is flat on one side by design: a ReLU's unit is at fault only if it is so on every row.
    saturated = 0 if op.kinks else int(np.sum(flat))
    return replace(
        state,
        input=float(np.mean(x)),
        slope=float(np.mean(slope)),
        dead=int(np.sum(dead)) if op.kinks else 0,
        saturated=saturated,
    )


# --- judging ----------------------------------------------------------------------------------------------------------


def _units(model: Sequential, layers: list[LayerState], rows: int) -> list[Finding]:
    found = []
    for state in layers[:-1]:
        about = {"layer": state.layer, "name": state.kind, "units": state.units}
        if state.dead >= DEAD_UNITS * state.units and state.dead:
            found.append(Finding("dead", about | {"count": state.dead, "rows": rows}))
        if state.saturated >= SATURATED_UNITS * state.units and state.saturated:
            numbers = {"count": state.saturated, "input": state.input, "slope": state.slope}
            found.append(Finding("saturated", about | numbers))
    return found


def _gradients(model: Sequential, layers: list[LayerState]) -> list[Finding]:
    dense = [state for state in layers if isinstance(model.layers[state.layer], Dense)]
    if len(dense) < 2 or not dense[-1].gradient > 0:
        return []
    factor = dense[0].gradient / dense[-1].gradient
    about = {"factor": factor, "first": dense[0].layer, "last": dense[-1].layer}
    if factor < VANISHING:
        return [Finding("vanishing", about)]
    return [] if factor <= EXPLODING else [Finding("exploding", about)]


def _biases(model: Sequential, start: Array | None) -> list[Finding]:
    found, parameters = [], model.parameter_views(model.w)
    frozen = [str(i) for i, p in enumerate(parameters) if "bias" in p and "bias" not in model.layers[i].trainable]
    if frozen:
        found.append(Finding("frozen", {"layers": ", ".join(frozen)}))
    if start is not None and not np.array_equal(start, model.w):
        before = model.parameters(start)
        same = [
            name
            for name, value in model.parameters().items()
            if np.array_equal(value, before[name]) and name.partition(".")[0] not in frozen
        ]
        if same:
            found.append(Finding("unmoved", {"names": ", ".join(same)}))
    return found


def _same(data: Dataset, answers: Array) -> list[Finding]:
    n = len(data)
    if data.task == "classification":
        decided = classes(answers)
        same = len(np.unique(data.y)) > 1 and len(np.unique(decided)) == 1
        answer = data.target_names[int(decided[0])]
    else:
        spread, wanted = (np.std(one.reshape(n, -1), axis=0) for one in (answers, data.y))
        same = bool(np.any(wanted > 0) and np.all(spread <= SAME * wanted))
        answer = f"{float(np.mean(answers)):.4g}"
    return [Finding("same", {"rows": n, "answer": answer})] if same else []


def _overlooked(data: Dataset, answers: Array, confusion: Array | None, *, weighted: bool) -> list[Finding]:
    """Classes that are never answered: rare ones, and others too where there is not one answer for all rows."""
    if data.task == "regression":
        return []
    k = data.n_classes
    seen = np.bincount(data.y * k + classes(answers), minlength=k * k).reshape(k, k)
    for table, least in ((confusion, FEW), (seen, 1)):
        if table is None:
            continue
        there, said = table.sum(axis=1), table.sum(axis=0)
        never = (there >= least) & (said == 0)
        if np.count_nonzero(said) == 1:
            never &= there < RARE * there.sum() / k
        if never.any():
            names = ", ".join(repr(data.target_names[c]) for c in np.flatnonzero(never)[:_MOST_NAMES])
            more = ", ..." if np.count_nonzero(never) > _MOST_NAMES else ""
            about = {"classes": names + more, "count": int(there[never].sum()), "rows": int(there.sum())}
            return [Finding("overlooked_still" if weighted else "overlooked", about)]
    return []


def _rivals(data: Dataset, answers: Array, verdict: Verdict, *, linear: bool) -> list[Finding]:
    """`linear` says that the network is a linear model by design, so that it is no fault to be one."""
    one = verdict.decisive
    about = {"decision": one.decision, "metric": verdict.metric, "score": verdict.score, "rows": verdict.rows}
    about |= {"rival": one.score, "low": one.low, "high": one.high}
    if _absurd(verdict):
        return [Finding("absurd", about)]
    if one.decision == BETTER:
        return []
    if one.rival == "constant":
        return [Finding("constant", about)]
    luck = (one.high - one.low) / 2.0
    good = verdict.metric in UP_TO_ONE and verdict.score + luck >= GOOD
    if linear or (good and one.high >= -HARDLY):  # about as good as the linear model, and that is good: no fault
        return []
    agreement = _agreement(data, answers)
    return [Finding("linear" if agreement >= LINEAR_ANSWERS else "rival", about | {"agreement": agreement})]


def _absurd(verdict: Verdict) -> bool:
    if verdict.metric == "r2":
        return verdict.score < -(ABSURD**2)
    return verdict.metric in ("rmse", "mae") and verdict.score > ABSURD * verdict.baselines["constant"]


def _agreement(data: Dataset, answers: Array) -> float:
    """How far a linear model reproduces the network's own answers."""
    given = replace(data, y=classes(answers) if data.task == "classification" else answers)
    return baselines(given, given, METRIC_OF_TASK[data.task])["linear"]
