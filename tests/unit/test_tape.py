"""The tape: what it records, what it returns, and what it says when it cannot."""

import collections
import copy
import math
import operator
import pickle
import threading

import numpy as np
import pytest

from clearprop import ops
from clearprop.errors import (
    ConfigurationError,
    NotConnectedError,
    ShapeError,
    TapeError,
    UnsupportedOperationError,
)
from clearprop.tape import _INSTEAD, GradientTape, Tensor, _ancestors, differentiable


def gradient(function, *values, **options):
    """The gradient of function(*values), a tuple for several values."""
    with GradientTape() as tape:
        tensors = tape.watch(*values)
        y = function(*tensors) if isinstance(tensors, tuple) else function(tensors)
    return tape.gradient(y, tensors, **options)


def derivatives(function, x, order):
    """f(x), f'(x), ..., each tape inside the one before."""
    if order == 0:
        return [function(x)]
    with GradientTape() as tape:
        tape.watch(x)
        found = derivatives(function, x, order - 1)
    return [*found, tape.gradient(found[-1], x)]


# --- derivatives ------------------------------------------------------------------------------------------------------


def himmelblau(x, y):
    return (x * x + y - 11.0) ** 2 + (x + y * y - 7.0) ** 2


@pytest.mark.parametrize(("x", "y"), [(3.0, 2.0), (-2.805118086952745, 3.131312518250573), (0.5, -1.5)])
def test_himmelblaus_gradient(x, y):
    dx, dy = gradient(himmelblau, x, y)
    a, b = x * x + y - 11.0, x + y * y - 7.0
    assert dx.item() == pytest.approx(4.0 * a * x + 2.0 * b, abs=1e-12)
    assert dy.item() == pytest.approx(2.0 * a + 4.0 * b * y, abs=1e-12)


def test_a_value_used_twice_gets_both_gradients_and_passes_them_on_once():
    def diamond(a):
        b = a + a
        return b + b

    assert gradient(diamond, 3.0).item() == 4.0


def test_a_tower_of_diamonds_takes_linear_time():
    def tower(a):
        for _ in range(200):  # 2^200 paths
            a = 0.5 * (a + a)
        return a

    assert gradient(tower, 3.0).item() == 1.0


@pytest.mark.parametrize("depth", [5_000, 50_000])
def test_a_deep_graph_needs_no_recursion(depth):
    def deep(x):
        y = x
        for _ in range(depth):
            y = y + x
        return y

    assert gradient(deep, 1.0).item() == depth + 1


def test_third_derivative():
    found = derivatives(lambda x: np.exp(2.0 * x) + x**4, Tensor(0.5), 3)
    e = np.exp(1.0)
    expected = [e + 0.5**4, 2 * e + 4 * 0.5**3, 4 * e + 12 * 0.5**2, 8 * e + 24 * 0.5]
    np.testing.assert_allclose([d.item() for d in found], expected, rtol=1e-14)


@pytest.mark.parametrize(
    ("p", "x", "expected"),
    [(3, 2.0, 12.0), (2, -3.0, -6.0), (-1, 2.0, -0.25), (0.5, 4.0, 0.25), (1, 5.0, 1.0), (0, 5.0, 0)],
)
def test_power_with_a_constant_exponent(p, x, expected):
    assert gradient(lambda t: t**p, x).item() == expected
    assert gradient(lambda t: np.power(t, p), x).item() == expected


def test_power_with_a_constant_base():
    assert gradient(lambda x: 2.0**x, 3.0).item() == pytest.approx(8.0 * np.log(2.0), rel=1e-15)


def test_power_with_an_array_as_base():
    dx = gradient(lambda x: np.array([2.0, 3.0]) ** x, np.array([3.0, 1.0]))
    np.testing.assert_allclose(dx, [8.0 * np.log(2.0), 3.0 * np.log(3.0)], rtol=1e-15)


def test_repeated_indices_add_up():
    dx = gradient(lambda x: x[[0, 0, 2]] * np.array([1.0, 10.0, 100.0]), np.zeros(3))
    np.testing.assert_array_equal(dx, [11.0, 0.0, 100.0])


