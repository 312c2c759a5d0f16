"""The elementary functions: exp, expm1, log, log1p, tanh, erf, sin and cos of Vectors.

Each is computed in three steps.  The *reduction* uses an identity such as eˣ = 2ᵏ eʳ to bring every argument into one
short interval; there a *polynomial* is as good as the function; the *reconstruction* undoes the reduction.  There are
no branches and no tables: all lanes take the same steps, and where two formulas are needed both are computed.  Every
step is an IEEE operation that each processor rounds alike, so the results have the same bits everywhere.

Errors are stated in ulp, the distance between neighbouring floats where the result is.

A factor 2ᵏ is put together from bits: k and the exponent's bias, shifted to where a float has its exponent.  How does a
k computed as a float become an integer?  By adding 1.5·2⁵² (for float32, 1.5·2²³): there floats are 1 apart, so the
sum's low bits are k.  Unlike a conversion, this does no harm for NaN and infinity, whose k means nothing.
"""

import math
import sys
from collections.abc import Sequence
from typing import Any

from clearprop.engine.native.module import Module
from clearprop.engine.native.values import UFUNCS, Mask, Vector, Whole

# Coefficients from the lowest order up, for each number of bits; tests/golden/make_polynomials.py computes them.
# fmt: off
EXP = {  # (eʳ - 1 - r)/r² in r, |r| <= log(2)/2
    32: [
        0.5, 0.16666543, 0.04166628, 0.008366577, 0.0013946439,
    ],
    64: [
        0.5000000000000006, 0.16666666666666685, 0.0416666666665737, 0.008333333333314598, 0.0013888888932353895,
        0.00019841269903015556, 2.480150447750986e-05, 2.7557227970500903e-06, 2.7626313378124527e-07,
        2.511446670936276e-08,
    ],
}
LOG = {  # (log(1 + f) - f + f²/2)/f³ in f, √½ <= 1 + f <= √2
    32: [
        0.33333316, -0.2500081, 0.20002286, -0.16624556, 0.14181185, -0.13128737, 0.12881675, -0.07859671,
    ],
    64: [
        0.33333333333333315, -0.24999999999991473, 0.20000000000013327, -0.16666666669219493, 0.14285714285652246,
        -0.1249999973462629, 0.11111110868791033, -0.10000013499870528, 0.0909093159027976, -0.08332955214172073,
        0.0769141054274968, -0.07148791663308658, 0.06685572477937536, -0.062029287779043, 0.056655796969834554,
        -0.056437149246843746, 0.06490724991974675, -0.06061707649457943, 0.02694553273924728,
    ],
}
ERF_NEAR = {  # erf(x)/x - 1 in x², x <= 1
    32: [
        0.12837917, -0.37612626, 0.112835854, -0.026853811, 0.0051883273, -0.00080101896, 7.8538484e-05,
    ],
    64: [
        0.12837916709551256, -0.3761263890318352, 0.11283791670944185, -0.026866170643111482, 0.005223977606118614,
        -0.000854832592932217, 0.00012055293577152762, -1.4924712307185837e-05, 1.6447131638251597e-06,
        -1.6206314289113782e-07, 1.3710982748678367e-08, -7.779472948426816e-10,
    ],
}
ERF_FAR = {  # log(1 - erf(x)) in x, 1 <= x <= 4 for float32, 6 for float64
    32: [
        -0.0003537547, -1.1270399, -0.6382259, -0.103037156, 0.021805214, -0.002939581, 0.00018557129,
    ],
    64: [
        -5.132353128429367e-07, -1.128373991776822, -0.6366440547765997, -0.10270229076741853, 0.018988044025058142,
        0.0004135336009249529, -0.001918942294676361, 0.0007730402077688685, -0.00013655225745193793,
        -1.9524830219078924e-05, 2.253368148755925e-05, -8.579036799493762e-06, 2.1148618123443585e-06,
        -3.6957674109698616e-07, 4.5934715054282496e-08, -3.890150708232215e-09, 2.0204202447143395e-10,
        -4.8653036146992094e-12,
    ],
}
SIN = {  # (sin(r) - r)/r³ in r², |r| <= π/4 and a little more
    32: [
        -0.16666655, 0.008332167, -0.00019515658,
    ],
    64: [
        -0.1666666666666663, 0.008333333333322144, -0.00019841269829581863, 2.755731361035497e-06,
        -2.505074488494428e-08, 1.5896003934421696e-10,
    ],
}
COS = {  # (cos(r) - 1 + r²/2)/r⁴ in r², in the same place
    32: [
        0.041666646, -0.0013887353, 2.4436611e-05,
    ],
    64: [
        0.041666666666666595, -0.0013888888888873758, 2.4801587289243423e-05, -2.755731428045683e-07,
        2.087571313641925e-09, -1.1359105173696129e-11,
    ],
}
# fmt: on

