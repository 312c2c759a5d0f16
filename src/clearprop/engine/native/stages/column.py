"""Stages that look down the columns of a batch: batch normalisation."""

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from clearprop.engine.native.kernels import pass_back
from clearprop.engine.native.module import kernel
from clearprop.engine.native.rows import Pass, down_columns
from clearprop.engine.native.stages.base import STAGES, At, Buffers, ByColumns, ByRows, Prediction, Stage
from clearprop.engine.native.stages.row import RowStage
from clearprop.engine.native.values import Function, Int, MayAlias, Pointer, Vector, Whole, padded
from clearprop.layers import BatchNorm, Context, Layer
from clearprop.ops import Op, batch_norm
from clearprop.ops.normalization import SMALL, running_average

if TYPE_CHECKING:
    from clearprop.engine.native.layout import Layout
    from clearprop.engine.native.step import Batch, Step

# What the text of batch_norm sums over the batch's rows is kept in `sums`, a row for each, and then known.
FORWARD, ALL = 3, 7  # sums in its forward text, and with its vjp's
GRADIENTS = (5, 6)  # of them dγ and dβ, the last of its text


@kernel
def batch_sums(
    f: Function,
    op: Op,
    momentum: float,
    x: Pointer,
    ldx: Int,
    parameters: Pointer,
    ldp: Int,
    sums: Pointer,
    averages: Pointer,
    count: Int,
) -> None:
    """The sums of one register of columns, forward; the running averages of mean and variance."""
    gamma, beta = parameters.load(), (parameters + ldp).load()

    def text(i: Any, extent: Pass) -> None:
        op.forward(Vector(f, (x + i * ldx).load().v, row=extent), gamma, beta)

    total, largest, squares = known = down_columns(f, count, text, [])
    for k, value in enumerate(known):
        (sums + ldp * k).store(value)
    n = Whole.splat(f, count).to_real()
    unit = largest.maximum(SMALL) / SMALL
    for k, new in enumerate((total / n / SMALL, squares / n * unit * unit)):
        average = averages + ldp * k
        average.store(running_average(average.load(), new, momentum))


@kernel
def batch_sums_back(
    f: Function,
    op: Op,
    dy: Pointer,
    ldy: Int,
    x: Pointer,
    ldx: Int,
    parameters: Pointer,
    ldp: Int,
    sums: Pointer,
    count: Int,
) -> None:
    """The sums of one register of columns, backward."""
    gamma, beta = parameters.load(), (parameters + ldp).load()

    def text(i: Any, extent: Pass) -> None:
        d, given = (Vector(f, (p + i * ld).load().v, row=extent) for p, ld in ((dy, ldy), (x, ldx)))
        op.vjp(d, d, given, gamma, beta)

    forward = [(sums + ldp * k).load() for k in range(FORWARD)]
    for k, value in enumerate(down_columns(f, count, text, forward)[FORWARD:], FORWARD):
        (sums + ldp * k).store(value)


@kernel
def batch_apply(
    f: Function,
    op: Op,
    below: Op | None,
    dy: Pointer,
    ldy: Int,
    x: Pointer,
    ldx: Int,
    parameters: Pointer,
    ldp: Int,
    sums: Pointer,
    y: MayAlias,
    rows: Int,
    columns: Int,
    count: Int,
) -> None:
    """One register of columns of y forward; or, above the operation `below`, of dx backward."""
    masks = f.below(columns, 1)
    gamma, beta = parameters.load(), (parameters + ldp).load()
    known = [(sums + ldp * k).load() for k in range(ALL if below else FORWARD)]
    length = Whole.splat(f, count).to_real()
    with f.loop(0, rows) as i:
        extent = Pass(0, length, known)
        given = Vector(f, (x + i * ldx).load().v, row=extent)
        if below is None:
            (y + i * ldy).store(op.forward(given, gamma, beta).keep(masks))
        else:
            d = Vector(f, (dy + i * ldy).load().v, row=extent)
            pass_back(below, op.vjp(d, d, given, gamma, beta)[0], masks, x + i * ldx, y + i * ldx)


