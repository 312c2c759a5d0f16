"""The inner loops: tiles of a matrix product that stay in registers, and what is done to them before they leave.

Batches are worked in tiles of several rows and vectors; a batch of one sample in matrix-vector products.  Each kernel
is written once for what its text depends on (an operation, a rule, a number of vectors) and takes sizes when it runs.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, NamedTuple

import clearprop.engine.native.primitives  # noqa: F401  # what vectors answer to np.exp and its like
from clearprop.engine.native.module import kernel
from clearprop.engine.native.rows import (
    BLOCK,
    Source,
    along_rows,
    as_number_of_row,
    in_blocks,
    into,
    matrix,
    one_for_all,
)
from clearprop.engine.native.values import (
    Bundle,
    Doubles,
    Function,
    Index,
    Int,
    MayAlias,
    Pointer,
    Vector,
    View,
    Whole,
    padded,
)
from clearprop.losses import Loss, penalty_gradient, penalty_values
from clearprop.ops import Op
from clearprop.optim import Optimizer

# --- matrix products --------------------------------------------------------------------------------------------------


class Strided(NamedTuple):
    """A matrix in memory: its entry (i, k) lies i · across + k · along numbers further."""

    p: Pointer
    across: Any
    along: Any


def contract(
    f: Function,
    tile: tuple[int, int],
    a: Strided,
    b: Callable[[Any], Vector],
    span: tuple[Any, Any],
    finish: Callable[[list[Vector]], None],
    unroll: int = 1,
) -> None:
    """finish(Σ_k a[i, k] · b(k) for each row i of a tile), k in `span`, one fused multiply-add after another in k.

    A tile is so many rows of so many registers.
    """
    rows, nv = tile
    start, stop = span

    def passes(start: Any, stop: Any, step: int, sums: list[Vector]) -> list[Vector]:
        with f.loop(start, stop, step, sums) as (k, state):
            ak, now = a.p + k * a.along, list(state)
            for u in range(step):
                bv = b(k + u)
                for i in range(rows):
                    entry = ak + (a.across * i if i else 0) + (a.along * u if u else 0)
                    now[i] = entry.splat().fma(bv, now[i])
            state[:] = now
        return list(state)

    sums = [f.full(0.0, nv)] * rows
    if unroll > 1:
        sums = passes(start, stop - (unroll - 1), unroll, sums)
        start = f.last
    finish(passes(start, stop, 1, sums))


# What becomes of sums that are finished: of rows i, i + 1, ... in the columns from c on.


@dataclass(frozen=True)
class Activate:
    """y = op(sums + bias), padding 0; where the derivative needs the operation's input, it is kept in x."""

    op: Op
    y: View
    x: View | None = None
    bias: Callable[[], Vector] | None = None

    def __call__(self, i: Any, c: Any, masks: list[str], sums: list[Vector]) -> None:
        f = self.y.p.f
        if self.bias:
            bias = self.bias()
            sums = [z.plain_add(bias) for z in sums]
        if len(sums) == 1 or not self._is_long(f):
            for r, z in enumerate(sums):
                self._store(i + r, c, masks, z)
            return
        for r, z in enumerate(sums):
            self.y.at(i + r, c).store(z)
        with f.loop(i, i + len(sums)) as row:
            self._store(row, c, masks, self.y.at(row, c).load(len(masks)))

    def _store(self, i: Any, c: Any, masks: list[str], z: Vector) -> None:
        y, x = self.y.at(i, c), self.x.at(i, c) if self.x else None
        if self.op.keeps_input and x:
            x.store(z)
        y.store(self.op.forward(z).keep(masks))

    def _is_long(self, f: Function) -> bool:
        """Whether the operation takes many instructions on one vector.

        Then a tile's rows take turns in a loop: with all of them under way at once, most values would leave the
        registers.
        """
        with f.rehearsal():
            before = len(f.lines)
            self.op.forward(f.full(0.0))
            return len(f.lines) - before > f.m.tuning.long_text


@dataclass(frozen=True)
class PassBack:
    """dx = op's vjp of the sums, padding 0; `Activate` has left the operation's input there, if it is needed."""

    op: Op
    y: View
    dx: View

    def __call__(self, i: Any, c: Any, masks: list[str], sums: list[Vector]) -> None:
        for r, dy in enumerate(sums):
            y, dx = self.y.at(i + r, c), self.dx.at(i + r, c)
            kept = (dx.load(len(masks)),) if self.op.keeps_input else ()
            dx.store(self.op.vjp(dy, y.load(len(masks)), *kept).keep(masks))


