"""Stages that make several outputs of each quantity.

A vector's lanes are basis functions of one column, so that a row gives one number, and a network of few columns wastes
no lanes.  The parameters' gradients are divided by columns: whoever updates a column's parameters walks down its rows
and calculates its basis functions once more.  To keep waves and their derivatives would save a fifth of the time, and
take a batch's rows times the memory of `frequency` and `phase`.
"""

import functools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from clearprop._types import Array
from clearprop.engine.native import kernels as k
from clearprop.engine.native.kernels import Trained, Update, exchanged
from clearprop.engine.native.module import kernel
from clearprop.engine.native.rows import fold_lanes, in_blocks
from clearprop.engine.native.stages.base import (
    IDENTITY,
    STAGES,
    At,
    Buffers,
    ByColumns,
    ByRows,
    Piece,
    Prediction,
    Stage,
)
from clearprop.engine.native.text import check_op
from clearprop.engine.native.values import Bundle, Function, Int, Pointer, Vector, View, padded
from clearprop.layers import NumericEmbedding
from clearprop.ops import Op
from clearprop.ops.embedding import passing_by

if TYPE_CHECKING:
    from clearprop.engine.native.layout import Layout
    from clearprop.engine.native.step import Batch, Step

COSINE = 16  # multiplications, which a basis function is taken for
SEVERAL = 4  # outputs at once, whose sums over lanes are folded together
KEPT = 2  # vectors of basis functions that wait for all outputs; where there are more, each portion has them anew


@dataclass(frozen=True)
class Form:
    """What the kernels' texts depend on."""

    basis: Op
    functions: int
    outputs: int
    packed: bool = True  # whether each row of parameters fills whole vectors

    def width(self, lanes: int) -> int:
        """Numbers from one row of parameters to the next."""
        return padded(self.functions, lanes) if self.packed else self.functions

    def load(self, p: Pointer, v: Any) -> Vector:
        """Vector v of the row of parameters there; no more than there is."""
        at: Pointer = p + v * p.f.m.lanes
        whole = self.packed or self.functions % p.f.m.lanes == 0
        return at.load() if whole else at.load_where(p.f.below(self.functions - v * p.f.m.lanes, 1))

    def forward(self, x: Vector, first: Vector, second: Vector) -> Vector:
        """A vector of basis functions."""
        h: Vector = self.basis.forward(x, first, second)
        return h.rounded()


def sums_over_lanes(sums: Sequence[Vector]) -> Vector:
    """A register whose first lanes are the sums over the lanes of each of at most `SEVERAL` registers, by a tree."""
    v, half = list(sums), 1
    while len(v) > 1:
        v += [v[0].f.full(0.0)] * (len(v) % 2)
        pairs = (exchanged(x, y, half) for x, y in zip(v[::2], v[1::2], strict=True))
        v, half = [x.plain_add(y) for x, y in pairs], half * 2
    total = v[0]
    while half < total.f.m.lanes:
        total = total.plain_add(total.shuffle(total, [j ^ half for j in range(total.f.m.lanes)]))
        half *= 2
    return total


def portions(f: Function, n: int) -> Iterator[tuple[Any, int]]:
    """Of n outputs the first and the number in each portion of `SEVERAL`, or the rest."""
    whole = n // SEVERAL * SEVERAL
    if whole:
        with f.loop(0, whole, SEVERAL) as i:
            yield i, SEVERAL
    if n > whole:
        yield whole, n - whole


@dataclass(frozen=True)
class Basis(Bundle):
    """Where the parameters of one column's basis functions lie, and those of the maps from them to its outputs."""

    first: Pointer
    second: Pointer
    weight: Pointer


@kernel
def embed(f: Function, form: Form, x: View, basis: Basis, bias: Pointer, y: View, rows: Int) -> None:
    """The outputs y of one column x."""
    lanes = f.m.lanes
    width, vectors = form.width(lanes), padded(form.functions, lanes) // lanes
    with f.loop(0, rows) as i:
        value = x.row(i).splat()

        def functions(v: Any, value: Vector = value) -> Vector:
            return form.forward(value, form.load(basis.first, v), form.load(basis.second, v))

        once = [functions(v) for v in range(vectors)] if vectors <= KEPT else []
        for o, count in portions(f, form.outputs):

            def add(v: Any, h: Vector, sums: list[Vector], o: Any = o) -> list[Vector]:
                weights = (form.load(basis.weight + (o + j) * width, v) for j in range(len(sums)))
                return [h.fma(w, total) for w, total in zip(weights, sums, strict=True)]

            sums = [f.full(0.0)] * count
            for v, h in enumerate(once):
                sums = add(v, h, sums)
            if not once:
                with f.loop(0, vectors, 1, sums) as (v, sums):
                    sums[:] = add(v, functions(v), sums)
            masks = f.below(count, 1)
            e = sums_over_lanes(sums).plain_add((bias + o).load_where(masks))
            y.at(i, o).store_where(e, masks)


