"""What Python does around the compiled functions: checks, packs, hands over addresses, and unpacks."""

import ctypes
import functools
import math
import threading
import time
from contextlib import suppress
from dataclasses import replace
from typing import Any

import numpy as np

from clearprop._types import Array
from clearprop.data import Dataset
from clearprop.data.arrays import is_sparse
from clearprop.engine.base import Batches, GradientOptions, State, divergence, penalties
from clearprop.engine.native.jit import load
from clearprop.engine.native.kernels import Update
from clearprop.engine.native.lowering import (
    FIELDS,
    ROWS,
    TOGETHER,
    Layout,
    Network,
    Stage,
    mask_width,
    padded,
    phases_of,
    rule_text,
    stages_for_prediction,
    stages_of,
    write_predict,
    write_predict_rows,
    write_samples,
    write_train,
)
from clearprop.engine.native.scheduler import Board, share, share_interruptibly, usable_threads
from clearprop.engine.native.sparse import SparseRows
from clearprop.engine.native.target import Target
from clearprop.engine.native.values import Module
from clearprop.errors import ConfigurationError, DataError, ShapeError
from clearprop.losses import Loss
from clearprop.model import Sequential
from clearprop.optim import LBFGS, Optimizer
from clearprop.randomness import Key

SLICE = 0.1  # seconds after which `run` returns
CAUTIOUS = 2e9  # operations a second that even a slow machine does: for the first slice's length
WORTH_SHARING = 4e6  # operations in a step, below which threads would wait for each other most of the time
MANY = 100_000  # rows that take long to predict
WORTH_PACKING = 32  # rows to predict, from which on the packed weights pay
NOTHING = np.zeros(1)
GOES_ON = np.zeros(1, np.uint8)
DENSE_ROWS = 4096  # sparse rows that are made dense at once, to predict them


