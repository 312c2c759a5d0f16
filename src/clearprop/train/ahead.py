"""Several epochs trained as one, for speed: between two of a small network's, Python takes longer than the epoch."""

import time

import numpy as np

from clearprop.engine import Batches, Program, added_up
from clearprop.errors import DivergenceError
from clearprop.train.course import Course, Epoch
from clearprop.train.job import Job
from clearprop.train.report import Report

ROWS = 2**17  # that epochs trained at once have together, at most,
WORK = 2**30  # and rows times parameters: a tenth of a second


class Ahead:
    """Trains epochs ahead, where nobody looks at model or state between them and nothing depends on where one ends."""

    def __init__(self, job: Job, course: Course, program: Program, report: Report) -> None:
        self.job, self.course, self.program, self.report = job, course, program, report
        measured = job.record == "step" or job.held_out is not None or job.metrics
        draws = any(layer.draws for layer in job.model.layers)  # other numbers in each epoch
        self._most = 1 if measured or draws else min(ROWS, WORK // max(len(job.model.w), 1)) // len(job.rows)
        self._drawn: dict[int, Batches] = {}

    def batches(self, epoch: int) -> Batches:
        """The epoch's batches; an order that is a function is asked for them once."""
        return self._drawn[epoch] if epoch in self._drawn else self.job.batches(epoch)

    def epochs(self) -> list[Epoch]:
        """The next epochs, done; none if the next is to be trained by itself."""
        state, started = self.course.state, time.perf_counter()
        upcoming = range(state.epoch, min(state.epoch + min(self._most, self.course.unseen), self.job.epochs + 1))
        if len(upcoming) < 2 or state.position:
            return []
        self._drawn = {epoch: self.job.batches(epoch) for epoch in upcoming}
        before = self.course.weights()
        try:
            return self._trained(list(self._drawn.values()), started)
        except DivergenceError:  # once more, to end where it would have ended epoch by epoch
            self._most = 1
            self.course.go_back(state, *before)
            return []

    def _trained(self, plans: list[Batches], started: float) -> list[Epoch]:
        course, first = self.course, self.course.state
        joined = _joined(plans)
        scalars, carry = self.job.table(first, joined)
        sums = np.empty((3, len(joined)))
        while course.state.position < len(joined):
            course.advance(self.program, self.job.rows.data, joined, scalars, sums)
        ends = np.cumsum([len(batches) for batches in plans])
        totals = [added_up(np.zeros(3), part) for part in np.split(sums, ends[:-1], axis=1)]
        losses = [self.report.losses(epoch, total) for epoch, total in enumerate(totals, first.epoch)]
        course.set(epoch=first.epoch + len(plans), position=0, totals=np.zeros(3), carry=carry)
        seconds = (time.perf_counter() - started) / len(plans)
        rates = [self.job.rate(first.step + end) for end in ends.tolist()]
        return [
            self.report.epoch(row, rate, seconds, len(batches.indices))
            for row, rate, batches in zip(losses, rates, plans, strict=True)
        ]


def _joined(plans: list[Batches]) -> Batches:
    """The batches of all the epochs, one after the other."""
    starts = np.cumsum([0, *(len(batches.indices) for batches in plans)])
    offsets = [batches.offsets[1:] + start for batches, start in zip(plans, starts, strict=False)]
    return Batches(np.concatenate([batches.indices for batches in plans]), np.concatenate([[0], *offsets]))
