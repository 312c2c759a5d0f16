"""How the estimators are fitted: scikit-learn's epochs and rules for stopping, run by `train`."""

import math
import warnings
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import check_scoring
from sklearn.model_selection import train_test_split

from clearprop._types import Array
from clearprop.data import Dataset
from clearprop.engine import GradientOptions, choose_engine, initial_state, penalties
from clearprop.errors import ConfigurationError, DataError, DivergenceError
from clearprop.estimators.course import Course
from clearprop.estimators.objectives import shown_loss
from clearprop.estimators.parameters import RateInside, make_optimizer
from clearprop.estimators.tasks import Tasks
from clearprop.optim import LBFGS, Optimizer
from clearprop.train import Epoch, History, train

NOT_FINITE = (
    "Solver produced non-finite parameter weights. The input data may contain large values and need to be preprocessed."
)


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


@dataclass(frozen=True)
class Held:
    """Validation data: as the network sees it, and the targets as the user gave them."""

    data: Dataset
    y: Any


class Fitting:
    """The part of the estimators that fits them; `BaseMLP` says what its attributes are."""

    def _fit_epochs(
        self: Any, data: Dataset, held: Held | None, asked: Any, course: Course, *, incremental: bool
    ) -> None:
        """`max_iter` epochs, or one if `incremental`, of a stochastic solver."""
        optimizer = self._continued_optimizer()
        model, loss, n = self.model_, self._loss, len(data)
        if self.batch_size != "auto" and self.batch_size > n:
            warnings.warn(
                "Got `batch_size` less than 1 or larger than sample size. It is going to be clipped", stacklevel=5
            )
        batch_size = min(200, n) if self.batch_size == "auto" else min(self.batch_size, n)
        if incremental or getattr(self, "_batches", None) is None or len(self._batches.rows) != n:
            self._batches = Shuffles(self._random_state, n, self.shuffle)
        course.check(held and held.data)
        if course.saved is not None:
            self._batches.skip(course.saved.state.epoch - 1)
        training = train(
            model,
            data,
            loss,
            optimizer,
            epochs=self._state.epoch - 1 + (1 if incremental else self.max_iter),
            batch_size=int(batch_size),
            order=self._batches,
            engine=self.engine,
            l2=float(self.alpha),
            penalty_in_sum=True,
            clip_value=self.clip_value,
            clip_norm=self.clip_norm,
            resume=course.saved or replace(self._state, w=model.w, buffers=model.buffers),
        )
        if self.early_stopping and self._best is None and self.validation_scores_:
            self._best = model.w.copy(), model.buffers.copy()  # what an earlier fit found best is where this one starts
        self.n_iter_ = 0
        try:
            with Tasks(self, asked).all() as tasks, course.kept(training):
                self.t_ += self.n_iter_ * n
                while not course.ended and self.n_iter_ < self.max_iter:
                    task = tasks.begin("epoch")
                    watched = held is not None or tasks.watched or self.verbose or course.checkpoint is not None
                    for epoch in training.ahead(1 if watched else self._certain_epochs()):
                        # scikit-learn counts batches by their rows, here they count by their sample weights
                        loss_shown = shown_loss(loss, epoch["loss"], epoch.record.pop("penalty"), model.n_out)
                        self._note(epoch, loss_shown, n)
                        course.ended = self._judge(held) | incremental
                        course.note(epoch)
                    course.ended |= tasks.end(task)
                course.end()
                if not course.ended:
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
            training.close()
            state = training.state
            model.w[...], model.buffers[...] = state.w, state.buffers
            # an interrupted epoch is begun anew; with the model's own arrays, a pickle holds them once
            self._state = replace(state, w=model.w, buffers=model.buffers, position=0, totals=np.zeros(3))
            if self._best is not None and (not incremental or self.converged_):
                model.w[...], model.buffers[...] = self._best
                self._best = None

    def _continued_optimizer(self: Any) -> Optimizer:
        """The optimiser as it was left, or a new one if its settings have changed."""
        fresh = make_optimizer(self)
        assert isinstance(fresh, Optimizer)
        settings = (type(fresh), fresh.config(), fresh.weight_decay)
        if self._optimizer is None or settings != self._optimizer_settings:
            start = initial_state(self.model_, fresh, self._seed)
            goes_on = self._optimizer is not None and type(self._optimizer) is type(fresh)
            if not (goes_on and self._state.slots.shape == start.slots.shape):
                self._state = start
            self._optimizer, self._optimizer_settings = fresh, settings
        return self._optimizer  # type: ignore[no-any-return]

    def _certain_epochs(self: Any) -> int:
        """How many epochs will be done whatever their losses are, at rates that are known."""
        if isinstance(self._optimizer, RateInside) and self.learning_rate == "invscaling":
            return 1
        patience = min(self.n_iter_no_change, self.max_iter)  # which may be infinite
        return 1 + int(patience - self._no_improvement_count)

    def _note(self: Any, epoch: Epoch, loss: float, rows: int) -> None:
        self.n_iter_ += 1
        self.t_ += rows
        self.loss_ = loss
        self.loss_curve_.append(loss)
        self.history_.append(epoch.record)
        if self.verbose:
            print(f"Iteration {self.n_iter_}, loss = {loss:.8f}")

    def _judge(self: Any, held: Held | None) -> bool:
        """Count epochs without improvement, adapt the learning rate; whether to stop."""
        if held is not None:
            self._validate_epoch(held)
        if self.early_stopping:
            assert held is not None
            score = self._validation_score(held)
            stuck = score < self.best_validation_score_ + self.tol
            if score > self.best_validation_score_:
                self.best_validation_score_ = score
                self._best = self.model_.w.copy(), self.model_.buffers.copy()
        else:
            stuck = self.loss_ > self.best_loss_ - self.tol
            self.best_loss_ = min(self.best_loss_, self.loss_)
        self._no_improvement_count = self._no_improvement_count + 1 if stuck else 0
        optimizer, adapts = self._optimizer, isinstance(self._optimizer, RateInside)
        if adapts and self.learning_rate == "invscaling":
            optimizer.learning_rate = float(self.learning_rate_init) / (self.t_ + 1) ** self.power_t
        self.converged_ = self._no_improvement_count > self.n_iter_no_change
        if not self.converged_:
            return False
        what = "Validation score" if self.early_stopping else "Training loss"
        message = f"{what} did not improve more than tol={self.tol:f} for {self.n_iter_no_change} consecutive epochs."
        if adapts and self.learning_rate == "adaptive" and optimizer.learning_rate > 1e-6:
            optimizer.learning_rate /= 5.0
            self._no_improvement_count, self.converged_ = 0, False
            message += f" Setting learning rate to {optimizer.learning_rate:f}"
        elif adapts and self.learning_rate == "adaptive":
            message += " Learning rate too small. Stopping."
        else:
            message += " Stopping."
        if self.verbose:
            print(message)
        return bool(self.converged_)

    def _validate_epoch(self: Any, held: Held) -> None:
        """Record the loss on the validation data."""
        data, loss = held.data, self._loss
        with np.errstate(all="ignore"):
            outputs = self._program(linked=False).predict(data.X)
            value = shown_loss(loss, float(loss(data.y, outputs, data.sample_weight)), 0.0, outputs.shape[1])
        self.validation_loss_curve_.append(value)
        self.history_[-1]["validation_loss"] = value

    def _validation_score(self: Any, held: Held) -> float:
        """The score that early stopping goes by; NaN if predictions are not finite."""
        if self.scoring == "loss":
            score = -self.validation_loss_curve_[-1]
        elif self.scoring is not None:
            score = float(check_scoring(self, self.scoring)(self._without_names(), held.data.X, held.y))
        else:
            predicted = self._program(linked=True).predict(held.data.X)
            score = self._score_of(held.data, predicted) if np.isfinite(predicted).all() else math.nan
        self.validation_scores_.append(score)
        self.history_[-1]["validation_score"] = score
        if self.verbose:
            print(f"Validation score: {score:f}")
        return score  # type: ignore[no-any-return]

    def _diverged(self: Any, error: DivergenceError) -> None:
        """With early stopping there are good weights to go back to; otherwise this is the end."""
        if not self.early_stopping or self._best is None:
            raise DivergenceError(f"{NOT_FINITE} {error}") from None
        self.n_iter_ += 1
        self.loss_ = math.nan
        self.loss_curve_.append(math.nan)
        self.validation_scores_.append(math.nan)
        self.validation_loss_curve_.append(math.nan)
        warnings.warn(f"{error}; the weights of the best epoch are restored", ConvergenceWarning, stacklevel=6)

    # --- L-BFGS -------------------------------------------------------------------------------------------------------

    def _fit_lbfgs(self: Any, data: Dataset, held: Held | None, asked: Any) -> None:
        """scipy's L-BFGS-B on all rows at once, with scikit-learn's options."""
        from scipy.optimize import minimize

        if self.dropout or self.normalization == "batch":
            raise ConfigurationError("L-BFGS needs the same loss each time; leave dropout and batch normalisation out")
        if self.clip_value is not None or self.clip_norm is not None or self.weight_decay:
            raise ConfigurationError(
                "L-BFGS has no steps to clip or decay; leave clip_value, clip_norm, weight_decay out"
            )
        model, loss, optimizer = self.model_, self._loss, make_optimizer(self)
        assert isinstance(optimizer, LBFGS)
        options = GradientOptions(l2=float(self.alpha), penalty_in_sum=True)
        program = choose_engine(self.engine, model, loss, optimizer)[0].compile(model, loss, optimizer, options)
        weight = loss.weight_of(len(data), data.sample_weight)

        objective = program.objective(data.X, data.y, data.sample_weight)

        def loss_and_grad(w: Array) -> tuple[float, Array]:
            model.w[...] = w
            with np.errstate(all="ignore"):
                value, g = objective()
            return value, g.astype(np.float64, copy=False)

        with Tasks(self, asked).all() as tasks:
            task = tasks.begin("iteration")

            def after(intermediate_result: Any) -> None:
                nonlocal task
                model.w[...] = intermediate_result.x
                penalty = penalties(model, options, weight)
                without = float(intermediate_result.fun) - penalty
                self.n_iter_, self.loss_ = self.n_iter_ + 1, shown_loss(loss, without, penalty, model.n_out)
                self.history_.append({"epoch": len(self.history_) + 1, "loss": without})
                if held is not None:
                    self._validate_epoch(held)
                if tasks.end(task):
                    raise StopIteration
                task = tasks.begin("iteration") if self.n_iter_ < self.max_iter else None

            self.n_iter_ = 0
            result = minimize(
                loss_and_grad,
                model.w.astype(np.float64),
                jac=True,
                method="L-BFGS-B",
                callback=after,
                options={
                    "maxfun": optimizer.max_evaluations,
                    "maxiter": self.max_iter,
                    "maxcor": optimizer.history,
                    "gtol": optimizer.tolerance,
                },
            )
            if result.status != 99:  # the last task, if it was not ended by a callback's wish
                tasks.end(task)
        model.w[...] = result.x
        penalty = penalties(model, options, weight)
        self.n_iter_ = min(result.nit, self.max_iter)
        self.loss_ = shown_loss(loss, float(result.fun) - penalty, penalty, model.n_out)
        if not (math.isfinite(self.loss_) and np.isfinite(model.w).all()):
            raise DivergenceError(NOT_FINITE)
        if result.status in (1, 2):
            warnings.warn(
                f"lbfgs failed to converge after {result.nit} iteration(s) (status={result.status}): {result.message}\n"
                "Increase the number of iterations (max_iter) or evaluations (max_fun), or scale the data.",
                ConvergenceWarning,
                stacklevel=5,
            )

    # --- validation data ----------------------------------------------------------------------------------------------

    def _split(self: Any, data: Dataset, y: Any) -> tuple[Dataset, Held]:
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


def begin_curves(estimator: Any, *, stochastic: bool) -> None:
    """The attributes that grow from epoch to epoch, empty."""
    estimator.history_, estimator.validation_loss_curve_ = History(), []
    estimator._best = None
    estimator._no_improvement_count = 0
    estimator.converged_ = False
    if stochastic:
        estimator.loss_curve_ = []
        watched = estimator.early_stopping
        estimator.validation_scores_ = [] if watched else None
        estimator.best_validation_score_ = -math.inf if watched else None
        estimator.best_loss_ = None if watched else math.inf