@dataclass(frozen=True)
class AddTo:
    """The sums are partial ones, and join those that are there."""

    totals: View

    def __call__(self, i: Any, c: Any, sums: list[Vector]) -> None:
        for r, part in enumerate(sums):
            place = self.totals.at(i + r, c)
            place.store(place.load(len(part.v)).plain_add(part))


@dataclass(frozen=True)
class Product:
    """What the text of y = op(a w + bias) depends on."""

    op: Op
    tile: tuple[int, int]
    biased: bool
    keeps: bool  # whether the operation's input is kept for its derivative
    packed: bool = True  # whether the rows of a panel of weights follow each other; else they lie `w.ld` apart,
    whole: bool = True  # and in a panel that is not `whole` there is no padding to read


@dataclass(frozen=True)
class Size(Bundle):
    """Of a matrix product: how many numbers are summed for each of the results, which have so many rows and columns."""

    depth: Index
    rows: Index
    columns: Index


@kernel
def forward(f: Function, form: Product, a: View, w: View, bias: Pointer, y: View, x: Pointer, size: Size) -> None:
    """y = op(a w + bias) for one panel of columns."""
    rows, nv = form.tile
    masks = f.below(size.columns, nv)
    width = nv * f.m.lanes if form.packed else w.ld  # a constant gives the better code

    def load(p: Pointer) -> Vector:
        return p.load(nv) if form.whole else p.load_where(masks)

    finish = Activate(form.op, y, y.like(x) if form.keeps else None, (lambda: load(bias)) if form.biased else None)
    with f.loop(0, size.rows, rows) as i:
        sums = Strided(a.row(i), a.ld, 1), lambda k: load(w.p + k * width), (0, size.depth)
        contract(f, form.tile, *sums, partial(finish, i, 0, masks), unroll=4)


@kernel
def backward(f: Function, nv: int, op: Op, d: View, wt: Pointer, y: View, dx: MayAlias, size: Size) -> None:
    """dx = vjp of the operation below, of d Wᵀ, for one panel of columns."""
    tile, width = (f.m.tuning.rows, nv), nv * f.m.lanes
    masks = f.below(size.columns, nv)
    finish = PassBack(op, y, y.like(dx))
    with f.loop(0, size.rows, f.m.tuning.rows) as i:
        sums = Strided(d.row(i), d.ld, 1), lambda k: (wt + k * width).load(nv), (0, size.depth)
        contract(f, tile, *sums, partial(finish, i, 0, masks), unroll=4)


# --- gradients --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Trained(Bundle):
    """Parameters, their slots `stride` apart behind them, the numbers of their rule, and the limits of gradients."""

    w: Pointer
    stride: Index
    scalars: Pointer
    hyper: Pointer

    def __add__(self, k: Any) -> "Trained":
        return replace(self, w=self.w + k)

    def slot(self, s: int) -> Pointer:
        """The parameters themselves are number 0."""
        place: Pointer = self.w + self.stride * s
        return place


@dataclass(frozen=True)
class Update:
    """What becomes of a finished gradient: penalties, clipping, the optimiser's rule; or it is `stored` for later."""

    rule: Optimizer | None = field(compare=False)
    text: str  # of the rule: two optimisers whose rules read the same share their code
    scalars: int  # numbers that each segment has in the optimiser's table
    penalised: bool
    clipped: bool
    shrinks: bool
    stored: bool

    @property
    def slots(self) -> int:
        return len(self.rule.slots) if self.rule else 0

    def __call__(self, w: Trained, g: Vector) -> None:
        """The parameters and their slots after the gradient g; it is stored behind the slots."""
        n, hyper = len(g.v), w.hyper
        if self.penalised:
            g = g + penalty_gradient(w.w.load(n), hyper.splat(), (hyper + 1).splat())
        if self.clipped:
            limit = (hyper + 2).splat()
            g = g.maximum(-limit).minimum(limit)
        if self.stored or self.rule is None:
            w.slot(1 + self.slots).store(g)
            return
        places = [w.slot(s) for s in range(1 + self.slots)]
        old, *slots = (place.load(n) for place in places)
        if self.shrinks:
            old = (w.scalars.splat() * old).rounded()
        numbers = [(w.scalars + k).splat() for k in range(1, self.scalars)]
        for place, new in zip(places, self.rule.rule(old, g, *slots, *numbers), strict=True):
            place.store(new)


