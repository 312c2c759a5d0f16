"""Operations with sums, means and maxima over an axis, read from their NumPy text, for rows and batches of any size.

A narrow row fits the registers: the text is run once, and its sums and maxima fold those registers.  A wide row is
walked several times: each pass runs the text on one vector after another and ends at the first sum or maximum not known
yet, which it accumulates; the last pass knows them all and stores the results.  So are the columns of a batch.
"""

from collections.abc import Callable, Sequence
from typing import Any

from clearprop.engine.native.values import Function, Int, Mask, Pointer, Vector, View, Whole

Combine = Callable[[Vector, Vector], Vector]
Source = Callable[[Any, Any, int], Vector]
"""(row, first column, n) -> n registers of that row."""
Target = Callable[[Any, Any, Vector, list[str]], None]
"""(row, first column, registers, masks of the columns that exist) -> stores them."""

BLOCK = 256  # rows summed in one chain: part of what every sum means


def fold_lanes(x: Vector, combine: Combine) -> Vector:
    """The lanes of one register combined, by a fixed tree, in every lane."""
    lanes = x.f.m.lanes
    half = lanes // 2
    while half:
        x = combine(x, x.shuffle(x, [j ^ half for j in range(lanes)]))
        half //= 2
    return x


class WholeRows:
    """Rows that lie in registers altogether: `group` rows of n registers each."""

    def __init__(self, columns: int, group: int, masks: list[str]) -> None:
        self.columns, self.group, self.masks = columns, group, masks

    def length(self, axis: int) -> float:
        return float(self.columns)

    def reduce(self, x: Vector, axis: int, combine: Combine, neutral: float) -> Vector:
        if axis == 0:
            return x  # a row's share of a sum over rows
        n = len(self.masks)
        registers = x.v * (self.group * n) if len(x.v) == 1 else x.v
        folded: list[str] = []
        for r in range(self.group):
            parts = [Vector(x.f, [name]) for name in registers[r * n : (r + 1) * n]]
            parts[-1] = _existing(parts[-1], self.masks[-1], neutral)
            total = parts[0]
            for part in parts[1:]:
                total = combine(total, part)
            folded += fold_lanes(total, combine).v * n
        return Vector(x.f, folded, row=x.row)


class Pass:
    """One register of a row (axis -1) or of a batch's columns (axis 0) under way along that axis.

    Sums and maxima are known from earlier passes, but for the one that this pass is for.
    """

    def __init__(self, axis: int, length: float | Vector, known: Sequence[Vector]) -> None:
        self.axis, self._length, self.known, self.met = axis, length, known, 0

    def length(self, axis: int) -> float | Vector:
        return self._length

    def reduce(self, x: Vector, axis: int, combine: Combine, neutral: float) -> Vector:
        if axis != self.axis:
            return x  # a row's share of a sum over rows
        self.met += 1
        if self.met <= len(self.known):
            known = self.known[self.met - 1]
            return Vector(known.f, known.v, row=x.row)
        raise _Reached(x, combine, neutral)


class _Reached(Exception):
    """The text has come to a sum or maximum that is not known yet."""

    def __init__(self, x: Vector, combine: Combine, neutral: float) -> None:
        self.x, self.combine, self.neutral = x, combine, neutral


def _existing(x: Vector, mask: str, neutral: float) -> Vector:
    """x in columns that exist, `neutral` in padding."""
    return Mask(Vector(x.f, [mask])).select(x, neutral)


