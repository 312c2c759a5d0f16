"""A model, a loss and an optimiser as machine code: what the training loop calls."""

import functools
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from clearprop._types import Array
from clearprop.data import Dataset
from clearprop.data.arrays import is_sparse
from clearprop.engine.base import Batches, GradientOptions, State, added_up, divergence
from clearprop.engine.native.memory import NOTHING, Arrays, Plan
from clearprop.engine.native.network import network_of
from clearprop.engine.native.pace import Pace
from clearprop.engine.native.prediction import GOES_ON, Predictor, check_out
from clearprop.engine.native.scheduler import usable_threads
from clearprop.engine.native.sparse import SparseRows
from clearprop.engine.native.target import Target
from clearprop.engine.native.training import Trainer
from clearprop.engine.native.tuning import tuning_of
from clearprop.errors import ConfigurationError, ShapeError
from clearprop.losses import Loss
from clearprop.model import Sequential
from clearprop.optim import LBFGS, Optimizer
from clearprop.randomness import Key


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
        self.positions = model.parameter_views(np.arange(model.n_parameters))
        self._one = (1, model.n_in)
        self.least_rows = max(layer.least_rows for layer in model.layers)
        self._trainers: dict[Any, Trainer] = {}
        self.tuning = tuning_of(target.tiles, model.dtype)
        self._pace = Pace(self.tuning)
        self._known: tuple[Dataset | None, Plan | None] = None, None
        self._threads = 0

    @property
    def threads(self) -> int:
        """How many threads may work; asked once."""
        self._threads = self._threads or usable_threads()
        return self._threads

    # --- training -----------------------------------------------------------------------------------------------------

    def run(
        self,
        state: State,
        data: Dataset,
        batches: Batches,
        scalars: Array,
        stop: Array,
        sums: Array | None = None,
    ) -> State:
        if not isinstance(self.optimizer, Optimizer):
            raise ConfigurationError("L-BFGS takes no steps on batches; use loss_and_grad")
        if state.position < 0:
            raise ConfigurationError(f"position counts batches from 0, it is not {state.position}")
        if state.position >= len(batches):
            return state
        plan = self._plan_of(data, batches)
        if plan.shortest < self.least_rows:
            self.model.forward(
                plan.arrays.X[: plan.shortest], training=True, key=Key(0, 0, 0)
            )  # says that it needs more
        trainer = self._trainer(plan.longest == 1 and self.options.clip_norm is None, plan.arrays)
        first = state.position
        cost = trainer.cost * plan.longest
        threads, pace, allotted = self._pace.choose(self._most(cost, trainer), cost / self.tuning.cautious)
        steps = int(min(len(batches) - first, max(1.0, allotted / pace)))
        done, seconds, w, slots, buffers, losses, penalties = trainer.train(
            plan, state, scalars, steps, stop, threads, long=pace > self.tuning.slice / 2
        )
        self._pace.note(threads, done, seconds)
        found = np.empty((3, done))
        found[0], found[1] = losses * plan.loss_factor, plan.weights[first : first + done]
        found[2] = penalties * np.where(found[1] > 0.0, found[1], 1.0)  # by which `penalty_share` has divided
        if sums is not None:
            sums[:, first : first + done] = found
        totals = added_up(state.totals, found)
        if not math.isfinite(totals[0]):
            self._check_losses(losses, trainer, plan, state, scalars)
        if not np.isfinite(w).all():
            rows = plan.arrays.X[plan.rows(first + done - 1)]
            raise divergence(self.model, state, first + done - 1, "a weight is no longer finite", w, rows)
        step = state.step + done
        return State(w, slots, buffers, step, state.epoch, first + done, totals, state.carry, state.seed)

    def _check_losses(self, losses: Array, trainer: Trainer, plan: Plan, state: State, scalars: Array) -> None:
        """Training is exactly repeatable, so the weights before the step that went wrong can be had once more."""
        wrong = ~np.isfinite(losses)
        if wrong.any():
            bad = int(np.argmax(wrong))
            w = trainer.train(plan, state, scalars, bad, GOES_ON, 1)[2] if bad else state.w
            position = state.position + bad
            rows = plan.arrays.X[plan.rows(position)]
            raise divergence(self.model, state, position, f"the loss is {losses[bad]}", w, rows)

    def _most(self, cost: float, trainer: Trainer) -> int:
        """How many threads a step of this many operations deserves at most."""
        return 1 if trainer.samples else int(max(1, min(self.threads, cost // self.tuning.worth_sharing)))

    def _plan_of(self, data: Dataset, batches: Batches) -> Plan:
        """The batches of an epoch, checked when first seen."""
        known, plan = self._known  # another thread may train on other data
        if plan is None or known is not data or plan.batches is not batches:
            arrays = plan.arrays if plan and known is data else None
            arrays = arrays or self._checked_arrays(data.X, data.y, data.sample_weight)
            plan = Plan(batches, arrays, self.loss, self.model.n_out, self.tuning.rows)
            self._known = data, plan
        return plan

    def _checked_arrays(self, X: Any, y: Any, sample_weight: Any) -> Arrays:
        dtype, k = self.model.dtype, self.model.n_out
        X = self._rows(X)
        y = np.asarray(y)
        shape_of_outputs = np.broadcast_to(np.zeros((), dtype), (len(X), k))
        # a loss may have a way of its own to read class numbers, smoothing them say
        one_hot = type(self.loss).targets is Loss.targets
        if one_hot and y.ndim == 1 and k > 1 and y.dtype.kind in "iub":
            targets = np.ascontiguousarray(y, np.int64)
            if len(y) != len(X) or (len(y) and not 0 <= targets.min() <= targets.max() < k):
                self.loss.targets(y, shape_of_outputs)  # says what is wrong
        else:
            targets = np.ascontiguousarray(self.loss.targets(y, shape_of_outputs), dtype)
        weights = None if sample_weight is None else np.ascontiguousarray(sample_weight, dtype).reshape(-1)
        if weights is not None and len(weights) != len(X):
            raise ShapeError(f"sample_weight has {len(weights)} rows, X {len(X)}; they must be equal")
        return Arrays(X, targets, weights)

    def _rows(self, X: Any) -> "Array | SparseRows":
        dtype = self.model.dtype
        rows = SparseRows(X, dtype) if is_sparse(X) else np.ascontiguousarray(X, dtype)
        if len(rows.shape) != 2 or rows.shape[1] != self.model.n_in:
            raise ShapeError(f"the model expects an array of shape (n, {self.model.n_in}), not {rows.shape}")
        return rows

    def _trainer(self, samples: bool, arrays: Arrays, *, gradient: bool = False) -> Trainer:
        sparse = isinstance(arrays.X, SparseRows)
        thin = isinstance(arrays.X, SparseRows) and arrays.X.filled <= self.tuning.thin and not samples
        key = (samples, arrays.targets.dtype.kind == "i", arrays.weights is not None, sparse, thin, gradient)
        if key not in self._trainers:
            _, labels, weighted, *_ = key
            rule = None if gradient or not isinstance(self.optimizer, Optimizer) else self.optimizer
            about = (self.model, self.loss, rule, self.options, self.positions)
            net = network_of(*about, labels=labels, weighted=weighted, sparse=sparse, thin=thin)
            self._trainers[key] = Trainer(self.model, net, self.options, self.target, self.positions, samples=samples)
        return self._trainers[key]

    # --- values -------------------------------------------------------------------------------------------------------

    def loss_and_grad(self, X: Array, y: Any, sample_weight: Any = None) -> tuple[float, Array]:
        return self.objective(X, y, sample_weight)()

    def objective(self, X: Array, y: Any, sample_weight: Any = None) -> Callable[[], tuple[float, Array]]:
        model = self.model
        arrays = self._checked_arrays(X, y, sample_weight)
        n = len(arrays.X)
        plan = Plan(Batches(np.arange(n), np.array([0, n])), arrays, self.loss, model.n_out, self.tuning.rows)
        trainer = self._trainer(False, arrays, gradient=True)
        threads, long = (
            self._most(trainer.cost * n, trainer),
            trainer.cost * n > self.tuning.cautious * self.tuning.slice,
        )
        divisor, no_scalars, no_totals = float(plan.divisors[0]), np.zeros((1, 0)), np.zeros(3)

        def loss_and_grad() -> tuple[float, Array]:
            state = State(model.w, NOTHING, model.buffers, 0, 0, 0, no_totals, (), model.seed)
            _, _, _, g, _, losses, penalties = trainer.train(plan, state, no_scalars, 1, GOES_ON, threads, long=long)
            return float(losses[0]) / divisor + float(penalties[0]), g

        return loss_and_grad

    def predict(self, X: Array, out: Array | None = None) -> Array:
        if self._predictor.in_place and type(X) is np.ndarray and X.shape == self._one and X.dtype is self.model.dtype:
            return self._predictor.one(self.model, X, out)
        rows = self._rows(X)
        if not isinstance(rows, SparseRows) or self._predictor.skips_zeros(rows):
            return self._predictor.predict(self.model, rows, out, self.threads)
        n, k = len(rows), self.model.n_out
        out = np.empty((n, k), self.model.dtype) if out is None else out
        check_out(out, n, k)
        at_once = max(self.tuning.made_dense // rows.shape[1], 1)
        for start in range(0, n, at_once):
            block = slice(start, start + at_once)
            self._predictor.predict(self.model, rows[block], out[block], self.threads)
        return out

    @functools.cached_property
    def _predictor(self) -> Predictor:
        return Predictor(self.model, self.target, self.positions)