@kernel
def update(f: Function, nv: int, how: Update, a: View, d: View, depth: Int, w: Trained, rows: Int) -> None:
    """The gradient aᵀ d of at most `at_once` blocks of `lanes` rows of a panel of weights, and its rule.

    A block of the batch stays in the first-level cache while all the rows meet it.
    """
    lanes, wide, tall = f.m.lanes, nv * f.m.lanes, f.m.tuning.rows
    most = f.m.tuning.at_once * lanes
    sums = View(f.scratch(most * wide), wide)
    finish = AddTo(sums)
    with f.loop(0, rows * wide, lanes) as j:
        (sums.p + j).store(f.full(0.0))
        for slot in range(1 + how.slots):  # the rule will read them
            (w.slot(slot) + j).prefetch()
    with f.loop(0, depth, BLOCK) as start:
        span = start, (start + BLOCK).minimum(depth)

        def add(k: Any, height: int) -> None:
            turned = Strided(a.p + k, 1, a.ld)
            contract(f, (height, nv), turned, lambda t: d.row(t).load(nv), span, partial(finish, k, 0), unroll=2)

        with f.loop(0, rows - (tall - 1), tall) as k:
            add(k, tall)
        first = f.last
        for height in sorted({n % tall for n in range(lanes, most + 1, lanes)} - {0}):
            with f.when((rows - first).equals(height)):
                add(first, height)
    with f.loop(0, rows * wide, wide) as j:
        how(w + j, (sums.p + j).load(nv))


@kernel
def copy_columns(f: Function, nv: int, d: View, copy: Pointer, rows: Int) -> None:
    """The columns of a batch that one panel of weights meets, row after row without a gap."""
    with f.loop(0, rows) as t:
        (copy + t * (nv * f.m.lanes)).store(d.row(t).load(nv))


@kernel
def update_vector(f: Function, nv: int, how: Update, d: View, depth: Int, b: Trained) -> None:
    """The same for a vector of parameters, whose gradient is the sum of the rows of d."""

    def chain(start: Any, stop: Any) -> list[Vector]:
        with f.loop(start, stop, 1, [f.full(0.0, nv)]) as (t, state):
            state[:] = [state[0].plain_add(d.row(t).load(nv))]
        return list(state)

    (g,) = in_blocks(f, depth, [f.full(0.0, nv)], chain)
    how(b, g)


@kernel
def apply_stored(f: Function, how: Update, w: Trained, scale: Pointer, count: Int) -> None:
    """The rule for gradients that were stored (behind the slots), times `scale`."""
    with f.loop(0, count, f.m.lanes) as i:
        g = (w.slot(1 + how.slots) + i).load() * scale.splat()
        how(w + i, g.rounded())


@kernel
def add_squares(f: Function, g: View, rows: Int, columns: Int, total: Pointer) -> None:
    """total[lane] += g² in float64, for one vector of `columns` lanes, row by row."""
    masks = f.below(columns, 1)
    with f.loop(0, rows) as i:
        before = total.doubles(f.m.lanes)
        x = Doubles.of(g.row(i).load().keep(masks))
        total.put_doubles(x.fma(x, before))


@kernel
def add_penalties(f: Function, w: View, rows: Int, columns: Int, hyper: Pointer, total: Pointer) -> None:
    """total[lane] += the penalties of weights in float64: each vector's column, row by row.

    So the order of the sum does not depend on how many vectors a panel has.
    """
    lanes = f.m.lanes
    with f.loop(0, w.ld, lanes) as c:
        masks = f.below(columns - c, 1)
        with f.loop(0, rows) as i:
            x = w.at(i, c).load()
            values = Doubles.of(penalty_values(x, hyper.splat(), (hyper + 1).splat()).keep(masks))
            total.put_doubles(total.doubles(lanes) + values)


@kernel
def add_lanes(f: Function, lanes: Pointer, total: Pointer) -> None:
    """total = the sum of as many float64 numbers as a vector has lanes, one after the other."""
    first, *others = [lanes.doubles(1, lane) for lane in range(f.m.lanes)]
    total.put_doubles(sum(others, first))


