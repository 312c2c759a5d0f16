"""Several outputs for each quantity."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from clearprop._types import Array
from clearprop.errors import ConfigurationError
from clearprop.layers.base import LAYERS, OpLayer, trainable_names
from clearprop.ops import Op, numeric_embedding, ramp, wave
from clearprop.ops.embedding import passing_by

WAVES, RAMPS = ("frequency", "phase"), ("start", "slope")


class NumericEmbedding(OpLayer):
    """Each quantity x_i becomes k outputs: e_i = W_i cos(2π (w_i x_i + b_i)) + c_i, the last of them x_i itself.

    So a network for tables sees a number at several scales (Gorishniy et al. 2022, arXiv:2203.05556; Holzmüller et al.
    2024, arXiv:2407.04491, whose defaults these are).  Every column has small matrices of its own: `frequency` w and
    `phase` b of shape (columns, frequencies), `weight` W of shape (columns, outputs, frequencies) and `bias` c of shape
    (columns, outputs), where outputs is k, or k - 1 beside the input itself.

    With `edges` the waves are replaced by ramps: one for each bin between two edges, which rises from 0 to 1 within it
    (piecewise-linear encoding).  `start` and `slope` of the ramps, of shape (columns, bins), stay as the edges have
    them; a column with fewer bins than another has ramps of slope 0.

    First come the outputs of the first column, those of the second, and so on; then the whole input, or without
    `keep_input` the columns that pass by: those that `columns` does not name.

    Parameters
    ----------
    k : int
        Outputs of each column, the input itself among them if it is kept.
    columns : sequence of int, optional
        Which of the inputs are quantities; the others (of a category, say) only pass by.  Default: all.
    edges : sequence of sequences of float, optional
        For each of these columns the edges of its bins, rising.
    keep_input : bool
    frequencies : int
        Waves for each column.
    sigma : float
        Standard deviation of the initial frequencies, which decides how fine differences are seen at first.
    trainable : sequence of str
        Without `edges` of "frequency", "phase", "weight" and "bias", with them of "start", "slope", "weight" and
        "bias"; the other form's names change nothing.
    learning_rate_factor : float

    >>> from clearprop.model import Sequential
    >>> print(Sequential([NumericEmbedding(columns=[0, 2])], 3).summary())
    layer                             outputs  parameters
    NumericEmbedding(columns=(0, 2))        9         166
    166 parameters, all trainable, float64
    """

    decays = ("weight",)

    def __init__(
        self,
        k: int = 4,
        columns: Sequence[int] | None = None,
        edges: Sequence[Sequence[float]] | None = None,
        keep_input: bool = True,
        frequencies: int = 16,
        sigma: float = 0.1,
        trainable: Sequence[str] = (*WAVES, "weight", "bias"),
        learning_rate_factor: float = 0.1,
    ) -> None:
        self.keep_input = bool(keep_input)
        self.k = _whole("k", k, 1 + self.keep_input, " and the input itself" if self.keep_input else "")
        self.frequencies = _whole("frequencies", frequencies, 1)
        if not 0.0 < sigma < np.inf:
            raise ConfigurationError(f"NumericEmbedding needs a finite sigma above 0, not {sigma!r}")
        self.sigma = sigma
        self.columns = None if columns is None else _checked_columns(columns)
        self.edges = None if edges is None else _checked_edges(edges)
        if self.columns is not None and self.edges is not None and len(self.edges) != len(self.columns):
            raise ConfigurationError(
                f"NumericEmbedding has edges for {len(self.edges)} columns, but {len(self.columns)} columns; give each "
                "of them its edges, in the same order"
            )
        inner, others = (WAVES, RAMPS) if edges is None else (RAMPS, WAVES)
        self._names = (*inner, "weight", "bias")
        known = trainable_names(trainable, (*inner, *others, "weight", "bias"), "NumericEmbedding")
        self.trainable = tuple(name for name in known if name not in others)
        self.learning_rate_factor = learning_rate_factor

    @property
    def outputs(self) -> int:
        """Of each column, without the input itself."""
        return self.k - self.keep_input

    @property
    def initial(self) -> dict[str, float]:  # type: ignore[override]
        return dict.fromkeys(self._names, 0.0)

    def operation(self) -> Op:
        basis = wave if self.edges is None else ramp
        return numeric_embedding.bind(basis=basis, columns=self.columns, keep_input=self.keep_input)

    def build(self, n_in: int) -> tuple[int, dict[str, tuple[int, ...]]]:
        count = self._count(n_in)
        functions = self.frequencies if self.edges is None else max(len(edges) for edges in self.edges) - 1
        shapes = [(count, functions), (count, functions), (count, self.outputs, functions), (count, self.outputs)]
        passed = len(passing_by(n_in, self.columns, self.keep_input))
        return count * self.outputs + passed, dict(zip(self._names, shapes, strict=True))

    def _count(self, n_in: int) -> int:
        """How many columns are embedded."""
        if self.columns is not None and max(self.columns) >= n_in:
            raise ConfigurationError(
                f"NumericEmbedding has no column {max(self.columns)} among {n_in} inputs; they are 0 to {n_in - 1}"
            )
        count = n_in if self.columns is None else len(self.columns)
        if self.edges is not None and len(self.edges) != count:
            raise ConfigurationError(
                f"NumericEmbedding has edges for {len(self.edges)} columns, but {count} inputs; name the columns they "
                "belong to, columns=[...]"
            )
        return count

    def initial_parameters(self, n_in: int, rng: np.random.Generator) -> dict[str, Array]:
        shapes = self.build(n_in)[1]
        if self.edges is None:
            inner = [rng.normal(0.0, self.sigma, shapes["frequency"]), rng.uniform(-0.5, 0.5, shapes["phase"])]
            functions = np.full(shapes["bias"], self.frequencies)
        else:
            inner = list(_ramps(self.edges, shapes["start"]))
            functions = np.repeat([[len(edges) - 1] for edges in self.edges], self.outputs, axis=1)
        limit = 1.0 / np.sqrt(functions)
        weight = rng.uniform(-1.0, 1.0, shapes["weight"]) * limit[..., None]
        bias = rng.uniform(-1.0, 1.0, shapes["bias"]) * limit
        return dict(zip(self._names, (*inner, weight, bias), strict=True))


def _ramps(edges: Sequence[Sequence[float]], shape: tuple[int, ...]) -> tuple[Array, Array]:
    """Where each ramp starts, and its slope; 0 where a column has no more."""
    start, slope = np.zeros(shape), np.zeros(shape)
    for i, own in enumerate(edges):
        start[i, : len(own) - 1], slope[i, : len(own) - 1] = own[:-1], 1.0 / np.diff(own)
    return start, slope


def _whole(name: str, n: Any, least: int, what: str = "") -> int:
    if isinstance(n, bool) or not isinstance(n, int | np.integer) or n < least:
        least_text = f"{least} or more{f': one output{what}' if what else ''}"
        raise ConfigurationError(f"NumericEmbedding needs a whole number {name}, {least_text}, not {n!r}")
    return int(n)


def _checked_columns(columns: Any) -> tuple[int, ...]:
    try:
        found = tuple(columns)
    except TypeError:
        found = ()
    if not found or any(isinstance(c, bool) or not isinstance(c, int | np.integer) or c < 0 for c in found):
        raise ConfigurationError(f"columns are numbers of inputs, from 0, one or more, not {columns!r}")
    if len(set(found)) < len(found):
        raise ConfigurationError(f"columns name an input twice: {columns!r}")
    return tuple(int(c) for c in found)


def _checked_edges(edges: Any) -> tuple[tuple[float, ...], ...]:
    try:
        found = tuple(tuple(float(edge) for edge in own) for own in edges)
    except (TypeError, ValueError):
        found = ()
    if not found:
        raise ConfigurationError(
            "edges are a list of numbers for each column, as [[0.0, 0.5, 1.0]] for one with two bins"
        )
    for i, own in enumerate(found):
        with np.errstate(all="ignore"):
            rises = len(own) >= 2 and bool(np.all(np.isfinite(1.0 / np.diff(own)) & (np.diff(own) > 0.0)))
        if not rises or not np.isfinite(own).all():
            raise ConfigurationError(
                f"the edges of column {i} must be two or more finite numbers, each above the one before; leave "
                "out repeated ones"
            )
    return found


LAYERS.register("NumericEmbedding", NumericEmbedding)
