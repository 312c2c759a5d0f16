"""The memory that compiled functions work on: what they are given to read, checked, and what they calculate in."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from clearprop._types import Array
from clearprop.engine.base import Batches, State
from clearprop.engine.native.layout import Layout
from clearprop.engine.native.network import Network
from clearprop.engine.native.sparse import SparseRows
from clearprop.engine.native.stages.base import Buffers
from clearprop.engine.native.values import padded
from clearprop.errors import DataError
from clearprop.losses import Loss
from clearprop.model import Sequential

NOTHING = np.zeros(1)


def aligned(shape: tuple[int, ...], dtype: Any) -> Array:
    """Memory that starts at a cache line, for whole vectors to be read and written; zeros."""
    size = int(np.prod(shape)) * np.dtype(dtype).itemsize
    raw = np.zeros(size + 128, np.uint8)
    start = -raw.ctypes.data % 64
    array: Array = raw[start : start + size].view(dtype).reshape(shape)
    return array


def arrays_of(X: Array | SparseRows) -> tuple[Array, Array, Array]:
    """What kernels read of X: values, columns and starts."""
    return (X.values, X.columns, X.starts) if isinstance(X, SparseRows) else (X, NOTHING, NOTHING)


class Arrays:
    """Data as kernels read it: checked, contiguous, in the model's precision."""

    def __init__(self, X: Array | SparseRows, targets: Array, weights: Array | None) -> None:
        self.X, self.targets, self.weights = X, targets, weights
        used = (*arrays_of(X), targets, NOTHING if weights is None else weights)
        names = ("X", "columns", "starts", "targets", "weights")
        self.addresses = {name: array.ctypes.data for name, array in zip(names, used, strict=True)}


class Plan:
    """The batches of an epoch, checked; of each the sum of its weights, and what its loss is divided by."""

    def __init__(self, batches: Batches, arrays: Arrays, loss: Loss, outputs: int, spare: int) -> None:
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
        X = arrays.X
        self.most_values = X.most_values(self.order, self.offsets) if isinstance(X, SparseRows) else 0
        values = loss.values_per_row(outputs)
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


class Workspace:
    """The memory of one run: packed weights, activations and their gradients, and where they are."""

    def __init__(
        self,
        model: Sequential,
        net: Network,
        layout: Layout,
        positions: Sequence[dict[str, Array]],
        rows: int,
        values: int,
    ) -> None:
        self.rows, self.values, self.gradient = rows, values, net.rule is None
        dtype, stages, widths = model.dtype, net.stages, net.widths
        slots = len(net.rule.slots) if net.rule else 0
        self.w = aligned((1 + slots + (self.gradient or net.clips_norm), layout.size), dtype)
        self.transposed = aligned((max(layout.transposed_size, 1),), dtype)
        shapes = [(1, 1) if net.skips_zeros and s == 0 else (rows, ld) for s, ld in enumerate(layout.ld)]
        act, delta = ([aligned(shape, dtype) for shape in shapes] for _ in range(2))
        buffers = [*(stage.buffers(layout, rows) for stage in stages), Buffers()]
        beside, shares, copies = ([aligned(shape, dtype) for shape in shapes] for shapes in zip(*buffers, strict=True))
        losses = aligned((rows + layout.lanes,), dtype)
        turned = {  # a batch by columns: see `by_columns`
            "turned_values": np.empty(max(values, 1), dtype),
            "turned_rows": np.empty(max(values, 1), np.int64),
            "turned_starts": np.empty(padded(widths[0], layout.lanes) + 2 if net.turns else 1, np.int64),
        }
        self.norms = np.zeros((layout.tickets, layout.lanes)) if net.clips_norm else NOTHING
        self.averages = aligned((layout.averages_size,), dtype)
        fixed = {
            "w": self.w, "transposed": self.transposed, "values": losses, "norms": self.norms,
            "averages": self.averages, **turned,
        }  # fmt: skip
        self.fixed = {name: array.ctypes.data for name, array in fixed.items()} | {"rows": rows}
        places = [array for arrays in (act, delta, beside, shares, copies) for array in arrays]
        self.places = np.array([array.ctypes.data for array in places], np.int64)
        self.kept = [*fixed.values(), *places]
        trainable = sum(len(s) for s in model.segments if s.trainable)
        self.flat, self.buffers = np.empty(model.n_parameters, dtype), np.empty(len(model.buffers), dtype)
        self.results = np.empty(model.n_parameters if self.gradient else (slots, trainable), dtype)
        self._pair(model, net, layout, positions)
        self.last: tuple[Array, Array, Array] | None = None

    def _pair(self, model: Sequential, net: Network, layout: Layout, positions: Sequence[dict[str, Array]]) -> None:
        """Views of the model's own vectors beside views of where their parts are packed."""
        self.in_and_out: list[tuple[Array, Array]] = []  # weights, running averages
        self.into: list[tuple[Array, Array]] = []  # transposed copies of weights
        self.beside: list[tuple[Array, Array]] = []  # slots, or the gradient
        views, averages = model.parameter_views(self.flat), model.buffer_views(self.buffers)
        for s, stage in enumerate(net.stages):
            for k, name in enumerate(stage.averages):
                start = layout.averages[s] + k * padded(stage.m, layout.lanes)
                self.in_and_out.append((averages[stage.layer][name], self.averages[start : start + stage.m]))
            for name in stage.parameters:
                flat = views[stage.layer][name]
                self.in_and_out += stage.parts(layout, name, flat, self.w[0])
                self.into += stage.transposed_parts(layout, name, flat, self.transposed)
                if self.gradient:
                    like = [model.parameter_views(self.results)[stage.layer][name]]
                else:
                    place = _place_in_slots(model, int(positions[stage.layer][name].flat[0]))
                    rows = self.results if place is not None else self.results[:0]  # frozen: no slots
                    like = [row[place:][: flat.size].reshape(flat.shape) for row in rows]
                for k, own in enumerate(like, 1):
                    self.beside += stage.parts(layout, name, own, self.w[k])

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


def _place_in_slots(model: Sequential, place: int) -> int | None:
    """Where the slots of the parameter at `place` begin: frozen segments have none."""
    before = 0
    for segment in model.segments:
        if segment.start <= place < segment.stop:
            return before + place - segment.start if segment.trainable else None
        before += len(segment) if segment.trainable else 0
    return None
