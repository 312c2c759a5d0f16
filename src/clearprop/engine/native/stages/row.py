"""Stages that work row by row: an operation with vectors of parameters, the same for all rows, or with a mask."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from clearprop.engine.native import kernels as k
from clearprop.engine.native.kernels import Beside
from clearprop.engine.native.stages.base import STAGES, At, Buffers, Prediction, Stage
from clearprop.engine.native.text import check_op
from clearprop.engine.native.values import Function, Pointer, View, padded
from clearprop.layers import Activation, Dropout, Layer, OpLayer
from clearprop.ops import dropout

if TYPE_CHECKING:
    from clearprop.engine.native.layout import Layout
    from clearprop.engine.native.step import Batch, Step


@dataclass(frozen=True)
class RowStage(Stage):
    """An operation of each row and the layer's parameters."""

    @property
    def extra(self) -> Beside:
        """What the operation takes besides its input."""
        return Beside(len(self.parameters))

    def buffers(self, layout: "Layout", rows: int) -> Buffers:
        return Buffers(shares=(len(self.parameters) * rows, layout.ld[self.number]))

    def form(self, group: int) -> k.RowByRow:
        return k.RowByRow(self.op, self.m, group, self.extra)

    def beside(self, step: "Step", first: Any) -> View:
        """What it takes besides its input, for the rows from `first` on."""
        return self.vectors(step.w, step.layout)

    def vectors(self, w: Pointer, layout: "Layout") -> View:
        """The parameters, which lie side by side."""
        starts = layout.starts[self.number]
        return View(w + (starts[self.parameters[0]] if self.parameters else 0), padded(self.m, layout.lanes))

    def write_forward(self, step: "Step", batch: "Batch", first: Any, rows: Any) -> None:
        x, y = step.act[self.number].rows(first), step.act[self.number + 1].rows(first)
        k.apply_forward(step.m, self.form(step.group))(x, self.beside(step, first), y, rows)

    def write_backward(self, step: "Step", batch: "Batch", first: Any, rows: Any) -> None:
        s, ld = self.number, step.layout.ld[self.number]
        dy, y = step.delta[s + 1].rows(first), step.act[s + 1].row(first)
        x, dx = step.act[s].rows(first), step.delta[s].row(first)
        shares = View(step.shares[s].row(first), step.fields.rows * ld)
        beside = self.beside(step, first)
        k.apply_backward(step.m, self.form(step.group), step.below(self))(dy, y, x, beside, shares, dx, rows)

    def write_predict(self, p: Prediction) -> None:
        form, beside = self.form(min(p.rows, p.f.m.tuning.group)), self.vectors(p.w, p.layout)
        k.apply_forward(p.f.m, form)(p.act[self.number], beside, p.act[self.number + 1], p.rows)

    def write_predict_row(self, f: Function, w: Pointer, starts: dict[str, int], act: Sequence[View]) -> None:
        k.apply_forward(f.m, self.form(1))(act[self.number], View(w, 0), act[self.number + 1], 1)


@dataclass(frozen=True)
class DropoutStage(RowStage):
    """A product with a mask that is drawn for each batch."""

    rate: float = 0.0

    @property
    def extra(self) -> Beside:
        return Beside(matrix=True)

    def for_prediction(self, layer: Layer) -> None:
        return None  # nothing is dropped

    def buffers(self, layout: "Layout", rows: int) -> Buffers:
        return Buffers(beside=(rows, self._width(layout.lanes)), shares=(0, layout.ld[self.number]))

    def beside(self, step: "Step", first: Any) -> View:
        return View(step.beside[self.number], self._width(step.lanes)).rows(first)

    def write_forward(self, step: "Step", batch: "Batch", first: Any, rows: Any) -> None:
        fields = step.fields
        by = k.Counter(fields.seed_low, fields.seed_high, fields.epoch, self.layer, batch.start + first)
        k.dropout_mask(step.m, self.m, self.rate)(self.beside(step, first), by, rows)
        super().write_forward(step, batch, first, rows)

    def _width(self, lanes: int) -> int:
        """Numbers in a row of the mask, which is drawn four vectors at a time."""
        return padded(self.m, 4 * lanes)


def _activation(layer: Activation, at: At) -> Stage:
    check_op(layer.op)
    return RowStage(*at, layer.op)


def _dropout(layer: Dropout, at: At) -> Stage | None:
    return DropoutStage(*at, dropout.bind(), rate=float(layer.rate)) if layer.rate > 0.0 else None


def _operation(layer: OpLayer, at: At) -> Stage:
    op = layer.operation()
    check_op(op)
    return RowStage(*at, op, tuple(layer.initial))


STAGES |= {Activation: _activation, Dropout: _dropout, OpLayer: _operation}
