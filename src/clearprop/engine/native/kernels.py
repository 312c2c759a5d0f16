"""The inner loops: tiles of a matrix product that stay in registers, and what is done to them before they leave.

Batches are worked in tiles of several rows and vectors; a batch of one sample in matrix-vector products.  Each kernel
is written once for what its text depends on (an operation, a rule, a number of vectors) and takes sizes when it runs.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

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
from clearprop.engine.native.values import Doubles, Function, Int, MayAlias, Pointer, Vector, Whole, padded
from clearprop.losses import Loss, penalty_gradient, penalty_values
from clearprop.ops import Op
from clearprop.optim import Optimizer

# --- matrix products --------------------------------------------------------------------------------------------------


def tile(
    f: Function, rows: int, nv: int, a: Pointer, across: Any, along: Any, b: Callable[[Any], Vector], span: Any,
    unroll: int,
) -> list[Vector]:  # fmt: skip
    """acc[i] = Σ_k a[i across + k along] · b(k), k in `span`, one fused multiply-add after another in k."""
    start, stop = span

    def passes(start: Any, stop: Any, step: int, acc: list[Vector]) -> list[Vector]:
        with f.loop(start, stop, step, acc) as (k, state):
            ak, now = a + k * along, list(state)
            for u in range(step):
                bv = b(k + u)
                for i in range(rows):
                    now[i] = (ak + (across * i if i else 0) + (along * u if u else 0)).splat().fma(bv, now[i])
            state[:] = now
        return list(state)

    acc = [f.full(0.0, nv)] * rows
    if unroll > 1:
        acc = passes(start, stop - (unroll - 1), unroll, acc)
        start = f.last
    return passes(start, stop, 1, acc)


def activate(op: Op, z: Vector, masks: list[str], y: Pointer, x: Pointer | None) -> None:
    """y = op(z), padding 0; where the derivative needs the input, it is kept in x."""
    if op.keeps_input and x:
        x.store(z)
    y.store(op.forward(z).keep(masks))


def is_long(f: Function, op: Op) -> bool:
    """Whether an operation on one vector takes many instructions.

    Then a tile's rows take turns in a loop: with all of them under way at once, most values would leave the registers.
    """
    with f.rehearsal():
        before = len(f.lines)
        op.forward(f.full(0.0))
        return len(f.lines) - before > f.m.tuning.long_text


def pass_back(op: Op, dy: Vector, masks: list[str], y: Pointer, dx: Pointer) -> None:
    """dx = op's vjp of dy, padding 0; `activate` has left the input there, if it is needed."""
    n = len(dy.v)
    inputs = (dx.load(n),) if op.keeps_input else ()
    dx.store(op.vjp(dy, y.load(n), *inputs).keep(masks))


@kernel
def forward(
    f: Function,
    tile_rows: int,
    nv: int,
    op: Op,
    packed: bool,
    whole: bool,
    biased: bool,
    keep: bool,
    a: Pointer,
    lda: Int,
    w: Pointer,
    ldw: Int,
    depth: Int,
    bias: Pointer,
    y: Pointer,
    ldy: Int,
    x: Pointer,
    rows: Int,
    columns: Int,
) -> None:
    """y = op(a w + bias) for one panel of columns.

    Parameters that are not `packed` lie `ldw` apart; if the panel is not `whole` either, there is no padding to read.
    """
    masks = f.below(columns, nv)
    width = nv * f.m.lanes if packed else ldw  # a constant gives the better code

    def load(p: Pointer) -> Vector:
        return p.load(nv) if whole else p.load_where(masks)

    with f.loop(0, rows, tile_rows) as i:
        sums = tile(f, tile_rows, nv, a + lda * i, lda, 1, lambda k: load(w + k * width), (0, depth), 4)
        b = load(bias) if biased else f.full(0.0)
        outputs = [z.plain_add(b) if biased else z for z in sums]

        def finish(z: Vector, at: Any) -> None:
            activate(op, z, masks, y + at, x + at if keep else None)

        if tile_rows == 1 or not is_long(f, op):
            for r, z in enumerate(outputs):
                finish(z, (i + r) * ldy)
        else:
            for r, z in enumerate(outputs):
                (y + (i + r) * ldy).store(z)
            with f.loop(i, i + tile_rows) as row:
                finish((y + row * ldy).load(nv), row * ldy)


