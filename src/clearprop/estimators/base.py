"""How both estimators are fitted: as scikit-learn's, epoch by epoch or by L-BFGS, read from `fit` downward."""

import math
import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from numbers import Real
from typing import Any

import numpy as np
from sklearn.callback import CallbackSupportMixin, with_callbacks
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import check_scoring
from sklearn.model_selection import train_test_split
from sklearn.utils import check_random_state
from sklearn.utils.validation import column_or_1d

from clearprop._types import Array
from clearprop.data import Dataset
from clearprop.data.arrays import is_sparse
from clearprop.engine import GradientOptions, initial_state, penalties
from clearprop.errors import ConfigurationError, DataError, DivergenceError, ShapeError
from clearprop.estimators.callbacks import Losses, Patience, Tasks
from clearprop.estimators.checkpoints import Beginning, beginning
from clearprop.estimators.fitted import FittedMLP
from clearprop.estimators.habits import refuse_options
from clearprop.estimators.inputs import validated
from clearprop.estimators.objectives import shown_loss
from clearprop.estimators.parameters import (
    check_parameters,
    hidden_sizes,
    make_minimiser,
    make_model,
    make_optimizer,
    uses_lbfgs,
)
from clearprop.layers import Dense
from clearprop.losses import Loss
from clearprop.optim import Optimizer
from clearprop.train import History, train
from clearprop.train.job import first_state
from clearprop.train.loop import follow

_SHOWN_LINKS = {"sigmoid": "logistic"}
_NOT_FINITE = (
    "Solver produced non-finite parameter weights. The input data may contain large values and need to be preprocessed."
)


def takes_steps(estimator: Any) -> bool:
    """Whether there is a `partial_fit`."""
    if uses_lbfgs(estimator):
        raise AttributeError("partial_fit needs a solver that takes steps, as 'sgd' or 'adam'; this model uses L-BFGS")
    return True


@dataclass(frozen=True)
class Held:
    """Validation data: as the network sees it, and the targets as the user gave them."""

    data: Dataset
    y: Any


class Shuffles:
    """The rows in the order of each epoch, as scikit-learn draws it: each permutes the one before."""

    def __init__(self, rng: np.random.RandomState, n: int, shuffle: bool) -> None:
        self.rng, self.shuffle, self.rows = rng, shuffle, np.arange(n)

    def __call__(self, epoch: int) -> Array:
        if self.shuffle:
            picks = np.arange(len(self.rows))
            self.rng.shuffle(picks)
            self.rows = self.rows[picks]
        return self.rows

    def skip(self, epochs: int) -> None:
        """Draw these and forget them."""
        for epoch in range(epochs):
            self(epoch)