LOG2 = {32: (0.6931471824645996, -1.904654323148236e-09), 64: (0.6931471805599453, 2.3190468138462996e-17)}
"""log(2) rounded, and what that lacks."""

QUARTER_TURN = {
    32: (1.5707963705062866, -4.371138828673793e-08, -1.7151245100058819e-15),
    64: (1.5707963267948966, 6.123233995736766e-17, -1.4973849048591698e-33),
}
"""π/2 rounded, what that lacks, rounded, and what the sum of both lacks."""

ROOT = math.sqrt(0.5)


def polynomial(x: Vector, coefficients: Sequence[float]) -> Vector:
    """c₀ + c₁x + c₂x² + ... = (c₀ + c₁x) + x²((c₂ + c₃x) + x²(...)): half of the steps wait for no other."""
    terms: list[Any] = [x * odd + even for even, odd in zip(coefficients[::2], coefficients[1::2], strict=False)]
    terms += coefficients[2 * len(terms) :]
    square = (x * x).rounded()
    result = x.lift(terms.pop())
    for term in reversed(terms):
        result = square * result + term
    return result


def _bits(m: Module, x: float) -> int:
    """x's bits in the module's precision, as an integer."""
    return int.from_bytes(m.dtype.type(x).tobytes(), sys.byteorder)


def _unless_tiny(x: Vector, y: Vector) -> Vector:
    """y(x), or x where |x| is so small that y = x: there signs of zero and subnormal numbers pass unharmed."""
    return (x * x < 2.0**-120).select(x, y)


def _nearest_power(x: Vector, offset: int) -> tuple[Vector, Whole]:
    """The whole number k nearest to x / log(2), and an integer whose low bits hold k + offset."""
    shift = 1.5 * 2.0**x.f.m.mantissa + offset
    shifted = x * math.log2(math.e) + shift
    return shifted - shift, shifted.bits()


def exp(x: Vector) -> Vector:
    """eˣ = 2ᵏ eʳ with a whole number k and |r| <= log(2)/2, within 1.1 ulp, subnormal or not.

    eʳ = 1 + r + r²p(r).  2ᵏ may lie outside the floats' range when eˣ does not, so it is multiplied in two halves.
    """
    m = x.f.m
    high, low = LOG2[m.bits]
    x = x.maximum(-(m.exponent_bias + m.mantissa + 2) * high).minimum((m.exponent_bias + 2) * high)
    k, biased = _nearest_power(x, 2 * m.exponent_bias)
    r = (x - k * high) - k * low
    e = (r * r).rounded() * polynomial(r, EXP[m.bits]) + r + 1.0
    half = biased >> 1
    return e * (half << m.mantissa).as_real() * ((biased - half) << m.mantissa).as_real()


def _half_expm1(x: Vector) -> tuple[Vector, Vector]:
    """(eˣ - 1)/2 as a sum that is still to be rounded, for -50 <= x <= 128 log(2) or 1024 log(2).

    There eˣ overflows but its half does not: 2ᵏ⁻¹eʳ - ½ = (2ᵏ⁻¹r + 2ᵏ⁻¹ - ½) + 2ᵏ⁻¹t with t = eʳ - 1 - r = r²p(r).
    What the roundings of r and of the bracket cut off counts after the subtraction: it goes to the small terms.
    """
    m = x.f.m
    high, low = LOG2[m.bits]
    k, biased = _nearest_power(x, m.exponent_bias - 1)
    scale = (biased << m.mantissa).as_real()
    near = x - k * high  # exact
    r = near - k * low
    t = (r * r).rounded() * polynomial(r, EXP[m.bits]) + ((near - r) - k * low)
    rest = scale - 0.5
    large = scale * r + rest
    return large, scale * t + (scale * r + (rest - large))


