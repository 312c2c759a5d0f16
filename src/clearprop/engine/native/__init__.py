"""The native engine: the operations' own text, compiled to machine code."""

from typing import TYPE_CHECKING

from clearprop.engine.base import ENGINES, GradientOptions
from clearprop.losses import Loss
from clearprop.model import Sequential
from clearprop.optim import LBFGS, Optimizer

if TYPE_CHECKING:
    from clearprop.engine.native.program import NativeProgram
    from clearprop.engine.native.target import Target


class NativeEngine:
    """Runs models of the library's layers as machine code, with activations, losses and rules whose text compiles.

    Parameters
    ----------
    target : Target, optional
        Default: the best that this processor supports.
    """

    name = "native"

    def __init__(self, target: "Target | None" = None) -> None:
        self._target = target

    def unsupported(self, model: Sequential, loss: Loss, optimizer: "Optimizer | LBFGS") -> str | None:
        from clearprop.engine.native.network import check_loss, rule_text, stages_of
        from clearprop.engine.native.target import host_target

        target, reason = (self._target, "") if self._target else host_target()
        if target is None:
            return reason
        try:
            hash((loss, optimizer))  # by their arguments, for the table of compiled code
        except (AttributeError, TypeError, RecursionError):
            return f"{type(loss).__name__} or {type(optimizer).__name__} does not keep its arguments under their names"
        try:
            stages_of(model)
            check_loss(loss)
            if isinstance(optimizer, Optimizer):
                rule_text(optimizer)
        except NotImplementedError as error:
            return str(error)
        return None

    def compile(
        self, model: Sequential, loss: Loss, optimizer: "Optimizer | LBFGS", options: GradientOptions
    ) -> "NativeProgram":
        from clearprop.engine.native.program import NativeProgram
        from clearprop.engine.native.target import host_target

        target = self._target or host_target()[0]
        assert target is not None  # `unsupported` has said so
        return NativeProgram(model, loss, optimizer, options, target)


ENGINES.register(NativeEngine.name, NativeEngine)
