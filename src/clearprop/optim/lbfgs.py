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

    def iterates(
        self, loss_and_grad: LossAndGrad, w: Array, max_iterations: int
    ) -> Generator[tuple[Array, float], None, Any]:
        """Yield (w, loss) after each iteration; closing the iterator stops the minimisation.

        SciPy calls back and does not yield, so it runs in a thread of its own, which takes turns with the caller's.

        Returns
        -------
        scipy.optimize.OptimizeResult or None
            Where and why it ended by itself; None if it had nothing to do.
        """
        from scipy.optimize import OptimizeResult, minimize

        if max_iterations < 1:
            return None
        results: queue.SimpleQueue[Any] = queue.SimpleQueue()  # (w, loss) of iterations, then the end or an error
        turn = threading.Semaphore(0)
        closed = False

        def after(intermediate_result: Any) -> None:
            results.put((intermediate_result.x.copy(), float(intermediate_result.fun)))
            turn.acquire()
            if closed:
                raise StopIteration

        def work() -> None:
            try:
                result = minimize(
                    loss_and_grad,
                    np.asarray(w, dtype=np.float64),
                    jac=True,
                    method="L-BFGS-B",
                    callback=after,
                    options={
                        "maxiter": max_iterations,
                        "maxfun": self.max_evaluations,
                        "maxcor": self.history,
                        "gtol": self.tolerance,
                        "ftol": self.least_gain,
                    },
                )
            except BaseException as error:
                results.put(error)
            else:
                results.put(result)

        thread = threading.Thread(target=work, name="L-BFGS", daemon=True)
        thread.start()
        try:
            while not isinstance(result := results.get(), OptimizeResult):
                if isinstance(result, BaseException):
                    raise result
                yield result
                turn.release()
            return result
        finally:
            closed = True
            turn.release()
            thread.join()


OPTIMIZERS.register("lbfgs", LBFGS)
