"""The formula of an element of a `Named` array, as text."""

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np

from clearprop.explain.named import Named, item, plain

MANY = 6  # longer sums are shown by their first three terms and their last
LONGEST = 110  # characters; what would be longer shows inner parts by their value
_DEEPEST = 12

# How strongly a text holds together; what holds less than its surroundings gets parentheses.
_CONDITION, _SUM, _QUOTIENT, _PRODUCT, _WHOLE = range(5)
_Text = tuple[str, int]


def formula(x: Any, index: tuple[int, ...] = (), *, numbers: bool = False) -> str:
    """The formula of one element, its parts called by their names, or by their numbers.

    As much is written out as fits; inner parts that do not are shown by their value.  With names a choice is shown
    whole, with numbers only the side that was taken.

    >>> x = Named([[0.5, 2.0]], "x", sample=True)
    >>> y = np.exp(-x) * 3.0
    >>> formula(y, (0, 1)), formula(y, (0, 1), numbers=True)
    ('e^(−x[1])·3', 'e^(−2)·3')
    """
    text = ""
    for depth in range(1, _DEEPEST):
        writer = _Writer(numbers)
        longer = _held(writer.expand(x, index, depth), _CONDITION)
        if depth > 1 and len(longer) > LONGEST:
            break
        text = longer
        if not writer.cut:
            break
    return text


def call(known: Named, x: Any) -> None:
    """Give what in the formula of x was computed just as `known` was the name of `known`."""
    if not isinstance(x, Named):
        return
    for argument in x.arguments:
        if isinstance(argument, Named) and not argument.name and _same(argument, known):
            argument.name, argument.sample = known.name, known.sample
        call(known, argument)


def _same(a: Any, b: Any, *, root: bool = True) -> bool:
    """Whether two were computed by the same functions from the same things."""
    if not (isinstance(a, Named) and isinstance(b, Named)):
        return not isinstance(a, Named) and not isinstance(b, Named) and np.array_equal(a, b)
    if a is b or (not root and (a.name or b.name)) or a.function is None:
        return a is b
    alike = a.function is b.function and a.options == b.options and len(a.arguments) == len(b.arguments)
    return alike and all(_same(p, q, root=False) for p, q in zip(a.arguments, b.arguments, strict=True))


def shown(value: Any, digits: int = 4) -> str:
    """A number for people.

    >>> shown(-0.25), shown(1 / 3), shown(1e-9)
    ('−0.25', '0.3333', '1e-09')
    """
    if isinstance(value, bool | np.bool_):
        return str(bool(value))
    text = f"{float(value) + 0.0:.{digits}g}"  # -0 is shown as 0
    return f"−{text[1:]}" if text.startswith("-") else text


