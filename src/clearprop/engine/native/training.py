"""Training: a compiled `train`, and what Python does around it."""

import ctypes
import functools
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import numpy as np

from clearprop._types import Array
from clearprop.engine.base import GradientOptions, State
from clearprop.engine.native.jit import load
from clearprop.engine.native.kernels import Update
from clearprop.engine.native.layout import Layout
from clearprop.engine.native.lowering import FIELDS, phases_of, write_samples, write_train
from clearprop.engine.native.memory import Plan, Workspace
from clearprop.engine.native.module import Module
from clearprop.engine.native.network import Network, rule_text, stages_of
from clearprop.engine.native.scheduler import Board, share_record
from clearprop.engine.native.target import Target
from clearprop.engine.native.values import padded
from clearprop.losses import Loss
from clearprop.model import Sequential
from clearprop.optim import Optimizer

_Function = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int64)


class Trainer:
    """A compiled `train` with its layout; workspaces are kept for the next call."""

    # no reference to the program that has it: a circle would keep the training data until Python looks for circles

    def __init__(
        self,
        model: Sequential,
        net: Network,
        options: GradientOptions,
        target: Target,
        positions: Sequence[dict[str, Array]],
        *,
        samples: bool,
    ) -> None:
        self.model, self.net, self.target, self.positions, self.samples = model, net, target, positions, samples
        lanes = Module(model.dtype, target).lanes
        self.layout = Layout(net.stages, lanes, target.vectors, samples=samples)
        weights = [stage.n * stage.m for stage in net.stages if stage.dense]
        self.cost = 2.0 * (3 * sum(weights) - (weights[0] if weights else 0)) + 20.0 * sum(net.widths)
        self.function = _function(samples, net, model.dtype, target)
        limits = (options.l1, options.l2, options.clip_value or 0.0, options.clip_norm or 0.0)
        self.hyper = np.array(limits, model.dtype)
        self.at_hyper, self.phases = self.hyper.ctypes.data, len(phases_of(net))
        self._spaces: list[Workspace] = []

    def train(
        self,
        plan: Plan,
        state: State,
        scalars: Array,
        steps: int,
        stop: Array,
        threads: int,
        *,
        long: bool = False,
    ) -> tuple[int, Array, Array, Array, Array]:
        """Steps done, w, slots (or the gradient), buffers, and the loss of each step's batch, summed over its rows."""
        dtype, net = self.model.dtype, self.net
        space = self._space(padded(plan.longest, self.target.unit))
        if not space.holds(state):
            space.pack(state)
        first = state.position
        table = np.empty((steps, net.width + 1), dtype)  # the scalars of all steps, then the divisors of their losses
        divisors = table.reshape(-1)[steps * net.width :]
        table.reshape(-1)[: steps * net.width] = scalars[first : first + steps].reshape(-1)
        divisors[...] = plan.divisors[first : first + steps]
        results = np.zeros(1 + steps)
        done, losses = results[:1].view(np.int64), results[1:]
        board = Board(threads, steps * self.phases, stop)
        at_table, at_results, seed = table.ctypes.data, results.ctypes.data, int(state.seed)
        values = {
            **space.fixed, **plan.addresses, "hyper": self.at_hyper, "stop": stop.ctypes.data, "board": board.address,
            "scalars": at_table, "divisors": at_table + steps * net.width * dtype.itemsize, "done": at_results,
            "losses": at_results + 8, "first": first, "steps": steps, "threads": threads, "epoch": state.epoch,
            "seed_low": seed & 0xFFFFFFFF, "seed_high": seed >> 32,
        }  # fmt: skip
        record = np.concatenate([[values[name] for name in FIELDS], space.places])
        kept = (board, space, table, results, plan, stop, self.hyper)
        share_record(self.function, record, kept, threads, board, long=long)
        steps_done = int(done[0]) if self.samples else board.completed // self.phases
        result = space.unpack()
        self._spaces.append(space)
        return steps_done, *result, losses[:steps_done]

    def _space(self, rows: int) -> Workspace:
        with suppress(IndexError):  # none left: another thread may have taken the last
            while True:
                space = self._spaces.pop()
                if space.rows >= rows:
                    return space
        return Workspace(self.model, self.net, self.layout, self.positions, rows)


def network(
    model: Sequential,
    loss: Loss,
    optimizer: "Optimizer | None",
    options: GradientOptions,
    positions: Sequence[dict[str, Array]],
    *,
    labels: bool,
    weighted: bool,
    sparse: bool,
) -> Network:
    """What the text of `train` depends on; without an optimiser all gradients are stored and no weight changes."""
    gradient, stages = optimizer is None, stages_of(model)
    trainable = [s for s in model.segments if s.trainable]
    text = rule_text(optimizer) if optimizer else ""
    scalars = optimizer.table(1, 1, [1.0], [True], optimizer.initial_carry)[0].shape[-1] if optimizer else 0
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
        updates=tuple(updates),
        columns=tuple(columns),
        width=len(trainable) * scalars,
        clips_norm=clips_norm,
    )


@functools.lru_cache(maxsize=256)
def _function(samples: bool, net: Network, dtype: Any, target: Target) -> Any:
    m = Module(dtype, target)
    layout = Layout(net.stages, m.lanes, target.vectors, samples=samples)
    symbol = (write_samples if samples else write_train)(m, net, layout)
    return _Function(load(target, list(m.definitions.values()))[symbol])
