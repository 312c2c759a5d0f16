"""Where things lie in memory."""

from collections.abc import Sequence
from typing import Any

from clearprop.engine.native.stages.base import Stage
from clearprop.engine.native.tuning import Tuning
from clearprop.engine.native.values import padded


class Layout:
    """Where things lie, one stage's after the other's, all padded to whole vectors.

    Attributes
    ----------
    starts : list of dict
        By stage, where each parameter starts.
    size : int
        Numbers that all parameters take; an optimiser's slots lie so far behind them.
    averages, averages_size
        The same of the running averages, by stage.
    places : list
        By stage, what else it has to know.
    transposed_size : int
        Numbers that the transposed copies of weights take.
    ld : list of int
        Numbers from one row of activations to the next, at each boundary between stages.
    tickets : int
        Of an update, at most.
    """

    def __init__(self, stages: Sequence[Stage], lanes: int, tuning: Tuning, *, samples: bool = False) -> None:
        self.lanes, self.tuning, self.samples = lanes, tuning, samples
        self.starts: list[dict[str, int]] = []
        self.averages: list[int] = []
        self.places: list[Any] = []
        self.size = self.transposed_size = self.averages_size = 0
        for stage in stages:
            starts = {}
            for name in stage.parameters:
                starts[name] = self.size
                self.size += stage.size(name, lanes)
            self.starts.append(starts)
            self.averages.append(self.averages_size)
            self.averages_size += len(stage.averages) * padded(stage.m, lanes)
            self.places.append(stage.place(self))
        most = (max(stage.blocks(lanes), padded(stage.n, lanes) // lanes) for stage in stages)
        self.tickets = 1 + (len(stages) if samples else sum(most))
        widths = [stages[0].n, *(stage.m for stage in stages)]
        # rows a multiple of 1 KB apart would compete for the same few places of the cache
        self.ld = [padded(n, lanes) for n in widths]
        self.ld = [ld + lanes if ld * 64 // lanes % 1024 == 0 else ld for ld in self.ld]
