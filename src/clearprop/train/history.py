"""The record of a training run: one row for each epoch."""

import csv
import io
from collections.abc import Iterator
from typing import Any

import numpy as np

from clearprop._types import Array


class History:
    """A table of numbers, one row (a dictionary) for each epoch.

    >>> history = History()
    >>> history.append({"epoch": 1, "loss": 0.5})
    >>> history.append({"epoch": 2, "loss": 0.25})
    >>> history[-1]
    {'epoch': 2, 'loss': 0.25}
    >>> history["loss"]
    array([0.5 , 0.25])
    """

    def __init__(self) -> None:
        self.rows: list[dict[str, float]] = []
        self.stopped_by = "nothing"

    def append(self, row: dict[str, float]) -> None:
        """Add an epoch's row."""
        self.rows.append(dict(row))

    def columns(self) -> dict[str, Array]:
        """Each quantity as an array over the epochs; NaN where an epoch did not record it."""
        names = dict.fromkeys(name for row in self.rows for name in row)
        return {name: np.array([row.get(name, np.nan) for row in self.rows]) for name in names}

    def to_csv(self) -> str:
        """The table as CSV text, numbers in full precision."""
        text = io.StringIO()
        columns = self.columns()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows([row.get(name, "") for name in columns] for row in self.rows)
        return text.getvalue()

    def __getitem__(self, which: int | str) -> Any:
        return self.columns()[which] if isinstance(which, str) else self.rows[which]

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[dict[str, float]]:
        return iter(self.rows)

    def __repr__(self) -> str:
        return f"<History of {len(self)} epochs: {', '.join(self.columns())}>"
