"""One row through a network, forward, backward and through the optimiser's step, each number beside its formula."""

import itertools
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np

from clearprop._types import Array
from clearprop.errors import ConfigurationError, DataError, ShapeError
from clearprop.explain.explanation import Explanation, Group, Number
from clearprop.explain.formula import call, formula
from clearprop.explain.named import Named
from clearprop.layers import Activation, BatchNorm, Dense, Dropout, Layer
from clearprop.losses import LOSSES, Loss
from clearprop.model import Sequential
from clearprop.ops import ACTIVATIONS
from clearprop.optim import OPTIMIZERS, Optimizer

STEP = {"complex step": 1e-30, "central differences": 6e-6}
AGREE = {np.dtype(np.float64): 1e-6, np.dtype(np.float32): 1e-4}
"""How far an entry may be from its witness, relative to the largest gradient of the same array.  A wrong formula is off
by percents; float32 itself by 1e-6."""

_SYMBOLS = {"weight": "W", "bias": "b", "gamma": "γ", "beta": "β"}
_SUBSCRIPT = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")
Witness = Callable[[tuple[int, ...]], float]


def explain(
    model: Sequential,
    x: Any,
    y: Any,
    loss: str | Loss,
    optimizer: Any = "sgd",
    *,
    feature_names: Sequence[str] | None = None,
    target_names: Sequence[str] | None = None,
    units: int = 4,
    full: bool = False,
    language: str = "en",
) -> Explanation:
    """One row through the network: each pre-activation, activation, loss term, gradient and update with its formula.

    Nothing is approximated: values are those of `model.forward` and `model.backward` to the last bit, and formulas are
    written by the operations' own text.  Dropout is off and batch normalisation uses its running statistics, as in
    prediction.  The update is the optimiser's first step; penalties and clipping are not part of it.

    Parameters
    ----------
    model : Sequential
        Not changed.
    x : array of shape (n_in,) or (1, n_in)
    y : number, class number, or array of shape (n_out,)
        The row's target.
    loss : Loss or str
    optimizer : Optimizer, LBFGS or str
    feature_names, target_names : sequence of str, optional
        Of the inputs and the outputs.
    units : int
        Layers much wider than this show so many units and the largest.
    full : bool
        Show all units.
    language : {"en", "zh"}

    Raises
    ------
    ShapeError
        x is not one row, or x and y do not fit the model.
    DataError
        A value that is not a finite number, or a target that the loss refuses.
    ConfigurationError
        `units` or `language` is out of its range.

    >>> from clearprop.model import MLP
    >>> model = MLP([2, 1], output_activation="sigmoid")
    >>> model.w[:] = 0.5, -0.2, 0.1
    >>> found = explain(model, [0.3, 1.2], 1.0, "mse")
    >>> print(found["z₁"][0])
    z₁[0] = x[0]·W₁[0,0] + x[1]·W₁[1,0] + b₁[0] = 0.3·0.5 + 1.2·(−0.2) + 0.1 = 0.01
    >>> print(found["W₁"][1])
    W₁[1,0] ← W₁[1,0] − 0.01·dW₁[1,0] = −0.2 − 0.01·(−0.2985) = −0.197015
    """
    if isinstance(units, bool) or not isinstance(units, int | np.integer) or units < 1:
        raise ConfigurationError(f"units is a whole number, 1 or more, not {units!r}")
    loss = LOSSES[loss]() if isinstance(loss, str) else loss
    optimizer = OPTIMIZERS[optimizer]() if isinstance(optimizer, str) else optimizer
    row = np.asarray(x, dtype=model.dtype)
    row = row[None, :] if row.ndim == 1 else row
    if not np.isfinite(row).all():
        raise DataError("the row has a value that is not a finite number; explain another, or mend it")
    if row.ndim != 2 or len(row) != 1:
        raise ShapeError(f"explain takes one row, not an array of shape {np.shape(x)}; pass X[i]")
    if not model.built:
        model.build(row.shape[1])
    truth = np.asarray(y)
    if truth.ndim == 0 or len(truth) != 1 or truth.shape == (model.n_out,):
        truth = truth.reshape(1, *truth.shape)
    steps = _Steps(model, row, truth, loss, optimizer, None if full else int(units))
    return steps.explanation(tuple(feature_names or ()), tuple(target_names or ()), language)