def expm1(x: Vector) -> Vector:
    """eˣ - 1 within 1.5 ulp, also near 0."""
    large, small = _half_expm1(x.maximum(-50.0).minimum({32: 89.0, 64: 710.0}[x.f.m.bits]))
    half = large + small
    return _unless_tiny(x, half + half)


def tanh(x: Vector) -> Vector:
    """(e²ˣ - 1)/(e²ˣ + 1) = h/(h + 1) with h = (e²ˣ - 1)/2; it is odd, so computed for |x|.  Within 1.5 ulp.

    What a first quotient q lacks is (h - q (h + 1))/(h + 1) = (h (1 - q) - q)/(h + 1).
    """
    a = x.intrinsic("fabs").minimum(20.0)  # tanh(20) is 1 to the last bit
    large, small = _half_expm1(a + a)
    h = large + small
    inverse = 1.0 / (h + 1.0)
    q = (h * inverse).rounded()
    p = 1.0 - q
    return ((small * p + (large * p - q)) * inverse + q).intrinsic("copysign", x)


def _exponent(x: Vector) -> tuple[Vector, Whole]:
    """The k with √½ <= x / 2ᵏ < √2, as a float and as an integer."""
    m = x.f.m
    biased = (x.bits() + (_bits(m, 1.0) - _bits(m, ROOT))) >> m.mantissa
    unit = 2.0**m.mantissa  # from there on floats are 1 apart
    return (biased | _bits(m, unit)).as_real() - (unit + m.exponent_bias), biased - m.exponent_bias


def _log(k: Vector, f: Vector) -> Vector:
    """k log(2) + log(1 + f) with log(1 + f) = f - f²/2 + f³p(f).  What the largest sum's rounding cuts off is kept."""
    bits = f.f.m.bits
    high, low = LOG2[bits]
    total = k * high + f
    cut = (k * high - total) + f
    return total + ((f * f).rounded() * (f * polynomial(f, LOG[bits]) - 0.5) + (k * low + cut))


def _for_positive(x: Vector, y: Vector) -> Vector:
    """log(x), given a y that equals it for positive finite x only."""
    y = (x > 0.0).select(y, x.compare("oeq", 0.0).select(-math.inf, math.nan))
    return (x < math.inf).select(y, x)  # of infinity and NaN


def log(x: Vector) -> Vector:
    """log(x) = k log(2) + log(1 + f), where x = 2ᵏ(1 + f) with √½ <= 1 + f < √2, within 1 ulp."""
    m = x.f.m
    subnormal = x < 2.0 ** (1 - m.exponent_bias)
    normal = subnormal.select(x * 2.0**m.mantissa, x)
    k, exponent = _exponent(normal)
    significand = (normal.bits() - (exponent << m.mantissa)).as_real()
    return _for_positive(x, _log(k - subnormal.select(m.mantissa, 0.0), significand - 1.0))


def log1p(x: Vector) -> Vector:
    """log(1 + x) = k log(2) + log(1 + f), where 1 + x = 2ᵏ(1 + f), within 1.5 ulp, also near 0.

    1 + x is rounded to find k, but not for f = 2⁻ᵏx + (2⁻ᵏ - 1).  4·2⁻ᵏ is a float for every k, unlike 2⁻ᵏ.
    """
    m = x.f.m
    k, exponent = _exponent(x + 1.0)
    scale = ((Whole.splat(x.f, m.exponent_bias + 2) - exponent) << m.mantissa).as_real()
    f = (x * 0.25).rounded() * scale + (scale * 0.25 - 1.0)
    return _unless_tiny(x, _for_positive(x + 1.0, _log(k, f)))


def erf(x: Vector) -> Vector:
    """2/√π ∫₀ˣ exp(-t²) dt within 1.5 ulp; it is odd, so computed for |x|.

    Below 1 it is x + x p(x²).  Above, 1 - erf(x) is nearly an exponential, so its logarithm is nearly a polynomial.
    """
    m = x.f.m
    a = x.intrinsic("fabs").minimum({32: 4.0, 64: 6.0}[m.bits])  # erf is 1 to the last bit there
    near = a * polynomial((a * a).rounded(), ERF_NEAR[m.bits]) + a
    far = 1.0 - exp(polynomial(a, ERF_FAR[m.bits]))
    return (a < 1.0).select(near, far).intrinsic("copysign", x)


