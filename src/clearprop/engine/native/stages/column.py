"""Stages that look down the columns of a batch: batch normalisation."""

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from clearprop.engine.native.kernels import PassBack
from clearprop.engine.native.module import kernel
from clearprop.engine.native.rows import Pass, down_columns
from clearprop.engine.native.stages.base import STAGES, At, Buffers, ByColumns, ByRows, Prediction, Stage
from clearprop.engine.native.stages.row import RowStage
from clearprop.engine.native.values import Bundle, Function, Index, Int, MayAlias, Pointer, Vector, View, Whole, padded
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
    f: Function, op: Op, momentum: float, x: View, parameters: View, sums: Pointer, averages: Pointer, count: Int
) -> None:
    """The sums of one register of columns, forward; the running averages of mean and variance.

    Sums and averages lie as far apart as the parameters gamma and beta.
    """
    gamma, beta = (parameters.row(k).load() for k in range(2))
    kept, running = parameters.like(sums), parameters.like(averages)

    def text(i: Any, extent: Pass) -> None:
        op.forward(Vector(f, x.row(i).load().v, row=extent), gamma, beta)

    total, largest, squares = known = down_columns(f, count, text, [])
    for k, value in enumerate(known):
        kept.row(k).store(value)
    n = Whole.splat(f, count).to_real()
    unit = largest.maximum(SMALL) / SMALL
    for k, new in enumerate((total / n / SMALL, squares / n * unit * unit)):
        place = running.row(k)
        place.store(running_average(place.load(), new, momentum))


@kernel
def batch_sums_back(f: Function, op: Op, dy: View, x: View, parameters: View, sums: Pointer, count: Int) -> None:
    """The sums of one register of columns, backward."""
    gamma, beta = (parameters.row(k).load() for k in range(2))
    kept = parameters.like(sums)

    def text(i: Any, extent: Pass) -> None:
        d, given = (Vector(f, rows.row(i).load().v, row=extent) for rows in (dy, x))
        op.vjp(d, d, given, gamma, beta)

    forward = [kept.row(k).load() for k in range(FORWARD)]
    for k, value in enumerate(down_columns(f, count, text, forward)[FORWARD:], FORWARD):
        kept.row(k).store(value)


@dataclass(frozen=True)
class Part(Bundle):
    """So many rows and columns of a batch of `count` rows."""

    rows: Index
    columns: Index
    count: Index


@kernel
def batch_apply(
    f: Function, op: Op, below: Op | None, dy: View, x: View, parameters: View, sums: Pointer, y: MayAlias, part: Part
) -> None:
    """One register of columns of y forward; or, above the operation `below`, of dx backward."""
    masks = f.below(part.columns, 1)
    gamma, beta = (parameters.row(k).load() for k in range(2))
    known = [parameters.like(sums).row(k).load() for k in range(ALL if below else FORWARD)]
    length = Whole.splat(f, part.count).to_real()
    with f.loop(0, part.rows) as i:
        extent = Pass(0, length, known)
        given = Vector(f, x.row(i).load().v, row=extent)
        if below is None:
            dy.like(y).row(i).store(op.forward(given, gamma, beta).keep(masks))
        else:
            d = Vector(f, dy.row(i).load().v, row=extent)
            PassBack(below, x, x.like(y))(i, 0, masks, [op.vjp(d, d, given, gamma, beta)[0]])


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
        c = register * step.lanes
        x, parameters, sums = self._operands(step, c)
        averages = step.fields.averages + step.layout.averages[self.number] + c
        batch_sums(step.m, self.op, self.momentum)(x, parameters, sums, averages, batch.count)

    def write_sums_back(self, step: "Step", batch: "Batch", register: Int) -> None:
        c = register * step.lanes
        batch_sums_back(step.m, self.op)(step.delta[self.number + 1] + c, *self._operands(step, c), batch.count)

    def _operands(self, step: "Step", c: Any) -> tuple[View, View, Pointer]:
        """From column c on: the input, the parameters, and the sums, which are as far apart."""
        s = self.number
        parameters = View(step.w + step.layout.starts[s]["gamma"], padded(self.m, step.lanes))
        return step.act[s] + c, parameters + c, step.shares[s].p + c

    def write_forward(self, step: "Step", batch: "Batch", first: Any, rows: Any) -> None:
        self._write_apply(step, batch, None, first, rows)

    def write_backward(self, step: "Step", batch: "Batch", first: Any, rows: Any) -> None:
        self._write_apply(step, batch, step.below(self), first, rows)

    def _write_apply(self, step: "Step", batch: "Batch", below: Op | None, first: Any, rows: Any) -> None:
        s = self.number
        target = step.act[s + 1] if below is None else step.delta[s]
        with step.f.each(padded(self.m, step.lanes) // step.lanes) as register:
            c = register * step.lanes
            x, parameters, sums = self._operands(step, c)
            batch_apply(step.m, self.op, below)(
                step.delta[s + 1].rows(first) + c,
                x.rows(first),
                parameters,
                sums,
                target.row(first) + c,
                Part(rows, self.m - c, batch.count),
            )

    def share(self, step: "Step", batch: "Batch", v: int) -> tuple[View, Int]:
        """The sums are known already."""
        return step.shares[self.number] + GRADIENTS[v] * padded(self.m, step.lanes), Int(step.f, "1")

    def write_predict(self, p: Prediction) -> None:
        raise AssertionError("prediction has another stage")

    def write_predict_row(self, f: Function, w: Pointer, starts: dict[str, int], act: Sequence[View]) -> None:
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
