"""Operations along a row, for rows of any width, read from their NumPy text.

A narrow row fits the registers: the text is run once, and its sums and maxima fold those registers.  A wide row is walked
several times: each pass runs the text on one vector after another and ends at the first sum or maximum not known yet,
which it accumulates; the last pass knows them all and stores the results.
"""

from collections.abc import Callable, Sequence
from typing import Any


from clearprop.engine.native.values import Function, Int, Mask, Pointer, Vector

Combine = Callable[[Vector, Vector], Vector]
Source = Callable[[Any, Any, int], Vector]
"""(row, first column, n) -> n registers of that row."""
Target = Callable[[Any, Any, Vector, list[str]], None]
"""(row, first column, registers, masks of the columns that exist) -> stores them."""

NARROW = 4  # registers


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

    def reduce(self, x: Vector, combine: Combine, neutral: float) -> Vector:
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


class RowPass:
    """One register of a row under way: sums known from earlier passes, and the one this pass is for."""

    def __init__(self, columns: int, known: Sequence[Vector]) -> None:
        self.columns, self.known, self.met = columns, known, 0

    def reduce(self, x: Vector, combine: Combine, neutral: float) -> Vector:
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
    """``targets = compute(*sources)`` for each of `rows` rows; `group` (1 or 4) divides their number.

    `compute` is NumPy text on one row.
    """
    registers = -(-columns // f.m.lanes)
    if registers > NARROW:
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

    def run(g: Function, row: Any, c: Any) -> Sequence[Vector]:
        state = RowPass(columns, known)
        read = [source(row, c, 1) for source in sources]
        return compute(*(Vector(g, x.v, row=state) for x in read))

    while True:
        # A rehearsal, thrown away, tells which sum or maximum comes next: a loop must know its start before its body.
        lines, block, known_lines = len(f.lines), f._block, f._known
        try:
            run(f, i, Int(f, "0"))
        except _Reached as reached:
            next_one: _Reached | None = reached
        else:
            next_one = None
        del f.lines[lines:]
        f._block, f._known = block, {}
        if next_one is None:
            break
        with f.loop(0, columns, lanes, [f.full(next_one.neutral)]) as (c, state):
            masks = f.below(columns - c, 1)
            try:
                run(f, i, c)
            except _Reached as reached:
                state[:] = [reached.combine(state[0], _existing(reached.x, masks[0], reached.neutral))]
        known.append(fold_lanes(state[0], next_one.combine))
    with f.loop(0, columns, lanes) as c:
        masks = f.below(columns - c, 1)
        for result, target in zip(run(f, i, c), targets, strict=True):
            target(i, c, result, masks)


# --- sources and targets ----------------------------------------------------------------------------------------------


def matrix(p: Pointer, ld: Any) -> Source:
    """Rows `ld` apart, padded to whole registers."""
    return lambda i, c, n: (p + (i * ld + c)).load(n)


def one_for_all(p: Pointer) -> Source:
    """The same row (a parameter) for all."""
    return lambda i, c, n: (p + c).load(n)


def number_of_row(p: Pointer) -> Source:
    """One number for each row."""
    return lambda i, c, n: (p + i).splat()


def into(p: Pointer, ld: Any) -> Target:
    """Rows `ld` apart; their padding becomes 0."""
    return lambda i, c, x, masks: (p + (i * ld + c)).store(x.keep(masks))


def as_number_of_row(p: Pointer) -> Target:
    """The first column, one number for each row."""
    return lambda i, c, x, masks: (p + i).store_first(x)


__all__ = ["along_rows", "as_number_of_row", "fold_lanes", "into", "matrix", "number_of_row", "one_for_all"]