@dataclass(frozen=True)
class BasisVector:
    """One vector of a column's basis functions and of the maps from them to the column's outputs."""

    form: Form
    first: Vector
    second: Vector
    weight: Callable[[Any], Vector]  # to the output of that number

    def back(self, d: Pointer, x: Vector) -> tuple[Vector, list[Vector]]:
        """In a row where the outputs' gradient is d, the basis functions, and the gradients of what they are made of:
        of x, lane by lane, and of their parameters."""
        f, outputs = d.f, self.form.outputs
        dh = f.full(0.0)
        if outputs <= SEVERAL:
            for j in range(outputs):
                dh = (d + j).splat().fma(self.weight(j), dh)
        else:
            with f.loop(0, outputs, 1, [dh]) as (j, state):
                state[:] = [(d + j).splat().fma(self.weight(j), state[0])]
            (dh,) = state
        h = self.form.forward(x, self.first, self.second)
        return h, list(self.form.basis.pullback(dh, h, x, self.first, self.second))

    def down_rows(self, x: View, d: View, count: Any, o: Any, outputs: int, inner: bool) -> list[Vector]:
        """The gradients of the basis functions' parameters, if `inner`, and of the maps to some outputs from o on."""
        f = d.p.f
        zeros = [f.full(0.0)] * (2 * inner + outputs)

        def chain(start: Any, stop: Any) -> list[Vector]:
            with f.loop(start, stop, 1, zeros) as (t, state):
                value, row = x.row(t).splat(), d.row(t)
                if inner:
                    h, (_, *found) = self.back(row, value)
                else:
                    h, found = self.form.forward(value, self.first, self.second), []
                own = [total + g for total, g in zip(state, found, strict=False)]
                maps = [(row + (o + j)).splat().fma(h, total) for j, total in enumerate(state[len(own) :])]
                state[:] = own + maps
            return list(state)

        return in_blocks(f, count, zeros, chain)


@kernel
def embed_back(f: Function, form: Form, x: View, d: View, basis: Basis, dx: View, rows: Int) -> None:
    """dx grows by what comes back through the basis functions of one column."""
    width = form.width(f.m.lanes)
    with f.loop(0, rows) as i:
        value, place = x.row(i).splat(), dx.row(i)
        with f.loop(0, width, f.m.lanes, [f.full(0.0)]) as (at, state):
            weights = functools.partial(row_of, basis.weight + at, width)
            some = BasisVector(form, (basis.first + at).load(), (basis.second + at).load(), weights)
            _, (back, *_) = some.back(d.row(i), value)
            state[:] = [state[0] + back]
        place.store_first(place.splat().plain_add(fold_lanes(state[0], Vector.plain_add)))


def row_of(weight: Pointer, width: int, j: Any) -> Vector:
    """The same vector of row j."""
    at: Pointer = weight + j * width
    return at.load()


Hows = tuple[Update | None, ...]


@kernel
def embed_update(
    f: Function, form: Form, hows: Hows, x: View, d: View, count: Int, first: Trained, second: Trained, weight: Trained
) -> None:
    """The gradients of one column's parameters over the whole batch, and their rules; their padding stays 0."""
    width, few = form.width(f.m.lanes), form.outputs <= SEVERAL
    how_first, how_second, how_weight = hows
    inner = bool(how_first or how_second)
    with f.loop(0, width, f.m.lanes) as at:
        masks = f.below(form.functions - at, 1)
        row = functools.partial(row_of, weight.w + at, width)
        kept = [row(j) for j in range(form.outputs)] if few else []  # in registers
        some = BasisVector(form, (first.w + at).load(), (second.w + at).load(), kept.__getitem__ if few else row)

        def change(
            o: Any, outputs: int, inner: bool, some: BasisVector = some, at: Any = at, masks: Any = masks
        ) -> None:
            own = [(how_first, first + at), (how_second, second + at)] if inner else []
            maps = [(how_weight, weight + ((o + j) * width + at)) for j in range(outputs)]
            found = some.down_rows(x, d, count, o, outputs, inner)
            for (how, parameters), g in zip([*own, *maps], found, strict=True):
                if how:
                    how(parameters, g.keep(masks))

        if few:
            change(0, form.outputs if how_weight else 0, inner)
        else:
            if inner:
                change(0, 0, True)
            if how_weight:
                for o, outputs in portions(f, form.outputs):
                    change(o, outputs, False)


Run = tuple[int, int, int]
"""Neighbouring columns: the first's number among those embedded or passed on, its place in the input, and how many."""


