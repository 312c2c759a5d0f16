"""A saved model: a network, what its columns mean, and its answers for new rows in the words of its training table."""

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np

from clearprop._registry import listed
from clearprop._types import Array
from clearprop.data import Dataset, Preparation, Table, read_table
from clearprop.data.arrays import features, is_sparse
from clearprop.ensemble import Model
from clearprop.errors import ConfigurationError, DataError, DataWarning, ShapeError
from clearprop.train import predict

_ROWS_AT_ONCE = 100_000


@dataclass(frozen=True)
class SavedModel:
    """A trained model with all that new rows need: what `load` gives, and what a run has as ``run.saved``.

    Attributes
    ----------
    model : Sequential or Ensemble
        With its parameters.
    preparation : Preparation or None
        How columns become its input, and its output becomes words again.
    link : str
        What turns its raw output into predictions.

    Examples
    --------
    >>> from clearprop.data import load_dataset
    >>> from clearprop.model import MLP
    >>> iris = load_dataset("iris")
    >>> saved = SavedModel(MLP([4, 8, 3], seed=1), Preparation.of(iris), "softmax")
    >>> saved
    <SavedModel of target: setosa, versicolor, virginica from 4 columns by MLP([4, 8, 3], seed=1)>
    >>> saved.predict(iris.X[:2])
    array(['setosa', 'setosa'], dtype=object)
    >>> saved.predict_proba(iris).shape
    (150, 3)
    """

    model: Model
    preparation: Preparation | None
    link: str

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of the classes, in the order of `predict_proba`; empty for quantities, or if they are unknown."""
        return () if self.preparation is None else self.preparation.class_names

    def predict(self, data: Any, *, threshold: float | None = None) -> Array:
        """The class of each row, as the training table wrote it, or the quantity in the target's own unit.

        Parameters
        ----------
        data : path, frame, Table, Dataset or array
            A file that `read_table` reads, or what it gives; a pandas, polars or Arrow table.  Columns are found by
            name, in any order; other columns are ignored, and the target need not be among them.  A `Dataset` has the
            model's features.  An array, which has no names, has the columns in the model's order: only a model of
            columns that are numbers takes it.  A model without a preparation takes nothing but arrays.
        threshold : float, optional
            For two classes: the second is the answer where its probability is at least this.  By default the more
            probable one is.

        Returns
        -------
        array of shape (n,), or (n, k) for several quantities
            Text for classes; of a model without a preparation, its outputs after the link, of shape (n, k).

        Raises
        ------
        DataError, ShapeError
            The rows lack a column, or have a cell that the model cannot use.
        ConfigurationError
            A threshold where there are not two classes.
        """
        if self.preparation is None:
            check_threshold(self, threshold)
            return predict(self.model, self._array(data), link=self.link)
        return labels(self, predictions_for(self, self._rows(data)), threshold)

    def predict_proba(self, data: Any) -> Array:
        """The probability of each of `classes`, shape (n, k), for what `predict` takes.

        Raises
        ------
        ConfigurationError
            The model predicts quantities, or was saved without a preparation.
        """
        if self.preparation is None:
            raise ConfigurationError(
                "this model was saved without a preparation, so it does not know its classes; predict(X) gives its "
                f"outputs after the link {self.link!r}"
            )
        if not self.classes:
            raise ConfigurationError(
                f"this model predicts a quantity, {self.preparation.target!r}, which has no classes; use predict"
            )
        return predictions_for(self, self._rows(data))

    def _rows(self, data: Any) -> Dataset | Table:
        """What `predictions_for` takes."""
        plan = preparation_of(self)
        if isinstance(data, Dataset | Table):
            return data
        if not (isinstance(data, np.ndarray | list | tuple) or is_sparse(data)):
            table = read_table(data)
            for note in table.notes:  # lines passed over give no answers
                warnings.warn(note, DataWarning, stacklevel=3)
            return table
        names = plan.feature_names
        more = [column for column in plan.columns if column.kind != "number" or column.features != (column.name,)]
        if more:
            raise DataError(
                f"an array has neither names nor words nor gaps, but the model's column {more[0].name!r} "
                f"({more[0].kind}) needs them; pass a file or a data frame"
            )
        X = features(data, "X", names)
        if X.ndim != 2 or X.shape[1] != len(names):
            raise ShapeError(f"X must have shape (n, {len(names)}), not {X.shape}; its columns are {listed(names)}")
        return Dataset(X, np.zeros(len(X)), feature_names=names, name="X")

    def _array(self, data: Any) -> Any:
        """An array for a network that knows no columns."""
        if not (isinstance(data, np.ndarray | list | tuple) or is_sparse(data)):
            raise ConfigurationError(
                "this model was saved without a preparation, so it does not know what columns mean; pass an array of "
                f"its {self.model.n_in} inputs, or save it with preparation="
            )
        return data

    def __repr__(self) -> str:
        by = f"by {self.model!r}"
        if self.preparation is None:
            return f"<SavedModel without a preparation, {by} with link {self.link!r}>"
        target, n = self.preparation.target, len(self.preparation.columns)
        what = f"{target}: {listed(self.classes, 6)}" if self.classes else target
        return f"<SavedModel of {what} from {n} column{'s' * (n != 1)} {by}>"


def preparation_of(saved: SavedModel) -> Preparation:
    """The model's preparation, which it must have."""
    if saved.preparation is None:
        raise ConfigurationError("this model has no preparation; save it with preparation=")
    return saved.preparation