class _Steps:
    """The pass through one model, and what is shown of it."""

    def __init__(self, model: Sequential, x: Array, y: Array, loss: Loss, optimizer: Any, units: int | None) -> None:
        self.model, self.y, self.loss, self.optimizer, self.units = model, y, loss, optimizer, units
        self.arrays: dict[str, Array] = {}
        self.signals = [Named(x, "x", sample=True)]  # the input of each layer, and the outputs
        self.caches: list[Any] = []
        self.prediction: Named | None = None
        parameters = model.parameter_views(model.w)
        numbers = _numbering(parameters)
        self.parameters = [
            {name: Named(view, _SYMBOLS.get(name, name) + numbers[i]) for name, view in views.items()}
            for i, views in enumerate(parameters)
        ]
        self.buffers = [
            {name: Named(view, name + numbers[i]) for name, view in views.items()}
            for i, views in enumerate(model.buffer_views(model.buffers))
        ]
        taken = {"x"}
        for i, (layer, own, run) in enumerate(model.walk(self.parameters, buffers=self.buffers)):
            before = self.signals[-1]
            if not i and before.shape[1] != model.n_in:
                model.forward(before.value)  # which says what is wrong
            y_pred, cache, _ = layer.forward(before, own, run)
            if y_pred is before and not isinstance(layer, Dropout):  # the identity: a value of its own all the same
                y_pred = np.positive(before)
            if y_pred is not before:
                name = ("z" if isinstance(layer, Dense) else "a" if isinstance(layer, Activation) else "n") + numbers[i]
                while name in taken:
                    name += "′"
                taken.add(name)
                y_pred.name, y_pred.sample = name, True
            self.signals.append(y_pred)
            self.caches.append(cache)
        self.witness = "complex step" if all(map(_takes_complex_numbers, model.layers)) else "central differences"

    # --- what is shown ------------------------------------------------------------------------------------------------

    def explanation(self, features: tuple[str, ...], targets: tuple[str, ...], language: str) -> Explanation:
        with np.errstate(all="ignore"):
            groups = (
                Group("input", numbers=self.shown(self.signals[0], features, expand=False)[0], more=self.hidden),
                self.forward(targets),
                self.lost(targets),
                self.backward(),
                self.update(),
            )
        words = {
            "model": repr(self.model),
            "loss": repr(self.loss),
            "optimizer": repr(self.optimizer),
            "witness": self.witness,
        }
        return Explanation(groups, self.arrays, words, language)

    def shown(
        self,
        x: Named,
        notes: Sequence[str] = (),
        witness: Witness | None = None,
        *,
        expand: bool = True,
        replaces: str = "",
    ) -> tuple[tuple[Number, ...], int]:
        """The numbers to show of an array, and how many are left out."""
        name = replaces or x.name
        self.arrays[name] = x.value
        picked, largest = _picked(x.shape, x.value, self.units)
        self.hidden = x.size - len(picked)
        tolerance = AGREE[self.model.dtype] * float(np.max(np.abs(x.value), initial=0.0))
        found = []
        for index in picked:
            value, places = x.value[index], index[1:] if x.sample else index
            numeric = None if witness is None else witness(index)
            agrees = None if numeric is None else bool(abs(numeric - value) <= max(tolerance, self.noise))
            found.append(
                Number(
                    name=f"{name}[{','.join(map(str, places))}]" if places else name,
                    value=float(value),
                    formula=formula(x, index) if expand and x.function else "",
                    numbers=formula(x, index, numbers=True) if expand and x.function else "",
                    numeric=numeric,
                    agrees=agrees,
                    note=notes[places[0]] if notes and len(notes) == x.shape[-1] else "",
                    largest=index == largest,
                    replaces=bool(replaces),
                )
            )
        return tuple(found), self.hidden

    @cached_property
    def noise(self) -> float:
        """What rounding alone makes of a central difference."""
        if self.witness == "complex step":
            return 1e-300
        level = 1.0 + float(abs(self.tail(len(self.model.layers), None)))
        return 10.0 * float(np.finfo(np.float64).eps) * level / STEP[self.witness]

    def forward(self, targets: tuple[str, ...]) -> Group:
        groups = []
        for i, layer in enumerate(self.model.layers):
            before, after = self.signals[i : i + 2]
            about = {"number": str(i), "layer": repr(layer)}
            if after is before:
                groups.append(Group("layer", about, remark="dropped"))
                continue
            last = i == len(self.model.layers) - 1
            numbers, more = self.shown(after, targets if last else ())
            remark = "running" if isinstance(layer, BatchNorm) else ""
            groups.append(Group("layer", about, _definition(layer), numbers, more, remark=remark))
        if self.loss.link != "identity":
            link = ACTIVATIONS[self.loss.link]
            p = link.forward(self.signals[-1])
            p.name, p.sample = "p", True
            self.prediction = p
            numbers, more = self.shown(p, targets)
            groups.append(Group("prediction", {"link": link.name}, _first_paragraph(link.__doc__), numbers, more))
        return Group("forward", groups=tuple(groups))

    def lost(self, targets: tuple[str, ...]) -> Group:
        outputs = self.signals[-1]
        total, (t, _, weight) = self.loss.forward(self.y, outputs.value)
        self.truth = Named(t, "t", sample=True)
        self.weight = weight
        known, more = self.shown(self.truth, targets)
        groups = [Group("target", numbers=known, more=more)]
        value = self.loss.value(self.truth, outputs)
        if value.size > 1:
            value.name, value.sample = "ℓ", True
            numbers, more = self.shown(value, targets)
            groups.append(Group("", numbers=numbers, more=more))
        whole = np.sum(weight * value)
        whole.name = "L"
        groups.append(Group("", numbers=self.shown(whole)[0]))
        assert float(whole.value) == float(total)
        return Group("loss", about={"loss": repr(self.loss)}, formula=_definition(self.loss), groups=tuple(groups))

    def backward(self) -> Group:
        outputs = self.signals[-1]
        dy: Any = self.loss.backward((self.truth, outputs, self.weight))
        if self.prediction is not None:
            call(self.prediction, dy)
        dy.name, dy.sample = f"d{outputs.name}", True
        numbers, more = self.shown(dy, witness=self.of_signal(len(self.model.layers)))
        groups = [Group("outputs", numbers=numbers, more=more)]
        self.grads: list[dict[str, Named]] = [{} for _ in self.model.layers]
        for i in reversed(range(len(self.model.layers))):
            layer, before = self.model.layers[i], self.signals[i]
            kept: Any = {name: Named(np.empty_like(p.value), f"d{p.name}") for name, p in self.parameters[i].items()}
            dx = layer.backward(dy, self.caches[i], kept)
            inner = []
            for name, place in kept.items():
                g: Any = place.written if isinstance(place.written, Named) else Named(place.written)
                if g.name:  # a value passed on as it is
                    g = np.positive(g)
                g.name, g.sample = place.name, False
                self.grads[i][name] = g
                shown, more = self.shown(g, witness=self.of_parameter(i, name))
                inner.append(Group("", numbers=shown, more=more))
            if before is not self.signals[i + 1]:
                dx = np.positive(dx) if dx.name else dx
                dx.name, dx.sample = f"d{before.name}", True
                shown, more = self.shown(dx, witness=self.of_signal(i))
                inner.append(Group("", numbers=shown, more=more))
                about = {"number": str(i), "layer": repr(layer)}
                groups.append(Group("gradients" if kept else "passed", about, groups=tuple(inner)))
            dy = dx
        return Group("backward", groups=tuple(groups))

    def update(self) -> Group:
        about = {"optimizer": repr(self.optimizer)}
        text = _definition(self.optimizer)
        if not isinstance(self.optimizer, Optimizer):
            return Group("update", about, text, remark="whole")
        groups = []
        for i, layer in enumerate(self.model.layers):
            for name, w in self.parameters[i].items():
                if name not in layer.trainable:
                    groups.append(Group("", {"name": w.name}, remark="frozen"))
                    continue
                numbers, more = self.shown(self.step(layer, name, w, self.grads[i][name]), replaces=w.name)
                groups.append(Group("", numbers=numbers, more=more))
        return Group("update", about, text, groups=tuple(groups))

    def step(self, layer: Layer, name: str, w: Any, g: Named) -> Named:
        """The parameter after the optimiser's first step."""
        optimizer, factor = self.optimizer, layer.learning_rate_factor
        table, _ = optimizer.table(1, 1, [factor], [name in layer.decays], optimizer.initial_carry)
        initial = optimizer.initial_slots(w.size, w.dtype, factor)
        slots: Any = [
            Named(slot.reshape(w.shape), slot_name) for slot, slot_name in zip(initial, optimizer.slots, strict=True)
        ]
        optimizer.apply(w, g, slots, table[0, 0].tolist())  # what is written into w, it keeps aside
        after, w.written = w.written, None
        return after if isinstance(after, Named) else Named(after)

    @cached_property
    def _in_doubles(self) -> tuple[list[dict[str, Array]], list[dict[str, Array]]]:
        """Parameters and buffers, layer by layer."""
        return [_doubles(own) for own in self.parameters], [_doubles(kept) for kept in self.buffers]

    # --- the numeric gradient -----------------------------------------------------------------------------------------

    def tail(self, first: int, x: Any, parameters: dict[str, Array] | None = None) -> Any:
        """The loss if layer `first` is handed x, and these parameters instead of its own."""
        y = self.signals[first].value.astype(np.float64) if x is None else x
        numbers, buffers = self._in_doubles
        if parameters is not None:
            numbers = [*numbers[:first], parameters, *numbers[first + 1 :]]
        steps = self.model.walk(numbers, buffers=buffers)
        for layer, own, run in itertools.islice(steps, first, None):
            y = layer.forward(y, own, run)[0]
        return self.loss.forward(self.y, y)[0]

    def of_signal(self, i: int) -> Witness:
        """∂L/∂ of an element of what layer i is handed."""
        x = self.signals[i].value.astype(np.float64)
        return lambda index: self.slope(lambda moved: self.tail(i, moved), x, index)

    def of_parameter(self, i: int, name: str) -> Witness:
        """∂L/∂ of an element of a parameter of layer i."""
        own = _doubles(self.parameters[i])
        return lambda index: self.slope(lambda w: self.tail(i, None, {**own, name: w}), own[name], index)

    def slope(self, f: Callable[[Any], Any], x: Array, index: tuple[int, ...]) -> float:
        step = STEP[self.witness]
        move = np.zeros_like(x)
        move[index] = step
        if self.witness == "complex step":
            return float(np.imag(f(x + 1j * move)) / step)
        return float((f(x + move) - f(x - move)) / (2.0 * step))


