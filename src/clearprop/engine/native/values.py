"""Values that write machine code: what NumPy computes with arrays, these compute with registers.

An `Int`, a `Pointer`, a `Vector` or a `Mask` holds the names of LLVM values; each of its operators appends a line of
LLVM IR to the function being written.  Vectors answer NumPy's own functions (`np.exp(v)`), so an operation written for
arrays, called with Vectors, compiles itself.

Every vector is a *logical* one of 64 bytes (16 float32 or 8 float64), which LLVM splits where registers are narrower:
so layouts, and the order of every sum, are the same on every processor.
"""

import contextlib
import functools
import itertools
import struct
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Protocol

import numpy as np

from clearprop.errors import UnsupportedOperationError

if TYPE_CHECKING:
    from clearprop.engine.native.module import Module


def padded(n: int, block: int) -> int:
    """The least multiple of `block` that is not below n."""
    return -(-n // block) * block


class Function:
    """One function being written, line by line."""

    def __init__(self, module: "Module") -> None:
        self.m = module
        self.lines: list[str] = []
        self.declared: dict[str, str] = {}
        self.called: dict[str, None] = {}
        self.allocated: list[str] = []
        self._numbers = itertools.count()
        self._block = "entry"
        self.until = "true"
        self._known: dict[str, str] = {}  # pure instructions of this block: the same text is the same value

    # --- lines --------------------------------------------------------------------------------------------------------

    def emit(self, text: str, *, pure: bool = True) -> str:
        """The name of the value that the instruction `text` computes."""
        if pure and text in self._known:
            return self._known[text]
        name = f"%v{next(self._numbers)}"
        self.lines.append(f"  {name} = {text}")
        if pure:
            self._known[text] = name
        return name

    def effect(self, text: str) -> None:
        """An instruction without a value."""
        self.lines.append("  " + text)

    def label(self, name: str) -> None:
        self.lines.append(name + ":")
        self._block, self._known = name, {}

    def labels(self, *names: str) -> list[str]:
        number = next(self._numbers)
        return [f"{name}{number}" for name in names]

    def declare(self, name: str, result: str, types: Sequence[str]) -> None:
        self.declared.setdefault(name, f"declare {result} @{name}({', '.join(types)})")

    def intrinsic(self, name: str, result: str, *arguments: tuple[str, str], pure: bool = True) -> str:
        """A call of an LLVM intrinsic; arguments are (type, value)."""
        self.declare(name, result, [t.split(" align")[0] for t, _ in arguments])
        text = f"call {result} @{name}({', '.join(f'{t} {v}' for t, v in arguments)})"
        if result == "void":
            self.effect(text)
            return ""
        return self.emit(text, pure=pure)

    def call(self, symbol: str, result: str, *arguments: Any) -> "Int | None":
        """A call of another definition, with its result if it has one."""
        typed = [("ptr" if isinstance(a, Pointer) else "i64", a) for a in arguments]
        self.declare(symbol, result, [t for t, _ in typed])
        self.called[symbol] = None
        text = f"call {result} @{symbol}({', '.join(f'{t} {a}' for t, a in typed)})"
        if result == "void":
            self.effect(text)
            return None
        return Int(self, self.emit(text, pure=False))

    def give(self, x: Any) -> None:
        """``return x``; what is written after it in this block is never reached."""
        self.effect(f"ret i64 {x}")
        self.label(*self.labels("never"))

    @contextlib.contextmanager
    def rehearsal(self) -> Iterator[None]:
        """What is written inside is thrown away."""
        lines, block, known = len(self.lines), self._block, self._known
        self._known = {}
        yield
        del self.lines[lines:]
        self._block, self._known = block, known

    # --- control flow -------------------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def loop(self, start: Any, stop: Any, step: int = 1, carry: "Sequence[Vector]" = ()) -> Iterator[Any]:
        """``for i in range(start, stop, step)``; yields i, or (i, state) with `carry`.

        `carry` are Vectors that change from pass to pass: the body assigns to ``state[:]``, which afterwards holds the
        last values.  The number of passes may be 0.
        """
        head, body, end = self.labels("loop", "body", "end")
        before = self._block
        self.effect(f"br label %{head}")
        self.label(head)
        i = Int(self, f"%i{next(self._numbers)}")
        state = [Vector(self, [f"%c{next(self._numbers)}" for _ in c.v], row=c.row) for c in carry]
        first = list(state)
        at = len(self.lines)
        self.lines.append("")
        inside = i < stop
        self.effect(f"br i1 {inside}, label %{body}, label %{end}")
        self.label(body)
        yield (i, state) if carry else i
        latch, following = self._block, i + step
        self.effect(f"br label %{head}")
        self.label(end)
        phis = [f"  {i} = phi i64 [{start}, %{before}], [{following}, %{latch}]"]
        for new, old, initial in zip(state, first, carry, strict=True):
            for x, y, z in zip(old.v, initial.v, new.v, strict=True):
                phis.append(f"  {x} = phi {self.m.vector} [{y}, %{before}], [{z}, %{latch}]")
        self.lines[at] = "\n".join(phis)
        state[:] = first
        self.last = i  # where the loop ended

    def each(self, count: int) -> contextlib.AbstractContextManager[Any]:
        """0 .. count - 1; a loop only if there is more than one."""
        return self.loop(0, count) if count > 1 else contextlib.nullcontext(0)

    @contextlib.contextmanager
    def repeat(self) -> "Iterator[Int]":
        """``for i in 0, 1, 2, ...``, until the condition that the body leaves in `until`."""
        (body,), before = self.labels("repeat"), self._block
        (end,) = self.labels("done")
        self.effect(f"br label %{body}")
        self.label(body)
        i, at = Int(self, f"%i{next(self._numbers)}"), len(self.lines)
        self.lines.append("")
        yield i
        following = i + 1
        self.lines[at] = f"  {i} = phi i64 [0, %{before}], [{following}, %{self._block}]"
        self.effect(f"br i1 {self.until}, label %{end}, label %{body}")
        self.label(end)

    @contextlib.contextmanager
    def when(self, condition: str) -> Iterator[None]:
        """``if condition:``"""
        then, end = self.labels("then", "endif")
        self.effect(f"br i1 {condition}, label %{then}, label %{end}")
        self.label(then)
        yield
        self.effect(f"br label %{end}")
        self.label(end)

    def either(self, condition: str, x: "Callable[[], Any]", y: "Callable[[], Any]") -> "Int":
        """x() if the condition holds, else y(): only one of them is done."""
        then, other, end = self.labels("then", "else", "endif")
        self.effect(f"br i1 {condition}, label %{then}, label %{other}")
        ways = []
        for name, way in ((then, x), (other, y)):
            self.label(name)
            ways.append(f"[{way()}, %{self._block}]")
            self.effect(f"br label %{end}")
        self.label(end)
        return Int(self, self.emit(f"phi i64 {', '.join(ways)}"))

    def all(self, *conditions: str) -> str:
        """Whether all of the conditions hold."""
        return functools.reduce(lambda x, y: self.emit(f"and i1 {x}, {y}"), conditions)

    def any(self, *conditions: str) -> str:
        """Whether any of the conditions holds."""
        return functools.reduce(lambda x, y: self.emit(f"or i1 {x}, {y}"), conditions)

    def fails(self, condition: str) -> str:
        """Whether the condition does not hold."""
        return self.emit(f"xor i1 {condition}, true")

    def choose(self, condition: str, x: Any, y: Any) -> "Int":
        """x if the condition holds, else y."""
        return Int(self, self.emit(f"select i1 {condition}, i64 {x}, i64 {y}"))

    def pause(self) -> None:
        """Tells the processor that this thread is waiting."""
        if self.m.x86:
            self.intrinsic("llvm.x86.sse2.pause", "void")
        else:
            self.intrinsic("llvm.aarch64.hint", "void", ("i32", "1"))

    def scratch(self, n: int) -> "Pointer":
        """Room for n reals on the stack, allocated once at the function's start."""
        name = f"%s{next(self._numbers)}"
        self.allocated.append(f"  {name} = alloca [{n} x {self.m.real}], align 64")
        return Pointer(self, name)

    def scratch_doubles(self, lanes: int) -> "Pointer":
        """The same for float64 numbers, which start as zeros."""
        place = self.scratch(64 // self.m.bits * lanes)
        place.put_doubles(Doubles.zeros(self, lanes))
        return place

    # --- constants ----------------------------------------------------------------------------------------------------

    def constant(self, x: float) -> str:
        """The literal of a vector with x in every lane."""
        rounded = float(self.m.dtype.type(x))
        return f"splat ({self.m.real} 0x{struct.pack('>d', rounded).hex().upper()})"

    def full(self, x: float, n: int = 1) -> "Vector":
        return Vector(self, [self.constant(x)] * n)

    def below(self, n: "int | Int", count: int) -> list[str]:
        """Masks of `count` vectors side by side: which lanes have a number below n."""
        m = self.m
        if isinstance(n, int):
            numbers = [range(v * m.lanes, (v + 1) * m.lanes) for v in range(count)]
            return ["<" + ", ".join(f"i1 {str(j < n).lower()}" for j in lanes) + ">" for lanes in numbers]
        limit = Whole.splat(self, n)
        return [
            self.emit(f"icmp slt {limit.type} {Whole.numbers(self, v * m.lanes)}, {limit.v[0]}") for v in range(count)
        ]


class Int:
    """A 64-bit integer known when the code runs; Python ints are integers known when it is written."""

    __slots__ = ("f", "name")

    def __init__(self, f: Function, name: str) -> None:
        self.f, self.name = f, name

    def __str__(self) -> str:
        return self.name

    def _do(self, operation: str, b: Any, neutral: int | None) -> "Int":
        if isinstance(b, int) and b == neutral:
            return self
        return Int(self.f, self.f.emit(f"{operation} i64 {self}, {b}"))

    def __add__(self, b: Any) -> "Int":
        return self._do("add", b, 0)

    def __sub__(self, b: Any) -> "Int":
        return self._do("sub", b, 0)

    def __mul__(self, b: Any) -> "Int":
        return self._do("mul", b, 1)

    def __floordiv__(self, b: Any) -> "Int":
        return self._do("udiv", b, 1)  # sizes and positions are not negative

    def __mod__(self, b: Any) -> "Int":
        return self._do("urem", b, None)

    def __lshift__(self, b: Any) -> "Int":
        return self._do("shl", b, 0)

    def __rshift__(self, b: Any) -> "Int":
        return self._do("lshr", b, 0)

    def __and__(self, b: Any) -> "Int":
        return self._do("and", b, None)

    __radd__, __rmul__ = __add__, __mul__

    def __rsub__(self, b: Any) -> "Int":
        return Int(self.f, self.f.emit(f"sub i64 {b}, {self}"))

    def __lt__(self, b: Any) -> str:
        return self.f.emit(f"icmp slt i64 {self}, {b}")

    def __gt__(self, b: Any) -> str:
        return self.f.emit(f"icmp sgt i64 {self}, {b}")

    def __ge__(self, b: Any) -> str:
        return self.f.emit(f"icmp sge i64 {self}, {b}")

    def equals(self, b: Any) -> str:
        return self.f.emit(f"icmp eq i64 {self}, {b}")

    def differs(self, b: Any) -> str:
        return self.f.emit(f"icmp ne i64 {self}, {b}")

    def minimum(self, b: Any) -> "Int":
        return self.f.choose(self < b, self, b)


class Pointer:
    """An address of reals; ``p + k`` is k of them further."""

    __slots__ = ("f", "name")

    def __init__(self, f: Function, name: str) -> None:
        self.f, self.name = f, name

    def __str__(self) -> str:
        return self.name

    def offset(self, k: Any, type: str) -> "Pointer":
        if isinstance(k, int) and k == 0:
            return self
        return Pointer(self.f, self.f.emit(f"getelementptr {type}, ptr {self}, i64 {k}"))

    def __add__(self, k: Any) -> "Pointer":
        return self.offset(k, self.f.m.real)

    def word(self, k: Any) -> "Pointer":
        """k words of 64 bits further."""
        return self.offset(k, "i64")

    def integer(self, k: Any = 0, order: str = "") -> Int:
        """The k-th of the 64-bit integers there.

        With an `order` (as LLVM names it) other threads may write it meanwhile.
        """
        atomic = "atomic " if order else ""
        return Int(
            self.f, self.f.emit(f"load {atomic}i64, ptr {self.word(k)} {order}".rstrip() + ", align 8", pure=False)
        )

    def put(self, n: Any, k: Any = 0, order: str = "") -> None:
        """The k-th of the 64-bit integers there becomes n."""
        atomic = "atomic " if order else ""
        self.f.effect(f"store {atomic}i64 {n}, ptr {self.word(k)} {order}".rstrip() + ", align 8")

    def exchange(self, old: Int, new: Int) -> Int:
        """The integer there, which becomes `new` if it is `old`: acquires and releases if so."""
        pair = self.f.emit(f"cmpxchg ptr {self}, i64 {old}, i64 {new} acq_rel monotonic", pure=False)
        return Int(self.f, self.f.emit(f"extractvalue {{i64, i1}} {pair}, 0"))

    def increase(self, n: Int) -> Int:
        """The integer there, which becomes n more: acquires and releases."""
        return Int(self.f, self.f.emit(f"atomicrmw add ptr {self}, i64 {n} acq_rel", pure=False))

    def is_set(self) -> str:
        """Whether the byte there is not 0; other threads may write it meanwhile."""
        byte = self.f.emit(f"load atomic i8, ptr {self} monotonic, align 1", pure=False)
        return self.f.emit(f"icmp ne i8 {byte}, 0")

    def pointer(self, k: Any = 0) -> "Pointer":
        """The k-th of the addresses there."""
        return Pointer(self.f, self.f.emit(f"load ptr, ptr {self.offset(k, 'i64')}, align 8", pure=False))

    def load(self, n: int = 1) -> "Vector":
        m = self.f.m
        at = [self + v * m.lanes for v in range(n)]
        return Vector(self.f, [self.f.emit(f"load {m.vector}, ptr {p}, align {m.bits // 8}", pure=False) for p in at])

    def load_where(self, masks: Sequence[str]) -> "Vector":
        """Lanes outside the masks are 0, and their memory is not touched."""
        m, f = self.f.m, self.f
        name = f"llvm.masked.load.v{m.lanes}f{m.bits}.p0"
        loaded = []
        for v, mask in enumerate(masks):
            address = (f"ptr align {m.bits // 8}", str(self + v * m.lanes))
            rest = ((m.mask, mask), (m.vector, "zeroinitializer"))
            loaded.append(f.intrinsic(name, m.vector, address, *rest, pure=False))
        return Vector(f, loaded)

    def doubles(self, lanes: int, k: Any = 0) -> "Doubles":
        """So many float64 numbers, from the k-th there on."""
        place = self.offset(k, "double")
        name = self.f.emit(f"load {Doubles.type_of(lanes)}, ptr {place}, align 8", pure=False)
        return Doubles(self.f, lanes, name)

    def put_doubles(self, x: "Doubles", k: Any = 0) -> None:
        """The float64 numbers from the k-th there on become x."""
        self.f.effect(f"store {x.type} {x}, ptr {self.offset(k, 'double')}, align 8")

    def real(self) -> "Doubles":
        """The one real there, as float64."""
        real = self.f.m.real
        x = self.f.emit(f"load {real}, ptr {self}", pure=False)
        return Doubles(self.f, 1, x if real == "double" else self.f.emit(f"fpext {real} {x} to double"))

    def prefetch(self, level: int = 3) -> None:
        """Has the cache line there fetched meanwhile, 3 into all caches, 2 into all but the first."""
        address, read, data = ("ptr", str(self)), ("i32", "0"), ("i32", "1")
        self.f.intrinsic("llvm.prefetch.p0", "void", address, read, ("i32", str(level)), data)

    def splat(self) -> "Vector":
        """The one real there, in every lane."""
        m, f = self.f.m, self.f
        x = f.emit(f"load {m.real}, ptr {self}, align {m.bits // 8}", pure=False)
        one = f.emit(f"insertelement {m.vector} poison, {m.real} {x}, i32 0")
        return Vector(
            f, [f.emit(f"shufflevector {m.vector} {one}, {m.vector} poison, <{m.lanes} x i32> zeroinitializer")]
        )

    def store(self, vector: "Vector") -> None:
        m = self.f.m
        for v, name in enumerate(vector.v):
            self.f.effect(f"store {m.vector} {name}, ptr {self + v * m.lanes}, align {m.bits // 8}")

    def store_where(self, vector: "Vector", masks: Sequence[str]) -> None:
        m, f = self.f.m, self.f
        name = f"llvm.masked.store.v{m.lanes}f{m.bits}.p0"
        for v, (x, mask) in enumerate(zip(vector.v, masks, strict=True)):
            address = (f"ptr align {m.bits // 8}", str(self + v * m.lanes))
            f.intrinsic(name, "void", (m.vector, x), address, (m.mask, mask))

    def put_real(self, x: "Doubles") -> None:
        """The one real there becomes x, rounded."""
        real = self.f.m.real
        rounded = x.name if real == "double" else self.f.emit(f"fptrunc double {x} to {real}")
        self.f.effect(f"store {real} {rounded}, ptr {self}")

    def store_first(self, vector: "Vector") -> None:
        """Stores the first lane alone."""
        m = self.f.m
        x = self.f.emit(f"extractelement {m.vector} {vector.v[0]}, i32 0")
        self.f.effect(f"store {m.real} {x}, ptr {self}, align {m.bits // 8}")


class Doubles:
    """Float64 numbers, in whatever precision the model is: one in each lane of a vector, or a single one.

    What is summed over many rows (a loss, a penalty, a norm) is summed in them.
    """

    __slots__ = ("f", "lanes", "name")

    def __init__(self, f: Function, lanes: int, name: str) -> None:
        self.f, self.lanes, self.name = f, lanes, name

    def __str__(self) -> str:
        return self.name

    @staticmethod
    def type_of(lanes: int) -> str:
        return "double" if lanes == 1 else f"<{lanes} x double>"

    @property
    def type(self) -> str:
        return self.type_of(self.lanes)

    @classmethod
    def of(cls, x: "Vector") -> "Doubles":
        """The numbers of one register."""
        m, (name,) = x.f.m, x.v
        widened = name if m.bits == 64 else x.f.emit(f"fpext {m.vector} {name} to {cls.type_of(m.lanes)}")
        return cls(x.f, m.lanes, widened)

    @classmethod
    def zeros(cls, f: Function, lanes: int) -> "Doubles":
        return cls(f, lanes, "0.0" if lanes == 1 else "zeroinitializer")

    def _do(self, operation: str, other: "Doubles") -> "Doubles":
        return Doubles(self.f, self.lanes, self.f.emit(f"{operation} {self.type} {self}, {other}"))

    def __add__(self, other: "Doubles") -> "Doubles":
        return self._do("fadd", other)

    def __truediv__(self, other: "Doubles") -> "Doubles":
        return self._do("fdiv", other)

    def __gt__(self, other: "Doubles") -> str:
        return self.f.emit(f"fcmp ogt {self.type} {self}, {other}")

    def fma(self, b: "Doubles", c: "Doubles") -> "Doubles":
        """self b + c, rounded once."""
        operands = [(self.type, x.name) for x in (self, b, c)]
        return Doubles(self.f, self.lanes, self.f.intrinsic(f"llvm.fma.v{self.lanes}f64", self.type, *operands))

    def where(self, condition: str, other: float) -> "Doubles":
        """A single number if the condition holds, else the other."""
        return Doubles(self.f, 1, self.f.emit(f"select i1 {condition}, double {self}, double {other}"))

    def sqrt(self) -> "Doubles":
        """The root of a single number."""
        return Doubles(self.f, 1, self.f.intrinsic("llvm.sqrt.f64", self.type, (self.type, self.name)))

    def sum(self) -> "Doubles":
        """The lanes' sum, by a tree."""
        x, half = self, self.lanes // 2
        while half:
            order = ", ".join(f"i32 {j ^ half}" for j in range(self.lanes))
            text = f"shufflevector {x.type} {x}, {x.type} poison, <{x.lanes} x i32> <{order}>"
            x, half = x + Doubles(self.f, self.lanes, self.f.emit(text)), half // 2
        return Doubles(self.f, 1, self.f.emit(f"extractelement {x.type} {x}, i32 0"))


class Extent(Protocol):
    """What sums, means and maxima over an axis mean for the vectors that belong to a row or a batch (see `rows`)."""

    def reduce(
        self, x: "Vector", axis: int, combine: "Callable[[Vector, Vector], Vector]", neutral: float
    ) -> "Vector": ...

    def length(self, axis: int) -> "float | Vector": ...


MayAlias = Annotated[Pointer, "other parameters may point there too"]
Index = Annotated[Any, "an Int, or a number known when the code is written"]


class Bundle:
    """Parameters that kernels take together: a dataclass of them, which an IR function has one by one."""

    def __iter__(self) -> Iterator[Any]:
        return (getattr(self, name) for name in type(self).__annotations__)


@dataclass(frozen=True)
class View(Bundle):
    """Rows of reals in memory, `ld` numbers from one to the next; ``v + k`` are the same rows from column k on."""

    p: Pointer
    ld: Index

    def __add__(self, k: Any) -> "View":
        return View(self.p + k, self.ld)

    def row(self, i: Any) -> Pointer:
        place: Pointer = self.p + i * self.ld
        return place

    def at(self, i: Any, column: Any) -> Pointer:
        place: Pointer = self.p + (i * self.ld + column)
        return place

    def rows(self, i: Any) -> "View":
        """The rows from the i-th on."""
        return View(self.row(i), self.ld)

    def like(self, p: Pointer) -> "View":
        """Rows elsewhere that are as far apart."""
        return View(p, self.ld)


@dataclass(frozen=True)
class Sparse(Bundle):
    """A sparse matrix: row i has ``values[k]`` in ``columns[k]``, k from starts[i] to starts[i + 1]."""

    values: Pointer
    columns: Pointer
    starts: Pointer


UFUNCS: dict[str, Callable[..., Any]] = {}
"""By name, what Vectors answer to `np.exp` and its like; `primitives` fills it."""

LARGEST = 16  # exponent: each product rounds once more


def is_power(exponent: Any) -> bool:
    """Whether the dialect has this exponent: a Python number, not too large a multiple of 0.5."""
    return type(exponent) in (int, float) and abs(exponent) <= LARGEST and 2 * exponent % 1 == 0


DIALECT = "a definition for the compiler keeps to the dialect that clearprop.ops.op states"


class Vector:
    """One or several registers of reals; operators act on each, and ``a * b + c`` is one fused multiply-add.

    To the operations' text it is a number: it has no axes, other than those of the `row` it belongs to.
    """

    __slots__ = ("f", "product", "row", "v")
    shape: tuple[int, ...] = ()
    ndim = 0

    __hash__ = None  # type: ignore[assignment]

    def __init__(
        self,
        f: Function,
        v: list[str],
        product: "tuple[Vector, Vector] | None" = None,
        row: Extent | None = None,
    ) -> None:
        self.f, self.v, self.product, self.row = f, v, product, row

    # --- building blocks ----------------------------------------------------------------------------------------------

    def lift(self, x: Any) -> "Vector":
        """x as a Vector: a Python number becomes a constant."""
        if isinstance(x, Vector):
            return x
        if isinstance(x, int | float | np.floating | np.integer) or (isinstance(x, np.ndarray) and x.ndim == 0):
            return Vector(self.f, [self.f.constant(float(x))])
        raise UnsupportedOperationError(f"{DIALECT}: {type(x).__name__} is neither a value nor a number")

    def _join(self, *others: "Vector") -> tuple[list[tuple[str, ...]], Extent | None]:
        """Registers side by side, single ones repeated."""
        vectors = (self, *others)
        n = max(len(x.v) for x in vectors)
        row = next((x.row for x in vectors if x.row is not None), None)
        return list(zip(*(x.v * n if len(x.v) == 1 else x.v for x in vectors), strict=True)), row

    def each(self, instruction: Callable[..., str], *others: "Vector") -> "Vector":
        """The instruction for each register."""
        pairs, row = self._join(*others)
        return Vector(self.f, [self.f.emit(instruction(*names)) for names in pairs], row=row)

    def binary(self, operation: str, b: Any) -> "Vector":
        return self.each(lambda x, y: f"{operation} {self.f.m.vector} {x}, {y}", self.lift(b))

    def intrinsic(self, name: str, *others: "Vector") -> "Vector":
        """LLVM's intrinsic of that name, for each register."""
        m, f = self.f.m, self.f
        groups, row = self._join(*others)
        full = f"llvm.{name}.v{m.lanes}f{m.bits}"
        return Vector(f, [f.intrinsic(full, m.vector, *((m.vector, x) for x in names)) for names in groups], row=row)

    def shuffle(self, other: "Vector", order: Sequence[int]) -> "Vector":
        """Lanes of self (numbered from 0) and other (from `lanes`), of one register each, in this order."""
        m = self.f.m
        lanes = ", ".join(f"i32 {j}" for j in order)
        text = f"shufflevector {m.vector} {self.v[0]}, {m.vector} {other.v[0]}, <{len(order)} x i32> <{lanes}>"
        return Vector(self.f, [self.f.emit(text)], row=self.row)

    def keep(self, masks: Sequence[str]) -> "Vector":
        """0 outside the masks, which repeat over the registers."""
        m, f = self.f.m, self.f
        pairs = zip(itertools.cycle(masks), self.v)
        names = [f.emit(f"select {m.mask} {k}, {m.vector} {x}, {m.vector} zeroinitializer") for k, x in pairs]
        return Vector(f, names, row=self.row)

    def bits(self) -> "Whole":
        """The same bits, read as integers."""
        m, f = self.f.m, self.f
        type = f"<{m.lanes} x i{m.bits}>"
        return Whole(f, [f.emit(f"bitcast {m.vector} {x} to {type}") for x in self.v], m.bits, m.lanes, self.row)

    # --- arithmetic ---------------------------------------------------------------------------------------------------

    def fma(self, b: "Vector", c: "Vector") -> "Vector":
        """self b + c, rounded once."""
        return self.intrinsic("fma", b, c)

    def plain_add(self, b: "Vector") -> "Vector":
        """self + b, rounded after each: for sums whose order is stated."""
        return self.binary("fadd", b)

    def rounded(self) -> "Vector":
        """The same value, no longer ready to fuse with a following sum."""
        return Vector(self.f, self.v, row=self.row)

    def __mul__(self, b: Any) -> "Vector":
        right = self.lift(b)
        result = self.binary("fmul", right)
        result.product = (self, right)
        return result

    def __add__(self, b: Any) -> "Vector":
        right = self.lift(b)
        if self.product:
            return self.product[0].fma(self.product[1], right)
        if right.product:
            return right.product[0].fma(right.product[1], self)
        return self.binary("fadd", right)

    def __sub__(self, b: Any) -> "Vector":
        right = self.lift(b)
        if self.product:
            return self.product[0].fma(self.product[1], -right)
        if right.product:
            return (-right.product[0]).fma(right.product[1], self)
        return self.binary("fsub", right)

    def __truediv__(self, b: Any) -> "Vector":
        return self.binary("fdiv", b)

    def __neg__(self) -> "Vector":
        return self.each(lambda x: f"fneg {self.f.m.vector} {x}")

    def __pow__(self, exponent: Any) -> "Vector":
        """xᵖ for a constant p that `is_power` knows: products and a square root."""
        if not is_power(exponent):
            raise UnsupportedOperationError(
                f"{DIALECT}: exponents are multiples of 0.5 from -{LARGEST} to {LARGEST}, not {exponent!r}; "
                "write np.exp(p * np.log(x)) instead of x ** p"
            )
        whole, root = int(abs(exponent)), abs(exponent) % 1
        if whole == 0:
            one = Vector(self.f, [self.f.constant(1.0)] * len(self.v), row=self.row)
            result = self.sqrt() if root else one
        else:
            result = self._times_itself(whole)
            result = result * self.sqrt() if root else result
        return 1.0 / result if exponent < 0 else result

    def _times_itself(self, n: int) -> "Vector":
        """xⁿ for n >= 1, by squaring."""
        if n == 1:
            return self
        half = self._times_itself(n // 2)
        return half * half * self if n % 2 else half * half

    __radd__, __rmul__ = __add__, __mul__

    def __rsub__(self, b: Any) -> "Vector":
        return self.lift(b) - self

    def __rtruediv__(self, b: Any) -> "Vector":
        return self.lift(b) / self

    # --- comparisons, choices -----------------------------------------------------------------------------------------

    def compare(self, how: str, b: Any) -> "Mask":
        return Mask(self.each(lambda x, y: f"fcmp {how} {self.f.m.vector} {x}, {y}", self.lift(b)))

    def __gt__(self, b: Any) -> "Mask":
        return self.compare("ogt", b)

    def __ge__(self, b: Any) -> "Mask":
        return self.compare("oge", b)

    def __lt__(self, b: Any) -> "Mask":
        return self.compare("olt", b)

    def __le__(self, b: Any) -> "Mask":
        return self.compare("ole", b)

    def __eq__(self, b: Any) -> "Mask":  # type: ignore[override]
        return self.compare("oeq", b)

    def __ne__(self, b: Any) -> "Mask":  # type: ignore[override]
        return self.compare("une", b)

    def maximum(self, b: Any) -> "Vector":
        return self._extreme("olt", b)

    def minimum(self, b: Any) -> "Vector":
        return self._extreme("ogt", b)

    def _extreme(self, worse: str, b: Any) -> "Vector":
        """b where self is worse, else self; a NaN on either side stays."""
        if not isinstance(b, Vector):
            return self.compare(worse, b).select(b, self)  # a NaN in self compares false and is kept
        return (self.compare(worse, b) | b.compare("uno", b)).select(b, self)

    def sqrt(self) -> "Vector":
        return self.intrinsic("sqrt")

    def __bool__(self) -> bool:
        raise UnsupportedOperationError(f"{DIALECT}: the value is not known yet, write np.where instead of `if`")

    # --- over an axis -------------------------------------------------------------------------------------------------

    def _extent(self) -> Extent:
        self.product = None  # what is left of it after its mean is taken away must be the rest of the rounded product
        if self.row is None:
            raise UnsupportedOperationError(f"{DIALECT}: sums and maxima belong in row operations")
        return self.row

    def sum(self, axis: int = -1, keepdims: bool = True) -> "Vector":
        return self._extent().reduce(self, axis, Vector.plain_add, 0.0)

    def mean(self, axis: int = -1, keepdims: bool = True) -> "Vector":
        return self.sum(axis) / self._extent().length(axis)

    def max(self, axis: int = -1, keepdims: bool = True) -> "Vector":
        return self._extent().reduce(self, axis, Vector.maximum, -np.inf)

    # --- NumPy --------------------------------------------------------------------------------------------------------

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Any:
        if method != "__call__" or options or ufunc.__name__ not in UFUNCS:
            raise UnsupportedOperationError(f"{DIALECT}: np.{ufunc.__name__} is not in it")
        return UFUNCS[ufunc.__name__](self.lift(inputs[0]), *inputs[1:])

    def __array_function__(self, function: Any, types: Any, inputs: Any, options: Any) -> Any:
        if function is np.where:
            return inputs[0].select(*inputs[1:])
        if function in (np.sum, np.mean, np.max):
            return getattr(inputs[0], function.__name__)(**options)
        raise UnsupportedOperationError(f"{DIALECT}: np.{function.__name__} is not in it")


UFUNCS |= {
    "add": Vector.__add__,
    "subtract": Vector.__sub__,
    "multiply": Vector.__mul__,
    "divide": Vector.__truediv__,
    "negative": Vector.__neg__,
    "greater": Vector.__gt__,
    "greater_equal": Vector.__ge__,
    "less": Vector.__lt__,
    "less_equal": Vector.__le__,
    "equal": Vector.__eq__,
    "not_equal": Vector.__ne__,
    "absolute": lambda x: x.intrinsic("fabs"),
    "maximum": Vector.maximum,
    "minimum": Vector.minimum,
    "square": lambda x: x * x,
    "power": Vector.__pow__,
    "sqrt": Vector.sqrt,
}


class Mask:
    """Truth values, lane by lane."""

    __slots__ = ("truth",)

    def __init__(self, truth: Vector) -> None:
        self.truth = truth

    def _logic(self, operation: str, *others: "Mask") -> "Mask":
        m = self.truth.f.m
        literal = "" if others else ", splat (i1 true)"
        both = [other.truth for other in others]
        return Mask(self.truth.each(lambda *names: f"{operation} {m.mask} {', '.join(names)}{literal}", *both))

    def __and__(self, other: "Mask") -> "Mask":
        return self._logic("and", other)

    def __or__(self, other: "Mask") -> "Mask":
        return self._logic("or", other)

    def __invert__(self) -> "Mask":
        return self._logic("xor")

    def select(self, x: Any, y: Any) -> Vector:
        """x where true, else y."""
        lift, m = self.truth.lift, self.truth.f.m
        text = f"select {m.mask} {{}}, {m.vector} {{}}, {m.vector} {{}}"
        return self.truth.each(text.format, lift(x), lift(y))

    def __bool__(self) -> bool:
        raise UnsupportedOperationError(f"{DIALECT}: the truth is not known yet, write np.where, & and | instead")

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Any:
        names = {"logical_and": "and", "bitwise_and": "and", "logical_or": "or", "bitwise_or": "or"}
        if ufunc.__name__ in ("logical_not", "invert"):
            return ~self
        if method != "__call__" or options or ufunc.__name__ not in names:
            raise UnsupportedOperationError(f"{DIALECT}: np.{ufunc.__name__} is not in it")
        return inputs[0]._logic(names[ufunc.__name__], inputs[1])

    def __array_function__(self, function: Any, types: Any, inputs: Any, options: Any) -> Any:
        if function is not np.where:
            raise UnsupportedOperationError(f"{DIALECT}: np.{function.__name__} is not in it")
        if any(hasattr(x, "__op__") for x in inputs):  # a tape's tensor, which records the choice
            return NotImplemented
        return self.select(*inputs[1:])


class Whole:
    """Registers of integers: exponents, bit patterns, lane numbers, random words."""

    __slots__ = ("f", "lanes", "row", "size", "v")

    def __init__(self, f: Function, v: list[str], size: int, lanes: int, row: Extent | None = None) -> None:
        self.f, self.v, self.size, self.lanes, self.row = f, v, size, lanes, row

    @property
    def type(self) -> str:
        return f"<{self.lanes} x i{self.size}>"

    @classmethod
    def splat(cls, f: Function, n: Any, size: int | None = None, lanes: int | None = None) -> "Whole":
        """A 64-bit integer in every lane, cut to `size` bits."""
        size, lanes = size or f.m.bits, lanes or f.m.lanes
        if isinstance(n, int):
            return cls(f, [f"splat (i{size} {n})"], size, lanes)
        short = n if size == 64 else f.emit(f"trunc i64 {n} to i{size}")
        type = f"<{lanes} x i{size}>"
        one = f.emit(f"insertelement {type} poison, i{size} {short}, i32 0")
        every = f.emit(f"shufflevector {type} {one}, {type} poison, <{lanes} x i32> zeroinitializer")
        return cls(f, [every], size, lanes)

    @staticmethod
    def numbers(f: Function, start: int, size: int | None = None, lanes: int | None = None) -> str:
        """The literal start, start + 1, ..., one number for each lane."""
        size, lanes = size or f.m.bits, lanes or f.m.lanes
        return "<" + ", ".join(f"i{size} {start + j}" for j in range(lanes)) + ">"

    def _do(self, operation: str, b: "int | Whole") -> "Whole":
        right = b.v if isinstance(b, Whole) else [f"splat (i{self.size} {b})"]
        n = max(len(self.v), len(right))
        pairs = zip(self.v * n if len(self.v) == 1 else self.v, right * n if len(right) == 1 else right, strict=True)
        names = [self.f.emit(f"{operation} {self.type} {x}, {y}") for x, y in pairs]
        return Whole(self.f, names, self.size, self.lanes, self.row)

    def __add__(self, b: "int | Whole") -> "Whole":
        return self._do("add", b)

    def __sub__(self, b: "int | Whole") -> "Whole":
        return self._do("sub", b)

    def __mul__(self, b: "int | Whole") -> "Whole":
        return self._do("mul", b)

    def __and__(self, b: "int | Whole") -> "Whole":
        return self._do("and", b)

    def __or__(self, b: "int | Whole") -> "Whole":
        return self._do("or", b)

    def __xor__(self, b: "int | Whole") -> "Whole":
        return self._do("xor", b)

    def __lshift__(self, b: "int | Whole") -> "Whole":
        return self._do("shl", b)

    def __rshift__(self, b: "int | Whole") -> "Whole":
        """Logical: zeros come in."""
        return self._do("lshr", b)

    def as_real(self) -> Vector:
        """The same bits, read as reals."""
        m = self.f.m
        return Vector(self.f, [self.f.emit(f"bitcast {self.type} {x} to {m.vector}") for x in self.v], row=self.row)

    def to_real(self) -> Vector:
        """The integers' values, as reals."""
        m = self.f.m
        return Vector(self.f, [self.f.emit(f"sitofp {self.type} {x} to {m.vector}") for x in self.v], row=self.row)

    def compare(self, how: str, b: "int | Whole") -> "list[str]":
        """Masks of the comparison, as LLVM names it."""
        return self._do(f"icmp {how}", b).v
