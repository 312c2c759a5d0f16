"""What an estimator's `fit` does after each epoch, as callbacks of `clearprop.train`: it records, stops, and tells.

`Losses` and `Patience` do what scikit-learn's own loop has in its body; `Tasks` calls scikit-learn's callbacks.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal

from clearprop.estimators.objectives import shown_loss
from clearprop.estimators.parameters import RateInside
from clearprop.train import Epoch, Training

if TYPE_CHECKING:
    from clearprop.estimators.base import BaseMLP


class Losses:
    """Records each epoch, or iteration of L-BFGS, in the estimator's attributes."""

    def __init__(self, estimator: "BaseMLP") -> None:
        self.estimator = estimator

    def start(self, training: Training) -> None:
        e = self.estimator
        training.history.rows[:0] = e.history_.rows  # of the fit that a warm start goes on from
        e.history_, e.n_iter_ = training.history, 0

    def before(self) -> int:
        return self.estimator.max_iter

    def __call__(self, epoch: Epoch) -> None:
        e = self.estimator
        e.n_iter_ += 1
        *earlier, row = e.history_.rows[-2:]
        if earlier:  # perhaps of another fit, in which L-BFGS, which begins anew, had other numbers
            row["epoch"] = earlier[0]["epoch"] + 1
        e.loss_ = shown_loss(e._loss, row["loss"], row.pop("penalty"), e.n_outputs_)
        if "validation_loss" in row:
            row["validation_loss"] = shown_loss(e._loss, row["validation_loss"], 0.0, e.n_outputs_)
            e.validation_loss_curve_.append(row["validation_loss"])


class Patience:
    """Counts epochs without improvement, as scikit-learn does, adapts the learning rate, and stops.

    Parameters
    ----------
    estimator : BaseMLP
    rows : int
        How many an epoch has.
    score : callable or None
        Gives the score on the validation data, by which to stop early; without it the loss decides.
    """

    def __init__(self, estimator: "BaseMLP", rows: int, score: Callable[[], float] | None) -> None:
        self.estimator, self.rows, self.score = estimator, rows, score

    def start(self, training: Training) -> None:
        self.training = training

    def before(self) -> int:
        """How many epochs will be done whatever their losses are, at rates that are known."""
        e = self.estimator
        if e.verbose or (isinstance(e._optimizer, RateInside) and e.learning_rate == "invscaling"):
            return 1
        patience = min(e.n_iter_no_change, e.max_iter)  # which may be infinite
        return 1 + int(patience - e._no_improvement_count)

    def __call__(self, epoch: Epoch) -> None:
        e = self.estimator
        e.t_ += self.rows
        e.loss_curve_.append(e.loss_)
        self._say(f"Iteration {e.n_iter_}, loss = {e.loss_:.8f}")
        stuck = self._loss_is_stuck() if self.score is None else self._score_is_stuck(self.score())
        e._no_improvement_count = e._no_improvement_count + 1 if stuck else 0
        rates = e._optimizer if isinstance(e._optimizer, RateInside) else None
        if rates and e.learning_rate == "invscaling":
            rates.learning_rate = float(e.learning_rate_init) / (e.t_ + 1) ** e.power_t
        if e._no_improvement_count > e.n_iter_no_change:
            self._give_up(rates if e.learning_rate == "adaptive" else None)

    def _loss_is_stuck(self) -> bool:
        e = self.estimator
        assert e.best_loss_ is not None
        stuck = e.loss_ > e.best_loss_ - e.tol
        e.best_loss_ = min(e.best_loss_, e.loss_)
        return stuck

    def _score_is_stuck(self, score: float) -> bool:
        """The same by the score, which is NaN if predictions are not finite; the best weights are kept."""
        e = self.estimator
        assert e.best_validation_score_ is not None and e.validation_scores_ is not None
        e.validation_scores_.append(score)
        e.history_[-1]["validation_score"] = score
        self._say(f"Validation score: {score:f}")
        stuck = score < e.best_validation_score_ + e.tol
        if score > e.best_validation_score_:
            e.best_validation_score_, e._best = score, (e.model_.w.copy(), e.model_.buffers.copy())
        return stuck

    def _give_up(self, adaptive: RateInside | None) -> None:
        """Stop, or go on at a lower rate."""
        e = self.estimator
        what = "Training loss" if self.score is None else "Validation score"
        message = f"{what} did not improve more than tol={e.tol:f} for {e.n_iter_no_change} consecutive epochs."
        if adaptive and (rate := adaptive.rate(e.t_)) > 1e-6:
            adaptive.learning_rate = rate / 5.0
            e._no_improvement_count = 0
            self._say(f"{message} Setting learning rate to {adaptive.learning_rate:f}")
            return
        e.converged_ = True
        self.training.stop()
        self._say(f"{message}{' Learning rate too small.' if adaptive else ''} Stopping.")

    def _say(self, message: str) -> None:
        if self.estimator.verbose:
            print(message)

    # --- in checkpoints -----------------------------------------------------------------------------------------------

    def state(self) -> dict[str, Any]:
        """What a fit depends on besides the training's state, and what it has recorded besides the history."""
        e = self.estimator
        rate = getattr(e._optimizer, "learning_rate", None)
        numbers = {
            "best_loss_": e.best_loss_,
            "best_validation_score_": e.best_validation_score_,
            "learning_rate": rate if isinstance(rate, float) else None,
        }
        kept: dict[str, Any] = {name: _as_text(number) for name, number in numbers.items()}
        kept |= {"loss_curve_": [_as_text(loss) for loss in e.loss_curve_], "no_improvement": e._no_improvement_count}
        kept |= {"converged_": e.converged_, "stopped": self.training.stopped}
        return kept | ({} if e._best is None else dict(zip(("w", "buffers"), e._best, strict=True)))

    def restore(self, state: dict[str, Any]) -> None:
        """Be where another fit was."""
        e = self.estimator
        e.best_loss_, e.best_validation_score_, rate = (
            _as_number(state[name]) for name in ("best_loss_", "best_validation_score_", "learning_rate")
        )
        if rate is not None:
            e._optimizer.learning_rate = rate
        e.loss_curve_ = [float.fromhex(loss) for loss in state["loss_curve_"]]
        e._no_improvement_count, e.converged_ = int(state["no_improvement"]), bool(state["converged_"])
        if "w" in state:
            e._best = state["w"], state["buffers"]
        e.n_iter_ = len(e.history_)
        if not e.n_iter_ == len(e.loss_curve_) == self.training.place[0] - 1:
            raise ValueError("a row and a loss for each epoch")
        e.t_ = e.n_iter_ * self.rows
        if e.loss_curve_:
            e.loss_ = e.loss_curve_[-1]
        e.validation_loss_curve_ = [row["validation_loss"] for row in e.history_ if "validation_loss" in row]
        if self.score is not None:
            e.validation_scores_ = [row["validation_score"] for row in e.history_]
        if state["stopped"]:
            self.training.stop()


