"""Numbers in float64, whatever the network's precision: what long sums are kept in."""

from collections.abc import Sequence
from dataclasses import dataclass

from clearprop.engine.native.values import Function, Pointer, Vector


@dataclass(frozen=True)
class Double:
    """One number."""

    f: Function
    v: str

    @classmethod
    def load(cls, p: Pointer) -> "Double":
        """The float64 number there."""
        return cls(p.f, p.f.emit(f"load double, ptr {p}, align 8", pure=False))

    @classmethod
    def of(cls, p: Pointer) -> "Double":
        """The number there, which is in the network's precision."""
        f, m = p.f, p.f.m
        real = f.emit(f"load {m.real}, ptr {p}", pure=False)
        return cls(f, real if m.bits == 64 else f.emit(f"fpext float {real} to double"))

    def store(self, p: Pointer) -> None:
        self.f.effect(f"store double {self.v}, ptr {p}, align 8")

    def store_real(self, p: Pointer) -> None:
        """In the network's precision."""
        m = self.f.m
        real = self.v if m.bits == 64 else self.f.emit(f"fptrunc double {self.v} to float")
        self.f.effect(f"store {m.real} {real}, ptr {p}")

    def __add__(self, other: "Double") -> "Double":
        return self._new(f"fadd double {self.v}, {other.v}")

    def __truediv__(self, other: "Double") -> "Double":
        return self._new(f"fdiv double {self.v}, {other.v}")

    def root(self) -> "Double":
        return Double(self.f, self.f.intrinsic("llvm.sqrt.f64", "double", ("double", self.v)))

    def if_above(self, x: "Double", limit: "Double", otherwise: float) -> "Double":
        """This where x > limit, else the other number."""
        condition = self.f.emit(f"fcmp ogt double {x.v}, {limit.v}")
        return self._new(f"select i1 {condition}, double {self.v}, double {otherwise}")

    def _new(self, text: str) -> "Double":
        return Double(self.f, self.f.emit(text))


@dataclass(frozen=True)
class Doubles:
    """As many numbers as a vector of the network's precision has lanes."""

    f: Function
    v: str

    @staticmethod
    def type(f: Function) -> str:
        return f"<{f.m.lanes} x double>"

    @classmethod
    def zero(cls, f: Function) -> "Doubles":
        return cls(f, "zeroinitializer")

    @classmethod
    def load(cls, p: Pointer) -> "Doubles":
        return cls(p.f, p.f.emit(f"load {cls.type(p.f)}, ptr {p}, align 8", pure=False))

    @classmethod
    def of(cls, x: Vector) -> "Doubles":
        """The numbers of a register."""
        f, (v,) = x.f, x.v
        return cls(f, v if f.m.bits == 64 else f.emit(f"fpext {f.m.vector} {v} to {cls.type(f)}"))

    def store(self, p: Pointer) -> None:
        self.f.effect(f"store {self.type(self.f)} {self.v}, ptr {p}, align 8")

    def __add__(self, other: "Doubles") -> "Doubles":
        return Doubles(self.f, self.f.emit(f"fadd {self.type(self.f)} {self.v}, {other.v}"))

    def fma(self, y: "Doubles", z: "Doubles") -> "Doubles":
        """x y + z, rounded once."""
        operands = ((self.type(self.f), one.v) for one in (self, y, z))
        return Doubles(self.f, self.f.intrinsic(f"llvm.fma.v{self.f.m.lanes}f64", self.type(self.f), *operands))

    def shuffled(self, order: Sequence[int]) -> "Doubles":
        """The lanes in another order."""
        type, lanes = self.type(self.f), ", ".join(f"i32 {lane}" for lane in order)
        text = f"shufflevector {type} {self.v}, {type} poison, <{len(order)} x i32> <{lanes}>"
        return Doubles(self.f, self.f.emit(text))

    def first(self) -> Double:
        """The first lane."""
        return Double(self.f, self.f.emit(f"extractelement {self.type(self.f)} {self.v}, i32 0"))