def along_rows(
    f: Function,
    rows: Any,
    columns: int,
    sources: Sequence[Source],
    compute: Callable[..., Sequence[Vector]],
    targets: Sequence[Target],
    group: int = 1,
) -> None:
    """``targets = compute(*sources)`` for each of `rows` rows; `group` divides their number.

    `compute` is NumPy text on one row.
    """
    registers = -(-columns // f.m.lanes)
    if registers > f.m.tuning.narrow:
        with f.loop(0, rows) as i:
            _wide(f, i, columns, sources, compute, targets)
        return
    together = max(group // registers, 1)
    masks = f.below(columns, registers)
    with f.loop(0, rows, together) as i:
        row = WholeRows(columns, together, masks)
        numbers = [i + r for r in range(together)]
        values = []
        for source in sources:
            read = [source(number, 0, registers).v for number in numbers]
            names = [name for one in read for name in (one * registers if len(one) == 1 else one)]
            values.append(Vector(f, names, row=row))
        for result, target in zip(compute(*values), targets, strict=True):
            names = result.v * (together * registers) if len(result.v) == 1 else result.v
            for r, number in enumerate(numbers):
                target(number, 0, Vector(f, names[r * registers : (r + 1) * registers]), masks)


def _wide(
    f: Function,
    i: Any,
    columns: int,
    sources: Sequence[Source],
    compute: Callable[..., Sequence[Vector]],
    targets: Sequence[Target],
) -> None:
    known: list[Vector] = []
    lanes = f.m.lanes

    def run(c: Any) -> Sequence[Vector]:
        row = Pass(-1, float(columns), known)
        return compute(*(Vector(f, source(i, c, 1).v, row=row) for source in sources))

    while (reached := _next(f, run)) is not None:
        with f.loop(0, columns, lanes, [f.full(reached.neutral)]) as (c, state):
            mask = f.below(columns - c, 1)[0]
            x = _operand(run, c)
            state[:] = [reached.combine(state[0], _existing(x, mask, reached.neutral))]
        known.append(fold_lanes(state[0], reached.combine))
    with f.loop(0, columns, lanes) as c:
        masks = f.below(columns - c, 1)
        for result, target in zip(run(c), targets, strict=True):
            target(i, c, result, masks)


def down_columns(f: Function, count: Int, text: Callable[[Any, Pass], Any], known: list[Vector]) -> list[Vector]:
    """The sums and maxima over `count` rows that the text of an operation needs and `known` does not have yet.

    ``text(i, extent)`` runs it on one register of row i.
    """
    length = Whole.splat(f, count).to_real()

    def run(i: Any) -> Any:
        return text(i, Pass(0, length, known))

    known = list(known)
    while (reached := _next(f, run)) is not None:

        def chain(start: Any, stop: Any, reached: _Reached = reached) -> list[Vector]:
            with f.loop(start, stop, 1, [f.full(reached.neutral)]) as (i, state):
                state[:] = [reached.combine(state[0], _operand(run, i))]
            return list(state)

        known += in_blocks(f, count, [f.full(reached.neutral)], chain, reached.combine)
    return known


def in_blocks(
    f: Function,
    depth: Any,
    start: list[Vector],
    chain: Callable[[Any, Any], list[Vector]],
    combine: Combine = Vector.plain_add,
) -> list[Vector]:
    """Sums over `depth` rows: a chain in each block of rows, the blocks' partial sums in order."""
    with f.loop(0, depth, BLOCK, start) as (first, total):
        parts = chain(first, (first + BLOCK).minimum(depth))
        total[:] = [combine(t, part) for t, part in zip(total, parts, strict=True)]
    return list(total)


def _next(f: Function, run: Callable[[Any], Any]) -> _Reached | None:
    """The sum or maximum that the text comes to next, found by a rehearsal: a loop's start comes before its body."""
    with f.rehearsal():
        try:
            run(Int(f, "0"))
        except _Reached as reached:
            return reached
    return None


def _operand(run: Callable[[Any], Any], at: Any) -> Vector:
    """What the text sums next."""
    try:
        run(at)
    except _Reached as reached:
        return reached.x
    raise AssertionError("the rehearsal came to a sum")


# --- sources and targets ----------------------------------------------------------------------------------------------


def matrix(x: View) -> Source:
    """Rows that are padded to whole registers."""
    return lambda i, c, n: x.at(i, c).load(n)


def one_for_all(p: Pointer) -> Source:
    """The same row (a parameter) for all."""
    return lambda i, c, n: (p + c).load(n)


def into(y: View) -> Target:
    """Rows whose padding becomes 0."""
    return lambda i, c, x, masks: y.at(i, c).store(x.keep(masks))


def as_number_of_row(p: Pointer) -> Target:
    """The first column, one number for each row."""
    return lambda i, c, x, masks: (p + i).store_first(x)