def runs(columns: Sequence[int]) -> tuple[Run, ...]:
    """The columns, neighbours together."""
    found: list[Run] = []
    for i, column in enumerate(columns):
        if found and column == found[-1][1] + found[-1][2]:
            first, start, count = found[-1]
            found[-1] = first, start, count + 1
        else:
            found.append((i, column, 1))
    return tuple(found)


@kernel
def pass_on(f: Function, where: tuple[Run, ...], source: View, target: View, rows: Int) -> None:
    """Columns go from their places in the input to those behind the embedded ones."""
    with f.loop(0, rows) as i:
        for first, start, count in where:
            k.copy_row(f.m, False)(source.at(i, start), count, target.at(i, first))


@kernel
def pass_back_on(f: Function, where: tuple[Run, ...], source: View, target: View, width: Int, rows: Int) -> None:
    """And back; 0 in all others."""
    with f.loop(0, rows) as i:
        with f.loop(0, width, f.m.lanes) as c:
            target.at(i, c).store(f.full(0.0))
        for first, start, count in where:
            k.copy_row(f.m, False)(source.at(i, first), count, target.at(i, start))


@dataclass(frozen=True)
class EmbeddingStage(Stage):
    """Σ_f weight_iof basis(x_i; first_if, second_if) + bias_io for each of the columns i; then what passes by."""

    functions: int = 0
    outputs: int = 0
    columns: tuple[int, ...] = ()
    passed: tuple[int, ...] = ()

    padded_input: ClassVar[bool] = False

    @property
    def products(self) -> int:
        return len(self.columns) * self.functions * (self.outputs + COSINE)

    @property
    def in_place(self) -> bool:
        return True

    @property
    def embedded(self) -> int:
        """How many outputs are embedded columns'; the others passed by."""
        return len(self.columns) * self.outputs

    def form(self, *, packed: bool = True) -> Form:
        return Form(self.op, self.functions, self.outputs, packed)

    # --- memory -------------------------------------------------------------------------------------------------------

    def units(self, width: int) -> dict[str, int]:
        """Numbers that each parameter has for one column, where a row of basis functions takes `width`."""
        first, second, weight, bias = self.parameters
        return {first: width, second: width, weight: self.outputs * width, bias: self.outputs}

    def size(self, parameter: str, lanes: int) -> int:
        return padded(len(self.columns) * self.units(padded(self.functions, lanes))[parameter], lanes)

    def parts(self, layout: "Layout", name: str, flat: Array, packed: Array) -> list[tuple[Array, Array]]:
        start, last = layout.starts[self.number][name], flat.shape[-1]
        wide = last if name == self.parameters[-1] else padded(last, layout.lanes)  # biases lie without gaps
        place = packed[start : start + flat.size // last * wide].reshape(*flat.shape[:-1], wide)
        return [(flat, place[..., :last])]

    def buffers(self, layout: "Layout", rows: int) -> Buffers:
        return Buffers(shares=(rows, layout.ld[self.number]))  # of the input's gradient, what passed by

    # --- all columns, or some -----------------------------------------------------------------------------------------

    def each_column(self, f: Function, body: Callable[[Any, Any], None]) -> None:
        """Writes ``body(i, place in the input)`` for each column i."""
        for first, start, count in runs(self.columns):
            with f.each(count) as j:
                body(j + first, j + start)

    def some_columns(self, f: Function, block: Int, blocks: Int, body: Callable[[Any, Any], None]) -> None:
        """The same for `blocks` columns from one on that is known when the code runs."""
        every = runs(self.columns)
        with f.loop(block, block + blocks) as i:
            for first, start, count in every:
                if len(every) == 1:
                    body(i, i + start)
                else:
                    with f.when(f.emit(f"icmp ult i64 {i - first}, {count}")):
                        body(i, i - first + start)

    def places(self, w: Pointer, starts: dict[str, int], width: int, i: Any) -> list[Pointer]:
        """Where the parameters of column i are."""
        return [w + (i * unit + starts[name]) for name, unit in self.units(width).items()]

    def write_columns(
        self, f: Function, form: Form, w: Pointer, starts: dict[str, int], x: View, y: View, rows: Any
    ) -> None:
        """y from x, for these rows."""

        def column(i: Any, c: Any) -> None:
            *basis, bias = self.places(w, starts, form.width(f.m.lanes), i)
            embed(f.m, form)(x + c, Basis(*basis), bias, y + i * self.outputs, rows)

        self.each_column(f, column)
        pass_on(f.m, runs(self.passed))(x, y + self.embedded, rows)

    # --- a step of training on a batch --------------------------------------------------------------------------------

    def backward_work(self, goes_on: bool) -> list[ByRows | ByColumns]:
        return [ByRows(self.write_backward)] if goes_on else []

    def write_forward(self, step: "Step", batch: "Batch", first: Any, rows: Any) -> None:
        s = self.number
        x, y = step.act[s].rows(first), step.act[s + 1].rows(first)
        self.write_columns(step.f, self.form(), step.w, step.layout.starts[s], x, y, rows)

    def write_backward(self, step: "Step", batch: "Batch", first: Any, rows: Any) -> None:
        s, form = self.number, self.form()
        x, d, dx = step.act[s].rows(first), step.delta[s + 1].rows(first), step.shares[s].rows(first)
        pass_back_on(step.m, runs(self.passed))(d + self.embedded, dx, padded(self.n, step.lanes), rows)

        def column(i: Any, c: Any) -> None:
            *basis, _ = self.places(step.w, step.layout.starts[s], form.width(step.lanes), i)
            embed_back(step.m, form)(x + c, d + i * self.outputs, Basis(*basis), dx + c, rows)

        self.each_column(step.f, column)
        unchanged, none = k.RowByRow(IDENTITY, self.n, step.group), View(dx.p, 0)
        target = step.delta[s].row(first)
        k.apply_backward(step.m, unchanged, step.below(self))(dx, dx.p, x, none, none, target, rows)

    def blocks(self, lanes: int) -> int:
        """A block is a column."""
        return len(self.columns)

    def write_update(self, step: "Step", batch: "Batch", block: Int, blocks: Int) -> None:
        s, form = self.number, self.form()
        *hows, how_bias = step.net.updates[s]
        x, d = step.act[s], step.delta[s + 1]

        def column(i: Any, c: Any) -> None:
            *basis, _ = self.places(step.w, step.layout.starts[s], form.width(step.lanes), i)
            trained = [step.trained(self, v, batch, w) for v, w in enumerate(basis)]
            embed_update(step.m, form, tuple(hows))(x + c, d + i * self.outputs, batch.count, *trained)

        if any(hows):
            self.some_columns(step.f, block, blocks, column)
        if how_bias:  # biases lie as their outputs do, so behind the last may come what columns that pass by would have
            with step.f.when(block.equals(0)), step.f.each(padded(self.embedded, step.lanes) // step.lanes) as register:
                c = register * step.lanes
                bias = step.trained(self, len(hows), batch) + c
                k.update_vector(step.m, 1, how_bias)(d + c, batch.count, bias)

    def pieces(self, step: "Step", block: Int, blocks: Int) -> Iterator[Piece]:
        net, starts, s = step.net, step.layout.starts[self.number], self.number
        units = self.units(padded(self.functions, step.lanes))
        *inner, bias = self.parameters
        for v, name in enumerate(inner):
            if how := net.updates[s][v]:
                size = blocks * units[name]
                yield Piece(View(step.w + starts[name] + block * units[name], size), 1, size, how, v, None)
        if how := net.updates[s][-1]:
            with step.f.when(block.equals(0)):
                place = View(step.w + starts[bias], self.size(bias, step.lanes))
                yield Piece(place, 1, self.embedded, how, len(inner), None)

    # --- a step on one sample -----------------------------------------------------------------------------------------

    def write_sample_backward(self, step: "Step", batch: "Batch") -> None:
        if self.number > step.net.lowest:
            self.write_backward(step, batch, 0, 1)
        block, blocks = Int(step.f, "0"), Int(step.f, str(len(self.columns)))
        if step.net.notes_penalty:
            step.note_penalty(self, block, blocks, Int(step.f, str(self.number)), batch)
        self.write_update(step, batch, block, blocks)

    # --- prediction ---------------------------------------------------------------------------------------------------

    def write_predict(self, p: Prediction) -> None:
        s = self.number
        self.write_columns(p.f, self.form(), p.w, p.layout.starts[s], p.act[s], p.act[s + 1], p.rows)

    def write_predict_row(self, f: Function, w: Pointer, starts: dict[str, int], act: Sequence[View]) -> None:
        s = self.number
        self.write_columns(f, self.form(packed=False), w, starts, act[s], act[s + 1], 1)


def _embedding(layer: NumericEmbedding, at: At) -> Stage:
    op, (_, _, n, _) = layer.operation(), at
    basis: Op = op.parameters["basis"]
    check_op(basis)
    parameters = layer.build(n)[1]
    count, functions = next(iter(parameters.values()))
    columns = tuple(range(count)) if layer.columns is None else layer.columns
    passed = tuple(passing_by(n, layer.columns, layer.keep_input))
    return EmbeddingStage(*at, basis, tuple(parameters), functions, layer.outputs, columns, passed)


STAGES[NumericEmbedding] = _embedding
