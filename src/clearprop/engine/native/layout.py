"""Where things lie in memory."""

from collections.abc import Sequence
from dataclasses import dataclass

from clearprop._types import Array
from clearprop.engine.native.network import Stage
from clearprop.engine.native.values import padded

OFTEN, SEVERAL = 16, 4  # blocks of `lanes` inputs, and panels, from which on a layer's update reads a copy of delta


def mask_width(columns: int, lanes: int) -> int:
    """Numbers in a row of a dropout mask, which is drawn four vectors at a time."""
    return padded(columns, 4 * lanes)


@dataclass(frozen=True)
class Panels:
    """`count` panels side by side, each `vectors` wide."""

    vectors: int
    count: int
    column: int  # the first


class Layout:
    """Where things lie.  For batches, weights lie in panels ``[panel][input][columns of the panel]``, and once more
    transposed; for single samples, in rows either by input or by output.  All is padded to whole vectors.

    If `by_rows`, the first layer's are one panel, whatever its width: rows, of which sparse data picks some.
    """

    def __init__(
        self, stages: Sequence[Stage], lanes: int, vectors: int, *, samples: bool = False, by_rows: bool = False
    ) -> None:
        self.lanes, self.samples = lanes, samples
        self.starts: list[dict[str, int]] = []
        self.transposed: list[int] = []
        self.by_input: list[bool] = []
        self.panels: list[list[Panels]] = []
        self.panels_transposed: list[list[Panels]] = []
        self.averages: list[int] = []
        self.copied: list[bool] = []
        self.size = self.transposed_size = self.averages_size = 0
        blocks = [1 if samples else padded(stage.n, lanes) // lanes for stage in stages]
        self.tickets = 1 + sum(blocks)  # of an update, at most

        def panels(n: int) -> list[Panels]:
            """As few as fit the registers, and as equally wide as can be: a narrow one would be slow."""
            width = padded(n, lanes) // lanes
            count = -(-width // vectors)
            narrow, more = divmod(width, count)
            both = [Panels(narrow + 1, more, 0), Panels(narrow, count - more, (narrow + 1) * more * lanes)]
            return [p for p in both if p.count]

        for s, stage in enumerate(stages):
            n, m = stage.n, stage.m
            starts = {}
            for name in stage.parameters:
                starts[name] = self.size
                self.size += padded(n, lanes) * padded(m, lanes) if name == "weight" else padded(m, lanes)
            self.starts.append(starts)
            self.averages.append(self.averages_size)
            self.averages_size += 2 * padded(m, lanes) if stage.batch else 0
            self.by_input.append(s == 0 or self._cost_by_input(n, m) <= self._cost_by_output(n, m))
            row = [Panels(padded(m, lanes) // lanes, 1, 0)]
            self.panels.append(row if by_rows and not s else panels(m) if stage.dense else [])
            self.panels_transposed.append(panels(n) if stage.dense and s else [])
            self.copied.append(blocks[s] >= OFTEN and sum(p.count for p in self.panels[s]) >= SEVERAL)
            self.transposed.append(self.transposed_size)
            self.transposed_size += padded(n, lanes) * padded(m, lanes) if stage.dense and s else 0
        widths = [stages[0].n, *(stage.m for stage in stages)]
        # rows a multiple of 1 KB apart would compete for the same few places of the cache
        self.ld = [padded(n, lanes) for n in widths]
        self.ld = [ld + lanes if ld * 64 // lanes % 1024 == 0 else ld for ld in self.ld]

    def _cost_by_input(self, n: int, m: int) -> float:
        registers = padded(m, self.lanes) // self.lanes
        return n * max(registers, 1 if n < 8 else 2) * 3 + 20 * padded(n, self.lanes) / self.lanes

    def _cost_by_output(self, n: int, m: int) -> float:
        return m * (padded(n, self.lanes) // self.lanes) * 3 + 20 * padded(m, self.lanes) / self.lanes

    def parts(self, s: int, stage: Stage, name: str, flat: Array, packed: Array) -> list[tuple[Array, Array]]:
        """Where a parameter lies in `packed`: pairs of views of the parameter itself and of its place there."""
        start, n, m = self.starts[s][name], stage.n, stage.m
        if name != "weight":
            return [(flat, packed[start : start + m])]
        area = packed[start : start + padded(n, self.lanes) * padded(m, self.lanes)]
        if not self.samples:
            return self._panel_parts(self.panels[s], flat, area)
        if self.by_input[s]:
            return [(flat, area.reshape(-1, padded(m, self.lanes))[:n, :m])]
        return [(flat.T, area.reshape(-1, padded(n, self.lanes))[:m, :n])]

    def transposed_parts(self, s: int, stage: Stage, flat: Array, transposed: Array) -> list[tuple[Array, Array]]:
        """The same for the transposed copy of a dense stage's weights."""
        size = padded(stage.n, self.lanes) * padded(stage.m, self.lanes)
        area = transposed[self.transposed[s] : self.transposed[s] + size]
        return self._panel_parts(self.panels_transposed[s], flat.T, area)

    def _panel_parts(self, panels: Sequence[Panels], flat: Array, area: Array) -> list[tuple[Array, Array]]:
        parts = []
        rows, columns = flat.shape
        for group in panels:
            wide = group.vectors * self.lanes
            start = group.column * padded(rows, self.lanes)
            places = area[start : start + group.count * wide * padded(rows, self.lanes)].reshape(group.count, -1, wide)
            whole = min(group.count, (columns - group.column) // wide)  # panels without padding, all at once
            if whole:
                inside = flat[:, group.column : group.column + whole * wide].reshape(rows, whole, wide)
                parts.append((inside.transpose(1, 0, 2), places[:whole, :rows]))
            for panel in range(whole, group.count):
                first = group.column + panel * wide
                parts.append((flat[:, first:], places[panel, :rows, : columns - first]))
        return parts
