"""Counter-based random numbers and dropout masks."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clearprop.ops import dropout_mask
from clearprop.randomness import Key, generator, philox
from strategies import seeds

FULL, PI = 0xFFFFFFFF, (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344)


@pytest.mark.parametrize(
    ("counter", "key", "words"),
    [  # the known answers published with Random123
        ((0, 0, 0, 0), (0, 0), ("6627e8d5", "e169c58d", "bc57ac4c", "9b00dbd8")),
        ((FULL,) * 4, (FULL, FULL), ("408f276d", "41c83b0e", "a20bc7c6", "6d5451fd")),
        (PI, (0xA4093822, 0x299F31D0), ("d16cfe09", "94fdcceb", "5001e420", "24126ea1")),
    ],
)
def test_philox_gives_the_published_answers(counter, key, words):
    assert tuple(f"{int(word):08x}" for word in philox(counter, key)) == words


def test_philox_is_vectorised_over_counters():
    counters = np.arange(5)
    together = philox((counters, 7, 8, 9), (1, 2))
    for k in counters:
        assert [int(word[k]) for word in together] == [int(word) for word in philox((int(k), 7, 8, 9), (1, 2))]


@given(seeds, st.integers(0, 50), st.integers(1, 9), st.integers(1, 8))
def test_a_mask_does_not_depend_on_how_rows_are_cut(seed, row, units, cut):
    whole, first, rest = (
        dropout_mask(Key(seed, 3, start), rows, units, 0.5)
        for start, rows in [(row, 9), (row, cut), (row + cut, 9 - cut)]
    )
    np.testing.assert_array_equal(np.concatenate([first, rest]), whole)


def test_no_rows_have_a_mask_too():
    assert dropout_mask(Key(0, 1, 0), 0, 5, 0.5).shape == (0, 5)


def test_a_mask_does_not_depend_on_further_units():
    key = Key(1, 2, 3)
    np.testing.assert_array_equal(dropout_mask(key, 6, 13, 0.5)[:, :5], dropout_mask(key, 6, 5, 0.5))


@pytest.mark.parametrize("other", [Key(2, 1, 0), Key(1 + 2**32, 1, 0), Key(1, 2, 0), Key(1, 1, 40), Key(1, 1, 0, 1)])
def test_every_part_of_the_key_matters(other):
    assert (dropout_mask(Key(1, 1, 0), 20, 20, 0.5) != dropout_mask(other, 20, 20, 0.5)).any()


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.9])
def test_the_share_of_dropped_units_is_the_rate_and_the_mean_is_kept(rate):
    mask = dropout_mask(Key(5, 1, 0), 1000, 200, rate)
    assert set(np.unique(mask)) == {0.0, 1.0 / (1.0 - rate)}
    assert (mask == 0.0).mean() == pytest.approx(rate, abs=0.005)
    assert mask.mean() == pytest.approx(1.0, abs=0.02)


def test_rate_zero_drops_nothing():
    np.testing.assert_array_equal(dropout_mask(Key(0, 1, 0), 4, 4, 0.0), np.ones((4, 4)))


def test_streams_differ_by_seed_purpose_and_counter():
    draws = {generator(*address).random() for address in [(0, 1), (0, 2), (1, 1), (0, 1, 1), (2**63 - 1, 1)]}
    assert len(draws) == 5
    assert generator(7, 1, 3).random() == generator(np.int64(7), 1, 3).random()


def test_the_largest_seeds_differ_too():
    with np.errstate(invalid="ignore"):
        assert generator(2**64 - 1, 1).random() != generator(2**64 - 2, 1).random()


@pytest.mark.parametrize("seed", [-1, 2**64, 1.5, True, None, "0"])
def test_seeds_are_whole_numbers_of_64_bits(seed):
    with pytest.raises(ValueError, match="seed is a whole number"):
        generator(seed, 1)