def predictions(saved: SavedModel, X: Array) -> Array:
    """Probabilities of the classes, or quantities in the target's own unit, for raw features; shape (n, k)."""
    plan = preparation_of(saved)
    prepared = plan.standardise(X).astype(saved.model.dtype, copy=False)
    answers = plan.inverse_target(predict(saved.model, prepared, link=saved.link))
    if plan.class_names and saved.link != "softmax":  # a yes or no for each class: in proportion
        answers = answers / np.maximum(answers.sum(axis=1, keepdims=True), np.finfo(answers.dtype).tiny)
    return answers


def predictions_for(saved: SavedModel, data: Dataset | Table) -> Array:
    """`predictions` for the rows of `data`, in order; a target is not needed."""
    plan = preparation_of(saved)
    if isinstance(data, Table):  # in pieces, so that a long table needs little memory
        return np.concatenate([predictions(saved, X) for X in plan.batches(data, _ROWS_AT_ONCE)])
    check_features(plan, data)
    return predictions(saved, data.X)


def check_features(plan: Preparation, data: Dataset) -> None:
    """Refuse a data set of other features than the plan makes."""
    if data.feature_names != plan.feature_names:
        raise DataError(f"{data.name} has other features than the model, which needs: {listed(plan.feature_names)}")


def labels(saved: SavedModel, answers: Array, threshold: float | None = None) -> Array:
    """What `SavedModel.predict` gives for these `predictions`."""
    check_threshold(saved, threshold)
    if not saved.classes:
        return answers[:, 0] if answers.shape[1] == 1 else answers
    number = answers.argmax(axis=1) if threshold is None else (answers[:, 1] >= threshold).astype(int)
    classes: Array = np.array(saved.classes, dtype=object)
    return np.asarray(classes[number])


def check_threshold(saved: SavedModel, threshold: float | None) -> None:
    """Refuse a threshold that is no probability, or where there are not two classes to choose from."""
    if threshold is None:
        return
    if isinstance(threshold, bool) or not isinstance(threshold, int | float | np.number) or not 0.0 <= threshold <= 1.0:
        raise ConfigurationError(f"threshold={threshold!r} is no probability; give a number from 0 to 1, as 0.3")
    if len(saved.classes) != 2:
        has = f"the classes {listed(saved.classes, 8)}" if saved.classes else "no classes"
        raise ConfigurationError(f"a threshold chooses between two classes, but this model has {has}; leave it out")
