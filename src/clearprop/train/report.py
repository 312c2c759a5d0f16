"""What is recorded of each epoch."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from clearprop._types import Array
from clearprop.data import Dataset
from clearprop.engine import Program
from clearprop.errors import DivergenceError
from clearprop.metrics import METRICS
from clearprop.ops import ACTIVATIONS
from clearprop.train.causes import Causes
from clearprop.train.course import Epoch

if TYPE_CHECKING:
    from clearprop.train.job import Job


@dataclass(frozen=True)
class Report:
    """Losses and metrics of a job, as its program trains it.

    Attributes
    ----------
    job : Job
    program : Program
    causes : Causes
        What a loss is measured by that has grown beyond sense.
    """

    job: "Job"
    program: Program
    causes: Causes

    def losses(self, epoch: int, totals: Array, **more: float) -> dict[str, float]:
        """The means of loss and penalty over batches of these totals.

        Raises
        ------
        DivergenceError
            The loss has grown beyond sense.
        """
        value, weight, penalty = totals
        row = {"epoch": epoch, **more, "loss": _mean(value, weight)}
        if self.causes.beyond_sense(row["loss"]):
            raise DivergenceError(
                f"training diverged in epoch {epoch}: the loss has grown from {self.causes.start:.2g} at the start to "
                f"{row['loss']:.2g}; lower the learning rate, scale the data, or clip gradients with clip_norm=1. "
                "The last weights before are kept"
            )
        return row | {"penalty": _mean(penalty, weight)} if self.job.options.penalty_in_sum else row

    def epoch(self, row: dict[str, float], rate: float, seconds: float, rows: int) -> Epoch:
        """The epoch whose losses are in `row`, with all that is measured after it."""
        job = self.job
        if job.metrics:
            training = job.rows.whole()
            row |= self._measure(training, self.program.predict(training.X), "")
        if job.held_out is not None:
            outputs = self.program.predict(job.held_out.X)
            with np.errstate(all="ignore"):
                value = job.loss(job.held_out.y, outputs, job.held_out.sample_weight)
            row["validation_loss"] = float(value)
            row |= self._measure(job.held_out, outputs, "validation_")
        row |= {"learning_rate": rate, "seconds": seconds, "rows_per_second": rows / max(seconds, 1e-9)}
        return Epoch(int(row["epoch"]), job.epochs, row, job.model)

    def _measure(self, data: Dataset, outputs: Array, prefix: str) -> dict[str, float]:
        if not self.job.metrics:
            return {}
        predictions = ACTIVATIONS[self.job.loss.link].forward(outputs)
        return {prefix + name: METRICS[name](data.y, predictions) for name in self.job.metrics}


def _mean(value: float, weight: float) -> float:
    return float(value / weight) if weight else 0.0
