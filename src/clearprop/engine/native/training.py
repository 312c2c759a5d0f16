"""Training: a compiled `train`, and what Python does around it."""

import ctypes
import functools
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import numpy as np

from clearprop._types import Array
from clearprop.engine.base import GradientOptions, State
from clearprop.engine.native.jit import load
from clearprop.engine.native.layout import Layout
from clearprop.engine.native.lowering import count_phases, write_samples, write_train
from clearprop.engine.native.memory import NOTHING, Plan, Workspace
from clearprop.engine.native.module import Module, lanes_of
from clearprop.engine.native.network import LIMITS, Network
from clearprop.engine.native.scheduler import MOST_PHASES, Board, share_record
from clearprop.engine.native.step import FIELDS
from clearprop.engine.native.target import Target
from clearprop.engine.native.tuning import tuning_of
from clearprop.engine.native.values import padded
from clearprop.model import Sequential

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
        self.tuning = tuning_of(target.tiles, model.dtype)
        self.layout = _layout(samples, net, model.dtype, target)
        products = [stage.products for stage in net.stages if stage.products]
        self.cost = 2.0 * (3 * sum(products) - sum(products[:1])) + 20.0 * sum(net.widths)
        self.function = _function(samples, net, model.dtype, target)
        self.options, self.phases = options, count_phases(net)
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
    ) -> tuple[int, float, Array, Array, Array, Array, Array]:
        """Steps done, seconds they took, w, slots (or the gradient), buffers; of each step the loss, summed over its
        batch's rows, and its share of what `penalty_in_sum` adds.
        """
        dtype, net = self.model.dtype, self.net
        space = self._space(padded(plan.longest, self.tuning.rows), plan.most_values if net.turns else 0)
        if not space.holds(state):
            space.pack(state)
        first, steps = state.position, min(steps, MOST_PHASES // self.phases)
        # the scalars and limits of all steps, then the divisors of their losses
        table = np.empty(steps * (net.width + 1), dtype)
        rows = table[: steps * net.width].reshape(steps, net.width)
        rows[:, :-LIMITS] = scalars[first : first + steps].reshape(steps, -1)
        rows[:, -LIMITS:] = self._limits(plan.weights[first : first + steps])
        table[steps * net.width :] = plan.divisors[first : first + steps]
        results = np.zeros(1 + steps)
        done, losses = results[:1].view(np.int64), results[1:]
        penalties = np.zeros((steps, self.layout.tickets)) if net.notes_penalty else NOTHING
        board = Board(threads, steps * self.phases, stop)
        at_table, at_results, seed = table.ctypes.data, results.ctypes.data, int(state.seed)
        values = {
            **space.fixed, **plan.addresses, "stop": stop.ctypes.data, "board": board.address,
            "scalars": at_table, "divisors": at_table + steps * net.width * dtype.itemsize, "done": at_results,
            "losses": at_results + 8, "first": first, "steps": steps, "threads": threads, "epoch": state.epoch,
            "penalties": penalties.ctypes.data,
            "seed_low": seed & 0xFFFFFFFF, "seed_high": seed >> 32,
        }  # fmt: skip
        record = np.concatenate([[values[name] for name in FIELDS], space.places])
        kept = (board, space, table, results, penalties, plan, stop)
        began = time.perf_counter()
        share_record(self.function, record, kept, threads, board, long=long)
        seconds = time.perf_counter() - began
        steps_done = int(done[0]) if self.samples else board.completed // self.phases
        result = space.unpack()
        self._spaces.append(space)
        noted = np.add.accumulate(penalties, axis=1)[:steps_done, -1] if net.notes_penalty else np.zeros(steps_done)
        return steps_done, seconds, *result, losses[:steps_done], noted

    def _limits(self, weights: Array) -> Array:
        """l1, l2, clip_value and clip_norm of steps on batches of these weights: one row if it is the same for all."""
        options = self.options
        share = np.reshape(options.penalty_share(weights), (-1, 1))
        limits = np.empty((len(share), LIMITS))
        limits[:] = options.l1, options.l2, options.clip_value or 0.0, options.clip_norm or 0.0
        limits[:, :2] *= share
        return limits

    def _space(self, rows: int, values: int) -> Workspace:
        with suppress(IndexError):  # none left: another thread may have taken the last
            while True:
                space = self._spaces.pop()
                if space.rows >= rows and space.values >= values:
                    return space
        values += values // 8  # batches of the next epoch may have a few more
        return Workspace(self.model, self.net, self.layout, self.positions, rows, values)


def _layout(samples: bool, net: Network, dtype: Any, target: Target) -> Layout:
    return Layout(net.stages, lanes_of(dtype), tuning_of(target.tiles, dtype), samples=samples)


@functools.lru_cache(maxsize=256)
def _function(samples: bool, net: Network, dtype: Any, target: Target) -> Any:
    m = Module(dtype, target)
    layout = _layout(samples, net, dtype, target)
    symbol = (write_samples if samples else write_train)(m, net, layout)
    return _Function(load(target, list(m.definitions.values()))[symbol])