@kernel
def backward(
    f: Function,
    nv: int,
    op: Op,
    d: Pointer,
    ldd: Int,
    wt: Pointer,
    depth: Int,
    y: Pointer,
    dx: MayAlias,
    ldy: Int,
    rows: Int,
    columns: Int,
) -> None:
    """dx = vjp of the operation below, of d Wᵀ, for one panel of columns."""
    masks = f.below(columns, nv)
    with f.loop(0, rows, f.m.tuning.rows) as i:
        width = nv * f.m.lanes
        sums = tile(f, f.m.tuning.rows, nv, d + ldd * i, ldd, 1, lambda k: (wt + k * width).load(nv), (0, depth), 4)
        for r, dy in enumerate(sums):
            at = (i + r) * ldy
            pass_back(op, dy, masks, y + at, dx + at)


# --- gradients --------------------------------------------------------------------------------------------------------


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

    def __call__(self, w: Pointer, stride: Any, g: Vector, scalars: Pointer, hyper: Pointer) -> None:
        """w and its slots, `stride` apart, after the gradient g; it is stored behind the slots."""
        n = len(g.v)
        if self.penalised:
            g = g + penalty_gradient(w.load(n), hyper.splat(), (hyper + 1).splat())
        if self.clipped:
            limit = (hyper + 2).splat()
            g = g.maximum(-limit).minimum(limit)
        if self.stored or self.rule is None:
            (w + stride * (1 + self.slots)).store(g)
            return
        places = [w + stride * s for s in range(1 + self.slots)]
        old, *slots = (place.load(n) for place in places)
        if self.shrinks:
            old = (scalars.splat() * old).rounded()
        numbers = [(scalars + k).splat() for k in range(1, self.scalars)]
        for place, new in zip(places, self.rule.rule(old, g, *slots, *numbers), strict=True):
            place.store(new)


@kernel
def update(
    f: Function,
    nv: int,
    how: Update,
    a: Pointer,
    lda: Int,
    d: Pointer,
    ldd: Int,
    depth: Int,
    w: Pointer,
    stride: Int,
    scalars: Pointer,
    hyper: Pointer,
    rows: Int,
) -> None:
    """The gradient aᵀ d of at most `at_once` blocks of `lanes` rows of a panel of weights, and its rule.

    A block of the batch stays in the first-level cache while all the rows meet it.
    """
    lanes, wide, tall = f.m.lanes, nv * f.m.lanes, f.m.tuning.rows
    most = f.m.tuning.at_once * lanes
    sums = f.scratch(most * wide)
    with f.loop(0, rows * wide, lanes) as j:
        (sums + j).store(f.full(0.0))
        for slot in range(1 + how.slots):  # the rule will read them
            (w + stride * slot + j).prefetch()
    with f.loop(0, depth, BLOCK) as start:
        span = start, (start + BLOCK).minimum(depth)

        def add(k: Any, height: int) -> None:
            parts = tile(f, height, nv, a + k, 1, lda, lambda t: (d + t * ldd).load(nv), span, 2)
            for r, part in enumerate(parts):
                place = sums + (k + r) * wide
                place.store(place.load(nv).plain_add(part))

        with f.loop(0, rows - (tall - 1), tall) as k:
            add(k, tall)
        first = f.last
        for height in sorted({n % tall for n in range(lanes, most + 1, lanes)} - {0}):
            with f.when((rows - first).equals(height)):
                add(first, height)
    with f.loop(0, rows * wide, wide) as j:
        how(w + j, stride, (sums + j).load(nv), scalars, hyper)


@kernel
def copy_columns(f: Function, nv: int, d: Pointer, ldd: Int, copy: Pointer, rows: Int) -> None:
    """The columns of a batch that one panel of weights meets, row after row without a gap."""
    with f.loop(0, rows) as t:
        (copy + t * (nv * f.m.lanes)).store((d + t * ldd).load(nv))