class _Writer:
    """Writes elements of `Named` arrays, to a depth; `cut` tells whether there was more to write."""

    def __init__(self, numbers: bool) -> None:
        self.numbers, self.cut = numbers, False

    def text(self, x: Any, index: tuple[int, ...], depth: int) -> _Text:
        """Of an element inside a formula: its name or number if it has one, else what it was made from."""
        while isinstance(x, Named) and not x.name and x.function in _REORDERINGS:
            x, index = _source(x, _within(x.shape, index))
        if isinstance(x, Named) and x.name and not self.numbers:
            places = _within(x.shape, index)[1 if x.sample else 0 :]
            return f"{x.name}[{','.join(map(str, places))}]" if places else x.name, _WHOLE
        if isinstance(x, Named) and not x.name and x.function is not None:
            if depth > 0:
                return self.expand(x, index, depth)
            self.cut = True
        text = shown(_element(x, index), 4 if isinstance(x, Named) else 6)  # 0.99999 as a factor is not 1
        return text, _SUM if text.startswith("−") else _WHOLE

    def inside(self, x: Any, index: tuple[int, ...], depth: int, around: int) -> str:
        """As `text`, in parentheses if it holds no more than its surroundings."""
        text, strength = self.text(x, index, depth)
        return text if strength > around else f"({text})"

    def expand(self, x: Any, index: tuple[int, ...], depth: int) -> _Text:
        """What an element was made from."""
        if not isinstance(x, Named) or x.function is None:
            return self.text(x, index, depth)
        f, arguments, depth = x.function, x.arguments, depth - 1
        index = _within(x.shape, index)
        if f in (np.add, np.subtract, np.negative, np.matmul, np.einsum, np.sum):
            return self.sum(x, index, depth)
        if f is np.multiply:
            return self.product(x, index, depth)
        if f is np.divide:
            above, below = (self.text(a, index, depth) for a in arguments)
            return f"{_held(above, _QUOTIENT)} / {_held(below, _PRODUCT)}", _QUOTIENT
        if f is np.where:
            return self.choice(arguments, index, depth)
        if f in _OPERATORS:
            a, b = (self.inside(a, index, depth, _CONDITION) for a in arguments)
            return f"{a} {_OPERATORS[f]} {b}", _CONDITION
        if f in _PATTERNS:
            pattern, strength, around = _PATTERNS[f]
            return pattern.format(*(self.inside(a, index, depth, around) for a in arguments)), strength
        if f in (np.maximum, np.minimum):
            a, b = arguments
            if isinstance(b, Named) and b.function is np.negative and b.arguments[0] is a:
                return f"|{self.text(a, index, depth + 1)[0]}|", _WHOLE
            inner = ", ".join(self.text(a, index, depth)[0] for a in arguments)
            return f"{'max' if f is np.maximum else 'min'}({inner})", _WHOLE
        if f in (np.max, np.mean):
            return self.summary(x, index, depth)
        if f in _REORDERINGS:
            return self.text(*_source(x, index), depth + 1)
        if f is np.positive:
            return self.text(arguments[0], index, depth + 1)
        inner = ", ".join(self.text(a, index, depth)[0] for a in arguments)
        return f"{getattr(f, '__name__', 'function')}({inner})", _WHOLE

    def sum(self, x: Any, index: tuple[int, ...], depth: int) -> _Text:
        terms = list(_terms(x, index, "+", root=True))
        folded = [*terms[:3], None, terms[-1]] if len(terms) > MANY else terms
        text = ""
        for term in folded:
            if term is None:
                text += f" + … ({len(terms) - 4}) …"
                continue
            sign, factors = term
            inner = self.factors(factors, depth)
            if not text:
                text = f"−{_held(inner, _SUM)}" if sign == "−" else inner[0]
            else:
                text += f" {sign} {_held(inner, _SUM)}"
        return text, _SUM if len(terms) > 1 or text.startswith("−") else _PRODUCT

    def product(self, x: Any, index: tuple[int, ...], depth: int) -> _Text:
        return self.factors(list(_factors(x, index, root=True)), depth)

    def factors(self, factors: list[tuple[Any, tuple[int, ...]]], depth: int) -> _Text:
        factors = [f for f in factors if not _is_one(*f)] or factors[:1]
        if len(factors) == 1:
            return self.text(*factors[0], depth)
        if any(_is_zero(*factor) for factor in factors):  # the others do not matter: their value is enough
            depth = 0
        return "·".join(self.inside(*factor, depth, _QUOTIENT) for factor in factors), _PRODUCT

    def choice(self, arguments: tuple[Any, ...], index: tuple[int, ...], depth: int) -> _Text:
        condition, yes, no = arguments
        if self.numbers or not isinstance(condition, Named):  # a choice between places is none between values
            return self.text(yes if _element(condition, index) else no, index, depth + 1)
        sides = [self.text(a, index, depth)[0] for a in (yes, no)]
        return f"{sides[0]} if {self.text(condition, index, depth + 1)[0]} else {sides[1]}", _CONDITION

    def summary(self, x: Named, index: tuple[int, ...], depth: int) -> _Text:
        among = x.arguments[0]
        if x.function is np.max and self.numbers:
            text = shown(_element(x, index))
            return text, _SUM if text.startswith("−") else _WHOLE
        if x.function is np.max and isinstance(among, Named) and among.name:
            return f"max({among.name})", _WHOLE
        parts = list(_reduced(x, index))
        folded = [*parts[:3], parts[-1]] if len(parts) > MANY else parts
        texts = [self.text(x.arguments[0], part, depth)[0] for part in folded]
        if len(parts) > MANY:
            texts.insert(3, "…")
        if x.function is np.max:
            return f"max({', '.join(texts)})", _WHOLE
        return f"({' + '.join(texts)}) / {len(parts)}", _QUOTIENT


_REORDERINGS = (np.transpose, np.reshape, np.broadcast_to, np.concatenate, item)
_OPERATORS = {np.greater: ">", np.less: "<", np.greater_equal: "≥", np.less_equal: "≤", np.bitwise_and: "and",
              np.bitwise_or: "or"}  # fmt: skip
# Text, how strongly it holds together, and how strongly the parts must hold to need no parentheses.
_PATTERNS: dict[Any, tuple[str, int, int]] = {
    np.exp: ("e^({})", _WHOLE, -1),
    np.expm1: ("e^({}) − 1", _SUM, -1),
    np.log: ("log({})", _WHOLE, -1),
    np.log1p: ("log(1 + {})", _WHOLE, _SUM),
    np.sqrt: ("√({})", _WHOLE, -1),
    np.square: ("{}²", _WHOLE, _PRODUCT),
    np.power: ("{}^{}", _WHOLE, _PRODUCT),
}


