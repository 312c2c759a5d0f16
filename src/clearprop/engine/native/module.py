"""What has been written: definitions of functions in LLVM's language, each named by its content."""

import hashlib
from collections.abc import Callable
from typing import Any

import numpy as np

from clearprop.engine.native.jit import Definition
from clearprop.engine.native.target import Target
from clearprop.engine.native.tuning import tuning_of
from clearprop.engine.native.values import Function, Int, Pointer

VECTOR_BYTES = 64


def lanes_of(dtype: Any) -> int:
    """Numbers in a logical vector."""
    return VECTOR_BYTES // int(np.dtype(dtype).itemsize)


class Module:
    """The definitions written so far for one precision on one target."""

    def __init__(self, dtype: Any, target: Target) -> None:
        self.dtype, self.target, self.tuning = np.dtype(dtype), target, tuning_of(target.tiles, dtype)
        self.x86 = target.triple.startswith("x86_64")
        self.bits = 8 * self.dtype.itemsize
        self.real, self.mantissa = {32: ("float", 23), 64: ("double", 52)}[self.bits]
        self.exponent_bias = {32: 127, 64: 1023}[self.bits]
        self.lanes = lanes_of(dtype)
        self.vector = f"<{self.lanes} x {self.real}>"
        self.mask = f"<{self.lanes} x i1>"
        self.definitions: dict[str, Definition] = {}
        self._kernels: dict[Any, str] = {}

    def kernel(self, key: Any, name: str, signature: str, body: Callable[..., Any]) -> str:
        """The symbol of the kernel that `body` writes; equal keys are written once."""
        if key not in self._kernels:
            f, values = self._start(signature)
            body(f, *values)
            self._kernels[key] = self._finish(f, name, signature)
        return self._kernels[key]

    def write(
        self, name: str, signature: str, body: Callable[..., Any], *, prelude: str = "", flush: bool = False
    ) -> str:
        """The symbol of a function for Python to call, after the definitions in `prelude`.

        It calculates as IEEE 754 has it, whatever mode the calling thread is in.  With `flush`, numbers below the least
        normal one become 0: processors take a hundred times as long for them.
        """
        f, values = self._start(signature)
        read, change = (_x86_mode if self.x86 else _arm_mode)(f)
        before = read()
        change(str((0x9FC0 if flush else 0x1F80) if self.x86 else flush << 24))
        body(f, *values)
        change(before)
        return self._finish(f, name, signature, prelude)

    def _start(self, signature: str) -> tuple["Function", list["Int | Pointer"]]:
        f = Function(self)
        names = signature.split()
        return f, [Pointer(f, "%" + n[:-1]) if n[-1] in "*^" else Int(f, "%" + n) for n in names]

    def _finish(self, f: "Function", name: str, signature: str, prelude: str = "") -> str:
        """The definition, whose symbol holds a digest of the text: so equal symbols mean equal code, everywhere."""
        kinds = {"*": "ptr noalias nonnull", "^": "ptr"}
        parameters = ", ".join(f"{kinds.get(n[-1], 'i64')} %{n.rstrip('*^')}" for n in signature.split())
        head = f"define void @SELF({parameters}) nounwind {{"
        lines = [*f.declared.values(), head, "entry:", *f.allocated, *f.lines, "  ret void", "}", ""]
        text = prelude + "\n".join(lines)
        symbol = f"{name}_{hashlib.sha256(text.encode()).hexdigest()[:20]}"
        self.definitions[symbol] = Definition(symbol, text.replace("@SELF(", f"@{symbol}("), tuple(f.called))
        return symbol


def kernel(signature: str) -> Callable[..., Any]:
    """Decorator for a Python function that writes the body of an IR function, once for each key.

    ``forward(m, rows, op)(a, b)`` writes `forward` for the key (rows, op), if need be, and emits a call with arguments
    a and b.  In `signature` a trailing * marks a pointer without aliases, ^ one that may have some, and other names
    are 64-bit integers.
    """

    def wrap(body: Callable[..., Any]) -> Callable[..., Any]:
        def of(m: Module, *key: Any) -> Callable[..., None]:
            symbol = m.kernel((body, *key), body.__name__, signature, lambda f, *values: body(f, *key, *values))

            def call(*arguments: Any) -> None:
                f = next(a.f for a in arguments if not isinstance(a, int))
                f.call(symbol, *arguments)

            return call

        return of

    return wrap


Mode = tuple[Callable[[], str], Callable[[str], None]]
"""How a function reads and changes the processor's mode of floating-point calculation."""


def _x86_mode(f: Function) -> Mode:
    f.allocated.append("  %mode = alloca i32")

    def read() -> str:
        f.intrinsic("llvm.x86.sse.stmxcsr", "void", ("ptr", "%mode"))
        return f.emit("load i32, ptr %mode", pure=False)

    def change(mode: str) -> None:
        f.effect(f"store i32 {mode}, ptr %mode")
        f.intrinsic("llvm.x86.sse.ldmxcsr", "void", ("ptr", "%mode"))

    return read, change


def _arm_mode(f: Function) -> Mode:
    def read() -> str:
        return f.intrinsic("llvm.aarch64.get.fpcr", "i64", pure=False)

    def change(mode: str) -> None:
        f.intrinsic("llvm.aarch64.set.fpcr", "void", ("i64", mode))

    return read, change