@kernel
def update_vector(
    f: Function,
    nv: int,
    how: Update,
    d: Pointer,
    ldd: Int,
    depth: Int,
    b: Pointer,
    stride: Int,
    scalars: Pointer,
    hyper: Pointer,
) -> None:
    """The same for a vector of parameters, whose gradient is the sum of the rows of d."""

    def chain(start: Any, stop: Any) -> list[Vector]:
        with f.loop(start, stop, 1, [f.full(0.0, nv)]) as (t, state):
            state[:] = [state[0].plain_add((d + t * ldd).load(nv))]
        return list(state)

    (g,) = in_blocks(f, depth, [f.full(0.0, nv)], chain)
    how(b, stride, g, scalars, hyper)


@kernel
def apply_stored(
    f: Function, how: Update, w: Pointer, stride: Int, scalars: Pointer, hyper: Pointer, scale: Pointer, count: Int
) -> None:
    """The rule for gradients that were stored (behind the slots), times `scale`."""
    with f.loop(0, count, f.m.lanes) as i:
        g = (w + stride * (1 + how.slots) + i).load() * scale.splat()
        how(w + i, stride, g.rounded(), scalars, hyper)


@kernel
def add_squares(f: Function, g: Pointer, ldg: Int, rows: Int, columns: Int, total: Pointer) -> None:
    """total[lane] += g² in float64, for one vector of `columns` lanes, row by row."""
    masks = f.below(columns, 1)
    with f.loop(0, rows) as i:
        before = total.doubles(f.m.lanes)
        x = Doubles.of((g + i * ldg).load().keep(masks))
        total.put_doubles(x.fma(x, before))


@kernel
def add_penalties(f: Function, w: Pointer, ld: Int, rows: Int, columns: Int, hyper: Pointer, total: Pointer) -> None:
    """total[lane] += the penalties of weights whose rows are `ld` apart, in float64: each vector's column, row by row.

    So the order of the sum does not depend on how many vectors a panel has.
    """
    lanes = f.m.lanes
    with f.loop(0, ld, lanes) as c:
        masks = f.below(columns - c, 1)
        with f.loop(0, rows) as i:
            x = (w + (i * ld + c)).load()
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
def transpose(f: Function, source: Pointer, lds: Int, target: Pointer, ldt: Int) -> None:
    """A square block of `lanes` rows, by log₂(lanes) rounds of pairwise exchanges."""
    n, half = f.m.lanes, 1
    v = [(source + lds * i).load() for i in range(n)]
    while half < n:
        for block in range(0, n, 2 * half):
            for j in range(block, block + half):
                v[j], v[j + half] = exchanged(v[j], v[j + half], half)
        half *= 2
    for j in range(n):
        (target + ldt * j).store(v[j])


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
    with f.loop(0, n, f.m.lanes) as j:
        (source + j).prefetch(2)


# --- other layers, and the loss ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Beside:
    """What an operation takes besides its input: `vectors` parameters, the same for all rows, or a matrix (a mask)."""

    vectors: int = 0
    matrix: bool = False

    def sources(self, p: Pointer, ld: Any) -> list[Source]:
        """Parameters lie `ld` apart, as the rows of a matrix do."""
        return [matrix(p, ld)] if self.matrix else [one_for_all(p + ld * v) for v in range(self.vectors)]


@kernel
def apply_forward(
    f: Function,
    op: Op,
    columns: int,
    group: int,
    extra: Beside,
    x: Pointer,
    ldx: Int,
    beside: Pointer,
    ldb: Int,
    y: Pointer,
    ldy: Int,
    rows: Int,
) -> None:
    """y = op(x, ...), row by row."""
    sources = [matrix(x, ldx), *extra.sources(beside, ldb)]
    along_rows(f, rows, columns, sources, lambda *values: (op.forward(*values),), [into(y, ldy)], group)