@kernel
def norm_scale(f: Function, totals: Pointer, count: Int, hyper: Pointer, scale: Pointer) -> None:
    """scale = limit / norm if the norm, the root of the sum of `totals`, exceeds the limit, else 1."""
    total = f.scratch_doubles(1)
    with f.loop(0, count) as i:
        total.put_doubles(total.doubles(1) + totals.doubles(1, i))
    norm, limit = total.doubles(1).sqrt(), (hyper + 3).real()
    scale.put_real((limit / norm).where(norm > limit, 1.0))


def exchanged(x: Vector, y: Vector, half: int) -> tuple[Vector, Vector]:
    """Two registers after an exchange: in every 2·half lanes, x's upper half for y's lower."""
    n = x.f.m.lanes
    low = [j + s for block in range(0, n, 2 * half) for s in (0, n) for j in range(block, block + half)]
    return x.shuffle(y, low), x.shuffle(y, [j + half for j in low])


@kernel
def transpose(f: Function, source: View, target: View) -> None:
    """A square block of `lanes` rows, by log₂(lanes) rounds of pairwise exchanges."""
    n, half = f.m.lanes, 1
    v = [source.row(i).load() for i in range(n)]
    while half < n:
        for block in range(0, n, 2 * half):
            for j in range(block, block + half):
                v[j], v[j + half] = exchanged(v[j], v[j + half], half)
        half *= 2
    for j in range(n):
        target.row(j).store(v[j])


# --- rows in, rows out ------------------------------------------------------------------------------------------------


@kernel
def copy_row(f: Function, fills: bool, source: Pointer, n: Int, target: Pointer) -> None:
    """Copies n numbers; `fills` up the last vector with zeros, or touches nothing behind them."""
    whole = n // f.m.lanes * f.m.lanes
    with f.loop(0, whole, f.m.lanes) as j:
        (target + j).store((source + j).load())
    with f.when(whole < n):
        masks = f.below(n - whole, 1)
        rest, end = (source + whole).load_where(masks), target + whole
        end.store(rest) if fills else end.store_where(rest, masks)


@kernel
def copy_sparse_row(
    f: Function, values: Pointer, columns: Pointer, start: Int, stop: Int, target: Pointer, n: Int
) -> None:
    """The same for a sparse row, filled up: zeros, then each of its values in its column."""
    with f.loop(0, n, f.m.lanes) as j:
        (target + j).store(f.full(0.0))
    with f.loop(start, stop) as k:
        (target + columns.integer(k)).store_first((values + k).splat())


@kernel
def prefetch(f: Function, source: Pointer, n: Int) -> None:
    """Ask for n numbers to come nearer while others are worked on."""
    with f.loop(0, n, f.m.lanes) as j:
        (source + j).prefetch(2)


# --- other layers, and the loss ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Beside:
    """What an operation takes besides its input: `vectors` parameters, the same for all rows, or a matrix (a mask)."""

    vectors: int = 0
    matrix: bool = False

    def sources(self, beside: View) -> list[Source]:
        """Parameters lie as far apart as the rows of a matrix do."""
        return [matrix(beside)] if self.matrix else [one_for_all(beside.row(v)) for v in range(self.vectors)]


@dataclass(frozen=True)
class RowByRow:
    """What the text of an operation on rows of so many columns depends on."""

    op: Op
    columns: int
    group: int  # rows that are worked on together
    extra: Beside = Beside()


@kernel
def apply_forward(f: Function, form: RowByRow, x: View, beside: View, y: View, rows: Int) -> None:
    """y = op(x, ...), row by row."""
    sources = [matrix(x), *form.extra.sources(beside)]
    along_rows(f, rows, form.columns, sources, lambda *values: (form.op.forward(*values),), [into(y)], form.group)