@pytest.mark.parametrize("index", [0, -1, slice(1, None), (slice(None), 1), ..., None, [True, False, True]], ids=str)
def test_the_gradient_of_what_is_picked_is_one_where_it_was_picked(index):
    x = np.arange(12.0).reshape(3, 4)
    expected = np.zeros_like(x)
    expected[index] += 1.0
    np.testing.assert_array_equal(gradient(lambda t: t[index], x), expected)


def test_a_mask_from_a_comparison_selects():
    dx = gradient(lambda x: np.where(x > 0.0, x * x, 0.0)[x >= 1.0], np.array([-1.0, 1.0, 3.0]))
    np.testing.assert_array_equal(dx, [0.0, 2.0, 6.0])


@pytest.mark.parametrize(("left", "right"), [((3,), (3,)), ((2, 3), (3,)), ((3,), (3, 2)), ((2, 3), (3, 4))], ids=str)
@pytest.mark.parametrize("product", [np.matmul, np.dot, lambda a, b: a @ b], ids=["matmul", "dot", "@"])
def test_products_of_matrices_and_vectors(product, left, right, rng):
    a, b = rng.normal(size=left), rng.normal(size=right)
    dy = rng.normal(size=np.shape(a @ b))
    da, db = gradient(product, a, b, output_gradient=dy)
    rows, columns, outer = np.atleast_2d(a), b.reshape(len(b), -1), dy.reshape(np.atleast_2d(a).shape[0], -1)
    np.testing.assert_allclose(da, (outer @ columns.T).reshape(left), rtol=1e-13)
    np.testing.assert_allclose(db, (rows.T @ outer).reshape(right), rtol=1e-13)


@pytest.mark.parametrize("shapes", [((2, 2), ()), ((), (2,)), ((2, 2, 2), (2, 2))], ids=str)
def test_other_products_are_refused(shapes):
    with pytest.raises(ShapeError, match="matmul multiplies matrices and vectors"):
        np.dot(Tensor(np.ones(shapes[0])), np.ones(shapes[1]))


FUNCTIONS = [
    (lambda x: np.sum(x * x), lambda x: 2 * x),
    (lambda x: np.mean(x * x, axis=0), lambda x: 2 * x / 2),
    (lambda x: (x * x).mean(axis=-1, keepdims=True), lambda x: 2 * x / 3),
    (lambda x: np.max(x, axis=1), lambda x: (x == x.max(axis=1, keepdims=True)) * 1.0),
    (lambda x: np.reshape(x, (3, 2)).T * 2.0, lambda x: np.full_like(x, 2.0)),
    (lambda x: x.reshape(3, 2) * 2.0, lambda x: np.full_like(x, 2.0)),
    (lambda x: x.reshape((6,)) * 2.0, lambda x: np.full_like(x, 2.0)),
    (lambda x: np.transpose(x) / 2.0, lambda x: np.full_like(x, 0.5)),
    (lambda x: np.broadcast_to(x, (5, 2, 3)), lambda x: np.full_like(x, 5.0)),
    (lambda x: -x - 1.0, lambda x: np.full_like(x, -1.0)),
    (lambda x: 1.0 / x, lambda x: -1.0 / x**2),
    (lambda x: 1.0 - abs(x), lambda x: -np.sign(x)),
    (lambda x: np.sqrt(np.square(x)), np.sign),
    (lambda x: np.sin(x) * np.cos(x), lambda x: np.cos(2 * x)),
    (lambda x: np.log(np.exp(x)) + np.log1p(np.expm1(x)), lambda x: np.full_like(x, 2.0)),
    (lambda x: np.maximum(x, 0.0) + np.minimum(x, 0.0), np.ones_like),
    (lambda x: np.tanh(x), lambda x: 1 - np.tanh(x) ** 2),
    (lambda x: np.array([1.0, 2.0, 3.0]) * x, lambda x: np.broadcast_to([1.0, 2.0, 3.0], x.shape)),
    (lambda x: sum(row.sum() for row in x), np.ones_like),
]


@pytest.mark.parametrize(("function", "expected"), FUNCTIONS)
def test_numpys_functions_are_recorded(function, expected, rng):
    x = rng.choice([-1.0, 1.0], (2, 3)) * rng.uniform(0.5, 2.0, (2, 3))
    np.testing.assert_allclose(gradient(function, x), expected(x), rtol=1e-13, atol=1e-15)