@kernel
def apply_backward(
    f: Function,
    op: Op,
    below: Op,
    columns: int,
    group: int,
    extra: Beside,
    dy: Pointer,
    ldy: Int,
    y: Pointer,
    x: Pointer,
    ldx: Int,
    beside: Pointer,
    ldb: Int,
    shares: Pointer,
    size: Int,
    dx: MayAlias,
    rows: Int,
) -> None:
    """dx by op's vjp and then by that of the operation below; each row's share of the parameters' gradients."""
    sources = [matrix(dy, ldy), matrix(y, ldy), matrix(x, ldx), *extra.sources(beside, ldb)]
    if below.keeps_input:
        sources.append(matrix(dx, ldx))

    def compute(dy: Vector, y: Vector, x: Vector, *others: Vector) -> list[Vector]:
        inputs, kept = (others[:-1], others[-1:]) if below.keeps_input else (others, ())
        back, *parameters = op.pullback(dy, y, x, *inputs)
        return [below.vjp(back, x, *kept), *(p for p in parameters if p is not None)]

    targets = [into(dx, ldx), *(into(shares + size * v, ldx) for v in range(extra.vectors))]
    along_rows(f, rows, columns, sources, compute, targets, group)


@kernel
def loss_gradient(
    f: Function,
    loss: Loss,
    op: Op,
    columns: int,
    group: int,
    labels: bool,
    weighted: bool,
    y: Pointer,
    dy: MayAlias,
    ld: Int,
    targets: Pointer,
    order: Pointer,
    weights: Pointer,
    divisor: Pointer,
    values: Pointer,
    rows: Int,
) -> None:
    """dy = vjp of the operation below, of the loss's gradient · weight / divisor; values = loss · weight, by row."""

    def truth(i: Any, c: Any, n: int) -> Vector:
        row = order.integer(i)
        if labels:
            return one_hot(f, targets.integer(row), c, n)
        given: Vector = (targets + (row * columns + c)).load_where(f.below(columns - c, n))
        return given

    def weight(i: Any, c: Any, n: int) -> Vector:
        return (weights + order.integer(i)).splat() if weighted else f.full(1.0)

    def compute(y: Vector, t: Vector, s: Vector, *kept: Vector) -> tuple[Vector, Vector]:
        value = loss.value(t, y)
        if loss.kind == "elementwise":
            value = value.sum()
        gradient = loss.gradient(t, y) * (s / divisor.splat())
        return op.vjp(gradient.rounded(), y, *kept), (value * s if weighted else value)

    sources = [matrix(y, ld), truth, weight]
    if op.keeps_input:
        sources.append(matrix(dy, ld))
    along_rows(f, rows, columns, sources, compute, [into(dy, ld), as_number_of_row(values)], group)


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


