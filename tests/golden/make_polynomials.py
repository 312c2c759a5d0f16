"""Write polynomials.json: the coefficients of the native engine's elementary functions.

Run it with mpmath installed:  python tests/golden/make_polynomials.py
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mpmath
import numpy as np
from mpmath import mp, mpf

mp.dps = 60
TINY = mpf("1e-20")  # below, a quotient of differences is replaced by its limit


def minimax(g: Callable[[Any], Any], weight: Callable[[Any], Any], low: Any, high: Any, n: int) -> tuple[list[Any], Any]:
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
        waves = [range(a, b) for a, b in zip(borders, borders[1:], strict=False)]
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


# What is approximated; the weight, which is how much of an error in it reaches the function's result, relative to that
# result (but not 0, which Remez's exchange does not bear); where; with how many coefficients.
LOG2, ROOT2 = mpmath.log(2), mpmath.sqrt(2)
POLYNOMIALS: dict[str, tuple[Any, Any, tuple[Any, Any], int]] = {
    "exp 32": (exp_rest, lambda r: max(abs(r), mpf("0.02")), (-LOG2 / 2, LOG2 / 2), 5),
    "exp 64": (exp_rest, lambda r: max(abs(r), mpf("0.02")), (-LOG2 / 2, LOG2 / 2), 10),
    "log 32": (log_rest, lambda f: max(f**2, mpf("0.005")), (1 / ROOT2 - 1, ROOT2 - 1), 8),
    "log 64": (log_rest, lambda f: max(f**2, mpf("0.005")), (1 / ROOT2 - 1, ROOT2 - 1), 19),
    "erf near 32": (erf_near, lambda s: 1 / (1 + erf_near(s)), (0, 1), 7),
    "erf near 64": (erf_near, lambda s: 1 / (1 + erf_near(s)), (0, 1), 12),
    "erf far 32": (erf_far, mpmath.erfc, (1, 4), 7),
    "erf far 64": (erf_far, mpmath.erfc, (1, 6), 18),
}


def coefficients(name: str) -> list[float]:
    """The polynomial's coefficients, rounded to its precision, from the lowest order up."""
    g, weight, (low, high), terms = POLYNOMIALS[name]
    exact, _ = minimax(g, weight, low, high, terms)
    # str() of a float32 has the fewest digits that tell it from its neighbours
    return [float(str(np.float32(str(c)))) if name.endswith("32") else float(c) for c in exact]


if __name__ == "__main__":
    document = {name: coefficients(name) for name in POLYNOMIALS}
    path = Path(__file__).with_name("polynomials.json")
    path.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
