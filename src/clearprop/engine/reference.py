"""The reference engine: NumPy, one operation after the other.  It is the specification of all others."""

import functools
import math
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from clearprop._types import Array
from clearprop.data import Dataset
from clearprop.data.arrays import canonical_csr, dense_rows, is_sparse
from clearprop.engine.base import ENGINES, Batches, GradientOptions, State, divergence, penalties
from clearprop.errors import ConfigurationError
from clearprop.losses import Loss, penalty, penalty_gradient
from clearprop.model import Segment, Sequential
from clearprop.optim import LBFGS, Optimizer
from clearprop.randomness import Key

SLICE = 0.1  # seconds after which `run` returns, so that callers can look, save or stop
ROWS = 4096  # rows predicted at once, which bounds the memory of wide layers


class ReferenceEngine:
    """Runs everything, in NumPy."""

    name = "reference"

    def unsupported(self, model: Sequential, loss: Loss, optimizer: "Optimizer | LBFGS") -> str | None:
        return None

    def compile(
        self, model: Sequential, loss: Loss, optimizer: "Optimizer | LBFGS", options: GradientOptions
    ) -> "ReferenceProgram":
        return ReferenceProgram(model, loss, optimizer, options)


ENGINES.register(ReferenceEngine.name, ReferenceEngine)


class ReferenceProgram:
    """A model, a loss and an optimiser, run by NumPy."""

    def __init__(self, model: Sequential, loss: Loss, optimizer: "Optimizer | LBFGS", options: GradientOptions) -> None:
        self.model, self.loss, self.optimizer, self.options = model, loss, optimizer, options
        self.decaying = [s for s in model.segments if s.decays] if options.l1 or options.l2 else []
        self.trainable = _with_slots(model.segments)

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
        model = self.model
        w, slots, buffers, totals = state.w.copy(), state.slots.copy(), state.buffers.copy(), state.totals.copy()
        parameters, buffer_views = model.parameter_views(w), model.buffer_views(buffers)
        g = np.zeros_like(w)
        grads = model.parameter_views(g)
        end = time.perf_counter() + SLICE
        position = state.position
        with np.errstate(all="ignore"):
            while position < len(batches):
                rows = batches.rows(position)
                X, y = dense_rows(data.X, rows), data.y[rows]
                s = None if data.sample_weight is None else data.sample_weight[rows]
                key = Key(state.seed, state.epoch, int(batches.offsets[position]))
                y_pred, caches, kept = model.forward(X, parameters, training=True, key=key, buffers=buffer_views)
                value, cache = self.loss.forward(y, y_pred, s)
                value = float(value)
                if not math.isfinite(value):
                    raise divergence(model, state, position, f"the loss is {value}", w, X)
                model.backward_into(self.loss.backward(cache), caches, grads)
                weight = self.loss.weight_of(len(rows), s)
                found = value * weight, weight, self._penalty_in_sum(w)
                self._condition(w, g, weight)
                for (segment, slot), row in zip(self.trainable, scalars[position].tolist(), strict=True):
                    self.optimizer.apply(w[segment.slice], g[segment.slice], slots[:, slot], row)
                for old, new in zip(buffer_views, kept, strict=True):
                    for name, values in old.items():
                        values[...] = new[name]
                totals += found
                if sums is not None:
                    sums[:, position] = found
                position += 1
                if stop[0] or time.perf_counter() > end:
                    break
            if not np.isfinite(w).all():
                last = dense_rows(data.X, batches.rows(position - 1))
                raise divergence(model, state, position - 1, "a weight is no longer finite", w, last)
        done = position - state.position
        return replace(
            state, w=w, slots=slots, buffers=buffers, step=state.step + done, position=position, totals=totals
        )

    def _condition(self, w: Array, g: Array, weight: float) -> None:
        """Penalties and clipping, in place."""
        options = self.options
        self._penalise(w, g, weight)
        if options.clip_value is not None:
            np.clip(g, -options.clip_value, options.clip_value, out=g)
        if options.clip_norm is not None:
            squares = sum(float(np.sum(np.square(g[s.slice], dtype=np.float64))) for s, _ in self.trainable)
            norm = math.sqrt(squares)
            if norm > options.clip_norm:
                g *= options.clip_norm / norm

    def _penalty_in_sum(self, w: Array) -> float:
        """What `penalty_in_sum` adds for the weights that are trained; 0 without it."""
        options = self.options
        trained = [w[s.slice] for s in self.decaying if s.trainable and options.penalty_in_sum]
        return float(sum(penalty(part, options.l1, options.l2) for part in trained))

    def _penalise(self, w: Array, g: Array, weight: float) -> None:
        share = float(self.options.penalty_share(weight))
        for segment in self.decaying:
            g[segment.slice] += penalty_gradient(w[segment.slice], share * self.options.l1, share * self.options.l2)

    # --- values -------------------------------------------------------------------------------------------------------

    def objective(self, X: Array, y: Any, sample_weight: Any = None) -> Callable[[], tuple[float, Array]]:
        return functools.partial(self.loss_and_grad, X, y, sample_weight)

    def loss_and_grad(self, X: Array, y: Any, sample_weight: Any = None) -> tuple[float, Array]:
        model = self.model
        g = np.zeros_like(model.w)
        rows = self._dense(self._checked(X), slice(None))
        y_pred, caches, _ = model.forward(rows, training=True, key=Key(model.seed, 0, 0))
        value, cache = self.loss.forward(y, y_pred, sample_weight)
        model.backward(self.loss.backward(cache), caches, g)
        weight = self.loss.weight_of(len(rows), sample_weight)
        self._penalise(model.w, g, weight)
        return float(value) + (penalties(model, self.options, weight) if self.decaying else 0.0), g

    def predict(self, X: Array, out: Array | None = None) -> Array:
        model, X = self.model, self._checked(X)
        n = X.shape[0]
        if out is None:
            out = np.empty((n, model.n_out), model.dtype)
        with np.errstate(all="ignore"):
            for start in range(0, n, ROWS) or [0]:  # no rows: still one pass, which checks the columns
                block = slice(start, start + ROWS)
                out[block] = model.forward(self._dense(X, block))[0]
        return out

    def _checked(self, X: Any) -> Any:
        return canonical_csr(X, "X") if is_sparse(X) else np.asarray(X, self.model.dtype)

    def _dense(self, X: Any, rows: slice) -> Array:
        return dense_rows(X, rows).astype(self.model.dtype, copy=False)


def _with_slots(segments: list[Segment]) -> list[tuple[Segment, slice]]:
    """The trainable segments, each with its place in the slots."""
    placed, start = [], 0
    for segment in segments:
        if segment.trainable:
            placed.append((segment, slice(start, start + len(segment))))
            start += len(segment)
    return placed
