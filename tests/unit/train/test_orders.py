"""Orders: which rows, in which batches, in which epoch."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clearprop.errors import ConfigurationError, DataError
from clearprop.train import epoch_batches
from strategies import seeds

N = 7


def batches(order, epoch=1, n=N, batch_size=3, **options):
    """The batches as lists."""
    made = epoch_batches(order, epoch, n, batch_size=batch_size, **options)
    return [made.rows(b).tolist() for b in range(len(made))]


def flat(*arguments, **options):
    return [row for batch in batches(*arguments, **options) for row in batch]


@given(st.integers(1, 50), st.integers(1, 60), st.integers(1, 5), seeds)
def test_a_shuffle_has_each_row_once(n, batch_size, epoch, seed):
    cut = batches("shuffled", epoch, n, batch_size, seed=seed)
    assert sorted(row for batch in cut for row in batch) == list(range(n))
    assert all(len(batch) == min(batch_size, n) for batch in cut[:-1]) and 0 < len(cut[-1]) <= batch_size


@pytest.mark.parametrize("order", ["shuffled", "bootstrap"])
def test_random_orders_depend_on_seed_and_epoch_alone(order):
    first = flat(order, 1, 100, seed=1)
    assert flat(order, 1, 100, seed=1, batch_size=9) == first
    assert flat(order, 2, 100, seed=1) != first != flat(order, 1, 100, seed=2)


def test_a_bootstrap_draws_with_replacement():
    drawn = flat("bootstrap", 1, 1000)
    assert len(drawn) == 1000 and 600 < len(set(drawn)) < 660  # 1 - 1/e of them


def test_sequential_and_full():
    assert batches("sequential") == [[0, 1, 2], [3, 4, 5], [6]]
    assert batches("full") == [list(range(7))]
    assert batches("sequential", batch_size=100) == [list(range(7))]


@pytest.mark.parametrize(
    ("order", "steps", "expected"),
    [
        ("sequential", 2, [[0, 1, 2], [3, 4, 5]]),
        ("sequential", 4, [[0, 1, 2], [3, 4, 5], [6, 0, 1], [2, 3, 4]]),
        ("full", 2, [[0, 1, 2, 3, 4, 5, 6]] * 2),
    ],
)
def test_the_number_of_steps_may_be_given(order, steps, expected):
    assert batches(order, steps_per_epoch=steps) == expected


def test_steps_beyond_one_pass_shuffle_again():
    rows = flat("shuffled", steps_per_epoch=5)
    assert len(rows) == 15 and sorted(rows[:7]) == sorted(rows[7:14]) == list(range(7)) and rows[:7] != rows[7:14]


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        (np.array([5, 5, 0, 1]), [[5, 5, 0], [1]]),
        ([5, 5, 0, 1], [[5, 5, 0], [1]]),
        (np.array([[0, 1, 2, 3], [6, 5, 4, 3]]), [[6, 5, 4], [3]]),
        ([np.array([1, 2]), [3], (4, 5, 6, 0)], [[1, 2], [3], [4, 5, 6, 0]]),
        (([1, 2], [3]), [[1, 2], [3]]),
        (lambda epoch: np.arange(epoch), [[0, 1]]),
        (lambda epoch: [[epoch], [0]], [[2], [0]]),
    ],
    ids=["array", "list", "one row an epoch", "batches", "tuple of batches", "callable", "callable with batches"],
)
def test_orders_given_explicitly(order, expected):
    assert batches(order, epoch=2) == expected


@pytest.mark.parametrize(
    ("order", "error", "message"),
    [
        ("random", ConfigurationError, "order is one of shuffled, sequential, bootstrap, full"),
        (np.array([0, 7]), DataError, "the order names row 7, but rows are 0 to 6"),
        (np.array([0, -1]), DataError, "the order names row -1"),
        (np.array([0.0, 1.0]), ConfigurationError, "a vector of whole row numbers"),
        (np.array([], dtype=int), ConfigurationError, "a vector of whole row numbers"),
        (np.zeros((1, 2, 3), int), ConfigurationError, "a vector of whole row numbers"),
        ([], ConfigurationError, "a vector of whole row numbers"),
        (np.zeros((2, 3), int), ConfigurationError, "the order has rows for 2 epochs, but epoch 3 was asked for"),
        (lambda epoch: "shuffled", ConfigurationError, "an order's callable returns an array"),
        (lambda epoch: lambda epoch: [0], ConfigurationError, "an order's callable returns an array"),
    ],
)
def test_what_is_no_order_is_refused(order, error, message):
    with pytest.raises(error, match=message):
        batches(order, epoch=3)


def test_an_empty_batch_is_refused():
    with pytest.raises(ConfigurationError, match="batch"):
        batches([np.array([0, 1]), np.array([], dtype=int)])