@kernel
def dropout_mask(
    f: Function,
    columns: int,
    rate: float,
    mask: Pointer,
    ld: Int,
    low: Int,
    high: Int,
    epoch: Int,
    layer: Int,
    first: Int,
    rows: Int,
) -> None:
    """The numbers of `clearprop.ops.dropout_mask`, by the same Philox 4x32-10, a block of four units in each lane."""
    m = f.m
    word = 0xFFFFFFFF

    def whole(n: Any) -> Whole:
        return Whole.splat(f, n, 64, m.lanes) & word

    with f.loop(0, rows) as r, f.loop(0, columns, 4 * m.lanes) as unit:
        blocks = whole(unit // 4) + Whole(f, [Whole.numbers(f, 0, 64, m.lanes)], 64, m.lanes)
        c = [blocks, whole(first + r), whole(epoch), whole(layer)]
        k0, k1 = low, high
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
            (mask + (r * ld + unit + quarter * n)).store(pair)


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


@kernel
def sample_forward(
    f: Function,
    op: Op,
    n: int,
    m: int,
    by_input: bool,
    biased: bool,
    a: Pointer,
    w: Pointer,
    bias: Pointer,
    y: Pointer,
    x: Pointer,
) -> None:
    """y = op(a w + bias)."""
    lanes = f.m.lanes
    if by_input:  # rows of w, scaled and added
        width = padded(m, lanes)
        for c, nv, _ in column_blocks(f, width // lanes, [], f.m.tuning.sums):
            chains = min((*f.m.tuning.chains, 1)[min(width // lanes, 1 + len(f.m.tuning.chains)) - 1], n)
            state = [f.full(0.0, nv)] * chains
            if biased:
                state[0] = (bias + c).load(nv)
            whole = n // chains * chains
            with f.loop(0, whole, chains, state) as (i, state):
                state[:] = [
                    (a + (i + u)).splat().fma((w + ((i + u) * width + c)).load(nv), s) for u, s in enumerate(state)
                ]
            for i in range(whole, n):
                state[0] = (a + i).splat().fma((w + (i * width + c)).load(nv), state[0])
            while len(state) > 1:
                pairs = [state[j : j + 2] for j in range(0, len(state), 2)]
                state = [p[0].plain_add(p[1]) if len(p) == 2 else p[0] for p in pairs]
            activate(op, state[0], f.below(m - c, nv), y + c, x + c)
    else:  # a dot product for each output, `lanes` of them at a time
        width = padded(n, lanes)
        for o, count in row_blocks(f, m):
            sums = []
            for some in row_parts(f, count):
                part = [f.full(0.0)] * len(some)
                for c, nv, state in column_blocks(f, width // lanes, part, f.m.tuning.columns):
                    av = (a + c).load(nv)
                    state[:] = [
                        dot(av, (w + ((o + q) * width + c)).load(nv), s) for q, s in zip(some, state, strict=True)
                    ]
                sums += part
            z = sums_across(sums + [f.full(0.0)] * (lanes - count))
            z = (bias + o).load().plain_add(z) if biased else z
            activate(op, z, f.below(m - o, 1), y + o, x + o)


@kernel
def sample_backward(
    f: Function,
    below: Op,
    n: int,
    m: int,
    by_input: bool,
    goes_on: bool,
    how: Update | None,
    how_bias: Update | None,
    a: Pointer,
    w: Pointer,
    bias: Pointer,
    d: Pointer,
    dx: MayAlias,
    stride: Int,
    scalars: Pointer,
    bias_scalars: Pointer,
    hyper: Pointer,
) -> None:
    """Gradient and rule, and where backpropagation goes on the layer below's dx, in one pass over the weights."""
    lanes = f.m.lanes
    width = padded(m if by_input else n, lanes)
    columns = max(f.m.tuning.columns // (2 if how and how.slots > 1 else 1), 1)

    def change(w: Pointer, g: Vector) -> None:
        if how:
            how(w, stride, g.rounded(), scalars, hyper)

    def done(o: Any, dy: Vector) -> None:
        pass_back(below, dy, f.below(n - o, len(dy.v)), a + o, dx + o)

    if how_bias:
        for c, nv, _ in column_blocks(f, padded(m, lanes) // lanes, [], columns):
            how_bias(bias + c, stride, (d + c).load(nv), bias_scalars, hyper)
    if by_input:
        for i, count in row_blocks(f, n):
            sums = []
            for some in row_parts(f, count):
                part = [f.full(0.0)] * (len(some) if goes_on else 0)
                for c, nv, state in column_blocks(f, width // lanes, part, columns):
                    dv = (d + c).load(nv)
                    for q in some:
                        row = w + ((i + q) * width + c)
                        if goes_on:
                            state[q - some.start] = dot(row.load(nv), dv, state[q - some.start])
                        change(row, (a + (i + q)).splat() * dv)
                sums += part
            if goes_on:
                done(i, sums_across(sums + [f.full(0.0)] * (lanes - count)))
    else:
        for c, nv, _ in column_blocks(f, width // lanes, [], columns):
            av = (a + c).load(nv)
            with f.loop(0, m, 1, [f.full(0.0, nv)]) as (o, state):
                row, do = w + (o * width + c), (d + o).splat()
                state[:] = [do.fma(row.load(nv), state[0])]
                change(row, do * av)
            if goes_on:
                done(c, state[0])
