"""A model, as the native engine sees it: stages, and all that their compiled text depends on.

A *stage* is a dense layer with the elementwise activation after it, or another operation by itself.  Stage s reads
``act[s]`` and writes ``act[s + 1]``; back-propagation reads ``delta[s + 1]`` and writes ``delta[s]``.
"""

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from clearprop._types import Array
from clearprop.engine.base import GradientOptions
from clearprop.engine.native.kernels import Beside, Update
from clearprop.engine.native.module import Module
from clearprop.engine.native.rows import WholeRows
from clearprop.engine.native.target import avx2
from clearprop.engine.native.values import Function, Pointer, Vector
from clearprop.layers import Activation, BatchNorm, Dense, Dropout, LayerNorm
from clearprop.losses import Loss
from clearprop.model import Sequential
from clearprop.ops import ACTIVATIONS, Op, batch_norm, dropout, layer_norm
from clearprop.optim import Optimizer

IDENTITY = ACTIVATIONS["identity"]
WIDEST = 1 << 24  # blocks of weights must not outnumber the scheduler's tickets
LIMITS = 4  # l1, l2, clip_value, clip_norm


@dataclass(frozen=True)
class Stage:
    """A step of the network.

    Attributes
    ----------
    layer : int
        Number of its (first) layer.
    n, m : int
        Widths of input and output.
    op : Op
        Of a dense stage the activation, else the operation itself.
    parameters : tuple of str
        Names of the layer's parameters, in the operation's order.
    """

    layer: int
    n: int
    m: int
    op: Op
    parameters: tuple[str, ...] = ()

    @property
    def dense(self) -> bool:
        return "weight" in self.parameters

    @property
    def biased(self) -> bool:
        return "bias" in self.parameters

    @property
    def batch(self) -> bool:
        """Whether it looks at the whole batch."""
        return self.op.kind == "column"

    @property
    def drops(self) -> bool:
        return self.op.name == "dropout"

    @property
    def beside(self) -> Beside:
        """What the operation of a stage that is not dense takes besides its input."""
        return Beside(len(self.parameters), self.drops)

    @property
    def activation(self) -> Op:
        """What is fused with the stage's output, so that its vjp falls to whoever computes the output's gradient."""
        return self.op if self.dense else IDENTITY


def stages_of(model: Sequential) -> tuple[Stage, ...]:
    """The model's layers as stages, for training.

    Raises
    ------
    NotImplementedError
        A layer that this engine has no kernel for, in words.
    """
    stages: list[Stage] = []
    for i, layer in enumerate(model.layers):
        n, m = model.widths[i : i + 2]
        if type(layer) is Dense:
            if n > WIDEST:
                raise NotImplementedError(f"it divides the weights of at most {WIDEST:,} inputs among its threads")
            stages.append(Stage(i, n, m, IDENTITY, ("weight", "bias") if layer.use_bias else ("weight",)))
        elif type(layer) is Activation:
            _check_op(layer.op)
            last = stages[-1] if stages else None
            if last and last.dense and last.op == IDENTITY and layer.op.kind == "elementwise":
                stages[-1] = Stage(last.layer, last.n, last.m, layer.op, last.parameters)
            else:
                stages.append(Stage(i, n, m, layer.op))
        elif type(layer) is Dropout:
            if layer.rate > 0.0:
                stages.append(Stage(i, n, m, dropout.bind(), ()))
        elif type(layer) is LayerNorm:
            stages.append(Stage(i, n, m, layer_norm.bind(epsilon=layer.epsilon), ("gamma", "beta")))
        elif type(layer) is BatchNorm:
            stages.append(Stage(i, n, m, batch_norm.bind(epsilon=layer.epsilon), ("gamma", "beta")))
        else:
            raise NotImplementedError(f"it has no kernel for {type(layer).__name__}")
    if not stages:
        raise NotImplementedError("there is nothing to compute")
    return tuple(stages)


@functools.lru_cache(maxsize=256)
def _check_op(op: Op) -> None:
    if op.kind == "array":
        raise NotImplementedError(f"{op.name!r} is declared to be outside the dialect that is compiled")
    if op.kind not in ("elementwise", "row"):
        raise NotImplementedError(f"{op.name!r} looks at more than its own row")

    def text(x: Vector) -> None:
        op.vjp(x, op.forward(x), x)

    _written(op.name, text)


@functools.lru_cache(maxsize=256)
def check_loss(loss: Loss) -> None:
    """That kernels can do what the loss does.

    Raises
    ------
    NotImplementedError
        They cannot, in words.
    """
    name = type(loss).__name__
    if any(getattr(type(loss), part) is not getattr(Loss, part) for part in ("forward", "backward", "_weight")):
        raise NotImplementedError(f"{name} computes its value or gradient in a way of its own")

    def text(x: Vector) -> None:
        loss.value(x, x)
        loss.gradient(x, x)

    _written(name, text)


@functools.lru_cache(maxsize=256)
def rule_text(optimizer: Optimizer) -> str:
    """The optimiser's rule as the compiler reads it: equal texts make equal kernels, whatever the learning rate.

    Raises
    ------
    NotImplementedError
        Kernels cannot apply it, in words.
    """
    name = type(optimizer).__name__
    if type(optimizer).apply is not Optimizer.apply:
        raise NotImplementedError(f"{name} changes weights in a way of its own")

    def text(x: Vector) -> Any:
        values = [Vector(x.f, [f"%{k}"]) for k in range(1 + len(optimizer.slots) + _scalars(optimizer))]
        return optimizer.rule(*values)

    return _written(name, text)