@kernel
def apply_backward(
    f: Function,
    form: RowByRow,
    below: Op,
    dy: View,
    y: Pointer,
    x: View,
    beside: View,
    shares: View,
    dx: MayAlias,
    rows: Int,
) -> None:
    """dx by op's vjp and then by that of the operation below; each row's share of the parameters' gradients.

    y lies as dy does; dx, and in each row of `shares` a parameter's, as x does.
    """
    sources = [matrix(dy), matrix(dy.like(y)), matrix(x), *form.extra.sources(beside)]
    if below.keeps_input:
        sources.append(matrix(x.like(dx)))

    def compute(dy: Vector, y: Vector, x: Vector, *others: Vector) -> list[Vector]:
        inputs, kept = (others[:-1], others[-1:]) if below.keeps_input else (others, ())
        back, *parameters = form.op.pullback(dy, y, x, *inputs)
        return [below.vjp(back, x, *kept), *(p for p in parameters if p is not None)]

    targets = [into(x.like(dx)), *(into(x.like(shares.row(v))) for v in range(form.extra.vectors))]
    along_rows(f, rows, form.columns, sources, compute, targets, form.group)


@dataclass(frozen=True)
class LossForm:
    """What the text of a loss depends on: also the operation below, whose vjp it does."""

    loss: Loss
    below: Op
    columns: int
    group: int
    labels: bool  # targets are class numbers
    weighted: bool


@dataclass(frozen=True)
class Truth(Bundle):
    """Targets and weights of all rows, and the numbers of those that are meant."""

    targets: Pointer
    weights: Pointer
    order: Pointer


@kernel
def loss_gradient(
    f: Function, form: LossForm, y: View, dy: MayAlias, given: Truth, divisor: Pointer, values: Pointer, rows: Int
) -> None:
    """dy = vjp of the operation below, of the loss's gradient · weight / divisor; values = loss · weight, by row."""
    loss, below, columns = form.loss, form.below, form.columns

    def truth(i: Any, c: Any, n: int) -> Vector:
        row = given.order.integer(i)
        if form.labels:
            return one_hot(f, given.targets.integer(row), c, n)
        found: Vector = (given.targets + (row * columns + c)).load_where(f.below(columns - c, n))
        return found

    def weight(i: Any, c: Any, n: int) -> Vector:
        return (given.weights + given.order.integer(i)).splat() if form.weighted else f.full(1.0)

    def compute(y: Vector, t: Vector, s: Vector, *kept: Vector) -> tuple[Vector, Vector]:
        value = loss.value(t, y)
        if loss.kind == "elementwise":
            value = value.sum()
        gradient = loss.gradient(t, y) * (s / divisor.splat())
        return below.vjp(gradient.rounded(), y, *kept), (value * s if form.weighted else value)

    sources = [matrix(y), truth, weight]
    if below.keeps_input:
        sources.append(matrix(y.like(dy)))
    targets = [into(y.like(dy)), as_number_of_row(values)]
    along_rows(f, rows, columns, sources, compute, targets, form.group)


def one_hot(f: Function, label: Int, c: Any, n: int) -> Vector:
    """1 in the lane whose column is the label, else 0."""
    m = f.m
    wanted = Whole.splat(f, label - c)
    found = [f.emit(f"icmp eq {wanted.type} {Whole.numbers(f, v * m.lanes)}, {wanted.v[0]}") for v in range(n)]
    return f.full(1.0, n).keep(found)


@kernel
def sum_values(f: Function, values: Pointer, count: Int, total: Pointer) -> None:
    """The float64 sum of `count` values: a chain of vectors in each block, folded by a tree, the blocks in order."""
    lanes = f.m.lanes
    with f.loop(0, count, BLOCK) as start:
        length = (start + BLOCK).minimum(count) - start
        chain = Doubles.zeros(f, lanes)
        for offset in range(0, BLOCK, lanes):  # beyond the count the masks give zeros
            chain += Doubles.of((values + (start + offset)).load_where(f.below(length - offset, 1)))
        folded = chain.sum()
        total.put_doubles(total.doubles(1) + folded)


@dataclass(frozen=True)
class Counter(Bundle):
    """What a mask is drawn by: the two words of the seed, the epoch, the layer, and its first row's number."""

    low: Index
    high: Index
    epoch: Index
    layer: Index
    first: Index


