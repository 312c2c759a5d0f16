"""A run of `clearprop train`: its options, the way from a table to a judged model, and the folder that keeps it."""

from clearprop.runs.folder import write_run
from clearprop.runs.options import RunOptions
from clearprop.runs.training import Run, train_repeatedly, train_run

__all__ = ["Run", "RunOptions", "train_repeatedly", "train_run", "write_run"]
