"""Prediction: for many rows by packed weights and several threads, for few by the model's own."""

import ctypes
import functools
import threading
from collections.abc import Sequence
from typing import Any

import numpy as np

from clearprop._types import Array
from clearprop.engine.native.jit import load
from clearprop.engine.native.layout import Layout
from clearprop.engine.native.lowering import write_predict, write_predict_rows
from clearprop.engine.native.memory import aligned, arrays_of
from clearprop.engine.native.module import Module, lanes_of
from clearprop.engine.native.network import stages_for_prediction
from clearprop.engine.native.scheduler import Board, share_record
from clearprop.engine.native.sparse import SparseRows
from clearprop.engine.native.stages.base import Stage
from clearprop.engine.native.target import Target
from clearprop.engine.native.tuning import tuning_of
from clearprop.engine.native.values import padded
from clearprop.errors import ShapeError
from clearprop.model import Sequential

GOES_ON = np.zeros(1, np.uint8)  # a stop byte that nobody sets

_Shared = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int64)
_Alone = ctypes.PYFUNCTYPE(None, ctypes.c_void_p)  # takes less time than to hand over Python's lock


class Predictor:
    """A model's compiled `predict`, and `predict_rows` for few rows."""

    def __init__(self, model: Sequential, target: Target, positions: Sequence[dict[str, Array]]) -> None:
        self.dtype, self.target, self.positions = model.dtype, target, positions
        self.stages = stages_for_prediction(model)
        self.tuning = tuning_of(target.tiles, model.dtype)
        self.width = sum(Layout(self.stages, lanes_of(model.dtype), self.tuning).ld)
        self.in_place = bool(self.stages) and all(stage.in_place for stage in self.stages)
        self._places = threading.local()

    def skips_zeros(self, X: SparseRows) -> bool:
        """Whether `predict` takes them as they are."""
        return (
            X.filled <= self.tuning.thin
            and len(X) >= self.tuning.worth_packing
            and bool(self.stages)
            and bool(self.stages[0].skipping_zeros())
        )

    @functools.cached_property
    def few(self) -> Any:
        places = (
            tuple((name, int(self.positions[stage.layer][name].flat[0])) for name in stage.parameters)
            for stage in self.stages
        )
        return _predict_rows(self.stages, tuple(places), self.dtype, self.target)

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

    def predict(self, model: Sequential, X: Array | SparseRows, out: Array | None, threads: int) -> Array:
        n, k = len(X), model.n_out
        given = arrays_of(X)
        target: Array = out  # type: ignore[assignment]
        if out is not None:
            check_out(out, n, k)
        if out is None or out.dtype != self.dtype or not out.flags.carray or np.may_share_memory(out, given[0]):
            target = np.empty((n, k), self.dtype)
        if not self.stages:
            target[...] = given[0]
        elif n < self.tuning.worth_packing and self.in_place:
            w, scratch = np.ascontiguousarray(model.w), np.empty(self.width, self.dtype)
            addresses = (w.ctypes.data, given[0].ctypes.data, target.ctypes.data, n, scratch.ctypes.data)
            record = np.array(addresses, np.int64)
            self.few(record.ctypes.data)
        elif n:
            function, layout = _predict(self.stages, self.dtype, self.target, isinstance(X, SparseRows))
            w = aligned((layout.size,), self.dtype)
            parameters, buffers = model.parameter_views(model.w), model.buffer_views(model.buffers)
            for stage in self.stages:
                for name in stage.parameters:
                    values = (parameters[stage.layer] | buffers[stage.layer])[name]
                    for flat, packed in stage.parts(layout, name, values, w):
                        packed[...] = flat
            threads = min(threads, -(-n // self.tuning.predicted_in_ticket))
            stride = padded(self.tuning.predicted_at_once * self.width, 128)
            scratch, board = aligned((threads, stride), self.dtype), Board(threads, 1, GOES_ON)
            arrays = [array.ctypes.data for array in (w, *given, target)]
            record = np.array([*arrays, n, scratch.ctypes.data, stride, board.address], np.int64)
            kept = (w, X, target, scratch, board)
            share_record(function, record, kept, threads, board, long=n > self.tuning.long_prediction)
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
    """That predictions of this shape can go there."""
    if out.shape != (n, k):
        raise ShapeError(f"out has shape {out.shape}, the predictions ({n}, {k}); make it np.empty(({n}, {k}))")


@functools.lru_cache(maxsize=256)
def _predict(stages: tuple[Stage, ...], dtype: Any, target: Target, skips_zeros: bool) -> tuple[Any, Layout]:
    m = Module(dtype, target)
    skipping = stages[0].skipping_zeros() if skips_zeros else None
    stages = (skipping or stages[0], *stages[1:])
    layout = Layout(stages, m.lanes, m.tuning)
    symbol = write_predict(m, stages, layout)
    return _Shared(load(target, list(m.definitions.values()))[symbol]), layout


@functools.lru_cache(maxsize=256)
def _predict_rows(stages: tuple[Stage, ...], places: Any, dtype: Any, target: Target) -> Any:
    m = Module(dtype, target)
    layout = Layout(stages, m.lanes, m.tuning)
    symbol = write_predict_rows(m, stages, [dict(names) for names in places], layout.ld)
    return _Alone(load(target, list(m.definitions.values()))[symbol])