def _as_text(number: float | None) -> str | None:
    """In hexadecimal, to the bit; it may be infinite, which JSON has no number for."""
    return None if number is None else float(number).hex()


def _as_number(text: str | None) -> float | None:
    return None if text is None else float.fromhex(text)


class Tasks:
    """Epochs as the tasks of scikit-learn's callback API; `with` makes the fit itself a task around them.

    Parameters
    ----------
    estimator : BaseMLP
    name : str
        Of the tasks: "epoch", or "iteration" of L-BFGS.
    arguments : dict or None
        What `fit` was asked for, which callbacks may look at; None for `partial_fit`, which has no tasks.
    """

    def __init__(self, estimator: "BaseMLP", name: str, arguments: dict[str, Any] | None) -> None:
        self.estimator, self.name, self.arguments = estimator, name, arguments
        # what scikit-learn's own LogisticRegression looks at before it makes a context for each iteration
        self.watched = arguments is not None and bool(getattr(estimator, "_skl_callbacks", ()))
        self.under_way: Any = None

    def __enter__(self) -> "Tasks":
        if self.arguments is not None:
            self.root = self.estimator._init_callback_context(max_subtasks=self.estimator.max_iter)
        if self.watched:
            self._begin(self.root)
        return self

    def __exit__(self, kind: Any, error: Any, traceback: Any) -> Literal[False]:
        if self.watched and error is None:
            if self.under_way is not None:  # L-BFGS knows only afterwards which iteration was the last
                self._end(self.under_way)
            self._end(self.root)
        return False

    def start(self, training: Training) -> None:
        self.training = training

    def before(self) -> int:
        e = self.estimator
        if not self.watched:
            return e.max_iter
        if e.n_iter_ < e.max_iter and not self.training.stopped:
            self.under_way = self._begin(self.root.subcontext(task_name=self.name))
        return 1

    def __call__(self, epoch: Epoch) -> None:
        if self.watched:
            task, self.under_way = self.under_way, None
            if self._end(task):
                self.training.stop()

    def _begin(self, task: Any) -> Any:
        return task.call_on_fit_task_begin(**self._now())

    def _end(self, task: Any) -> bool:
        """The task is done; whether a callback wants to stop."""
        return bool(task.call_on_fit_task_end(**self._now()))

    def _now(self) -> dict[str, Any]:
        snapshot = self.estimator._snapshot  # called only if a callback asks for a fitted estimator
        return {"estimator": self.estimator, "reconstruction_attributes": snapshot, **(self.arguments or {})}
