"""A drop-in `MLPRegressor`."""

from typing import Any

import numpy as np
from sklearn.base import RegressorMixin
from sklearn.metrics import d2_pinball_score, r2_score
from sklearn.utils.metaestimators import available_if

from clearprop._types import Array
from clearprop.data import Dataset
from clearprop.errors import DataError
from clearprop.estimators.base import BaseMLP, takes_steps
from clearprop.estimators.habits import refuse_options, refuses_others
from clearprop.estimators.objectives import regression_loss
from clearprop.losses import Loss, Quantile


class MLPRegressor(RegressorMixin, BaseMLP):  # type: ignore[misc]
    """A multi-layer perceptron for quantities: scikit-learn's `MLPRegressor`, faster, and with more to choose from.

    All of scikit-learn's parameters and attributes mean what they mean there, and with the same random_state the
    network starts at the same weights and sees the same batches.

    Parameters
    ----------
    loss : str or Loss
        "squared_error", "poisson", any registered name ("mae", "huber", "log_cosh", "quantile", ...) or your own.
    quantiles : sequence of float, optional
        With loss="quantile": one output for each of these quantiles of the one target.
    hidden_layer_sizes, activation, solver, alpha, batch_size, learning_rate, learning_rate_init, power_t, max_iter, \
shuffle, random_state, tol, verbose, warm_start, momentum, nesterovs_momentum, early_stopping, validation_fraction, \
beta_1, beta_2, epsilon, n_iter_no_change, max_fun
        As in scikit-learn, and as in `MLPClassifier`.
    dropout, normalization, init, weight_decay, clip_value, clip_norm, scoring, dtype, engine, checkpoint
        As in `MLPClassifier`; early stopping goes by r2 unless `scoring` says otherwise.

    Attributes
    ----------
    model_, validation_loss_curve_, history_, converged_
        As in `MLPClassifier`.

    >>> from clearprop.estimators import MLPRegressor
    >>> X, y = [[0.0], [1.0], [2.0], [3.0]], [0.0, 2.0, 4.0, 6.0]
    >>> round(float(MLPRegressor(hidden_layer_sizes=(), solver="lbfgs", alpha=0.0).fit(X, y).predict([[1.5]])[0]), 2)
    3.0
    """

    _numeric_targets = True

    @refuses_others
    def __init__(
        self,
        loss: Any = "squared_error",
        hidden_layer_sizes: Any = (100,),
        activation: Any = "relu",
        *,
        solver: Any = "adam",
        alpha: float = 0.0001,
        batch_size: Any = "auto",
        learning_rate: Any = "constant",
        learning_rate_init: float = 0.001,
        power_t: float = 0.5,
        max_iter: int = 200,
        shuffle: bool = True,
        random_state: Any = None,
        tol: float = 1e-4,
        verbose: bool = False,
        warm_start: bool = False,
        momentum: float = 0.9,
        nesterovs_momentum: bool = True,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        n_iter_no_change: float = 10,
        max_fun: int = 15000,
        quantiles: Any = None,
        dropout: float = 0.0,
        normalization: str | None = None,
        init: Any = None,
        weight_decay: float = 0.0,
        clip_value: float | None = None,
        clip_norm: float | None = None,
        scoring: Any = None,
        dtype: Any = None,
        engine: str = "auto",
        checkpoint: Any = None,
    ) -> None:
        self._store(locals())

    # --- targets ------------------------------------------------------------------------------------------------------

    def _learn_targets(self, y: Any, *, incremental: bool) -> None:
        if self.quantiles is not None and y.ndim > 1:
            raise DataError(f"quantiles are of one target, but y has {y.shape[1]} columns; fit one model for each")
        self._width = 1 if y.ndim == 1 else int(y.shape[1])

    def _targets(self, y: Any) -> tuple[Array, tuple[str, ...]]:
        y = y if y.dtype in (np.float32, np.float64) else y.astype(np.float64)
        return (y if self.quantiles is None else np.tile(y[:, None], self._n_outputs())), ()

    def _make_loss(self) -> Loss:
        return regression_loss(self.loss, self.quantiles)

    def _n_outputs(self) -> int:
        loss = self._make_loss()
        return np.size(loss.q) if isinstance(loss, Quantile) and self.quantiles is not None else self._width

    def _score_of(self, data: Dataset, predicted: Array) -> float:
        truth = data.y if self.quantiles is None else data.y[:, 0]
        return self._score(truth, predicted.reshape(data.y.shape), data.sample_weight)

    def _score(self, y: Any, predicted: Array, sample_weight: Any) -> float:
        loss = self._loss
        if not isinstance(loss, Quantile):
            return float(r2_score(y, predicted, sample_weight=sample_weight))
        columns = predicted.reshape(len(predicted), -1).T
        scores = [
            d2_pinball_score(y, column, sample_weight=sample_weight, alpha=q)
            for q, column in zip(np.atleast_1d(loss.q), columns, strict=True)
        ]
        return float(np.mean(scores))

    # --- the public methods -------------------------------------------------------------------------------------------

    @available_if(takes_steps)  # type: ignore[untyped-decorator]
    def partial_fit(
        self, X: Any, y: Any, sample_weight: Any = None, *, X_val: Any = None, y_val: Any = None, **unknown: Any
    ) -> "MLPRegressor":
        """One epoch on X and y, keeping the optimiser's state; parameters as for `MLPClassifier.partial_fit`."""
        refuse_options("partial_fit", unknown, ("X", "y", "sample_weight", "X_val", "y_val"))
        self._fit(X, y, sample_weight, X_val, y_val, incremental=True)
        return self

    def predict(self, X: Any) -> Array:
        """The predictions, of shape (n,) or (n, n_outputs)."""
        found = self._predictions(X)
        return found.ravel() if found.shape[1] == 1 else found

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """R²; for quantiles the mean share of the pinball loss explained (`sklearn.metrics.d2_pinball_score`)."""
        return self._score(y, self.predict(X), sample_weight)