class BaseMLP(CallbackSupportMixin, FittedMLP):  # type: ignore[misc]
    """Base of `MLPClassifier` and `MLPRegressor`."""

    # parameters, of which their constructors say more
    hidden_layer_sizes: Any
    solver: Any
    alpha: float
    batch_size: Any
    learning_rate: Any
    learning_rate_init: float
    power_t: float
    max_iter: int
    shuffle: bool
    random_state: Any
    tol: float
    verbose: bool
    warm_start: bool
    early_stopping: bool
    validation_fraction: float
    n_iter_no_change: float
    dropout: float
    clip_value: float | None
    clip_norm: float | None
    scoring: Any
    dtype: Any
    checkpoint: Any

    # what a fit leaves: scikit-learn's attributes, and ours
    n_iter_: int
    t_: int
    n_outputs_: int
    loss_: float
    loss_curve_: list[float]
    best_loss_: float | None
    validation_scores_: list[float] | None
    best_validation_score_: float | None
    validation_loss_curve_: list[float]
    history_: History
    converged_: bool

    # what the next one goes on from
    _random_state: np.random.RandomState
    _batches: Shuffles | None
    _optimizer: Any
    _optimizer_settings: Any
    _state: Any
    _best: tuple[Array, Array] | None  # weights and buffers of the best score, while a fit is under way
    _no_improvement_count: int

    def _store(self, arguments: dict[str, Any]) -> None:
        """Keep the constructor's arguments under their names."""
        for name, value in arguments.items():
            if name != "self":
                setattr(self, name, value)

    # --- fitting ------------------------------------------------------------------------------------------------------

    @with_callbacks  # type: ignore[untyped-decorator]
    def fit(
        self, X: Any, y: Any, sample_weight: Any = None, *, X_val: Any = None, y_val: Any = None, **unknown: Any
    ) -> "BaseMLP":
        """Fit the network to X and y.

        Parameters
        ----------
        X : array-like, dataframe or sparse matrix of shape (n, n_features)
        y : array-like of shape (n,) or (n, n_outputs)
        sample_weight : array-like of shape (n,), optional
        X_val, y_val : optional
            Validation data: its loss is recorded after each epoch in `validation_loss_curve_`; with early_stopping=True
            it is what the score is computed on, instead of a part of X.

        Returns
        -------
        self
        """
        refuse_options("fit", unknown, ("X", "y", "sample_weight", "X_val", "y_val"))
        return self._fit(X, y, sample_weight, X_val, y_val)

    def _fit(
        self, X: Any, y: Any, sample_weight: Any, X_val: Any, y_val: Any, *, incremental: bool = False
    ) -> "BaseMLP":
        """Check everything, make or continue the network, and have the solver train it."""
        check_parameters(self)
        first = not hasattr(self, "coefs_") or not (self.warm_start or incremental)
        asked: dict[str, Any] = {"X": X, "y": y, "metadata": None}
        X, y = self._checked_pair(X, y, reset=first)
        self._learn_targets(y, incremental=incremental)
        weight = self._weights(X, y, sample_weight, incremental=incremental)
        if weight is not None:
            asked["metadata"] = {"sample_weight": weight}
        data = self._dataset(X, y, weight)
        held = self._held(X_val, y_val, incremental=incremental)
        begin = beginning(self, held.data if held else None, incremental=incremental)
        if first or incremental or not hasattr(self, "_random_state"):
            self._random_state = check_random_state(begin.seed)
        if first or not hasattr(self, "model_"):
            self._start(X, first=first)
        self._check_sizes()
        self._adopt()
        self._link_weights()  # what training changes is seen in coefs_, whoever made the arrays that were there
        if getattr(self, "converged_", False):
            self._no_improvement_count, self.converged_ = 0, False
        if uses_lbfgs(self):
            self._fit_lbfgs(data, held, asked)
            return self
        scored = getattr(self, "validation_scores_", None) is not None
        if not hasattr(self, "loss_curve_") or scored != self.early_stopping:
            self._begin_curves()  # it goes on by another rule than before
        if self.early_stopping and held is None:
            data, held = self._split(data, y)
        self._fit_stochastic(data, held, None if incremental else asked, begin)
        return self

    def _start(self, X: Any, *, first: bool) -> None:
        """A new network, with scikit-learn's start weights; if `first`, all records are begun anew."""
        dtype = np.dtype(self.dtype or X.dtype)
        n_out = self._n_outputs()
        self.model_ = make_model(self, X.shape[1], n_out, dtype, self._random_state)
        self._loss = self._make_loss()
        self.n_outputs_, self.n_layers_ = n_out, len(hidden_sizes(self.hidden_layer_sizes)) + 2
        self.out_activation_ = _SHOWN_LINKS.get(self._loss.link, self._loss.link)
        self._seed = int(self._random_state.randint(2**31)) if self.dropout else 0
        self._programs = {}
        self._batches = self._optimizer = self._state = None
        if first or not hasattr(self, "t_"):
            self.n_iter_ = self.t_ = 0
        if first:
            self._link_weights()
        self._begin_curves()

    def _begin_curves(self) -> None:
        """The attributes that grow from epoch to epoch, empty."""
        self.history_, self.validation_loss_curve_ = History(), []
        self._best, self._no_improvement_count, self.converged_ = None, 0, False
        if uses_lbfgs(self):
            return
        self.loss_curve_ = []
        self.validation_scores_ = [] if self.early_stopping else None
        self.best_validation_score_ = -math.inf if self.early_stopping else None
        self.best_loss_ = None if self.early_stopping else math.inf

    def _check_sizes(self) -> None:
        hidden = hidden_sizes(self.hidden_layer_sizes)
        if [layer.units for layer in self.model_.layers if isinstance(layer, Dense)][:-1] != hidden:
            raise ConfigurationError(
                f"hidden_layer_sizes is now {hidden}, but the network that training goes on with is {self.model_!r}; "
                "set warm_start=False, or keep the sizes"
            )

    # --- by epochs ----------------------------------------------------------------------------------------------------

    def _fit_stochastic(self, data: Dataset, held: Held | None, asked: dict[str, Any] | None, begin: Beginning) -> None:
        """`max_iter` epochs, or one for `partial_fit`, which has not `asked` for more."""
        model, n, incremental = self.model_, len(data), asked is None
        optimizer = self._continued_optimizer()
        training = train(
            model,
            data,
            self._loss,
            optimizer,
            epochs=self._state.epoch - 1 + (1 if incremental else self.max_iter),
            batch_size=self._rows_of_batches(n),
            order=self._continued_order(n, begin.epochs, anew=incremental),
            validation=held and held.data,
            engine=self.engine,
            l2=float(self.alpha),
            penalty_in_sum=True,
            clip_value=self.clip_value,
            clip_norm=self.clip_norm,
            resume=begin.saved or replace(self._state, w=model.w, buffers=model.buffers),
        )
        if self.early_stopping and self._best is None and self.validation_scores_:
            self._best = model.w.copy(), model.buffers.copy()  # what an earlier fit found best is where this one starts
        patience = Patience(self, n, self._scorer(held) if held and self.early_stopping else None)
        try:
            with Tasks(self, "epoch", asked) as tasks:
                follow(training, [Losses(self), patience, *begin.callbacks, tasks], begin.saved)
                if not (training.stopped or incremental):
                    warnings.warn(
                        f"Stochastic Optimizer: Maximum iterations ({self.max_iter}) reached and the optimization "
                        "hasn't converged yet.",
                        ConvergenceWarning,
                        stacklevel=5,
                    )
        except KeyboardInterrupt:
            warnings.warn("Training interrupted by user.", stacklevel=5)
        except DivergenceError as error:
            self._diverged(error)
        finally:
            state = training.state
            model.w[...], model.buffers[...] = state.w, state.buffers
            # an interrupted epoch is begun anew; with the model's own arrays, a pickle holds them once
            self._state = replace(state, w=model.w, buffers=model.buffers, position=0, totals=np.zeros(3))
            if self._best is not None and (not incremental or self.converged_):
                model.w[...], model.buffers[...] = self._best
                self._best = None

    def _continued_optimizer(self) -> Optimizer:
        """The optimiser as it was left, or a new one if its settings have changed."""
        fresh = make_optimizer(self)
        settings = (type(fresh), fresh.config(), fresh.weight_decay)
        if self._optimizer is None or settings != self._optimizer_settings:
            start = initial_state(self.model_, fresh, self._seed)
            goes_on = self._optimizer is not None and type(self._optimizer) is type(fresh)
            if not (goes_on and self._state.slots.shape == start.slots.shape):
                self._state = start
            self._optimizer, self._optimizer_settings = fresh, settings
        return self._optimizer  # type: ignore[no-any-return]

    def _rows_of_batches(self, n: int) -> int:
        if self.batch_size == "auto":
            return min(200, n)
        if self.batch_size > n:
            warnings.warn(
                "Got `batch_size` less than 1 or larger than sample size. It is going to be clipped", stacklevel=6
            )
        return int(min(self.batch_size, n))

    def _continued_order(self, n: int, done: int, *, anew: bool) -> Shuffles:
        """The order as it was left, or `anew`, from where it is after so many epochs."""
        if anew or self._batches is None or len(self._batches.rows) != n:
            self._batches = Shuffles(self._random_state, n, self.shuffle)
        self._batches.skip(done)
        return self._batches

    def _scorer(self, held: Held) -> Callable[[], float]:
        """What gives the score that early stopping goes by; NaN if predictions are not finite."""
        if self.scoring == "loss":
            return lambda: -self.validation_loss_curve_[-1]
        if self.scoring is not None:
            scorer = check_scoring(self, self.scoring)
            return lambda: float(scorer(self._without_names(), held.data.X, held.y))

        def score() -> float:
            predicted = self._program(linked=True).predict(held.data.X)
            return self._score_of(held.data, predicted) if np.isfinite(predicted).all() else math.nan

        return score

    def _diverged(self, error: DivergenceError) -> None:
        """With early stopping there are good weights to go back to; otherwise this is the end."""
        if not self.early_stopping or self._best is None:
            raise DivergenceError(f"{_NOT_FINITE} {error}") from None
        assert self.validation_scores_ is not None
        self.n_iter_ += 1
        self.loss_ = math.nan
        for curve in (self.loss_curve_, self.validation_scores_, self.validation_loss_curve_):
            curve.append(math.nan)
        warnings.warn(f"{error}; the weights of the best epoch are restored", ConvergenceWarning, stacklevel=6)

    # --- by L-BFGS ----------------------------------------------------------------------------------------------------

    def _fit_lbfgs(self, data: Dataset, held: Held | None, asked: dict[str, Any]) -> None:
        """`max_iter` iterations on all rows at once, or until SciPy finds that it is enough."""
        model, options = self.model_, GradientOptions(l2=float(self.alpha), penalty_in_sum=True)
        optimizer = make_minimiser(self)
        training = train(
            model,
            data,
            self._loss,
            optimizer,
            epochs=self.max_iter,
            validation=held and held.data,
            engine=self.engine,
            l2=options.l2,
            penalty_in_sum=options.penalty_in_sum,
            resume=first_state(model, optimizer, self._seed),
        )
        try:
            with Tasks(self, "iteration", asked) as tasks:
                follow(training, [Losses(self), tasks])
        except DivergenceError as error:
            raise DivergenceError(f"{_NOT_FINITE} {error}") from None
        result = optimizer.result
        if not result.nit:  # the start is a minimum, and there was no iteration to record
            penalty = penalties(model, options, self._loss.weight_of(len(data), data.sample_weight))
            self.loss_ = shown_loss(self._loss, float(result.fun) - penalty, penalty, self.n_outputs_)
        if not (math.isfinite(self.loss_) and np.isfinite(model.w).all()):
            raise DivergenceError(_NOT_FINITE)
        if result.status in (1, 2):
            warnings.warn(
                f"lbfgs failed to converge after {result.nit} iteration(s) (status={result.status}): {result.message}\n"
                "Increase the number of iterations (max_iter) or evaluations (max_fun), or scale the data.",
                ConvergenceWarning,
                stacklevel=5,
            )

    # --- input --------------------------------------------------------------------------------------------------------

    def _checked_pair(self, X: Any, y: Any, *, reset: bool) -> tuple[Any, Any]:
        X, y = validated(self, X, y, multi_output=True, y_numeric=self._numeric_targets, reset=reset)
        return X, column_or_1d(y, warn=True) if y.ndim == 2 and y.shape[1] == 1 and not is_sparse(y) else y

    _numeric_targets = False

    def _learn_targets(self, y: Any, *, incremental: bool) -> None:
        """What the targets mean, before the network is made."""

    def _targets(self, y: Any) -> tuple[Array, tuple[str, ...]]:
        """y as the network is to learn it, and the names of classes if it holds their numbers."""
        raise NotImplementedError

    def _n_outputs(self) -> int:
        raise NotImplementedError

    def _make_loss(self) -> Loss:
        raise NotImplementedError

    def _score_of(self, data: Dataset, predicted: Array) -> float:
        raise NotImplementedError

    def _weights(self, X: Any, y: Any, sample_weight: Any, *, incremental: bool) -> Array | None:
        if sample_weight is None:
            return None
        if isinstance(sample_weight, Real):
            return np.full(X.shape[0], float(sample_weight))
        weight = np.asarray(sample_weight)
        if weight.shape != (X.shape[0],):
            raise ShapeError(f"sample_weight.shape == {weight.shape}, expected {(X.shape[0],)}!")
        return weight

    def _dataset(self, X: Any, y: Any, weight: Array | None) -> Dataset:
        targets, names = self._targets(y)
        return Dataset(X, targets, weight, target_names=names)

    def _held(self, X_val: Any, y_val: Any, *, incremental: bool) -> Held | None:
        if (X_val is None) != (y_val is None):
            raise ConfigurationError("X_val and y_val go together; give both or neither")
        if X_val is not None:
            X_val, y_val = self._checked_pair(X_val, y_val, reset=False)
            return Held(self._dataset(X_val, y_val, None), y_val)
        if incremental and self.early_stopping:
            raise ConfigurationError("partial_fit does not support early_stopping=True without X_val and y_val")
        return None

    def _split(self, data: Dataset, y: Any) -> tuple[Dataset, Held]:
        """scikit-learn's split for early stopping: stratified for two classes alone."""
        binary = bool(data.target_names) and self.n_outputs_ == 1
        try:
            rows, held = train_test_split(
                np.arange(len(data)),
                random_state=self._random_state,
                test_size=self.validation_fraction,
                stratify=data.y.astype(bool).reshape(-1, 1) if binary else None,
            )
        except ValueError as error:  # scikit-learn's words, which its own tests know, and ours
            counts = np.bincount(data.y.astype(int).reshape(-1)) if binary else np.array([])
            if 1 not in counts:
                raise
            name = data.target_names[int(counts.argmin())]
            raise DataError(
                f"{error} That is class {name!r} with 1 row; add more such rows, or set early_stopping=False"
            ) from None
        if len(held) < 2:
            raise DataError(
                "The validation set is too small. Increase 'validation_fraction' or the size of your dataset."
            )
        return data.take(rows), Held(data.take(held), y[held])