def test_scipys_erf_is_recorded():
    from scipy.special import erf

    assert gradient(erf, 0.5).item() == pytest.approx(2.0 / np.sqrt(np.pi) * np.exp(-0.25), rel=1e-15)


@pytest.mark.parametrize(
    "function",
    [lambda x: np.sum(x, 0), lambda x: np.sum(x, axis=(0, 1)), lambda x: np.reshape(x, shape=(3, 2))],
    ids=["axis by position", "several axes", "shape by keyword"],
)
def test_numpys_other_ways_to_say_it(function):
    np.testing.assert_array_equal(gradient(function, np.ones((2, 3))), np.ones((2, 3)))


# --- what is asked for ------------------------------------------------------------------------------------------------


def test_gradients_come_in_the_structure_of_the_sources():
    with GradientTape(persistent=True) as tape:
        a, b = tape.watch(2.0, 5.0)
        y = a * a * b
    assert [type(tape.gradient(y, kind((a, b)))) for kind in (list, tuple)] == [list, tuple]
    assert [d.item() for d in tape.gradient(y, [a, b])] == [20.0, 4.0]
    assert {name: d.item() for name, d in tape.gradient(y, {"a": a, "b": b}).items()} == {"a": 20.0, "b": 4.0}


def test_intermediate_values_have_gradients_too():
    with GradientTape() as tape:
        x = tape.watch(3.0)
        z = x * x
        y = 2.0 * z
    assert [d.item() for d in tape.gradient(y, [z, x, y])] == [2.0, 12.0, 1.0]


def test_a_value_computed_before_it_is_watched_is_a_source():
    x = Tensor(3.0)
    z = x * x
    with GradientTape() as tape:
        tape.watch(z)
        y = z * z
    assert tape.gradient(y, z).item() == 18.0


def test_the_targets_elements_are_summed_or_weighted():
    x = np.array([1.0, 2.0])
    np.testing.assert_array_equal(gradient(np.square, x), [2.0, 4.0])
    np.testing.assert_array_equal(gradient(np.square, x, output_gradient=[1.0, 10.0]), [2.0, 40.0])
    np.testing.assert_array_equal(gradient(np.square, x, output_gradient=Tensor([0.0, 1.0])), [0.0, 4.0])


def test_an_output_gradient_has_the_targets_shape():
    with pytest.raises(ShapeError, match=r"output_gradient has shape \(3,\), the target \(2,\)"):
        gradient(np.square, np.ones(2), output_gradient=np.ones(3))


def test_a_persistent_tape_answers_again_also_inside_its_block():
    with GradientTape(persistent=True) as tape:
        x = tape.watch(3.0)
        y = x * x
        assert tape.gradient(y, x).item() == 6.0
        z = y * y
    assert tape.gradient(z, x).item() == 108.0
    assert tape.gradient(y, x).item() == 6.0


def test_an_unused_source_can_count_as_zero():
    with GradientTape() as tape:
        a, b = tape.watch(np.ones(2), np.ones((2, 3)))
        y = a * 2.0
    da, db = tape.gradient(y, (a, b), unconnected="zero")
    np.testing.assert_array_equal(da, [2.0, 2.0])
    np.testing.assert_array_equal(db, np.zeros((2, 3)))


def test_a_constant_target_has_zero_gradient_if_asked():
    with GradientTape() as tape:
        x = tape.watch(1.0)
    assert tape.gradient(Tensor(2.0), x, unconnected="zero").item() == 0.0


def test_float32_stays_float32():
    assert gradient(lambda x: np.exp(x) * 2.0 + 1.0, np.ones(3, np.float32)).dtype == np.float32


def test_only_open_tapes_record_and_only_what_they_watch():
    outer, inner = GradientTape(), GradientTape()
    with outer:
        a = outer.watch(2.0)
        with inner:
            b = inner.watch(3.0)
            y = a * b
    assert (outer.gradient(y, a).item(), inner.gradient(y, b).item()) == (3.0, 2.0)
    assert a * b == 6.0  # no tape is open: nothing happens but the product


def test_a_tape_that_has_answered_records_no_more():
    with GradientTape() as tape:
        x = tape.watch(3.0)
        tape.gradient(x * x, x)
        y = x * x
    assert y.item() == 9.0
    with pytest.raises(TapeError, match="its records are released"):
        tape.gradient(y, x)


