"""Which rows are put aside: every class that can be has its share, time is cut once, groups stay whole."""

import hashlib
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clearprop.data import Dataset, load_dataset
from clearprop.data.splits import at_random, check_split, latest, part_of, whole_groups
from clearprop.errors import ConfigurationError, DataError

COUNTS = st.lists(st.integers(1, 40), min_size=1, max_size=8).filter(lambda counts: sum(counts) >= 3)


def is_a_division(rest, part, n):
    np.testing.assert_array_equal(np.sort(np.concatenate([rest, part])), np.arange(n))
    assert np.all(np.diff(rest) > 0) and np.all(np.diff(part) > 0)


@pytest.mark.parametrize(
    ("name", "digest"),
    [
        ("iris", "6da65009faf61cf5"),
        ("wine", "d43fc82dd4144571"),
        ("digits", "b289b7e417764411"),
        ("breast_cancer", "0539f8ee2f52534f"),
        ("moons", "431678c0ac3cc4fb"),
        ("diabetes", "57dec502ada6337a"),
    ],
)
def test_splits_are_those_of_earlier_versions(name, digest):
    data = load_dataset(name)
    numbered = replace(data, X=np.arange(float(len(data)))[:, None], feature_names=("row",))
    found = hashlib.sha256()
    for seed in (0, 7):
        for part in numbered.split(0.2, seed=seed):
            found.update(part.X.tobytes())
    assert found.hexdigest()[:16] == digest


@settings(max_examples=200, deadline=None)
@given(counts=COUNTS, fraction=st.floats(0.05, 0.6), seed=st.integers(0, 1000))
def test_each_class_that_can_be_has_its_share(counts, fraction, seed):
    """Within one row, however rare the other classes are; the only row of a class stays where it can be learnt."""
    y = np.random.default_rng(seed).permutation(np.repeat(np.arange(len(counts)), counts))
    size = part_of(len(y), fraction)
    rest, part = at_random(len(y), size, seed, y)
    is_a_division(rest, part, len(y))
    assert len(part) == size
    np.testing.assert_array_equal(at_random(len(y), size, seed, y)[1], part)
    several = [c for c in range(len(counts)) if counts[c] > 1]
    pool = sum(counts[c] for c in several)
    if len(several) > min(size, pool - size):
        return  # more classes than rows to choose: see below
    there = np.bincount(y[part], minlength=len(counts))
    for c, count in enumerate(counts):
        share = count * size / pool
        assert there[c] == 0 if count == 1 else abs(there[c] - share) < 1.0 + 1e-9, (counts, size, there)


def test_a_class_of_one_row_leaves_the_shares_of_the_others_alone():
    """One row of c undid the stratification: of ten b's, of which two belong to the test, 0 to 5 were in it."""
    y = np.array([0] * 89 + [1] * 10 + [2])
    for seed in range(40):
        rest, part = at_random(100, 20, seed, y)
        assert np.bincount(y[part], minlength=3).tolist() == [18, 2, 0]
        assert np.bincount(y[rest], minlength=3).tolist() == [71, 8, 1]


def test_more_classes_than_rows_in_the_part():
    y = np.repeat(np.arange(12), [60, 20, *[2] * 10])
    for seed in range(20):
        _, part = at_random(100, 10, seed, y)
        there = np.bincount(y[part], minlength=12)
        assert there[0] == 6 and there[1] == 2 and there[2:].sum() == 2
    y = np.arange(10)  # as many classes as rows
    rest, part = at_random(10, 3, 0, y)
    is_a_division(rest, part, 10)
    assert len(part) == 3
    assert (
        np.bincount(np.array([0, 0, *range(1, 9)])[at_random(10, 2, 0, np.array([0, 0, *range(1, 9)]))[1]]).sum() == 2
    )


def test_datasets_are_split_so_too():
    y = np.array([0] * 50 + [1] * 10 + [2])
    data = Dataset(np.arange(61.0)[:, None], y, target_names=("a", "b", "c"))
    rest, part = data.split(0.2, seed=3)
    assert np.bincount(part.y, minlength=3).tolist() == [10, 2, 0] and 2 in rest.y


@settings(max_examples=200, deadline=None)
@given(times=st.lists(st.integers(0, 12), min_size=2, max_size=60), fraction=st.floats(0.05, 0.9))
def test_the_last_in_time(times, fraction):
    """No row of the part is as early as one that stays, and no other cut comes nearer to what was asked for."""
    times = np.array(times, dtype=float)
    size = part_of(len(times), fraction)
    if len(np.unique(times)) == 1:
        with pytest.raises(DataError, match="all rows have the same time"):
            latest(times, size)
        return
    rest, part = latest(times, size)
    is_a_division(rest, part, len(times))
    assert len(rest) and len(part) and times[rest].max() < times[part].min()
    others = [np.count_nonzero(times > cut) for cut in np.unique(times)[:-1]]
    assert abs(len(part) - size) == min(abs(other - size) for other in others)


@settings(max_examples=200, deadline=None)
@given(
    groups=st.lists(st.integers(0, 9), min_size=2, max_size=80), fraction=st.floats(0.05, 0.9), seed=st.integers(0, 99)
)
def test_groups_stay_whole(groups, fraction, seed):
    groups = np.array(groups)
    size = part_of(len(groups), fraction)
    if len(np.unique(groups)) == 1:
        with pytest.raises(DataError, match="all rows belong to one group"):
            whole_groups(groups, size, seed)
        return
    rest, part = whole_groups(groups, size, seed)
    is_a_division(rest, part, len(groups))
    assert len(rest) and len(part) and not set(groups[rest]) & set(groups[part])
    assert len(part) <= 2 * size or len(part) == np.unique(groups, return_counts=True)[1].min()
    np.testing.assert_array_equal(whole_groups(groups, size, seed)[1], part)


def test_groups_are_drawn_anew_by_every_seed():
    groups = np.repeat(np.arange(20), 5)
    assert len({tuple(whole_groups(groups, 20, seed)[1]) for seed in range(10)}) > 5
    assert all(len(whole_groups(groups, 20, seed)[1]) == 20 for seed in range(10))


@pytest.mark.parametrize("text", ["tme:x", "time", "time:", "group", "x", "random"])
def test_what_is_no_way_to_split(text):
    with pytest.raises(ConfigurationError, match=r"neither time:COLUMN .* nor group:COLUMN"):
        check_split(text)


def test_a_column_may_have_any_name():
    assert check_split("group:a:b c") == ("group", "a:b c")
