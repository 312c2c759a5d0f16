"""The native engine's elementary functions and powers: errors in ulp, special values, monotony, equal bits."""

import ctypes
import decimal
import functools
import importlib.util
import itertools
import math
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest
from scipy import special

pytest.importorskip("llvmlite")

from clearprop import ops
from clearprop.engine.native import jit, primitives, target
from clearprop.engine.native.module import Module
from clearprop.engine.native.values import Function, Int, Pointer
from clearprop.errors import UnsupportedOperationError

HOST, REASON = target.host_target()
pytestmark = pytest.mark.skipif(HOST is None, reason=REASON)

NUMPY = {"exp": np.exp, "expm1": np.expm1, "log": np.log, "log1p": np.log1p, "tanh": np.tanh, "erf": special.erf}
BOUNDS = {"exp": 1.1, "expm1": 1.5, "log": 1.0, "log1p": 1.5, "tanh": 1.5, "erf": 1.5}  # ulp, as the docstrings say
MONOTONE = pytest.mark.parametrize("name", list(NUMPY))
NUMPY |= {"sin": np.sin, "cos": np.cos}
BOUNDS |= {"sin": 1.0, "cos": 1.0}
ODD = ("tanh", "erf", "sin")
REGISTERS = 2

names = pytest.mark.parametrize("name", NUMPY)
precisions = pytest.mark.parametrize("dtype", [np.float32, np.float64])


def definition(function, dtype, processor):
    """y = function(x) for n elements, a multiple of two vectors."""
    m = Module(dtype, processor)
    step = REGISTERS * m.lanes

    def elementwise(f: Function, x: Pointer, n: Int, y: Pointer) -> None:
        with f.loop(0, n, step) as i:
            (y + i).store(function((x + i).load(REGISTERS)))

    return m.definitions[m.write(elementwise)]


