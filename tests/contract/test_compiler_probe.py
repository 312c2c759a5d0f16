"""The operations' own text compiles: called with values that write LLVM instructions, it agrees with NumPy."""

import ctypes
import math

import numpy as np
import pytest

from clearprop.ops import ACTIVATIONS
from clearprop.optim import LBFGS, OPTIMIZERS

llvm = pytest.importorskip("llvmlite.binding")
LANES = 8
REAL, WHOLE = f"<{LANES} x double>", f"<{LANES} x i64>"
LN2_HIGH, LN2_LOW = 6.93145751953125e-1, 1.42860682030941723212e-6


class Vector:
    """Eight doubles in a register; what is done to it is appended to `lines` as LLVM text."""

    def __init__(self, lines, name):
        self.lines, self.name = lines, name

    def emit(self, text):
        self.lines.append(f"  %v{len(self.lines)} = {text}")
        return Vector(self.lines, f"%v{len(self.lines) - 1}")

    def lift(self, x):
        return (
            x if isinstance(x, Vector) else Vector(self.lines, f"splat (double 0x{np.float64(x).view(np.uint64):016x})")
        )

    def binary(self, op, other, kind=REAL):
        return self.emit(f"{op} {kind} {self.name}, {other.name if isinstance(other, Vector) else other}")

    def select(self, a, b):
        a, b = self.lift(a), self.lift(b)
        return self.emit(f"select <{LANES} x i1> {self.name}, {REAL} {a.name}, {REAL} {b.name}")

    def intrinsic(self, name):
        return self.emit(f"call {REAL} @llvm.{name}.v{LANES}f64({REAL} {self.name})")

    def __neg__(self):
        return self.emit(f"fneg {REAL} {self.name}")

    def __and__(self, other):
        return self.binary("and", other, f"<{LANES} x i1>")

    def exp(self):
        x = self.minimum(708.0).maximum(-708.0)
        k = (x * 1.4426950408889634).intrinsic("rint")
        r = x - k * LN2_HIGH - k * LN2_LOW
        p = r.lift(1 / math.factorial(13))
        for i in range(12, -1, -1):
            p = p * r + 1 / math.factorial(i)
        whole = k.emit(f"fptosi {REAL} {k.name} to {WHOLE}")
        power = whole.binary("add", "splat (i64 1023)", WHOLE).binary("shl", "splat (i64 52)", WHOLE)
        return p * power.emit(f"bitcast {WHOLE} {power.name} to {REAL}")

    def log(self):
        raw = self.emit(f"bitcast {REAL} {self.name} to {WHOLE}")
        shifted = raw.binary("sub", f"splat (i64 {int(np.float64(math.sqrt(0.5)).view(np.int64))})", WHOLE)
        exponent = shifted.binary("ashr", "splat (i64 52)", WHOLE)
        mantissa = raw.binary("sub", exponent.binary("shl", "splat (i64 52)", WHOLE), WHOLE)
        m = mantissa.emit(f"bitcast {WHOLE} {mantissa.name} to {REAL}")
        e = exponent.emit(f"sitofp {WHOLE} {exponent.name} to {REAL}")
        s, p = (m - 1.0) / (m + 1.0), m.lift(2 / 25)
        for i in range(23, 0, -2):
            p = p * (s * s) + 2 / i
        return e * LN2_HIGH + (e * LN2_LOW + p * s)

    def erf(self):
        x = self.minimum(6.0).maximum(-6.0)  # 2/√π x exp(-x²) Σ (2x²)ᵏ/(1·3·…·(2k + 1)), all terms positive
        total = x.lift(1.0)
        for k in range(160, 0, -1):
            total = total * (x * x) * (2.0 / (2 * k + 1)) + 1.0
        return x * (-(x * x)).exp() * total * (2 / math.sqrt(math.pi))

    def __array_ufunc__(self, ufunc, method, *inputs):
        return getattr(self.lift(inputs[0]), ufunc.__name__)(*inputs[1:])

    def __array_function__(self, function, types, inputs, options):
        assert function is np.where
        return inputs[0].select(*inputs[1:])


