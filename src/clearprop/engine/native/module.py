"""What has been written: definitions of functions in LLVM's language, each named by its content."""

import hashlib
import itertools
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

from clearprop.engine.native.jit import Definition
from clearprop.engine.native.target import Target
from clearprop.engine.native.tuning import tuning_of
from clearprop.engine.native.values import Bundle, Function, Index, Int, MayAlias, Pointer

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

    def kernel(self, key: Any, body: Callable[..., Any], signature: "Signature") -> str:
        """The symbol of the kernel that `body` writes for a key; equal keys are written once."""
        if (body, *key) not in self._kernels:
            f = Function(self)
            result = body(f, *key, *signature.values(f))
            self._kernels[body, *key] = self._finish(f, body.__name__, signature, result)
        return self._kernels[body, *key]

    def write(self, body: Callable[..., None], *, flush: bool = False) -> str:
        """The symbol of a function for Python to call.

        It calculates as IEEE 754 has it, whatever mode the calling thread is in.  With `flush`, numbers below the least
        normal one become 0: processors take a hundred times as long for them.
        """
        f, signature = Function(self), Signature(body)
        read, change = (_x86_mode if self.x86 else _arm_mode)(f)
        before = read()
        change(str((0x9FC0 if flush else 0x1F80) if self.x86 else flush << 24))
        body(f, *signature.values(f))
        change(before)
        return self._finish(f, body.__name__, signature)

    def _finish(self, f: "Function", name: str, signature: "Signature", result: Any = None) -> str:
        """The definition, whose symbol holds a digest of the text: so equal symbols mean equal code, everywhere."""
        head = f"define {signature.result} @SELF({signature.text}) nounwind {{"
        end = f"  ret {signature.result}" + (f" {result}" if result else "")
        text = "\n".join([*f.declared.values(), head, "entry:", *f.allocated, *f.lines, end, "}", ""])
        symbol = f"{name}_{hashlib.sha256(text.encode()).hexdigest()[:20]}"
        self.definitions[symbol] = Definition(symbol, text.replace("@SELF(", f"@{symbol}("), tuple(f.called))
        return symbol


class Signature:
    """The parameters of an IR function, read from a Python function's: those annotated Int, Index, Pointer, MayAlias,
    or as a bundle of these.
    """

    def __init__(self, body: Callable[..., Any]) -> None:
        annotated = dict(body.__annotations__)
        self.result = "i64" if annotated.pop("return", None) is Int else "void"
        self._kinds = {name: kind for name, kind in annotated.items() if kind in _TYPES or _is_bundle(kind)}
        self.text = ", ".join(itertools.chain(*(_declared(name, kind) for name, kind in self._kinds.items())))

    def values(self, f: "Function") -> list[Any]:
        """What the parameters are in the function that is being written."""
        return [_value(f, name, kind) for name, kind in self._kinds.items()]


_TYPES: dict[Any, str] = {Int: "i64", Index: "i64", Pointer: "ptr noalias nonnull", MayAlias: "ptr"}


def _is_bundle(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, Bundle)


def _declared(name: str, kind: Any) -> list[str]:
    if kind in _TYPES:
        return [f"{_TYPES[kind]} %{name}"]
    return [text for field, its in kind.__annotations__.items() for text in _declared(f"{name}.{field}", its)]


def _value(f: "Function", name: str, kind: Any) -> Any:
    if kind in _TYPES:
        return (Int if _TYPES[kind] == "i64" else Pointer)(f, f"%{name}")
    return kind(*(_value(f, f"{name}.{field}", its) for field, its in kind.__annotations__.items()))


def kernel(body: Callable[..., Any]) -> Callable[..., Any]:
    """Decorator for a Python function that writes the body of an IR function, once for each key.

    ``forward(m, rows, op)(a, b)`` writes `forward` for the key (rows, op), if need be, and emits a call with arguments
    a and b: those parameters are the IR function's that `Signature` finds.
    """
    signature = Signature(body)

    def of(m: Module, *key: Any) -> Callable[..., Any]:
        symbol = m.kernel(key, body, signature)

        def call(*arguments: Any) -> Any:
            flat = list(_flat(arguments))
            f = next(a.f for a in flat if not isinstance(a, int))
            return f.call(symbol, signature.result, *flat)

        return call

    return of


def _flat(arguments: Iterable[Any]) -> Iterator[Any]:
    for argument in arguments:
        yield from _flat(argument) if isinstance(argument, Bundle) else [argument]


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
