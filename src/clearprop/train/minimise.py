"""Training by a minimiser, which is handed the loss of all rows and asks for its value where it likes."""

import math
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from typing import Any

import numpy as np

from clearprop._types import Array
from clearprop.engine import Program, penalties
from clearprop.errors import DivergenceError
from clearprop.optim import LBFGS
from clearprop.train.course import Course, Epoch
from clearprop.train.job import Job
from clearprop.train.report import Report

CURVATURE_LOST = (
    "L-BFGS goes on from its weights, but without the curvature it had seen: by other steps, to other digits, than "
    "without the interruption"
)


def iterations(job: Job, course: Course, program: Program, report: Report) -> Iterator[list[Epoch]]:
    """The epochs of L-BFGS: each an iteration on all data.  Yields as `epoch_by_epoch` does.

    Raises
    ------
    DivergenceError
        The loss at the start is no number.
    """
    model, optimizer, left = job.model, job.optimizer, job.epochs - course.state.step
    assert isinstance(optimizer, LBFGS)
    trainable: Any = np.concatenate([np.arange(s.start, s.stop) for s in model.segments if s.trainable])
    if len(trainable) == len(model.w):
        trainable = slice(None)  # the same, without a copy at each evaluation
    data = job.rows.whole()
    weight = job.loss.weight_of(len(data), data.sample_weight)
    objective = program.objective(data.X, data.y, data.sample_weight)

    def loss_and_grad(w: Array) -> tuple[float, Array]:
        model.w[trainable] = w
        with np.errstate(all="ignore"):
            value, g = objective()
        return value, g[trainable].astype(np.float64, copy=False)

    best = model.w[trainable].copy()
    first, _ = loss_and_grad(best)
    if not math.isfinite(first):
        raise DivergenceError(f"training diverged before the first iteration: the loss is {first}; scale the data")
    started = time.perf_counter()

    def after(w: Array, value: float) -> Epoch:
        """The iteration that has come to these weights."""
        nonlocal best, started
        best = model.w[trainable] = w
        number = course.state.epoch
        course.set(step=number, epoch=number + 1, w=model.w.copy())
        penalty = penalties(model, job.options, weight)
        row = {"epoch": number, "loss": value - penalty} | ({"penalty": penalty} if job.options.penalty_in_sum else {})
        seconds, started = time.perf_counter() - started, time.perf_counter()
        return report.epoch(row, 1.0, seconds, len(data))

    course.rest()
    course.state = replace(course.state, w=model.w.copy())
    with course.moving():  # by the line search
        try:
            if course.unseen >= left > 0:  # nobody looks at the model in between
                found: list[Epoch] = []
                optimizer.minimise(loss_and_grad, best, left, lambda w, value: found.append(after(w, value)))
                yield found
            else:
                with closing(optimizer.iterates(loss_and_grad, best, left)) as iterates:
                    for w, value in iterates:
                        yield [after(w, value)]
                        if course.stopped:
                            break
                        course.rest()
        finally:
            model.w[trainable] = best  # the line search may have left the model elsewhere
    course.rest(ended=True)
