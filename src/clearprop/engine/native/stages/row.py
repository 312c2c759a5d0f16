"""Stages that work row by row: an operation with vectors of parameters, the same for all rows, or with a mask."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from clearprop.engine.native import kernels as k
from clearprop.engine.native.kernels import Beside
from clearprop.engine.native.stages.base import STAGES, At, Buffers, Prediction, Stage
from clearprop.engine.native.text import check_op
from clearprop.engine.native.values import Function, Pointer, padded
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

    def beside(self, step: "Step", first: Any) -> tuple[Pointer, int]:
        """Where what it takes besides its input lies for the rows from `first` on, and how far apart."""
        return step.w + self.start(step.layout.starts[self.number]), padded(self.m, step.lanes)

    def start(self, starts: dict[str, int]) -> int:
        """Where the parameters start: they lie side by side."""
        return starts[self.parameters[0]] if self.parameters else 0

    def write_forward(self, step: "Step", batch: "Batch", first: Any, rows: Any) -> None:
        s, ld = self.number, step.layout.ld
        beside, ldb = self.beside(step, first)
        at, out = first * ld[s], first * ld[s + 1]
        k.apply_forward(step.m, self.op, self.m, step.group, self.extra)(
            step.act[s] + at, ld[s], beside, ldb, step.act[s + 1] + out, ld[s + 1], rows
        )

    def write_backward(self, step: "Step", batch: "Batch", first: Any, rows: Any) -> None:
        s, ld, ldy = self.number, step.layout.ld[self.number], step.layout.ld[self.number + 1]
        beside, ldb = self.beside(step, first)
        at, out = first * ld, first * ldy
        k.apply_backward(step.m, self.op, step.below(self), self.m, step.group, self.extra)(
            step.delta[s + 1] + out, ldy, step.act[s + 1] + out, step.act[s] + at, ld, beside, ldb,
            step.shares[s] + at, step.fields.rows * ld, step.delta[s] + at, rows,
        )  # fmt: skip

    def write_predict(self, p: Prediction) -> None:
        s, ld, m = self.number, p.layout.ld, p.f.m
        beside, ldb = p.w + self.start(p.layout.starts[s]), padded(self.m, p.layout.lanes)
        k.apply_forward(m, self.op, self.m, min(p.rows, m.tuning.group), self.extra)(
            p.act[s], ld[s], beside, ldb, p.act[s + 1], ld[s + 1], p.rows
        )

    def write_predict_row(self, f: Function, w: Pointer, starts: dict[str, int], act: Sequence[Pointer]) -> None:
        s = self.number
        k.apply_forward(f.m, self.op, self.m, 1, self.extra)(act[s], 0, w, 0, act[s + 1], 0, 1)


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

    def beside(self, step: "Step", first: Any) -> tuple[Pointer, int]:
        width = self._width(step.lanes)
        return step.beside[self.number] + first * width, width

    def write_forward(self, step: "Step", batch: "Batch", first: Any, rows: Any) -> None:
        fields = step.fields
        key = (fields.seed_low, fields.seed_high, fields.epoch, self.layer, batch.start + first)
        k.dropout_mask(step.m, self.m, self.rate)(*self.beside(step, first), *key, rows)
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