def test_a_tensor_that_was_not_watched_is_differentiated_wholly():
    x = Tensor(3.0)
    with GradientTape() as tape:
        w = tape.watch(2.0)
        y = x * w + x * x
    assert [d.item() for d in tape.gradient(y, [x, w])] == [8.0, 3.0]


def test_a_tensor_watched_after_its_first_use_is_differentiated_wholly():
    x = Tensor(3.0)
    with GradientTape() as tape:
        z = x * x
        tape.watch(x)
        y = z * x
    assert tape.gradient(y, x).item() == 27.0


BEFORE = {
    "an operation": lambda x: x * x,
    "several operations": lambda x: np.sum(np.exp(x * 2.0)[None] + 1.0),
    "a long way": lambda x: sum([x] * 1_000),
    "another view": lambda x: np.reshape(x, (1, 1))[0, 0],
    "an assignment": lambda x: operator.iadd(x, 1.0),
    "a copy": lambda x: Tensor(x),
}


@pytest.mark.parametrize("compute", BEFORE.values(), ids=BEFORE)
@pytest.mark.parametrize("unconnected", ["raise", "zero"])
def test_what_was_computed_from_a_source_before_the_tape_is_never_left_out(compute, unconnected):
    x = Tensor(3.0)
    z = compute(x)
    with GradientTape(persistent=True) as tape:
        tape.watch(x)
        y, u = z * x, x * x
    message = r"the source \(shape \(\)\) was not watched before it was used.*x = tape\.watch\(x\) first.*Tensor\(z.num"
    with pytest.raises(NotConnectedError, match=message):
        tape.gradient(y, x, unconnected=unconnected)
    with pytest.raises(NotConnectedError, match="was not watched before it was used"):
        tape.gradient(z, x, unconnected="zero")
    assert tape.gradient(y, z).item() == 3.0 and tape.gradient(u, x).item() == 6.0  # these are whole
    with GradientTape() as tape:
        tape.watch(x)
        y = Tensor(z.numpy()) * x  # the remedy
    assert tape.gradient(y, x).item() == z.item()


def test_what_another_tape_recorded_before_is_never_left_out():
    with GradientTape() as first:
        x = first.watch(3.0)
        z = x * x
    with GradientTape() as second:
        y = z * second.watch(x)
    with pytest.raises(NotConnectedError, match="was not watched before it was used"):
        second.gradient(y, x)


def test_what_another_thread_computed_is_never_left_out():
    with GradientTape() as tape:
        x, found = tape.watch(3.0), []
        thread = threading.Thread(target=lambda: found.append(x * x))
        thread.start()
        thread.join()
        y = found[0] * x
    with pytest.raises(NotConnectedError, match="was not watched before it was used"):
        tape.gradient(y, x)


def test_a_loop_over_tapes_keeps_nothing_of_its_past():
    """Neither the tensors nor what is remembered of where they came from; and a kept past costs no time."""

    def descend(steps, kept):
        w = Tensor(np.ones(2))
        for _ in range(steps):
            with GradientTape() as tape:
                loss = np.sum(w * w)
            w = w - 0.01 * tape.gradient(loss, w)
            kept.append(w)
        return w

    def remembered(tensor):
        seen, waiting = set(), [tensor._origin]
        while waiting:
            origin = waiting.pop()
            if origin.number not in seen:
                seen.add(origin.number)
                waiting.extend(origin.parents)
        return len(seen)

    w = descend(2_000, collections.deque(maxlen=1))
    np.testing.assert_allclose(w, 0.98**2_000, rtol=1e-10)
    assert remembered(w) < 1_000
    assert len(_ancestors([descend(2_000, [])], w._origin.number)) > 2_000


def test_an_error_inside_the_block_closes_the_tape():
    tape = GradientTape()
    with pytest.raises(ZeroDivisionError), tape:
        raise ZeroDivisionError
    with GradientTape() as other:
        x = other.watch(1.0)
        y = x * x
    assert other.gradient(y, x).item() == 2.0 and not tape._records


