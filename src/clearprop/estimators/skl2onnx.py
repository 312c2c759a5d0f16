"""skl2onnx learns what our estimators are when it is imported, so that whole scikit-learn pipelines export.

It asks nobody which estimators there are, and it is slow to import: so neither side can wait for the other.
"""

import importlib.util
import sys
from collections.abc import Callable, Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType

from clearprop.formats.onnx import register_skl2onnx


class WhenImported(MetaPathFinder):
    """Calls a function as soon as a module has been imported, or at once if it has been.

    It stands first among those that Python asks for modules, finds the one with the help of the others, and goes.
    """

    def __init__(self, name: str, then: Callable[[], None]) -> None:
        self.name, self.then = name, then
        if name in sys.modules:
            then()
        else:
            sys.meta_path.insert(0, self)

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """The module as the others find it, with the call after its own code."""
        if fullname != self.name:
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(fullname)
        if spec is None or spec.loader is None:
            return spec
        own = spec.loader.exec_module

        def exec_module(module: ModuleType) -> None:
            own(module)
            self.then()

        spec.loader.exec_module = exec_module  # type: ignore[method-assign]
        return spec


def teach_skl2onnx(*estimators: type) -> None:
    """`register_skl2onnx`, now or when there is a skl2onnx to teach."""
    WhenImported("skl2onnx", lambda: register_skl2onnx(*estimators))