@dataclass(frozen=True)
class ColumnStage(Stage):
    """Batch normalisation: sums over all rows, a register of columns at a time, then the rows, which know them."""

    momentum: float = 0.0

    averages: ClassVar[tuple[str, ...]] = ("mean", "variance")

    def for_prediction(self, layer: Layer) -> Stage:
        """The same with running averages, which are parameters then."""
        names = (*self.parameters, *self.averages)
        return RowStage(self.number, self.layer, self.n, self.m, _with_averages(layer), names)

    def buffers(self, layout: "Layout", rows: int) -> Buffers:
        return Buffers(shares=(ALL, layout.ld[self.number]))

    def forward_work(self) -> list[ByRows | ByColumns]:
        return [ByColumns(self.m, self.write_sums), ByRows(self.write_forward)]

    def backward_work(self, goes_on: bool) -> list[ByRows | ByColumns]:
        return [ByColumns(self.m, self.write_sums_back), ByRows(self.write_backward)]

    def write_sums(self, step: "Step", batch: "Batch", register: Int) -> None:
        c, x, parameters = self._operands(step, register)
        averages = step.fields.averages + step.layout.averages[self.number] + c
        batch_sums(step.m, self.op, self.momentum)(*x, *parameters, averages, batch.count)

    def write_sums_back(self, step: "Step", batch: "Batch", register: Int) -> None:
        c, x, parameters = self._operands(step, register)
        dy = (step.delta[self.number + 1] + c, step.layout.ld[self.number + 1])
        batch_sums_back(step.m, self.op)(*dy, *x, *parameters, batch.count)

    def _operands(self, step: "Step", register: Int) -> Any:
        layout, s = step.layout, self.number
        wide, c = padded(self.m, layout.lanes), register * layout.lanes
        x = (step.act[s] + c, layout.ld[s])
        parameters = (step.w + layout.starts[s]["gamma"] + c, wide, step.shares[s] + c)
        return c, x, parameters

    def write_forward(self, step: "Step", batch: "Batch", first: Any, rows: Any) -> None:
        self._write_apply(step, batch, None, first, rows)

    def write_backward(self, step: "Step", batch: "Batch", first: Any, rows: Any) -> None:
        self._write_apply(step, batch, step.below(self), first, rows)

    def _write_apply(self, step: "Step", batch: "Batch", below: Op | None, first: Any, rows: Any) -> None:
        layout, s = step.layout, self.number
        ld, ldy, wide = layout.ld[s], layout.ld[s + 1], padded(self.m, layout.lanes)
        target = step.act[s + 1] + first * ldy if below is None else step.delta[s] + first * ld
        with step.f.each(wide // layout.lanes) as register:
            c = register * layout.lanes
            batch_apply(step.m, self.op, below)(
                step.delta[s + 1] + (first * ldy + c), ldy, step.act[s] + (first * ld + c), ld,
                step.w + (layout.starts[s]["gamma"] + c), wide, step.shares[s] + c, target + c, rows, self.m - c,
                batch.count,
            )  # fmt: skip

    def share(self, step: "Step", batch: "Batch", v: int) -> tuple[Pointer, Int]:
        """The sums are known already."""
        return step.shares[self.number] + GRADIENTS[v] * padded(self.m, step.lanes), Int(step.f, "1")

    def write_predict(self, p: Prediction) -> None:
        raise AssertionError("prediction has another stage")

    def write_predict_row(self, f: Function, w: Pointer, starts: dict[str, int], act: Sequence[Pointer]) -> None:
        raise AssertionError("prediction has another stage")


@functools.lru_cache(maxsize=256)
def _with_averages(layer: BatchNorm) -> Op:
    def batch_norm(x: Any, gamma: Any, beta: Any, mean: Any, variance: Any) -> Any:
        averages = Context(buffers={"mean": mean, "variance": variance})
        return layer.forward(x, {"gamma": gamma, "beta": beta}, averages)[0]

    return Op(batch_norm, shapes="ni,i,i,i,i->ni", kind="elementwise")


def _batch_norm(layer: BatchNorm, at: At) -> Stage:
    op = batch_norm.bind(epsilon=layer.epsilon)
    return ColumnStage(*at, op, ("gamma", "beta"), momentum=float(layer.momentum))


STAGES[BatchNorm] = _batch_norm