def test_each_thread_has_its_own_tapes():
    results, barrier = {}, threading.Barrier(4)

    def work(k):
        with GradientTape() as tape:
            x = tape.watch(float(k))
            barrier.wait()
            y = x * x
            barrier.wait()
        results[k] = tape.gradient(y, x).item(), len(tape._records)

    threads = [threading.Thread(target=work, args=(k,)) for k in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == {k: (2.0 * k, 0) for k in range(4)}


# --- what cannot be ---------------------------------------------------------------------------------------------------


def recorded(**options):
    with GradientTape(**options) as tape:
        x = tape.watch(np.ones(2))
        y = x * 2.0
    return tape, x, y


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (lambda tape, x, y: tape.gradient(Tensor(1.0), x), r"the target \(shape \(\)\) was not computed from a tensor"),
        (lambda tape, x, y: tape.gradient(y, Tensor(1.0)), r"the source \(shape \(\)\) is not on this tape"),
        (lambda tape, x, y: tape.gradient(y, [x, np.ones(2)]), "source 1 is ndarray, not a Tensor"),
        (lambda tape, x, y: tape.gradient(y, {"w": 3.0}), "source 'w' is float, not a Tensor"),
        (
            lambda tape, x, y: tape.gradient(x, y),
            r"does not depend on the source \(shape \(2,\)\); pass unconnected='zero'",
        ),
    ],
)
def test_missing_connections_are_explained(ask, message):
    with pytest.raises(NotConnectedError, match=message):
        ask(*recorded())


def test_a_target_that_is_no_tensor_is_explained():
    tape, x, _ = recorded()
    with pytest.raises(TapeError, match="the target is ndarray, not a Tensor"):
        tape.gradient(np.ones(2), x)


def test_what_unconnected_may_be():
    tape, x, y = recorded()
    with pytest.raises(ConfigurationError, match="unconnected is 'raise' or 'zero', not 'none'"):
        tape.gradient(y, x, unconnected="none")


def test_asking_twice_is_explained():
    tape, x, y = recorded()
    tape.gradient(y, x)
    with pytest.raises(TapeError, match=r"use GradientTape\(persistent=True\)"):
        tape.gradient(y, x)


def test_a_tape_is_used_once():
    tape, *_ = recorded()
    with pytest.raises(TapeError, match=r"open a new GradientTape\(\)"), tape:
        pass


@pytest.mark.parametrize("tape", [GradientTape(), recorded()[0]], ids=["before", "after"])
def test_watching_outside_the_block_is_explained(tape):
    with pytest.raises(TapeError, match="inside `with GradientTape"):
        tape.watch(1.0)


def test_nothing_recorded_yet_is_explained():
    with pytest.raises(TapeError, match="nothing is recorded yet"):
        GradientTape().gradient(Tensor(1.0), Tensor(1.0))