@functools.cache
def compiled(function, dtype, processor=HOST):
    """The function of arrays."""
    one = definition(function, dtype, processor)
    code = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int64, ctypes.c_void_p)(
        jit.load(processor, [one])[one.name]
    )

    def call(x):
        padded = np.zeros(-(-len(x) // 64) * 64, dtype)
        padded[: len(x)] = x
        y = np.empty_like(padded)
        code(padded.ctypes.data, len(padded), y.ctypes.data)
        return y[: len(x)]

    return call


def native(name, dtype, processor=HOST):
    return compiled(NUMPY[name], dtype, processor)


# --- errors -----------------------------------------------------------------------------------------------------------

BORDERS = [
    0.0,
    2.0**-60,
    0.25,
    0.3465735902799726,
    0.5,
    0.7071067811865476,
    1.0,
    1.0397207708399179,
    1.4142135623730951,
]
BORDERS += [
    2.0,
    4.0,
    6.0,
    9.01,
    17.33,
    19.06,
    20.0,
    37.43,
    50.0,
    87.336,
    88.376,
    88.72,
    103.97,
    708.396,
    709.436,
    709.78,
]
BORDERS += [745.13, 1e10, 1e30]
BORDERS += [0.7853981633974483, 2.356194490192345, 1.5707963267948966, 3.141592653589793, 6.283185307179586]
BORDERS += [2.0**13 * 0.7853981633974483, 2.0**26 * 0.7853981633974483, 2.0**26 - 4.0, 2.0**40 * 3.141592653589793]
BORDERS += [1e5 * 3.141592653589793, 573204.0, 6381956970095103.0]  # the last two are all but multiples of π/2


def neighbourhoods(dtype, each):
    """Floats around the places where a formula changes or a result reaches a limit."""
    whole = np.int32 if dtype == np.float32 else np.int64
    centers = np.array([*BORDERS, np.finfo(dtype).tiny, np.finfo(dtype).max], dtype).view(whole)
    near = (centers[:, None] + np.arange(-each, each + 1, dtype=whole)).ravel().view(dtype)
    return np.concatenate([near, -near])


def ulp(exact, dtype):
    """The distance of neighbouring floats where the result is."""
    limits = np.finfo(dtype)
    return np.ldexp(1.0, np.maximum(np.frexp(exact)[1] - 1, limits.minexp) - limits.nmant)


def defined(name, x):
    """What the function is computed of: sine and cosine take 0 where floats are more than a turn apart."""
    turned = name in ("sin", "cos") and np.abs(x) >= 2.0 ** (np.finfo(x.dtype).nmant + 3)
    return np.where(turned & np.isfinite(x), x.dtype.type(0.0), x)


def allowance(name, x):
    """What the error may be besides: where sine and cosine are almost 0, far from 0."""
    n = np.finfo(x.dtype).nmant // 2
    return np.where(np.abs(x) > 2.0**n, 2.0 ** (-3 * n), 0.0) if name in ("sin", "cos") else np.zeros(x.shape)


@np.errstate(all="ignore")
def check_float32(name, x):
    """NumPy's results in float64 are exact enough to judge float32."""
    y, exact = native(name, np.float32)(x), NUMPY[name](defined(name, x).astype(np.float64))
    rounded = exact.astype(np.float32)
    finite = np.isfinite(rounded)
    errors = (np.abs(y - exact) - allowance(name, x))[finite] / ulp(exact[finite], np.float32)
    assert errors.max(initial=0.0) <= BOUNDS[name], x[finite][errors.argmax()]
    np.testing.assert_array_equal(y[~finite], rounded[~finite])


def exactly(name, x):
    """The result for a Decimal x, to 25 digits or more."""
    if name == "exp":
        return x.exp()
    if name == "log":
        return x.ln()
    if name == "erf":
        return exact_erf(x)
    if name in ("sin", "cos"):
        return exact_sine(x, name == "cos")
    if abs(x) < Decimal("1e-25"):
        return x + {"expm1": 1, "log1p": -1, "tanh": 0}[name] * x * x / 2
    if name == "log1p":
        return (1 + x).ln()
    e = (2 * x if name == "tanh" else x).exp()
    return (e - 1) / (e + 1) if name == "tanh" else e - 1


def exact_erf(x):
    """2/√π exp(-x²) Σ 2ⁿx²ⁿ⁺¹/(1·3·5···(2n + 1)), whose terms all have one sign."""
    term, total, n = x, x, 0
    while abs(term) > abs(total) * Decimal("1e-25"):
        n += 1
        term *= 2 * x * x / (2 * n + 1)
        total += term
    return 2 * total * (-x * x).exp() / Decimal("3.14159265358979323846264338327950288").sqrt()


PI = Decimal("3.14159265358979323846264338327950288419716939937510582097494459230781640628620899862803482534211706798")


def exact_sine(x, ahead):
    """The series Σ (-1)ⁿ xᵏ/k! over odd k, or even k if `ahead`, of x less whole turns."""
    x -= 2 * PI * (x / (2 * PI)).to_integral_value()
    k = 0 if ahead else 1
    total = term = Decimal(1) if ahead else x
    while abs(term) > Decimal("1e-50") * abs(total):
        term *= -x * x / ((k + 1) * (k + 2))
        total, k = total + term, k + 2
    return total


DOMAINS = {"exp": (-746, 709.78), "expm1": (-100, 709.78), "log": (5e-324, 1.7e308), "log1p": (-1 + 1e-16, 1.7e308)}
DOMAINS |= {
    "tanh": (-25, 25),
    "erf": (-7, 7),
    "sin": (-(2.0**55) + 8, 2.0**55 - 8),
    "cos": (-(2.0**55) + 8, 2.0**55 - 8),
}


def check_float64(name, x):
    low, high = DOMAINS[name]
    x = x[(x >= low) & (x <= high)]
    with decimal.localcontext(prec=90 if name in ("sin", "cos") else 60):
        exact = [exactly(name, Decimal(v)) for v in x.tolist()]
        off = [float(abs(Decimal(a) - b)) for a, b in zip(native(name, np.float64)(x).tolist(), exact, strict=True)]
    errors = (np.array(off) - allowance(name, x)) / ulp(np.array([float(b) for b in exact]), np.float64)
    assert errors.max() <= BOUNDS[name], x[errors.argmax()]


def spread(name, n, rng):
    """Arguments of every size, and more where the function bends."""
    low, high = DOMAINS[name]
    tiny = np.ldexp(rng.uniform(1.0, 2.0, n // 4), rng.integers(-1070, 1023, n // 4)) * rng.choice([-1.0, 1.0], n // 4)
    return np.concatenate([rng.uniform(max(low, -1e3), min(high, 1e3), n // 4), rng.uniform(-2, 2, n // 2), tiny])


@names
def test_errors_in_float32_stay_within_the_stated_bound(name, rng):
    check_float32(name, rng.integers(0, 2**32, 200_000, dtype=np.uint32).view(np.float32))
    check_float32(name, rng.uniform(-3.0, 3.0, 200_000).astype(np.float32))
    check_float32(name, neighbourhoods(np.float32, 200))


@names
def test_errors_in_float64_stay_within_the_stated_bound(name, rng):
    check_float64(name, np.concatenate([spread(name, 10_000, rng), neighbourhoods(np.float64, 10)]))


def sine_of_turns(t):
    return np.sin(2.0 * np.pi * t)


def cosine_of_turns(t):
    return np.cos(t * (2.0 * np.pi))


@precisions
@pytest.mark.parametrize("function", [sine_of_turns, cosine_of_turns])
def test_angles_written_as_turns_are_not_rounded(function, dtype, rng):
    """Within 1 ulp even where the result is almost 0, however many turns; 0 is taken where floats are far apart."""
    last = np.finfo(dtype).nmant - 3
    size = 2.0 ** rng.uniform(-60, last, 3000)
    quarters = rng.integers(0, 2 ** (last - 8), 1000) / 4.0 + 2.0 ** rng.integers(-6, 0, 1000)
    t = (np.concatenate([size, rng.uniform(0.0, 3.0, 3000), quarters]) * rng.choice([-1.0, 1.0], 7000)).astype(dtype)
    near = np.nextafter(np.arange(0.25, 40.0, 0.25, dtype=dtype), dtype(100.0))
    t = np.concatenate([t[np.abs(t) < 2.0**last], near, -near])
    with decimal.localcontext(prec=90):
        exact = [exact_sine(2 * PI * Decimal(v), function is cosine_of_turns) for v in t.tolist()]
        exact = [b if abs(b) > Decimal("1e-60") else Decimal(0) for b in exact]  # of quarters, as exact as PI is
        found = compiled(function, dtype)(t).tolist()
        off = [float(abs(Decimal(a) - b)) for a, b in zip(found, exact, strict=True)]
    errors = np.array(off) / ulp(np.array([float(b) for b in exact]), dtype)
    assert errors.max() <= 1.0, t[errors.argmax()]
    beyond = compiled(function, dtype)(np.array([2.0**last + 0.5, 1e30, np.inf, np.nan], dtype))
    np.testing.assert_array_equal(beyond, [float(function is cosine_of_turns)] * 2 + [np.nan] * 2)


@pytest.mark.nightly
@names
def test_errors_of_every_64th_float32(name):
    for start in range(0, 2**32, 2**28):
        check_float32(name, np.arange(start + 17, start + 2**28, 64, dtype=np.uint32).view(np.float32))


@pytest.mark.nightly
@names
def test_errors_of_many_float64(name, rng):
    check_float64(name, np.concatenate([spread(name, 500_000, rng), neighbourhoods(np.float64, 1000)]))


# --- shape ------------------------------------------------------------------------------------------------------------

INF, NAN = np.inf, np.nan
KEPT = [(0.0, 0.0), (-0.0, -0.0), (1e-30, 1e-30), (-1e-30, -1e-30)]
SPECIAL = {
    "exp": [(0.0, 1.0), (-0.0, 1.0), (1e-30, 1.0), (-1e30, 0.0), (-INF, 0.0), (1e30, INF), (INF, INF)],
    "expm1": [*KEPT, (-1e30, -1.0), (-INF, -1.0), (1e30, INF), (INF, INF)],
    "log": [(1.0, 0.0), (0.0, -INF), (-0.0, -INF), (INF, INF), (-INF, NAN), (-1e-30, NAN), (-1.0, NAN), (-1e30, NAN)],
    "log1p": [*KEPT, (-1.0, -INF), (INF, INF), (-INF, NAN), (-1.0000002, NAN), (-1e30, NAN)],
    "tanh": [*KEPT, (1e30, 1.0), (-1e30, -1.0), (INF, 1.0), (-INF, -1.0)],
    "sin": [*KEPT, (1e30, 0.0), (-1e30, 0.0), (INF, NAN), (-INF, NAN)],
    "cos": [(0.0, 1.0), (-0.0, 1.0), (1e-30, 1.0), (1e30, 1.0), (-1e30, 1.0), (INF, NAN), (-INF, NAN)],
    "erf": [*KEPT[:2], (1e30, 1.0), (-1e30, -1.0), (INF, 1.0), (-INF, -1.0)],
}


@names
@precisions
def test_special_values(name, dtype):
    x, y = np.array(SPECIAL[name], dtype).T
    result = native(name, dtype)(x)
    np.testing.assert_array_equal(result, y)
    np.testing.assert_array_equal(np.signbit(result)[~np.isnan(y)], np.signbit(y)[~np.isnan(y)])


@names
@precisions
def test_what_is_not_a_number_stays_so(name, dtype):
    limits = np.finfo(dtype)
    infinite = np.array([INF, -INF], dtype).view(f"u{limits.bits // 8}")[:, None]
    payloads = np.array([*(1 << k for k in range(limits.nmant)), (1 << limits.nmant) - 1], infinite.dtype)
    assert np.isnan(native(name, dtype)((infinite | payloads).ravel().view(dtype))).all()


@precisions
def test_subnormal_numbers(dtype):
    """Those are the results of exp and arguments of log; near 0 the other functions are x, to the last bit."""
    limits = np.finfo(dtype)
    x = np.arange(1, 1000, dtype=f"u{limits.bits // 8}").view(dtype)
    for name in ("expm1", "log1p", "tanh", "sin"):
        np.testing.assert_array_equal(native(name, dtype)(x), x)
    np.testing.assert_allclose(native("log", dtype)(x), np.log(x.astype(np.float64)), rtol=limits.eps)
    np.testing.assert_array_equal(native("exp", dtype)(native("log", dtype)(x)), x)


@pytest.mark.parametrize("name", ODD)
@precisions
def test_odd_functions_are_odd_to_the_last_bit(name, dtype, rng):
    x = np.concatenate([rng.normal(size=20_000), 10.0 ** rng.uniform(-40, 3, 20_000)]).astype(dtype)
    np.testing.assert_array_equal(native(name, dtype)(-x), -native(name, dtype)(x))


@precisions
def test_cosine_is_even_to_the_last_bit(dtype, rng):
    x = np.concatenate([rng.normal(size=20_000), 10.0 ** rng.uniform(-40, 20, 20_000)]).astype(dtype)
    np.testing.assert_array_equal(native("cos", dtype)(-x), native("cos", dtype)(x))


@MONOTONE
@precisions
def test_larger_arguments_have_no_smaller_results(name, dtype):
    low, high = (-0.999, 20.0) if name == "log1p" else (1e-3, 20.0) if name == "log" else (-20.0, 20.0)
    grid = np.linspace(low, high, 1_000_000).astype(dtype)
    y = native(name, dtype)(grid)
    assert (y[1:] >= y[:-1]).all()
    whole = f"i{grid.itemsize}"
    slack = np.finfo(dtype).eps if name == "erf" else 0.0  # two formulas meet at 1
    for x in np.array(BORDERS[2:], dtype).view(whole):
        neighbours = np.arange(x - 5000, x + 5000, dtype=whole).view(dtype)
        for run in (neighbours, -neighbours[::-1]):
            y = native(name, dtype)(run)
            assert not (y[1:] < y[:-1] * (1.0 - slack * np.sign(y[:-1]))).any(), run[5000]


# --- powers -----------------------------------------------------------------------------------------------------------


@precisions
@pytest.mark.parametrize("exponent", [-16, -7.5, -2, -1, -0.5, 0, 0.5, 1, 1.5, 2, 2.0, 3, 3.5, 5, 10, 16])
def test_powers_are_within_the_exponent_and_1_ulp(exponent, dtype, rng):
    x = np.exp(rng.uniform(-4.0, 4.0, 2000)).astype(dtype)
    x = x if exponent % 1 else np.concatenate([x, -x])
    y = compiled(lambda x: x**exponent, dtype)(x)
    with decimal.localcontext(prec=60):
        exact = [Decimal(v) ** Decimal(exponent) for v in x.tolist()]
        off = [float(abs(Decimal(a) - b)) for a, b in zip(y.tolist(), exact, strict=True)]
    assert (np.array(off) / ulp(np.array([float(b) for b in exact]), dtype)).max() <= abs(exponent) + 1


@precisions
def test_a_square_has_one_rounding_however_it_is_written(dtype, rng):
    x = rng.normal(size=2000).astype(dtype)
    for square in (lambda x: x**2, lambda x: x**2.0, np.square, lambda x: x * x, lambda x: np.power(x, 2.0)):
        np.testing.assert_array_equal(compiled(square, dtype)(x), x * x)


@precisions
def test_powers_of_0_and_infinity_are_those_of_numpy(dtype):
    x = np.array([0.0, INF, NAN], dtype)
    with np.errstate(divide="ignore"):
        for exponent in (-2, -0.5, 0, 0.5, 1, 2, 2.5):
            np.testing.assert_array_equal(compiled(lambda x, p=exponent: x**p, dtype)(x), x**exponent)


@pytest.mark.parametrize("exponent", [0.3, 17, -16.5, np.float64(2.0), True, math.nan, math.inf, "2"])
def test_other_exponents_are_refused_with_the_remedy(exponent):
    with pytest.raises(UnsupportedOperationError, match=r"write np\.exp\(p \* np\.log\(x\)\) instead of x \*\* p"):
        definition(lambda x: x**exponent, np.float64, HOST)


# --- in the operations ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("op", [ops.sigmoid, ops.softplus, ops.gelu, ops.mish, ops.tanh, ops.sin, ops.cos], ids=repr)
def test_activations_agree_with_numpy(op, rng):
    x = np.concatenate([rng.normal(size=4096), rng.uniform(-30.0, 30.0, 4096)])
    y = op.forward(x)
    assert np.linalg.norm(compiled(op, np.float64)(x) - y) <= 4e-16 * np.linalg.norm(y)


@pytest.mark.skipif(HOST is None or HOST.name != "avx512", reason="the processor has only one kind of vector registers")
@names
@precisions
def test_narrower_registers_give_the_same_bits(name, dtype, rng):
    bits = f"u{np.dtype(dtype).itemsize}"
    x = np.concatenate([rng.integers(0, 2 ** (8 * int(bits[1:])), 50_000, bits).view(dtype), neighbourhoods(dtype, 50)])
    wide, narrow = native(name, dtype), native(name, dtype, target.avx2())
    np.testing.assert_array_equal(wide(x).view(bits), narrow(x).view(bits))


@names
@precisions
def test_code_for_arm_calls_nothing(name, dtype):
    """LLVM would call a C library for functions that it cannot write itself."""
    processor = target.neon("aarch64-unknown-linux-gnu")
    code = jit.compile_object(processor, definition(NUMPY[name], dtype, processor))
    assert not jit.undefined_symbols(code)


# --- the coefficients -------------------------------------------------------------------------------------------------


@pytest.mark.nightly
def test_coefficients_are_those_of_the_script():
    pytest.importorskip("mpmath")
    path = Path(__file__).parents[3] / "golden" / "make_polynomials.py"
    spec = importlib.util.spec_from_file_location(path.stem, path)
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    for name, bits in itertools.product(script.POLYNOMIALS, (32, 64)):
        assert getattr(primitives, name)[bits] == script.coefficients(name, bits), (name, bits)