def _doubles(named: dict[str, Named]) -> dict[str, Array]:
    return {name: x.value.astype(np.float64) for name, x in named.items()}


def _takes_complex_numbers(layer: Layer) -> bool:
    """A registered operation keeps to a dialect that does; of a function of the user's own nothing is known."""
    return not isinstance(layer, Activation) or isinstance(layer.config()["activation"], str)


def _numbering(parameters: Sequence[Mapping[str, Array]]) -> list[str]:
    """For each layer the subscript of its symbols: each with weights begins a new number."""
    numbers, number = [], 0
    for of_layer in parameters:
        number += "weight" in of_layer
        numbers.append(str(number).translate(_SUBSCRIPT))
    return numbers


def _picked(
    shape: tuple[int, ...], values: Array, units: int | None
) -> tuple[list[tuple[int, ...]], tuple[int, ...] | None]:
    """The places to show: the first units (of a matrix half as many along each axis) and the largest; all, if there
    are few."""
    if units is None or all(n <= units + 2 for n in shape):
        return list(np.ndindex(*shape)), None
    largest = tuple(map(int, np.unravel_index(int(np.argmax(np.abs(values))), shape)))
    few = units if len(shape) < 2 or shape[0] == 1 else max(units // 2, 1)
    picked = list(np.ndindex(*(n if n <= units + 2 else few for n in shape)))
    return (picked, None) if largest in picked else ([*picked, largest], largest)


def _definition(x: Any) -> str:
    return _first_paragraph(x.op.__doc__ if isinstance(x, Activation) else type(x).__doc__)


def _first_paragraph(text: str | None) -> str:
    return " ".join((text or "").strip().split("\n\n")[0].split())