@pytest.mark.parametrize(
    ("call", "name"),
    [
        (lambda x: np.arctan(x), "np.arctan has no derivative here"),
        (lambda x: np.cumsum(x), "np.cumsum"),
        (lambda x: x // 2.0, "np.floor_divide"),
        (lambda x: np.add.reduce(x), "np.add.reduce"),
        (lambda x: np.sum(x, 0, float), "np.sum"),
        (lambda x: np.add(x, x, where=x > 0), "np.add with where"),
    ],
)
def test_functions_without_a_derivative_are_named(call, name):
    with pytest.raises(UnsupportedOperationError, match=name):
        call(Tensor(np.ones(3)))


def write_into(x):
    np.add(x, 1.0, out=np.zeros(3))


def write_into_a_tensor(x):
    np.add(x, 1.0, out=Tensor(np.zeros(3)))


def add_to_an_array(x):
    a = np.zeros(3)
    a += x


def add_at(x):
    np.add.at(np.zeros(3), [0], x[:1])


def assign(x):
    x[0] = 1.0


IN_PLACE = [
    (write_into, r"np\.add with out= .* writes into an array, which the tape would miss; write z = np\.add\(\.\.\.\)"),
    (write_into_a_tensor, "np.add with out="),
    (add_to_an_array, r"a \+= x for an array a.*or a = a \+ x"),
    (lambda x: np.sum(x, out=np.zeros(())), "np.sum with out="),
    (add_at, "np.add.at changes an array in place"),
    (assign, "cannot be changed in place"),
]


@pytest.mark.parametrize(("change", "message"), IN_PLACE)
def test_changes_in_place_are_refused_in_one_short_sentence(change, message):
    with pytest.raises(UnsupportedOperationError, match=message) as error:
        change(Tensor(np.ones(3)))
    assert len(str(error.value)) < 150


def test_a_tensor_as_exponent_is_refused():
    with pytest.raises(UnsupportedOperationError, match=r"write np.exp\(p \* np.log\(x\)\)"):
        Tensor(2.0) ** Tensor(3.0)


Y = np.array([0.5, 0.4, 0.3])
INSTEAD = {  # how one calls what _INSTEAD names, where it takes more than x
    "clip": lambda x: np.clip(x, 0.6, 0.8),
    "expand_dims": lambda x: np.expand_dims(x, 0),
    "float_power": lambda x: np.float_power(x, 1.7),
    "floor_divide": lambda x: x // Y,
    "hypot": lambda x: np.hypot(x, Y),
    "inner": lambda x: np.inner(x, Y),
    "logaddexp": lambda x: np.logaddexp(x, Y),
    "outer": lambda x: np.outer(x, Y),
    "remainder": lambda x: x % Y,
    "squeeze": lambda x: np.squeeze(np.reshape(x, (3, 1))),
}


@pytest.mark.parametrize("name", _INSTEAD)
def test_what_to_write_instead_is_the_same_function(name):
    function, x = INSTEAD.get(name) or operator.attrgetter(name)(np), Tensor([0.7, 0.9, 0.5])
    with pytest.raises(UnsupportedOperationError, match=rf"np\.{name} has no derivative here; write ") as error:
        function(x)
    expression = str(error.value).partition("; write ")[2].partition(" (a plain")[0]
    names = {"x": x, "y": Y, "low": 0.6, "high": 0.8, "p": 1.7, "shape": (3,), "np": np}
    np.testing.assert_allclose(eval(expression, names), function(x.numpy()), rtol=1e-14)


# --- Python on the tape -----------------------------------------------------------------------------------------------


def test_a_loop_that_adds_up_is_recorded():
    def squares(x):
        total = 0.0
        for k in range(4):
            total += (x - k) ** 2
        return total

    assert gradient(squares, 1.0).item() == 2.0 * (1 + 0 - 1 - 2)


ASSIGNMENTS = [
    (operator.iadd, 1.0),
    (operator.isub, 1.0),
    (operator.imul, 2.0),
    (operator.itruediv, 0.5),
    (operator.ipow, 2.0),
]


@pytest.mark.parametrize(("assign", "slope"), ASSIGNMENTS)
def test_an_assignment_makes_a_new_tensor_and_leaves_the_old_one(assign, slope):
    with GradientTape() as tape:
        x = tape.watch(1.0)
        y = assign(x, 2.0)
    assert y is not x and x.item() == 1.0
    assert tape.gradient(y, x).item() == slope


def test_a_product_may_be_assigned_too(rng):
    x, w = rng.normal(size=(2, 3)), rng.normal(size=(3, 3))
    with GradientTape() as tape:
        y = tensor = tape.watch(x)
        y @= w
    np.testing.assert_allclose(tape.gradient(y, tensor), np.ones((2, 3)) @ w.T, rtol=1e-14)


PYTHON = {
    "sum of a list": lambda x: sum([x, x * x, 3.0]),
    "product in a loop": lambda x: math.prod([x, x + 0.0, x], start=1.0),
    "builtin max": lambda x: max(x * x, 2.0 * x),
    "builtin abs": lambda x: abs(-x) * x,
    "power of a number": lambda x: 2.0**x + np.float64(3.0) ** x,
    "power with a number's array": lambda x: x ** np.array(2.0),
    "root": lambda x: x**0.5 + pow(x, 3),
    "plus": lambda x: +x * x,
    "copies": lambda x: copy.copy(x) * copy.deepcopy(x) * Tensor(x),
    "an array first": lambda x: np.sum(np.array([1.0, 2.0]) * x + np.array([3.0, 4.0]) / x),
    "an array added to": lambda x: np.sum(np.array([1.0, 2.0]) - x * np.array([1.0, 3.0])),
}


@pytest.mark.parametrize("name", PYTHON)
def test_what_python_does_with_numbers_is_recorded(name):
    function, x = PYTHON[name], 2.5
    expected = (function(np.float64(x + 1e-6)) - function(np.float64(x - 1e-6))) / 2e-6 if name != "copies" else 18.75
    assert gradient(function, x).item() == pytest.approx(expected, rel=1e-8)


WAYS_OFF = [
    (lambda x: math.exp(x), r"math\.exp\(x\), would leave the tape.*np\.exp\(x\), or take x\.item\(\)"),
    (lambda x: float(x), "float"),
    (lambda x: np.asarray(x), r"take x\.numpy\(\)"),
    (lambda x: np.array([x, x]), "would leave the tape"),
]


@pytest.mark.parametrize(("leave", "message"), WAYS_OFF)
@pytest.mark.parametrize("watched", [True, False])
def test_a_tensor_leaves_a_recording_tape_by_name_only(leave, message, watched):
    x = Tensor(2.0)
    with GradientTape() as tape:
        if watched:
            tape.watch(x)
        with pytest.raises(UnsupportedOperationError, match=message):
            leave(x)
        assert x.item() == x.numpy() == int(x) == 2.0 and f"{x:.2f}" == "2.00" and f"{x}" == "Tensor(2.0)"
    leave(x)


def test_what_is_done_to_arrays_later_does_not_change_the_past():
    x, k = np.array([1.0, 2.0]), np.array([3.0, 4.0])
    with GradientTape() as tape:
        tensor = tape.watch(x)
        y = tensor * tensor * k
        x += 100.0
        k += 100.0
    np.testing.assert_array_equal(tensor, [1.0, 2.0])
    np.testing.assert_array_equal(tape.gradient(y, tensor), [6.0, 16.0])


def test_tensors_can_be_pickled():
    assert pickle.loads(pickle.dumps(Tensor(2.0) * 3.0)).item() == 6.0


# --- tensors as values ------------------------------------------------------------------------------------------------


def test_a_tensor_is_an_array_of_numbers():
    x = Tensor([[1, 2, 3], [4, 5, 6]])
    assert (x.shape, x.ndim, x.size, len(x), x.dtype) == ((2, 3), 2, 6, 2, np.float64)
    np.testing.assert_array_equal(x.T.numpy(), x.numpy().T)
    assert Tensor([1.0]).T.shape == (1,)
    assert float(Tensor(2.5)) == Tensor(2.5).item() == 2.5
    assert bool(Tensor(1.0)) and not Tensor(0.0)
    assert Tensor(x).value is x.value
    assert repr(Tensor(1.0)) == "Tensor(1.0)" and repr(Tensor([1.0])) == "Tensor([1.])"


def test_a_tensor_becomes_an_array_when_numpy_asks():
    x = Tensor([1.0, 2.0])
    assert np.asarray(x) is x.value
    assert np.array(x) is not x.value
    assert np.asarray(x, np.float32).dtype == np.float32


def test_comparisons_and_questions_give_plain_answers():
    x = Tensor([1.0, 3.0])
    np.testing.assert_array_equal(x > 2.0, [False, True])
    np.testing.assert_array_equal(x == [1.0, 0.0], [True, False])
    assert np.argmax(x) == 1 and np.shape(x) == (2,) and np.isfinite(x).all() and np.allclose(x, [1.0, 3.0])


@pytest.mark.parametrize("value", ["text", [object()], None])
def test_what_is_no_number_is_no_tensor(value):
    with pytest.raises(ConfigurationError, match="a Tensor holds numbers"):
        Tensor(value)


# --- plain functions as operations ------------------------------------------------------------------------------------


def test_a_plain_function_becomes_an_operation_of_any_order():
    cube = differentiable(lambda x: x * x * x)
    found = derivatives(cube, Tensor(2.0), 3)
    assert [d.item() for d in found] == [8.0, 12.0, 12.0, 6.0]


def test_a_plain_functions_derivative_takes_a_number_as_output_gradient():
    square = differentiable(lambda x: x * x)
    np.testing.assert_array_equal(square.vjp(1.0, None, np.array([1.0, 2.0])), [2.0, 4.0])


def test_one_of_numpys_own_functions_becomes_an_operation():
    np.testing.assert_array_equal(differentiable(np.square).vjp(1.0, None, np.array([1.0, 2.0])), [2.0, 4.0])


def test_operations_accept_tensors_and_arrays_alike():
    with GradientTape() as tape:
        x = tape.watch(np.array([1.0, -1.0]))
        y = ops.where(np.array([True, False]), ops.relu(x), ops.leaky_relu(x, slope=0.5))
    np.testing.assert_array_equal(tape.gradient(y, x), [1.0, 0.5])