def _held(text: _Text, around: int) -> str:
    return text[0] if text[1] > around else f"({text[0]})"


def _within(shape: tuple[int, ...], index: tuple[int, ...]) -> tuple[int, ...]:
    """The index of an array of that shape which broadcasting takes to `index`."""
    return tuple(0 if n == 1 else i for n, i in zip(shape, index[len(index) - len(shape) :], strict=True))


def _element(x: Any, index: tuple[int, ...]) -> Any:
    array = np.asarray(plain(x))
    return array[_within(array.shape, index)]


def _is_one(x: Any, index: tuple[int, ...]) -> bool:
    return not isinstance(x, Named) and bool(_element(x, index) == 1.0)


def _is_zero(x: Any, index: tuple[int, ...]) -> bool:
    return (not isinstance(x, Named) or bool(x.name)) and bool(_element(x, index) == 0.0)


def _inner(x: Any, root: bool) -> Any:
    """The function to look into, or None for a number or name."""
    return x.function if isinstance(x, Named) and (root or not x.name) else None


_Factor = tuple[Any, tuple[int, ...]]


def _terms(x: Any, index: tuple[int, ...], sign: str, *, root: bool = False) -> Iterator[tuple[str, list[_Factor]]]:
    """The terms of a sum, each with its sign and as its factors."""
    f, opposite = _inner(x, root), "+" if sign == "−" else "−"
    index = _within(np.shape(plain(x)), index)
    if f in (np.add, np.subtract):
        yield from _terms(x.arguments[0], index, sign)
        yield from _terms(x.arguments[1], index, sign if f is np.add else opposite)
    elif f is np.negative:
        yield from _terms(x.arguments[0], index, opposite)
    elif f is np.sum:
        for part in _reduced(x, index):
            yield sign, list(_factors(x.arguments[0], part))
    elif f is np.matmul:
        a, b = x.arguments
        row, column = index[: a.ndim - 1], index[len(index) - b.ndim + 1 :] if b.ndim > 1 else ()
        for k in range(a.shape[-1]):
            yield sign, [*_factors(a, (*row, k)), *_factors(b, (k, *column))]
    elif f is np.einsum:
        subscripts, *operands = x.arguments
        inputs, _, output = subscripts.partition("->")
        axes = inputs.split(",")
        sizes = {axis: n for of, a in zip(axes, operands, strict=True) for axis, n in zip(of, a.shape, strict=True)}
        summed = [axis for axis in sizes if axis not in output]
        for places in np.ndindex(*(sizes[axis] for axis in summed)):
            at = dict(zip((*output, *summed), (*index, *places), strict=True))
            parts = (_factors(a, tuple(at[axis] for axis in of)) for of, a in zip(axes, operands, strict=True))
            yield sign, list(itertools.chain(*parts))
    else:
        yield sign, list(_factors(x, index))


def _factors(x: Any, index: tuple[int, ...], *, root: bool = False) -> Iterator[_Factor]:
    if _inner(x, root) is np.multiply:
        for argument in x.arguments:
            yield from _factors(argument, index)
    else:
        yield x, index


def _reduced(x: Named, index: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
    """The places of the argument that a sum, mean or maximum along an axis puts together into one."""
    shape, axis = x.arguments[0].shape, x.options.get("axis", *x.arguments[1:2])
    every = range(len(shape)) if axis is None else axis if isinstance(axis, tuple) else (axis,)
    axes = {a % len(shape) for a in every}
    kept = list(index if x.ndim < len(shape) else [i for a, i in enumerate(index) if a not in axes])
    free = iter(kept)
    yield from itertools.product(*([*range(n)] if a in axes else [next(free)] for a, n in enumerate(shape)))


def _source(x: Named, index: tuple[int, ...]) -> tuple[Any, tuple[int, ...]]:
    """Where a reordered array has this element from: the places are reordered likewise, and read."""
    original = x.arguments[0]
    assert x.function is not None
    if x.function is np.concatenate:
        axis, place = x.options["axis"], index[x.options["axis"]]
        for part in original:
            if place < part.shape[axis]:
                return part, (*index[:axis], place, *index[axis + 1 :])
            place -= part.shape[axis]
    places = np.arange(original.size).reshape(original.shape)
    moved = np.asarray(x.function(places, *x.arguments[1:], **x.options))
    return original, tuple(map(int, np.unravel_index(int(moved[index]), original.shape)))
