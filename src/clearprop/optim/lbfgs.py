"""L-BFGS: SciPy's quasi-Newton method on the whole data set at once."""

import queue
import threading
from collections.abc import Callable, Generator
from typing import Any, ClassVar

import numpy as np

from clearprop._configured import Configured
from clearprop._types import Array
from clearprop.optim.base import OPTIMIZERS, checked

LossAndGrad = Callable[[Array], tuple[float, Array]]


class LBFGS(Configured):
    """w ← w - α H g, H an estimate of the inverse Hessian from the last `history` steps (Liu, Nocedal 1989), by
    `scipy.optimize.minimize(method="L-BFGS-B")`.

    Not a rule but a minimiser: it is handed the function to minimise and asks for its value where it likes.

    Parameters
    ----------
    tolerance : float
        Stop when no component of the gradient is larger.
    history : int
    max_evaluations : int
        Stop after so many evaluations of the loss.
    """

    least_gain: ClassVar[float] = 64 * np.finfo(np.float64).eps
    """Stop when an iteration lowers the loss by no more than this share of it."""

    def __init__(self, tolerance: float = 1e-4, history: int = 10, max_evaluations: int = 15000) -> None:
        self.tolerance = checked("tolerance", tolerance, 0.0, float("inf"))
        self.history = int(checked("history", history, 1, float("inf")))
        self.max_evaluations = int(checked("max_evaluations", max_evaluations, 1, float("inf")))

    @classmethod
    def for_table(cls, rows: int, features: int) -> dict[str, float]:
        """As for `Optimizer`: nothing differs."""
        return {}

    def minimise(
        self, loss_and_grad: LossAndGrad, w: Array, max_iterations: int, after: Callable[[Array, float], object]
    ) -> Any:
        """Minimise, calling ``after(w, loss)`` after each iteration, which may raise StopIteration to end it.

        Returns
        -------
        scipy.optimize.OptimizeResult
            Where and why it ended.
        """
        from scipy.optimize import minimize

        return minimize(
            loss_and_grad,
            np.asarray(w, dtype=np.float64),
            jac=True,
            method="L-BFGS-B",
            callback=lambda intermediate_result: after(intermediate_result.x.copy(), float(intermediate_result.fun)),
            options={
                "maxiter": max_iterations,
                "maxfun": self.max_evaluations,
                "maxcor": self.history,
                "gtol": self.tolerance,
                "ftol": self.least_gain,
            },
        )

    def iterates(self, loss_and_grad: LossAndGrad, w: Array, max_iterations: int) -> Generator[tuple[Array, float]]:
        """`minimise` for those who look at each iteration: yield its (w, loss); closing the iterator stops it.

        SciPy calls back and does not yield, so it runs in a thread of its own, which takes turns with the caller's.
        """
        if max_iterations < 1:
            return
        results: queue.SimpleQueue[tuple[Array, float] | BaseException | None] = queue.SimpleQueue()
        turn = threading.Semaphore(0)
        closed = False

        def after(w: Array, loss: float) -> None:
            results.put((w, loss))
            turn.acquire()
            if closed:
                raise StopIteration

        def work() -> None:
            try:
                self.minimise(loss_and_grad, w, max_iterations, after)
                results.put(None)
            except BaseException as error:
                results.put(error)

        thread = threading.Thread(target=work, name="L-BFGS", daemon=True)
        thread.start()
        try:
            while (result := results.get()) is not None:
                if isinstance(result, BaseException):
                    raise result
                yield result
                turn.release()
        finally:
            closed = True
            turn.release()
            thread.join()


OPTIMIZERS.register("lbfgs", LBFGS)