def _scalars(optimizer: Optimizer) -> int:
    """Numbers that one segment has in a row of the optimiser's table: the shrinking factor, then the rule's."""
    return int(optimizer.table(1, 1, [1.0], [True], optimizer.initial_carry)[0].shape[-1])


def _written(name: str, text: Callable[[Vector], Any]) -> str:
    """The instructions that a definition's text writes, here into a function that is thrown away."""
    f = Function(Module(np.float64, avx2("x86_64")))
    try:
        results = text(Vector(f, ["%x"], row=WholeRows(1, 1, f.below(1, 1))))
    except Exception as error:  # the user's own text may do anything
        raise NotImplementedError(f"{name!r} cannot be compiled: {error}") from None
    names = [result.v for result in results] if isinstance(results, tuple) else []
    return "\n".join([*f.lines, str(names)])


def stages_for_prediction(model: Sequential) -> tuple[Stage, ...]:
    """The same for prediction: nothing is dropped, and batch normalisation uses its running averages."""
    stages = []
    for stage in stages_of(model):
        if stage.batch:
            names = ("gamma", "beta", "mean", "variance")
            stages.append(replace(stage, op=_with_averages(model.layers[stage.layer]), parameters=names))
        elif not stage.drops:
            stages.append(stage)
    return tuple(stages)


@functools.lru_cache(maxsize=256)
def _with_averages(layer: BatchNorm) -> Op:
    def batch_norm(x: Any, gamma: Any, beta: Any, mean: Any, variance: Any) -> Any:
        buffers = {"mean": mean, "variance": variance}
        return layer.forward(x, {"gamma": gamma, "beta": beta}, buffers=buffers)[0]

    return Op(batch_norm, shapes="ni,i,i,i,i->ni", kind="elementwise")


@dataclass(frozen=True)
class Network:
    """All that the text of a program depends on."""

    stages: tuple[Stage, ...]
    rule: Optimizer | None = field(compare=False)  # its text is in the updates; None: the gradient alone
    numbers: tuple[float, ...]  # by stage: the rate of dropout, the momentum of batch normalisation
    loss: Loss
    labels: bool  # targets are class numbers
    weighted: bool
    sparse: bool  # X is a sparse matrix
    skips_zeros: bool  # of it, in the first layer
    updates: tuple[tuple[Update | None, ...], ...]  # by stage and parameter; None where nothing is computed
    columns: tuple[tuple[int, ...], ...]  # where each parameter's scalars start in a row of the table
    width: int  # numbers in a row of the table: scalars, then the limits l1, l2, clip_value, clip_norm
    clips_norm: bool
    notes_penalty: bool  # of the weights before each step

    def limits(self, row: Pointer) -> Pointer:
        """Where the limits are in a row of the table."""
        return row + (self.width - LIMITS)

    @property
    def widths(self) -> list[int]:
        return [self.stages[0].n, *(stage.m for stage in self.stages)]

    @property
    def turns(self) -> bool:
        """Whether batches are also needed by columns."""
        return self.skips_zeros and self.updates[0][0] is not None

    @property
    def lowest(self) -> int:
        """Back-propagation ends at this stage: below, nothing is trained."""
        return next((s for s, how in enumerate(self.updates) if any(how)), len(self.stages))


def network_of(
    model: Sequential,
    loss: Loss,
    optimizer: Optimizer | None,
    options: GradientOptions,
    positions: Sequence[dict[str, Array]],
    *,
    labels: bool,
    weighted: bool,
    sparse: bool,
    thin: bool,
) -> Network:
    """What the text of `train` depends on; without an optimiser all gradients are stored and no weight changes."""
    gradient, stages = optimizer is None, stages_of(model)
    trainable = [s for s in model.segments if s.trainable]
    text = rule_text(optimizer) if optimizer else ""
    scalars = _scalars(optimizer) if optimizer else 0
    updates: list[tuple[Update | None, ...]] = []
    columns: list[tuple[int, ...]] = []
    clips_norm = options.clip_norm is not None and not gradient
    for stage in stages:
        hows: list[Update | None] = []
        starts: list[int] = []
        for name in stage.parameters:
            place = int(positions[stage.layer][name].flat[0])
            segment = next(s for s in model.segments if s.start <= place < s.stop)
            how = Update(
                rule=optimizer,
                text=text,
                scalars=scalars,
                penalised=segment.decays and bool(options.l1 or options.l2),
                clipped=options.clip_value is not None and not gradient,
                shrinks=segment.decays and bool(optimizer and optimizer.weight_decay),
                stored=gradient or clips_norm,
            )
            hows.append(how if gradient or segment.trainable else None)
            starts.append(trainable.index(segment) * scalars if segment.trainable else 0)
        updates.append(tuple(hows))
        columns.append(tuple(starts))
    layers = [model.layers[stage.layer] for stage in stages]
    numbers = tuple(float(getattr(layer, "rate", getattr(layer, "momentum", 0.0))) for layer in layers)
    return Network(
        stages=stages,
        rule=optimizer,
        numbers=numbers,
        loss=loss,
        labels=labels,
        weighted=weighted,
        sparse=sparse,
        skips_zeros=thin and stages[0].dense,
        updates=tuple(updates),
        columns=tuple(columns),
        width=len(trainable) * scalars + LIMITS,
        clips_norm=clips_norm,
        notes_penalty=(gradient or options.penalty_in_sum) and bool(options.l1 or options.l2),
    )