@kernel
def dropout_mask(f: Function, columns: int, rate: float, mask: View, by: Counter, rows: Int) -> None:
    """The numbers of `clearprop.ops.dropout_mask`, by the same Philox 4x32-10, a block of four units in each lane."""
    m = f.m
    word = 0xFFFFFFFF

    def whole(n: Any) -> Whole:
        return Whole.splat(f, n, 64, m.lanes) & word

    with f.loop(0, rows) as r, f.loop(0, columns, 4 * m.lanes) as unit:
        blocks = whole(unit // 4) + Whole(f, [Whole.numbers(f, 0, 64, m.lanes)], 64, m.lanes)
        c = [blocks, whole(by.first + r), whole(by.epoch), whole(by.layer)]
        k0, k1 = by.low, by.high
        for _ in range(10):
            left, right = (c[0] & word) * 0xD2511F53, (c[2] & word) * 0xCD9E8D57
            c = [(right >> 32) ^ c[1] ^ whole(k0), right & word, (left >> 32) ^ c[3] ^ whole(k1), left & word]
            k0, k1 = k0 + 0x9E3779B9, k1 + 0xBB67AE85
        kept = f.full(1.0 / (1.0 - rate))
        w = [kept.keep(x.compare("uge", int(rate * 2.0**32))) for x in c]
        n = m.lanes
        low_half = [j for i in range(n // 2) for j in (i, n + i)]
        high_half = [j + n // 2 for j in low_half]
        even = [w[0].shuffle(w[2], half) for half in (low_half, high_half)]
        odd = [w[1].shuffle(w[3], half) for half in (low_half, high_half)]
        for quarter in range(4):  # block b's four words become units 4b .. 4b + 3
            pair = even[quarter // 2].shuffle(odd[quarter // 2], (low_half, high_half)[quarter % 2])
            (mask.at(r, unit) + quarter * n).store(pair)


# --- one sample -------------------------------------------------------------------------------------------------------
#
# A layer's weights are stored the way round that leaves sums across lanes to its cheaper pass: by input, a row for each
# input, or by output.


def sums_across(sums: Sequence[Vector]) -> Vector:
    """lanes registers -> one register of their sums, by a tree of exchanges."""
    v, half = list(sums), 1
    while len(v) > 1:
        pairs = (exchanged(x, y, half) for x, y in zip(v[::2], v[1::2], strict=True))
        v, half = [x.plain_add(y) for x, y in pairs], half * 2
    return v[0]


def dot(x: Vector, y: Vector, start: Vector) -> Vector:
    """start + the products of registers, one after the other into one."""
    for p, q in zip(x.v, y.v, strict=True):
        start = Vector(x.f, [p]).fma(Vector(x.f, [q]), start)
    return start


def column_blocks(
    f: Function, registers: int, carry: list[Vector], at_once: int
) -> Iterator[tuple[Any, int, list[Vector]]]:
    """Blocks of columns, `at_once` registers wide, the last maybe less: (first column, registers, state); `carry` goes
    along and is updated."""
    whole = registers // at_once * at_once if registers > at_once else 0
    state = carry
    if whole:
        with f.loop(0, whole * f.m.lanes, at_once * f.m.lanes, carry) as inside:
            c, state = inside if carry else (inside, [])
            yield c, at_once, state
    if registers > whole:
        state = list(state)
        yield whole * f.m.lanes, registers - whole, state
    carry[:] = state


def row_blocks(f: Function, n: int) -> Iterator[tuple[Any, int]]:
    """Blocks of `lanes` rows; the last may be smaller."""
    whole = n // f.m.lanes * f.m.lanes
    if whole:
        with f.loop(0, whole, f.m.lanes) as i:
            yield i, f.m.lanes
    if n > whole:
        yield whole, n - whole


def row_parts(f: Function, rows: int) -> list[range]:
    """The rows of a block in parts whose sums fit the registers."""
    tall = f.m.tuning.sums
    return [range(first, min(first + tall, rows)) for first in range(0, rows, tall)]


def dot_rows(
    f: Function,
    n: int,
    x: Pointer,
    w: View,
    at_once: int,
    finish: Callable[[Any, Vector], None] | None,
    meet: Callable[[Any, Any, Vector], None] | None = None,
) -> None:
    """finish(o, Σ_c w[o, c] x[c]) for `lanes` of the n rows from o on; on the way meet(row, c, vectors of x from c)."""
    lanes = f.m.lanes
    for o, count in row_blocks(f, n):
        sums: list[Vector] = []
        for some in row_parts(f, count):
            part = [f.full(0.0)] * (len(some) if finish else 0)
            for c, nv, state in column_blocks(f, w.ld // lanes, part, at_once):
                xv = (x + c).load(nv)
                for q in some:
                    if finish:
                        state[q - some.start] = dot(w.at(o + q, c).load(nv), xv, state[q - some.start])
                    if meet:
                        meet(o + q, c, xv)
            sums += part
        if finish:
            finish(o, sums_across(sums + [f.full(0.0)] * (lanes - count)))


def add_rows(
    f: Function,
    n: int,
    x: Pointer,
    w: View,
    at_once: int,
    finish: Callable[[Any, Vector], None],
    meet: Callable[[Any, int], Callable[[Any, Vector], None]] | None = None,
    start: Pointer | None = None,
    chains: int = 1,
) -> None:
    """finish(c, start[c] + Σ_i x[i] w[i, c]) for some vectors from c on; on the way meet(c, vectors)(i, x[i]).

    Sums in several chains hide each other's latency.
    """
    for c, nv, _ in column_blocks(f, w.ld // f.m.lanes, [], at_once):
        state = [f.full(0.0, nv)] * chains
        if start:
            state[0] = (start + c).load(nv)
        met = meet(c, nv) if meet else None

        def add(i: Any, total: Vector, c: Any = c, nv: int = nv, met: Any = met) -> Vector:
            xi = (x + i).splat()
            total = xi.fma(w.at(i, c).load(nv), total)
            if met:
                met(i, xi)
            return total

        whole = n // chains * chains
        with f.loop(0, whole, chains, state) as (i, state):
            state[:] = [add(i + u, total) for u, total in enumerate(state)]
        for i in range(whole, n):
            state[0] = add(i, state[0])
        while len(state) > 1:
            pairs = [state[j : j + 2] for j in range(0, len(state), 2)]
            state = [p[0].plain_add(p[1]) if len(p) == 2 else p[0] for p in pairs]
        finish(c, state[0])


@dataclass(frozen=True)
class Weights:
    """A layer's weights, as single samples meet them."""

    n: int
    m: int
    by_input: bool

    def rows(self, w: Pointer) -> View:
        """A row for each input, or for each output."""
        return View(w, padded(self.m if self.by_input else self.n, w.f.m.lanes))


@kernel
def sample_forward(
    f: Function, form: Weights, op: Op, biased: bool, a: Pointer, w: Pointer, bias: Pointer, y: Pointer, x: Pointer
) -> None:
    """y = op(a w + bias)."""
    tuning, rows, activate = f.m.tuning, form.rows(w), Activate(op, View(y, 0), View(x, 0))

    def finish(o: Any, z: Vector) -> None:
        if biased and not form.by_input:
            z = (bias + o).load().plain_add(z)
        activate(0, o, f.below(form.m - o, len(z.v)), [z])

    if form.by_input:
        chains = (*tuning.chains, 1)[min(rows.ld // f.m.lanes, 1 + len(tuning.chains)) - 1]
        start = bias if biased else None
        add_rows(f, form.n, a, rows, tuning.sums, finish, start=start, chains=min(chains, form.n))
    else:
        dot_rows(f, form.m, a, rows, tuning.columns, finish)


@kernel
def sample_backward(
    f: Function,
    form: Weights,
    below: Op | None,
    how: Update | None,
    how_bias: Update | None,
    a: Pointer,
    d: Pointer,
    dx: MayAlias,
    w: Trained,
    bias: Trained,
) -> None:
    """Gradient and rule, and where back-propagation goes on the layer below's dx, in one pass over the weights."""
    rows = form.rows(w.w)
    at_once = max(f.m.tuning.columns // (2 if how and how.slots > 1 else 1), 1)

    def finish(o: Any, dy: Vector) -> None:
        if below:
            PassBack(below, View(a, 0), View(dx, 0))(0, o, f.below(form.n - o, len(dy.v)), [dy])

    if how_bias:
        for c, nv, _ in column_blocks(f, padded(form.m, f.m.lanes) // f.m.lanes, [], at_once):
            how_bias(bias + c, (d + c).load(nv))

    def change_row(i: Any, c: Any, dv: Vector) -> None:
        if how:
            how(w + (i * rows.ld + c), ((a + i).splat() * dv).rounded())

    def change_columns(c: Any, nv: int) -> Callable[[Any, Vector], None]:
        av = (a + c).load(nv)
        return lambda o, do: how(w + (o * rows.ld + c), (do * av).rounded()) if how else None

    if form.by_input:
        dot_rows(f, form.n, d, rows, at_once, finish if below else None, change_row)
    else:
        add_rows(f, form.m, d, rows, at_once, finish, change_columns)
