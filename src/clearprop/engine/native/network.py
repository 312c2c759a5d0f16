"""A model, as the native engine sees it: stages, and all that their compiled text depends on."""

import functools
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from clearprop._types import Array
from clearprop.engine.base import GradientOptions
from clearprop.engine.native.kernels import Update
from clearprop.engine.native.stages import Stage, stage_of
from clearprop.engine.native.text import written
from clearprop.engine.native.values import Pointer, Vector
from clearprop.losses import Loss
from clearprop.model import Sequential
from clearprop.optim import Optimizer

LIMITS = 4  # l1, l2, clip_value, clip_norm


def stages_of(model: Sequential) -> tuple[Stage, ...]:
    """The model's layers as stages, for training.

    Raises
    ------
    NotImplementedError
        A layer that this engine has no kernel for, in words.
    """
    stages: list[Stage] = []
    widths = model.widths
    for i, layer in enumerate(model.layers):
        fused = stages[-1].fused(layer) if stages else None
        if fused:
            stages[-1] = fused
        elif stage := stage_of(layer, (len(stages), i, widths[i], widths[i + 1])):
            stages.append(stage)
    if not stages:
        raise NotImplementedError("there is nothing to compute")
    return tuple(stages)


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

    written(name, text)


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

    return written(name, text)


def _scalars(optimizer: Optimizer) -> int:
    """Numbers that one segment has in a row of the optimiser's table: the shrinking factor, then the rule's."""
    return int(optimizer.table(1, 1, [1.0], [True], optimizer.initial_carry)[0].shape[-1])


def stages_for_prediction(model: Sequential) -> tuple[Stage, ...]:
    """The same for prediction."""
    all_stages = [stage.for_prediction(model.layers[stage.layer]) for stage in stages_of(model)]
    stages = [stage for stage in all_stages if stage]
    return tuple(s if s.number == number else replace(s, number=number) for number, s in enumerate(stages))


@dataclass(frozen=True)
class Network:
    """All that the text of a program depends on."""

    stages: tuple[Stage, ...]
    rule: Optimizer | None = field(compare=False)  # its text is in the updates; None: the gradient alone
    loss: Loss
    labels: bool  # targets are class numbers
    weighted: bool
    sparse: bool  # X is a sparse matrix
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
    def skips_zeros(self) -> bool:
        """Whether the first stage reads sparse rows as they are."""
        return not self.stages[0].gathers

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
    skipping = stages[0].skipping_zeros() if thin else None
    stages = (skipping or stages[0], *stages[1:])
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
    return Network(
        stages=stages,
        rule=optimizer,
        loss=loss,
        labels=labels,
        weighted=weighted,
        sparse=sparse,
        updates=tuple(updates),
        columns=tuple(columns),
        width=len(trainable) * scalars + LIMITS,
        clips_norm=clips_norm,
        notes_penalty=(gradient or options.penalty_in_sum) and bool(options.l1 or options.l2),
    )