FUNCTIONS = {  # log1p and expm1 after Kahan: the rounding of u = 1 + x, of u = exp(x), cancels
    "add": lambda a, b: a.binary("fadd", a.lift(b)),
    "sub": lambda a, b: a.binary("fsub", a.lift(b)),
    "mul": lambda a, b: a.binary("fmul", a.lift(b)),
    "truediv": lambda a, b: a.binary("fdiv", a.lift(b)),
    "lt": lambda a, b: a.binary("fcmp olt", a.lift(b)),
    "gt": lambda a, b: a.binary("fcmp ogt", a.lift(b)),
    "eq": lambda a, b: a.binary("fcmp oeq", a.lift(b)),
    "maximum": lambda a, b: (a < b).select(b, a),
    "minimum": lambda a, b: (a > b).select(b, a),
    "square": lambda a: a * a,
    "sqrt": lambda a: a.intrinsic("sqrt"),
    "log1p": lambda a: ((a + 1.0) == 1.0).select(a, (a + 1.0).log() * a / ((a + 1.0) - 1.0)),
    "expm1": lambda a: (a.exp() == 1.0).select(a, (a < -40.0).select(-1.0, (a.exp() - 1.0) * a / a.exp().log())),
    "tanh": lambda a: 1.0 - 2.0 / ((a * 2.0).minimum(40.0).expm1() + 2.0),
}
for name, function in FUNCTIONS.items():
    setattr(Vector, name, function)
    setattr(Vector, f"__{name}__", function)
    setattr(Vector, f"__r{name}__", lambda a, b, function=function: function(a.lift(b), a))


def run_compiled(function, *arrays):
    """function(*arrays), computed by machine code that `function` itself wrote."""
    lines = []
    values = [Vector(lines, f"%x{i}") for i in range(len(arrays))]
    results = function(*values)
    results = results if isinstance(results, tuple) else (results,)
    pointers = [f"ptr %p{i}" for i in range(len(arrays) + len(results))]
    loads = [f"  %x{i} = load {REAL}, {pointers[i]}, align 8" for i in range(len(arrays))]
    stores = [f"  store {REAL} {r.name}, {p}, align 8" for r, p in zip(results, pointers[len(arrays) :], strict=True)]
    declared = [f"declare {REAL} @llvm.{name}.v{LANES}f64({REAL})" for name in ("sqrt", "rint")]
    body = [f"define void @f({', '.join(pointers)}) {{", *loads, *lines, *stores, "  ret void", "}"]
    llvm.initialize_native_target(), llvm.initialize_native_asmprinter()
    machine = llvm.Target.from_default_triple().create_target_machine()
    engine = llvm.create_mcjit_compiler(llvm.parse_assembly("\n".join([*declared, *body])), machine)
    call = ctypes.CFUNCTYPE(None, *[ctypes.c_void_p] * len(pointers))(engine.get_function_address("f"))
    outputs = [np.empty_like(arrays[0]) for _ in results]
    for start in range(0, len(arrays[0]), LANES):
        call(*[a[start:].ctypes.data for a in (*arrays, *outputs)])
    return outputs


X = np.concatenate([np.linspace(-30, 30, 800), np.random.default_rng(0).normal(size=800)])


@pytest.mark.parametrize("name", [name for name, op in ACTIVATIONS.items() if op.kind == "elementwise"])
def test_activations_compile(name):
    op = ACTIVATIONS[name]
    x = np.abs(X) + 0.01 if op.domain[0] == 0 else X
    dy = np.cos(X)
    y = op.forward(x)
    np.testing.assert_allclose(run_compiled(op.forward, x)[0], y, rtol=1e-13, atol=3e-14)
    np.testing.assert_allclose(run_compiled(op.vjp, dy, y, x)[0], op.vjp(dy, y, x), rtol=1e-12, atol=3e-14)


@pytest.mark.parametrize("name", [name for name, optimizer in OPTIMIZERS.items() if optimizer is not LBFGS])
def test_rules_compile(name):
    optimizer = OPTIMIZERS[name]()
    _, *scalars = optimizer.table(3, 1, [1.0], [True], optimizer.initial_carry)[0][0, 0].tolist()
    arrays = [X, np.cos(X), *(np.abs(np.sin(k + X)) + 1e-3 for k in range(len(optimizer.slots)))]
    compiled = run_compiled(lambda *values: optimizer.rule(*values, *scalars), *arrays)
    for ours, expected in zip(compiled, optimizer.rule(*arrays, *scalars), strict=True):
        np.testing.assert_allclose(ours, expected, rtol=1e-13, atol=1e-15)