def _quarter_turns(x: Vector) -> tuple[Whole, Vector, Vector]:
    """k and r = high + low with x = k π/2 + r and |r| <= π/4, but for whole turns: k counts modulo 4.

    First multiples of 2ⁿ quarter turns are taken away, then the quarter turns that are left.  Each time `near` is
    exact, for it is a multiple of `first`'s last bit and smaller than `first`.  What roundings cut off after that goes
    to `low`.

    From 2ᵐ⁺³ on, with a mantissa of m bits, floats are more than a turn apart: each stands for all angles, and 0 is
    taken.
    """
    m = x.f.m
    x = (x.intrinsic("fabs") < 2.0 ** (m.mantissa + 3)).select(x, x * 0.0)  # of infinity and NaN, NaN
    shift = 1.5 * 2.0**m.mantissa
    high, low = x, x.lift(0.0)
    for unit in (2.0 ** (m.mantissa // 2), 1.0):
        first, second, third = (unit * part for part in QUARTER_TURN[m.bits])
        shifted = high * (1.0 / first) + shift
        k = shifted - shift
        near = high - k * first
        more = (k * second).rounded()
        high = near - more
        low = low + ((near - high) - more) + ((more - k * second) - k * third)
    r = high + low
    return shifted.bits(), r, low + (high - r)


def _turns(x: Vector) -> Vector | None:
    """t, where x is written as the product 2π t: like a product that a sum follows, it need not be rounded."""
    for turn, t in (x.product, x.product[::-1]) if x.product else ():
        if turn.v == x.lift(2.0 * math.pi).v:
            return t
    return None


def _quarters_of_turns(t: Vector) -> tuple[Whole, Vector, Vector]:
    """The same for x = 2π t: quarters of turns are taken away from t, exactly.

    From 2ᵐ⁻³ turns on they would no longer be counted, and 0 is taken.
    """
    m = t.f.m
    shift = 1.5 * 2.0**m.mantissa
    t = (t.intrinsic("fabs") < 2.0 ** (m.mantissa - 3)).select(t, t * 0.0)  # of infinity and NaN, NaN
    shifted = t * 4.0 + shift
    near = t - (shifted - shift) * 0.25
    first, second, _ = (4.0 * part for part in QUARTER_TURN[m.bits])
    r = (near * first).rounded()
    return shifted.bits(), r, near * second + (near * first - r)


def _sine(x: Vector, ahead: int) -> Vector:
    """sin(x + ahead π/2) = ±sin(r) or ±cos(r), with x = k π/2 + r."""
    m, turns = x.f.m, _turns(x)
    k, r, low = _quarter_turns(x) if turns is None else _quarters_of_turns(turns)
    k = k + ahead
    square = (r * r).rounded()
    sine = r + ((square * r).rounded() * polynomial(square, SIN[m.bits]) + low)
    half = square * 0.5
    near = 1.0 - half
    rest = ((1.0 - near) - half) - r * low
    cosine = near + ((square * square).rounded() * polynomial(square, COS[m.bits]) + rest)
    odd = Mask(Vector(x.f, (k & 1).compare("ne", 0), row=x.row))
    sign: Whole = (k & 2) << (m.bits - 2)
    return (odd.select(cosine, sine).bits() ^ sign).as_real()


def sin(x: Vector) -> Vector:
    """sin(x) within 1 ulp, for |x| > 2ⁿ within 2⁻³ⁿ if that is more, where a mantissa has 2n bits.

    sin(2π t) of any t within 1 ulp.
    """
    return _unless_tiny(x, _sine(x, 0))


def cos(x: Vector) -> Vector:
    """cos(x) = sin(x + π/2), within the same bounds."""
    return _sine(x, 1)


UFUNCS |= {"exp": exp, "expm1": expm1, "log": log, "log1p": log1p, "tanh": tanh, "erf": erf, "sin": sin, "cos": cos}
