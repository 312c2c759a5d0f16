"""A column that alone tells the answer is named; honest columns are not."""

import time

import numpy as np
import pytest

from clearprop.data import DATASETS, Dataset, Preparation, load_dataset, read_table
from clearprop.judge import leaks


def table(columns, y, names=()):
    X = np.column_stack(columns)
    data = Dataset(X, y, target_names=names)
    return leaks(data, [(name, slice(i, i + 1)) for i, name in enumerate("abcdefgh"[: X.shape[1]])])


@pytest.mark.parametrize("name", DATASETS)
def test_no_false_alarm_on_the_built_in_sets(name):
    data = load_dataset(name)
    assert leaks(data, Preparation.of(data).groups) == []


@pytest.mark.parametrize("rows", [20, 60, 400, 30_000])
@pytest.mark.parametrize("share", [0.5, 0.1])
def test_a_column_that_tells_the_class_is_found_and_a_merely_good_one_is_not(rows, share):
    rng = np.random.default_rng(rows)
    y = (np.arange(rows) < max(6, rows * share)).astype(int)
    y = rng.permutation(y)
    noise, told = rng.normal(size=(rows, 2)), np.where(y == 1, rng.uniform(10, 99, rows), 0.0)
    (found,) = table([noise, told], y, ("no", "yes"))
    assert (found.column, found.metric) == ("c", "balanced accuracy") and found.score >= 0.99
    flips = np.where(np.arange(rows) % 10 == 0, 1.0 - y, y)  # one in ten is wrong: no leak, but a good feature
    assert table([noise, flips], y, ("no", "yes")) == []


def test_rows_in_the_order_of_the_answer():
    """An index that a frame kept when it was sorted by its target."""
    rng = np.random.default_rng(0)
    y = np.repeat([0, 1, 2], 60)
    index = np.arange(0, 1800, 10) + rng.integers(10, size=180)
    (found,) = table([rng.normal(size=180), index], y, ("a", "b", "c"))
    assert found.column == "b"


@pytest.mark.parametrize("shape", [np.exp, np.cbrt, lambda y: 7.0 - 2.0 * y, lambda y: y])
@pytest.mark.parametrize("rows", [30, 1000])
def test_a_column_that_is_the_target_in_other_words_is_found_and_a_noisy_one_is_not(shape, rows):
    rng = np.random.default_rng(rows)
    y = rng.normal(size=rows)
    (found,) = table([rng.normal(size=rows), shape(y)], y)
    assert (found.column, found.metric) == ("b", "R²") and found.score > 0.999
    assert table([rng.normal(size=rows), y + 0.2 * rng.normal(size=rows)], y) == []


@pytest.mark.parametrize(("first", "second"), [(0, 1), (0, 2), (0, None)])
def test_a_question_that_all_columns_answer_is_an_easy_one(first, second):
    """Petals alone tell two kinds of iris apart, and so do the sepals."""
    data = load_dataset("iris")
    rows = np.isin(data.y, [0, 1, 2] if second is None else [first, second])
    easy = Dataset(data.X[rows], data.y[rows] != first, target_names=("first", "second"))
    groups = Preparation.of(easy).groups
    assert leaks(easy, groups) == []
    noise = np.random.default_rng(0).normal(size=(rows.sum(), 2))
    alone = Dataset(np.column_stack([noise, easy.X[:, 2]]), easy.y, target_names=("first", "second"))
    assert [leak.column for leak in leaks(alone, groups[:3])] == ["x3"]


def test_an_only_column_is_all_there_is_to_learn_from():
    x = np.linspace(0, 1, 50)
    assert leaks(Dataset(x[:, None], 2.0 * x), [("x", slice(0, 1))]) == []


@pytest.mark.parametrize("columns", [5, 3000])
@pytest.mark.parametrize("rows", [10, 15, 30])
def test_noise_tells_nothing(rows, columns):
    for seed in range(5):
        rng = np.random.default_rng(seed)
        groups = [(f"x{i}", slice(i, i + 1)) for i in range(columns)]
        X, y = rng.normal(size=(rows, columns)), rng.integers(2, size=rows)
        assert leaks(Dataset(X, y, target_names=("a", "b")), groups) == []
        assert leaks(Dataset(X, rng.normal(size=rows)), groups) == []


def test_columns_of_several_features(tmp_path):
    """A category, a date and gaps: what tells the answer is the column, not one of the numbers made of it."""
    rng = np.random.default_rng(0)
    lines = ["age,town,state,died,y"]
    for _ in range(300):
        y = rng.integers(4)
        state = "abcdefgh"[2 * y + rng.integers(2)]
        died = f"{rng.uniform():.2f}" if y else ""
        lines.append(f"{rng.normal():.3f},{'uvw'[rng.integers(3)]},{state},{died},{'wxyz'[y]}")
    (tmp_path / "t.csv").write_text("\n".join(lines) + "\n")
    read = read_table(str(tmp_path / "t.csv"))
    plan = Preparation.fit(read, "y", missing="median")
    assert [leak.column for leak in leaks(plan.dataset(read), plan.groups)] == ["state"]


def test_whether_a_cell_is_empty_can_tell_the_answer(tmp_path):
    rng = np.random.default_rng(0)
    y = rng.integers(2, size=200)
    lines = [f"{rng.normal():.3f},{rng.normal() if one else ''},{['no', 'yes'][one]}" for one in y]
    (tmp_path / "t.csv").write_text("\n".join(["a,paid,y", *lines]) + "\n")
    read = read_table(str(tmp_path / "t.csv"))
    plan = Preparation.fit(read, "y", missing="median")
    assert [leak.column for leak in leaks(plan.dataset(read), plan.groups)] == ["paid"]


@pytest.mark.parametrize(("rows", "columns"), [(60, 3000), (60, 20_000), (3000, 3000)])
def test_wide_tables_take_no_time(rows, columns):
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(rows, columns)), rng.integers(2, size=rows)
    X[:, 77] = y
    data, groups = Dataset(X, y, target_names=("a", "b")), [(f"x{i}", slice(i, i + 1)) for i in range(columns)]
    started = time.process_time()
    assert [leak.column for leak in leaks(data, groups)] == ["x77"]
    assert time.process_time() - started < 6.0  # 0.1 to 0.5 on two idle cores


def test_rare_classes_and_several_quantities_say_nothing():
    rng = np.random.default_rng(0)
    y = np.array([0] * 96 + [1] * 4)
    assert table([rng.normal(size=100), y.astype(float)], y, ("a", "b")) == []
    assert leaks(load_dataset("linnerud"), [("a", slice(0, 1)), ("b", slice(1, 3))]) == []