class NativeProgram:
    """A model, a loss and an optimiser, as machine code; compiled piece by piece when first needed."""

    def __init__(
        self,
        model: Sequential,
        loss: Loss,
        optimizer: "Optimizer | LBFGS",
        options: GradientOptions,
        target: Target,
    ) -> None:
        self.model, self.loss, self.optimizer, self.options, self.target = model, loss, optimizer, options, target
        self.stages = stages_of(model)
        self.lanes = Module(model.dtype, target).lanes
        self.positions = model.parameter_views(np.arange(model.n_parameters))
        self._one = (1, model.n_in)
        self.needs_batches = any(stage.batch for stage in self.stages)
        self.decaying = any(s.decays for s in model.segments) and bool(options.l1 or options.l2)
        self._trainers: dict[Any, _Trainer] = {}
        self._pace = 0.0  # seconds that a step took last time
        self._known: tuple[Dataset | None, _Plan | None] = None, None
        self._threads = 0

    @property
    def threads(self) -> int:
        """How many threads may work; asked once."""
        self._threads = self._threads or usable_threads()
        return self._threads

    # --- training -----------------------------------------------------------------------------------------------------

    def run(self, state: State, data: Dataset, batches: Batches, scalars: Array, stop: Array) -> State:
        if not isinstance(self.optimizer, Optimizer):
            raise ConfigurationError("L-BFGS takes no steps on batches; use loss_and_grad")
        plan = self._plan_of(data, batches)
        if plan.shortest == 1 and self.needs_batches:
            self.model.forward(plan.arrays.X[:1], training=True, key=Key(0, 0, 0))  # says that one row is no batch
        trainer = self._trainer(plan.longest == 1 and self.options.clip_norm is None, plan.arrays)
        first = state.position
        cost = trainer.cost * plan.longest
        step = self._pace or cost / CAUTIOUS  # seconds
        steps = int(min(len(batches) - first, max(1.0, SLICE / step)))
        began = time.perf_counter()
        done, w, slots, buffers, losses = trainer.train(
            plan, state, scalars, steps, stop, self._share(cost, trainer), long=step > SLICE / 2
        )
        self._pace = (time.perf_counter() - began) / done
        # one after the other, so that totals do not depend on where slices end
        sums = np.empty((2, 1 + done))
        sums[:, 0], sums[0, 1:], sums[1, 1:] = (
            state.totals,
            losses * plan.loss_factor,
            plan.weights[first : first + done],
        )
        totals = np.add.accumulate(sums, axis=1)[:, -1]
        if not math.isfinite(totals[0]):
            self._check_losses(losses, trainer, plan, state, scalars)
        if not np.isfinite(w).all():
            rows = plan.arrays.X[plan.rows(first + done - 1)]
            raise divergence(self.model, state, first + done - 1, "a weight is no longer finite", w, rows)
        step = state.step + done
        return replace(state, w=w, slots=slots, buffers=buffers, step=step, position=first + done, totals=totals)

    def _check_losses(self, losses: Array, trainer: "_Trainer", plan: "_Plan", state: State, scalars: Array) -> None:
        """Training is exactly repeatable, so the weights before the step that went wrong can be had once more."""
        wrong = ~np.isfinite(losses)
        if wrong.any():
            bad = int(np.argmax(wrong))
            w = trainer.train(plan, state, scalars, bad, GOES_ON, 1)[1] if bad else state.w
            position = state.position + bad
            rows = plan.arrays.X[plan.rows(position)]
            raise divergence(self.model, state, position, f"the loss is {losses[bad]}", w, rows)

    def _share(self, cost: float, trainer: "_Trainer") -> int:
        """How many threads a step of this many operations deserves."""
        return 1 if trainer.samples else int(max(1, min(self.threads, cost // WORTH_SHARING)))

    def _plan_of(self, data: Dataset, batches: Batches) -> "_Plan":
        """The batches of an epoch, checked when first seen."""
        known, plan = self._known  # another thread may train on other data
        if plan is None or known is not data or plan.batches is not batches:
            arrays = plan.arrays if plan and known is data else None
            arrays = arrays or self._checked_arrays(data.X, data.y, data.sample_weight)
            plan = _Plan(batches, arrays, self.loss, self.model.n_out, self.target.rows)
            self._known = data, plan
        return plan

    def _checked_arrays(self, X: Any, y: Any, sample_weight: Any) -> "_Arrays":
        dtype, k = self.model.dtype, self.model.n_out
        X = self._rows(X)
        y = np.asarray(y)
        shape_of_outputs = np.broadcast_to(np.zeros((), dtype), (len(X), k))
        if y.ndim == 1 and k > 1 and y.dtype.kind in "iub":
            targets = np.ascontiguousarray(y, np.int64)
            if len(y) != len(X) or (len(y) and not 0 <= targets.min() <= targets.max() < k):
                self.loss.targets(y, shape_of_outputs)  # says what is wrong
        else:
            targets = np.ascontiguousarray(self.loss.targets(y, shape_of_outputs), dtype)
        weights = None if sample_weight is None else np.ascontiguousarray(sample_weight, dtype).reshape(-1)
        if weights is not None and len(weights) != len(X):
            raise ShapeError(f"sample_weight has {len(weights)} rows, X {len(X)}; they must be equal")
        return _Arrays(X, targets, weights)

    def _rows(self, X: Any) -> "Array | SparseRows":
        dtype = self.model.dtype
        rows = SparseRows(X, dtype) if is_sparse(X) else np.ascontiguousarray(X, dtype)
        if len(rows.shape) != 2 or rows.shape[1] != self.model.n_in:
            raise ShapeError(f"the model expects an array of shape (n, {self.model.n_in}), not {rows.shape}")
        return rows

    def _trainer(self, samples: bool, arrays: "_Arrays", *, gradient: bool = False) -> "_Trainer":
        sparse = isinstance(arrays.X, SparseRows)
        key = (samples, arrays.targets.dtype.kind == "i", arrays.weights is not None, sparse, gradient)
        if key not in self._trainers:
            self._trainers[key] = _Trainer(self, *key)
        return self._trainers[key]

    # --- values -------------------------------------------------------------------------------------------------------

    def loss_and_grad(self, X: Array, y: Any, sample_weight: Any = None) -> tuple[float, Array]:
        model = self.model
        arrays = self._checked_arrays(X, y, sample_weight)
        n = len(arrays.X)
        plan = _Plan(Batches(np.arange(n), np.array([0, n])), arrays, self.loss, model.n_out, self.target.rows)
        trainer = self._trainer(False, arrays, gradient=True)
        state = State(model.w, NOTHING, model.buffers, 0, 0, 0, np.zeros(2), (), model.seed)
        threads = self._share(trainer.cost * n, trainer)
        _, _, g, _, losses = trainer.train(
            plan, state, np.zeros((1, 0)), 1, GOES_ON, threads, long=trainer.cost * n > CAUTIOUS * SLICE
        )
        value = float(losses[0] / plan.divisors[0])
        return value + (penalties(model, self.options) if self.decaying else 0.0), g

    def predict(self, X: Array, out: Array | None = None) -> Array:
        if self._predictor.in_place and type(X) is np.ndarray and X.shape == self._one and X.dtype is self.model.dtype:
            return self._predictor.one(self.model, X, out)
        rows = self._rows(X)
        if not isinstance(rows, SparseRows):
            return self._predictor.predict(self.model, rows, out, self.threads)
        n, k = len(rows), self.model.n_out
        out = np.empty((n, k), self.model.dtype) if out is None else out
        check_out(out, n, k)
        for start in range(0, n, DENSE_ROWS):
            block = slice(start, start + DENSE_ROWS)
            self._predictor.predict(self.model, rows[block], out[block], self.threads)
        return out

    @functools.cached_property
    def _predictor(self) -> "_Predictor":
        return _Predictor(self)


class _Arrays:
    """Data as kernels read it: checked, contiguous, in the model's precision."""

    def __init__(self, X: Array | SparseRows, targets: Array, weights: Array | None) -> None:
        self.X, self.targets, self.weights = X, targets, weights
        rows = (X.values, X.columns, X.starts) if isinstance(X, SparseRows) else (X, NOTHING, NOTHING)
        used = (*rows, targets, NOTHING if weights is None else weights)
        names = ("X", "columns", "starts", "targets", "weights")
        self.addresses = {name: array.ctypes.data for name, array in zip(names, used, strict=True)}


class _Plan:
    """The batches of an epoch, checked; of each the factor of its loss."""

    def __init__(self, batches: Batches, arrays: _Arrays, loss: Loss, outputs: int, spare: int) -> None:
        self.batches, self.arrays = batches, arrays
        self.offsets = np.array(batches.offsets, np.int64)  # a copy: what was checked stays so
        indices, n = np.asarray(batches.indices), len(arrays.X)
        sizes = self.offsets[1:] - self.offsets[:-1]
        if len(indices) == 0 or indices.min() < 0 or indices.max() >= n:
            raise DataError(f"the order names a row that is not there; rows are 0 to {n - 1}")
        self.shortest, self.longest = int(sizes.min()), int(sizes.max())
        if self.offsets[0] < 0 or self.offsets[-1] > len(indices) or self.shortest < 1:
            raise DataError("a batch of the order is empty, or beyond its end")
        self.order = np.zeros(len(indices) + spare, np.int64)  # tiles read some rows more than the last batch has
        self.order[: len(indices)] = indices
        self.addresses = {
            **arrays.addresses,
            "order": self.order.ctypes.data,
            "offsets": self.offsets.ctypes.data,
        }
        values = outputs if loss.kind == "elementwise" else 1
        if loss.reduction == "sum":
            self.loss_factor, self.weights, self.divisors = 1.0, np.ones(len(sizes)), np.ones(len(sizes))
            return
        self.loss_factor = 1.0 / values
        if arrays.weights is None:
            self.weights = sizes.astype(np.float64)
        else:
            picked = arrays.weights[indices[self.offsets[0] : self.offsets[-1]]].astype(np.float64)
            self.weights = np.add.reduceat(picked, self.offsets[:-1] - self.offsets[0])
        self.divisors = np.where(self.weights > 0.0, self.weights * values, 1.0)

    def rows(self, position: int) -> Array:
        return self.order[self.offsets[position] : self.offsets[position + 1]]


class _Trainer:
    """A compiled `train` with its layout; workspaces are kept for the next call."""

    def __init__(
        self, program: NativeProgram, samples: bool, labels: bool, weighted: bool, sparse: bool, gradient: bool
    ) -> None:
        self.program, self.samples, self.gradient = program, samples, gradient
        model, stages = program.model, program.stages
        self.net = network(program, labels, weighted, sparse, gradient)
        self.layout = Layout(stages, program.lanes, program.target.vectors, samples=samples)
        self.slots = 0 if gradient else len(program.optimizer.slots)  # type: ignore[union-attr]
        self.trainable = sum(len(s) for s in model.segments if s.trainable)
        weights = [stage.n * stage.m for stage in stages if stage.dense]
        self.cost = 2.0 * (3 * sum(weights) - (weights[0] if weights else 0)) + 20.0 * sum(self.net.widths)
        self.function = _train_function(samples, self.net, model.dtype, program.target)
        options = program.options
        limits = (options.l1, options.l2, options.clip_value or 0.0, options.clip_norm or 0.0)
        self.hyper = np.array(limits, model.dtype)
        self.at_hyper, self.phases = self.hyper.ctypes.data, len(phases_of(self.net))
        self._spaces: list[_Workspace] = []

    def train(
        self,
        plan: _Plan,
        state: State,
        scalars: Array,
        steps: int,
        stop: Array,
        threads: int,
        *,
        long: bool = False,
    ) -> tuple[int, Array, Array, Array, Array]:
        """Steps done, w, slots (or the gradient), buffers, and the loss of each step's batch, summed over its rows."""
        program, dtype, net = self.program, self.program.model.dtype, self.net
        space = self._space(padded(plan.longest, program.target.rows))
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
        address, function = record.ctypes.data, self.function
        kept = (record, board, space, table, results, plan, stop)  # helpers that come late look at their own record

        def work(rank: int, _kept: Any = kept) -> None:
            function(address, rank)

        if long:
            share_interruptibly(threads, work, board)
        else:
            share(threads, work)
        steps_done = int(done[0]) if self.samples else board.completed // self.phases
        result = space.unpack()
        self._spaces.append(space)
        return steps_done, *result, losses[:steps_done]

    def _space(self, rows: int) -> "_Workspace":
        with suppress(IndexError):  # none left: another thread may have taken the last
            while True:
                space = self._spaces.pop()
                if space.rows >= rows:
                    return space
        return _Workspace(self, rows)


class _Workspace:
    """The memory of one run: packed weights, activations and their gradients, and the record of where they are."""

    def __init__(self, trainer: _Trainer, rows: int) -> None:
        self.rows = rows
        net, layout, dtype = trainer.net, trainer.layout, trainer.program.model.dtype
        stages, widths = net.stages, net.widths
        stored = trainer.gradient or net.clips_norm
        self.w = _aligned((1 + trainer.slots + stored, layout.size), dtype)
        self.transposed = _aligned((max(layout.transposed_size, 1),), dtype)
        act, delta = ([_aligned((rows, ld), dtype) for ld in layout.ld] for _ in range(2))
        beside, shares = [], []
        for s in range(len(widths)):
            stage = stages[s] if s < len(stages) else None
            masked = stage is not None and stage.drops
            beside.append(_aligned((rows, mask_width(stage.m, layout.lanes)) if masked and stage else (1, 1), dtype))
            vectors = len(stage.parameters) if stage is not None and not stage.dense else 0
            sums = (7, layout.ld[s]) if stage is not None and stage.batch else (vectors * rows, layout.ld[s])
            shares.append(_aligned(sums, dtype))
        self.values = _aligned((rows + layout.lanes,), dtype)
        tickets = 1 + sum(padded(stage.n, layout.lanes) // layout.lanes for stage in stages)
        self.norms = np.zeros((tickets, layout.lanes)) if net.clips_norm else NOTHING
        self.averages = _aligned((layout.averages_size,), dtype)
        fixed = {
            "w": self.w, "transposed": self.transposed, "values": self.values, "norms": self.norms,
            "averages": self.averages,
        }  # fmt: skip
        self.fixed = {name: array.ctypes.data for name, array in fixed.items()} | {"rows": rows}
        self.kept = [array for arrays in (act, delta, beside, shares) for array in arrays]
        self.places = np.array([array.ctypes.data for array in self.kept], np.int64)
        self._pair(trainer)

    def _pair(self, trainer: _Trainer) -> None:
        """Views of the model's own vectors beside views of where their parts are packed."""
        model, layout, gradient = trainer.program.model, trainer.layout, trainer.gradient
        self.gradient = gradient
        self.flat = np.empty(model.n_parameters, model.dtype)
        self.results = np.empty(model.n_parameters if gradient else (trainer.slots, trainer.trainable), model.dtype)
        self.in_and_out: list[tuple[Array, Array]] = []  # weights
        self.into: list[tuple[Array, Array]] = []  # transposed copies of them
        self.beside: list[tuple[Array, Array]] = []  # slots, or the gradient
        self.buffers = np.empty(len(model.buffers), model.dtype)
        views, averages = model.parameter_views(self.flat), model.buffer_views(self.buffers)
        for s, stage in enumerate(trainer.net.stages):
            if stage.batch:
                for k, name in enumerate(("mean", "variance")):
                    start = layout.averages[s] + k * padded(stage.m, layout.lanes)
                    self.in_and_out.append((averages[stage.layer][name], self.averages[start : start + stage.m]))
            for name in stage.parameters:
                flat = views[stage.layer][name]
                self.in_and_out += layout.parts(s, stage, name, flat, self.w[0])
                if name == "weight" and s and not layout.samples:
                    self.into += layout.transposed_parts(s, stage, flat, self.transposed)
                if gradient:
                    like = model.parameter_views(self.results)[stage.layer][name]
                    self.beside += layout.parts(s, stage, name, like, self.w[1])
                    continue
                place, before = int(trainer.program.positions[stage.layer][name].flat[0]), 0
                for segment in model.segments:
                    if segment.trainable and segment.start <= place < segment.stop:
                        start = before + place - segment.start
                        for k in range(trainer.slots):
                            like = self.results[k, start : start + flat.size].reshape(flat.shape)
                            self.beside += layout.parts(s, stage, name, like, self.w[1 + k])
                    before += len(segment) if segment.trainable else 0
        self.last: tuple[Array, Array, Array] | None = None

    def holds(self, state: State) -> bool:
        """Whether the packed memory is what the last call returned and this one goes on from."""
        if self.last is None or state.slots is not self.last[1]:
            return False
        return np.array_equal(state.w, self.last[0]) and np.array_equal(state.buffers, self.last[2])

    def pack(self, state: State) -> None:
        self.w[...] = 0.0  # padding too: training that diverged leaves NaN there
        self.flat[...], self.buffers[...] = state.w, state.buffers
        for flat, packed in (*self.in_and_out, *self.into):
            packed[...] = flat
        if not self.gradient:
            self.results[...] = state.slots
            for flat, packed in self.beside:
                packed[...] = flat

    def unpack(self) -> tuple[Array, Array, Array]:
        """The weights, the slots or the gradient, and the buffers."""
        for flat, packed in (*self.in_and_out, *self.beside):
            flat[...] = packed
        self.last = self.flat.copy(), self.results.copy(), self.buffers.copy()
        return self.last


class _Predictor:
    """The compiled `predict`, and `predict_row` for few rows."""

    def __init__(self, program: NativeProgram) -> None:
        self.dtype = program.model.dtype
        self.stages = stages_for_prediction(program.model)
        lanes, vectors = program.lanes, program.target.vectors
        self.layout = Layout(self.stages, lanes, vectors) if self.stages else None
        self.program = program
        self.width = sum(self.layout.ld) if self.layout else 0
        self.in_place = bool(self.stages) and all(stage.dense or not stage.parameters for stage in self.stages)
        self._places = threading.local()

    @functools.cached_property
    def many(self) -> Any:
        return _predict_function(self.stages, self.dtype, self.program.target)

    @functools.cached_property
    def few(self) -> Any:
        starts = tuple(
            tuple((name, int(self.program.positions[stage.layer][name].flat[0])) for name in stage.parameters)
            for stage in self.stages
        )
        return _predict_rows_function(self.stages, starts, self.dtype, self.program.target)

    def one(self, model: Sequential, X: Array, out: Array | None) -> Array:
        """One row, through memory whose address is known: to ask arrays for theirs takes longer than the network."""
        place = getattr(self._places, "one", None)
        if place is None or place.w is not model.w:
            place = self._places.one = _OneRow(model, self.width)
        place.X[...] = X
        self.few(place.address)
        if out is None:
            return place.out.copy()
        check_out(out, 1, model.n_out)
        out[...] = place.out
        return out

    def predict(self, model: Sequential, X: Array, out: Array | None, threads: int) -> Array:
        n, k = len(X), model.n_out
        target: Array = out  # type: ignore[assignment]
        if out is not None:
            check_out(out, n, k)
        if out is None or out.dtype != self.dtype or not out.flags.carray or np.may_share_memory(out, X):
            target = np.empty((n, k), self.dtype)
        if not self.stages:
            target[...] = X
        elif n < WORTH_PACKING and self.in_place:
            w, scratch = np.ascontiguousarray(model.w), np.empty(self.width, self.dtype)
            addresses = (w.ctypes.data, X.ctypes.data, target.ctypes.data, n, scratch.ctypes.data)
            record = np.array(addresses, np.int64)
            self.few(record.ctypes.data)
        elif n:
            w = _aligned((self.layout.size,), self.dtype)  # type: ignore[union-attr]
            parameters, buffers = model.parameter_views(model.w), model.buffer_views(model.buffers)
            for s, stage in enumerate(self.stages):
                for name in stage.parameters:
                    values = (parameters[stage.layer] | buffers[stage.layer])[name]
                    for flat, packed in self.layout.parts(s, stage, name, values, w):  # type: ignore[union-attr]
                        packed[...] = flat
            threads = min(threads, -(-n // TOGETHER))
            stride = padded(ROWS * self.width, 128)
            scratch, board = _aligned((threads, stride), self.dtype), Board(threads, 1, GOES_ON)
            arrays = [w.ctypes.data, X.ctypes.data, target.ctypes.data]
            record = np.array([*arrays, n, scratch.ctypes.data, stride, board.address], np.int64)
            address, kept = record.ctypes.data, (record, w, X, target, scratch, board)

            def work(rank: int, _kept: Any = kept) -> None:
                self.many(address, rank)

            share_interruptibly(threads, work, board) if n > MANY else share(threads, work)
        if out is not None and target is not out:
            out[...] = target
            return out
        return target


class _OneRow:
    """A thread's memory for the prediction of one row."""

    def __init__(self, model: Sequential, width: int) -> None:
        self.w, dtype = model.w, model.dtype
        self.X, self.out = np.empty((1, model.n_in or 0), dtype), np.empty((1, model.n_out), dtype)
        self._scratch = np.empty(width, dtype)
        arrays = (self.w, self.X, self.out, self._scratch)
        w, X, out, scratch = (array.ctypes.data for array in arrays)
        self._record = np.array([w, X, out, 1, scratch], np.int64)
        self.address: int = self._record.ctypes.data


def check_out(out: Array, n: int, k: int) -> None:
    if out.shape != (n, k):
        raise ShapeError(f"out has shape {out.shape}, the predictions ({n}, {k}); make it np.empty(({n}, {k}))")


def _aligned(shape: tuple[int, ...], dtype: Any) -> Array:
    """Memory that starts at a cache line, for whole vectors to be read and written; its content is undefined..."""
    size = int(np.prod(shape)) * np.dtype(dtype).itemsize
    raw = np.zeros(size + 128, np.uint8)
    start = -raw.ctypes.data % 64
    array: Array = raw[start : start + size].view(dtype).reshape(shape)
    return array


def network(program: NativeProgram, labels: bool, weighted: bool, sparse: bool, gradient: bool) -> Network:
    """What the text of `train` depends on; for the gradient alone every parameter's is stored and none changes."""
    model, options, optimizer = program.model, program.options, program.optimizer
    trainable = [s for s in model.segments if s.trainable]
    rule = None if gradient or not isinstance(optimizer, Optimizer) else optimizer
    text = rule_text(rule) if rule else ""
    scalars = rule.table(1, 1, [1.0], [True], rule.initial_carry)[0].shape[-1] if rule else 0
    updates: list[tuple[Update | None, ...]] = []
    columns: list[tuple[int, ...]] = []
    clips_norm = options.clip_norm is not None and not gradient
    for stage in program.stages:
        hows: list[Update | None] = []
        starts: list[int] = []
        for name in stage.parameters:
            place = int(program.positions[stage.layer][name].flat[0])
            segment = next(s for s in model.segments if s.start <= place < s.stop)
            how = Update(
                rule=rule,
                text=text,
                scalars=scalars,
                penalised=segment.decays and bool(options.l1 or options.l2),
                clipped=options.clip_value is not None and not gradient,
                shrinks=segment.decays and bool(rule and rule.weight_decay),
                stored=gradient or clips_norm,
            )
            hows.append(how if gradient or segment.trainable else None)
            starts.append(trainable.index(segment) * scalars if segment.trainable else 0)
        updates.append(tuple(hows))
        columns.append(tuple(starts))
    layers = [model.layers[stage.layer] for stage in program.stages]
    numbers = tuple(float(getattr(layer, "rate", getattr(layer, "momentum", 0.0))) for layer in layers)
    width = len(trainable) * scalars
    return Network(
        program.stages, numbers, program.loss, labels, weighted, sparse,
        tuple(updates), tuple(columns), width, clips_norm,
    )  # fmt: skip


_SHARED = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int64)
_ALONE = ctypes.PYFUNCTYPE(None, ctypes.c_void_p)  # takes less time than to hand over Python's lock


def _compile(m: Module, symbol: str) -> int:
    return load(m.target, list(m.definitions.values()))[symbol]


@functools.lru_cache(maxsize=256)
def _train_function(samples: bool, net: Network, dtype: Any, target: Target) -> Any:
    m = Module(dtype, target)
    layout = Layout(net.stages, m.lanes, target.vectors, samples=samples)
    return _SHARED(_compile(m, (write_samples if samples else write_train)(m, net, layout)))


@functools.lru_cache(maxsize=256)
def _predict_function(stages: tuple[Stage, ...], dtype: Any, target: Target) -> Any:
    m = Module(dtype, target)
    return _SHARED(_compile(m, write_predict(m, stages, Layout(stages, m.lanes, target.vectors))))


@functools.lru_cache(maxsize=256)
def _predict_rows_function(stages: tuple[Stage, ...], starts: Any, dtype: Any, target: Target) -> Any:
    m = Module(dtype, target)
    layout = Layout(stages, m.lanes, target.vectors)
    return _ALONE(_compile(m, write_predict_rows(m, stages, [dict(s) for s in starts], layout.ld)))
