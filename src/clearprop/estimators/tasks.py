"""Epochs as the tasks of scikit-learn's callback API."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


class Tasks:
    """The tasks of one fit: the fit itself, and one for each epoch.  Without callbacks they cost nothing."""

    def __init__(self, estimator: Any, arguments: dict[str, Any] | None) -> None:
        self.estimator, self.arguments = estimator, arguments
        # what scikit-learn's own LogisticRegression looks at before it makes a context for each iteration
        self.watched = arguments is not None and bool(getattr(estimator, "_skl_callbacks", ()))

    def begin(self, name: str) -> Any:
        """A new task under way."""
        return self._told(self.root.subcontext(task_name=name)) if self.watched else None

    def _told(self, context: Any) -> Any:
        return context.call_on_fit_task_begin(**self._now())

    def end(self, task: Any) -> bool:
        """The task is done; whether a callback wants to stop."""
        return bool(task.call_on_fit_task_end(**self._now())) if task is not None else False

    def _now(self) -> dict[str, Any]:
        snapshot = self.estimator._snapshot  # called only if a callback asks for a fitted estimator
        return {"estimator": self.estimator, "reconstruction_attributes": snapshot, **(self.arguments or {})}

    @contextmanager
    def all(self) -> Iterator["Tasks"]:
        """The fit's own task around the others."""
        if self.arguments is not None:
            self.root = self.estimator._init_callback_context(max_subtasks=self.estimator.max_iter)
        if self.watched:
            self._told(self.root)
        yield self
        if self.watched:
            self.end(self.root)
