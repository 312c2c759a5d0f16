"""Print the coefficients in clearprop.engine.native.primitives, as they stand there.

Run it with mpmath installed:  python tests/golden/make_polynomials.py
"""

import itertools
import textwrap
from collections.abc import Callable
from typing import Any

import mpmath
import numpy as np
from mpmath import mp, mpf

mp.dps = 60
TINY = mpf("1e-20")  # below, a quotient of differences is replaced by its limit


def minimax(
    g: Callable[[Any], Any], weight: Callable[[Any], Any], low: Any, high: Any, n: int
) -> tuple[list[Any], Any]:
    """The n coefficients c that make the largest of |weight (Σ cₖxᵏ - g)| on [low, high] smallest, and that error.

    Remez's exchange: on n + 1 points the best polynomial has errors of equal size and alternating sign, which is a
    linear system; the extrema of its error are better points, and the next polynomial is drawn through those.  The
    points are chosen from a fine grid, on which g is computed once.
    """
    size = 60 * (n + 1)
    center, radius = (mpf(low) + high) / 2, (mpf(high) - low) / 2
    grid = [center - radius * mpmath.cos(mpmath.pi * j / size) for j in range(size + 1)]
    exact, weights = [g(x) for x in grid], [weight(x) for x in grid]
    chosen = [round(j * size / n) for j in range(n + 1)]
    for _ in range(50):
        rows = [[*(grid[j] ** k for k in range(n)), (-1) ** i / weights[j]] for i, j in enumerate(chosen)]
        *c, level = mpmath.lu_solve(mpmath.matrix(rows), mpmath.matrix([exact[j] for j in chosen]))
        errors = [w * (mpmath.polyval(c[::-1], x) - y) for x, y, w in zip(grid, exact, weights, strict=True)]
        signs = [e > 0 for e in errors]
        borders = [0, *(j for j in range(1, size + 1) if signs[j] != signs[j - 1]), size + 1]
        waves = [range(a, b) for a, b in itertools.pairwise(borders)]
        extrema = [max(wave, key=lambda j: abs(errors[j])) for wave in waves]
        while len(extrema) > n + 1:  # the smaller end
            extrema.pop(0 if abs(errors[extrema[0]]) < abs(errors[extrema[-1]]) else -1)
        if len(extrema) < n + 1:
            raise ArithmeticError("the error alternates too seldom: more digits are needed")
        worst = max(abs(e) for e in errors)
        if worst < 1.001 * abs(level):
            return c, worst
        chosen = extrema
    raise ArithmeticError("no convergence")


def exp_rest(r: Any) -> Any:
    """(eʳ - 1 - r) / r²"""
    return (mpmath.expm1(r) - r) / r**2 if abs(r) > TINY else mpf(1) / 2


def log_rest(f: Any) -> Any:
    """(log(1 + f) - f + f²/2) / f³"""
    return (mpmath.log1p(f) - f + f**2 / 2) / f**3 if abs(f) > TINY else mpf(1) / 3


def erf_near(s: Any) -> Any:
    """erf(x)/x - 1 as a function of s = x²"""
    x = mpmath.sqrt(s)
    return (mpmath.erf(x) / x if x else 2 / mpmath.sqrt(mpmath.pi)) - 1


def erf_far(x: Any) -> Any:
    """log(1 - erf(x))"""
    return mpmath.log(mpmath.erfc(x))


def sin_rest(s: Any) -> Any:
    """(sin(r) - r)/r³ as a function of s = r²"""
    r = mpmath.sqrt(s)
    return (mpmath.sin(r) - r) / r**3 if s > TINY else -mpf(1) / 6


def cos_rest(s: Any) -> Any:
    """(cos(r) - 1 + r²/2)/r⁴ as a function of s = r²"""
    return (mpmath.cos(mpmath.sqrt(s)) - 1 + s / 2) / s**2 if s > TINY else mpf(1) / 24


def weight_of_exp(r: Any) -> Any:
    """r²/(eʳ - 1), nearly"""
    return max(abs(r), mpf("0.02"))


def weight_of_log(f: Any) -> Any:
    """f³/log(1 + f), nearly"""
    return max(f**2, mpf("0.005"))


def weight_of_near(s: Any) -> Any:
    return 1 / (1 + erf_near(s))


def weight_of_sin(s: Any) -> Any:
    """r³/sin(r), nearly"""
    return max(s, mpf("0.001"))


def weight_of_cos(s: Any) -> Any:
    """r⁴/cos(r), nearly"""
    return max(s**2, mpf("0.0001"))


# What is approximated, and with which weight: how much of an error in it reaches the function's result, relative to
# that result (but nowhere 0, which the exchange does not bear).  Then by precision, where and with how many terms.
SHORT_EXP = (-mpmath.log(2) / 2, mpmath.log(2) / 2)
SHORT_LOG = (mpmath.sqrt(0.5) - 1, mpmath.sqrt(2) - 1)
EIGHTH_TURN = (0, mpf("0.62"))  # (π/4)², and a little more
POLYNOMIALS: dict[str, tuple[Any, Any, dict[int, tuple[Any, Any, int]]]] = {
    "EXP": (exp_rest, weight_of_exp, {32: (*SHORT_EXP, 5), 64: (*SHORT_EXP, 10)}),
    "LOG": (log_rest, weight_of_log, {32: (*SHORT_LOG, 8), 64: (*SHORT_LOG, 19)}),
    "ERF_NEAR": (erf_near, weight_of_near, {32: (0, 1, 7), 64: (0, 1, 12)}),
    "ERF_FAR": (erf_far, mpmath.erfc, {32: (1, 4, 7), 64: (1, 6, 18)}),
    "SIN": (sin_rest, weight_of_sin, {32: (*EIGHTH_TURN, 3), 64: (*EIGHTH_TURN, 6)}),
    "COS": (cos_rest, weight_of_cos, {32: (*EIGHTH_TURN, 3), 64: (*EIGHTH_TURN, 6)}),
}


def coefficients(name: str, bits: int) -> list[float]:
    """The polynomial's coefficients, rounded to its precision, from the lowest order up."""
    g, weight, intervals = POLYNOMIALS[name]
    exact, _ = minimax(g, weight, *intervals[bits])
    # str() of a float32 has just the digits that tell it from its neighbours
    return [float(str(np.float32(str(c)))) if bits == 32 else float(c) for c in exact]


if __name__ == "__main__":
    for name in POLYNOMIALS:
        print(f"{name} = {{")
        for bits in (32, 64):
            lines = textwrap.wrap(", ".join(map(repr, coefficients(name, bits))) + ",", 110)
            print(f"    {bits}: [", *lines, sep="\n        ", end="\n    ],\n")
        print("}")
