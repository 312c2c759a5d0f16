"""What a column is: one reading for features and target, whatever the file's format; rows' numbers; wide tables."""

import json
import time
import warnings

import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from clearprop.data.columns import Category, Number, YesNo
from clearprop.data.preparation import Preparation
from clearprop.data.tables import read_table
from clearprop.data.words import Vocabulary, values_of, yes_no_pair
from clearprop.errors import DataError, DataWarning, SeveralDataErrors
from clearprop.judge.answers import evaluate, predictions_for, rows_for
from clearprop.judge.importance import MOST_COLUMNS, importances
from clearprop.runs.options import RunOptions
from clearprop.runs.training import train_run


@pytest.fixture
def table(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def table(columns, name="t.csv"):
        lines = [
            ",".join(columns),
            *(",".join(f'"{cell}"' for cell in row) for row in zip(*columns.values(), strict=True)),
        ]
        (tmp_path / name).write_text("\n".join(lines) + "\n", encoding="utf-8")
        return read_table(name)

    return table


def with_target(cells):
    """Cells as the target beside a feature."""
    return {"x": [f"{(7 * i) % 11}.5" for i in range(len(cells))], "y": cells}


# --------------------------------------------------------------------------------------------------------- the target


@pytest.mark.parametrize(
    ("cells", "classes", "said"),
    [
        (["1", "1.0", "2", "2.0"] * 5, ("1", "2"), "'1' (5), '1.0' (5) are one value"),
        (["Yes", "yes", "NO", "Yes"] * 5, ("NO", "Yes"), "'Yes' (10), 'yes' (5) are one value"),
        (["True", "FALSE", "true"] * 5, ("FALSE", "True"), "'True' (5), 'true' (5) are one value"),
        (["是", "否"] * 5, ("否", "是"), ""),
        (["yes", "no", "1", "0"] * 5, ("0", "1"), "'1' (5), 'yes' (5) are one value"),
        (["Ja", "nein", "ja", "Nein"] * 5, ("Nein", "Ja"), "'Ja' (5), 'ja' (5) are one value"),
        (
            ["Setosa", "setosa", "rose", "Setosa"] * 5,
            ("Setosa", "rose", "setosa"),
            "(10), 'setosa' (5) differ in capitals",
        ),
        (
            ["New York", "New York", "New  York", "Ｒome", "Rome"] * 5,
            ("New York", "Rome"),
            "'New York' (10), 'New  York' (5)",
        ),
        (["caf\u00e9", "cafe\u0301", "bar", "bar"] * 5, ("bar", "cafe\u0301"), "are one value"),
        (["1.1", "1.10", "2.0.1", "3.0.1", "1.0.1"] * 5, ("1.0.1", "1.1", "1.10", "2.0.1", "3.0.1"), ""),
        (["007", "7", "007", "7"] * 5, ("007", "7"), ""),
        (["NA", "other"] * 5, ("NA", "other"), ""),
    ],
    ids=str,
)
def test_spellings_of_one_class_are_one_class_named_as_most_often(table, cells, classes, said):
    made = table(with_target(cells))
    plan = Preparation.fit(made, "y")
    assert plan.class_names == classes
    assert said in " ".join(plan.notes) and bool(plan.notes) == bool(said)
    assert Preparation.from_config(json.loads(json.dumps(plan.config()))) == plan
    assert set(plan.dataset(made).y) == set(range(len(classes)))


@pytest.mark.parametrize(
    ("cells", "mean"),
    [
        ([f"{300 + i},0" for i in range(30)], 314.5),
        ([f"{i},5" for i in range(30)], 15.0),
        ([f"{i}.50 CHF" for i in range(30)], 15.0),
        (["5 €", "6 €"] * 15, 5.5),
        ([f"{i} %" for i in range(30)], 14.5),
    ],
    ids=str,
)
def test_quantities_in_any_style_are_quantities(table, cells, mean):
    made = table(with_target(cells))
    plan = Preparation.fit(made, "y")
    assert plan.task == "regression" and plan.target_mean == (pytest.approx(mean),)
    again = Preparation.from_config(json.loads(json.dumps(plan.config())))
    assert again == plan and again.dataset(made).y.mean() == pytest.approx(mean)


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        ([*(f"{i}.5" for i in range(30)), "n/a"], r"t\.csv:32: column 'y': 'n/a' stands for a missing value; fill it"),
        (["yes", "no"] * 10 + ["?"], r"t\.csv:22: column 'y': '\?' stands for a missing value"),
        (
            [*(f"{i}.5" for i in range(30)), "tall"],
            r"t\.csv:32: column 'y': 'tall' is not a number.*--task classification",
        ),
        (["1", "2"] * 10 + [""], r"t\.csv:22: column 'y': the value is missing"),
        (["yes", "Yes", "YES"] * 4, "nothing to learn"),
    ],
    ids=str,
)
def test_a_target_that_cannot_be_read_is_refused_with_its_cell(table, cells, message):
    with pytest.raises(DataError, match=message):
        Preparation.fit(table(with_target(cells)), "y")


def test_new_spellings_of_known_classes_are_read_in_an_evaluation(table):
    plan = Preparation.fit(table(with_target(["Yes", "NO"] * 10)), "y")
    assert plan.dataset(table(with_target(["yes", "no", "TRUE", "0"]), "new.csv")).y.tolist() == [1, 0, 1, 0]
    plan = Preparation.fit(table(with_target(["1", "2"] * 10)), "y")
    assert plan.dataset(table(with_target(["1.0", "2.00", "1e0"]), "new.csv")).y.tolist() == [0, 1, 0]
    with pytest.raises(DataError, match=r"'3' is not among the classes the model knows: 1, 2"):
        plan.dataset(table(with_target(["1.0", "3"]), "new.csv"))


# -------------------------------------------------------------------------------------------- words, in every format


def test_yes_and_no_with_gaps_and_numbers_among_them(table):
    cells = ["yes", "No", "n/a", "1", "0", "YES"] * 5
    made = table({"x": cells, "y": ["u", "v"] * 15})
    plan = Preparation.fit(made, "y", missing="median")
    assert plan.columns == (YesNo("x", ("no", "yes"), indicator=True),)
    assert plan.apply(made)[:6].tolist() == [[1, 0], [0, 0], [1, 1], [1, 0], [0, 0], [1, 0]]
    with pytest.raises(DataError, match=r"'n/a' is neither 'no' nor 'yes' .*; if it stands for a missing value"):
        Preparation.fit(made, "y")


@pytest.mark.parametrize("words", [["T", "N"], ["no", "No"], ["yes", "maybe"], ["0", "1"], ["ja", "no"]], ids=str)
def test_other_words_are_no_pair(words):
    assert yes_no_pair(words) is None


def test_words_that_differ_in_blanks_or_width_are_one_value_of_a_category_and_said(table):
    made = table({"x": ["dark red", "dark  red", "blue", "dark red"] * 5, "y": ["u", "v"] * 10})
    plan = Preparation.fit(made, "y")
    assert plan.columns == (Category("x", ("blue", "dark red"), spellings=(("dark  red", "dark red"),)),)
    assert plan.notes == ("column 'x': 'dark red' (10), 'dark  red' (5) are one value",)
    assert plan.apply(made)[:4].tolist() == [[0, 1], [0, 1], [1, 0], [0, 1]]


def test_words_that_differ_in_capitals_are_two_values_and_said(table):
    """As the vowels had and hAd are in a well-known table."""
    made = table({"x": ["red", "Red", "blue", "red"] * 5, "y": ["had", "hAd"] * 10})
    plan = Preparation.fit(made, "y")
    assert plan.columns == (Category("x", ("Red", "blue", "red")),)
    assert plan.class_names == ("hAd", "had")
    assert plan.notes == (
        "column 'x': 'red' (10), 'Red' (5) differ in capitals only and are different values",
        "column 'y': 'hAd' (10), 'had' (10) differ in capitals only and are different values",
    )
    assert plan.dataset(made).y[:4].tolist() == [1, 0, 1, 0]


def test_names_are_found_with_the_blanks_that_a_frame_has_around_them():
    import pandas as pd

    made = read_table(pd.DataFrame({"size ": [1.0, 2.0] * 10, " key": [3, 4] * 10, "strength ": ["u", "v"] * 10}))
    plan = Preparation.fit(made, "strength ", drop=[" key"], kinds={"size ": "number"})
    assert (plan.target, plan.columns) == ("strength", (Number("size"),))


def test_a_known_word_wins_over_one_that_is_like_it():
    assert [Vocabulary(["1.1", "1.10"]).index(word) for word in ("1.1", "1.10", "1.100")] == [0, 1, None]
    assert [Vocabulary(["M", "m"]).index(word) for word in ("M", "m", "ｍ")] == [0, 1, None]
    assert [value.name for value in values_of([("a", 3), ("A", 2), ("b", 3)])] == ["a", "b", "A"]


def rendered(kind, columns, path):
    """A table of Python values, read by way of a format."""
    import pandas as pd
    import polars as pl

    if kind == "csv":
        lines = [",".join(columns)]
        lines += [",".join(str(value) for value in row) for row in zip(*columns.values(), strict=True)]
        (path / "t.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
        return read_table(path / "t.csv")
    if kind == "json":
        rows = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
        (path / "t.jsonl").write_text("\n".join(map(json.dumps, rows)) + "\n", encoding="utf-8")
        return read_table(path / "t.jsonl")
    columns = columns | {"code": list(map(float, columns["code"]))}  # as programs hold numbers with gaps
    if kind == "polars":
        return read_table(pl.DataFrame(columns))
    frame = pd.DataFrame(columns)
    if kind == "pandas nullable":
        frame = frame.convert_dtypes()
    if kind == "categorical":
        frame = frame.astype({name: "category" for name in frame if frame[name].dtype not in (bool, "bool")})
    if kind == "parquet":
        pl.from_pandas(frame).write_parquet(path / "t.parquet")
        return read_table(path / "t.parquet")
    return read_table(frame)


FORMATS = ("csv", "json", "parquet", "pandas", "pandas nullable", "categorical", "polars")


def tables():
    """Columns of whole numbers, decimals, words and yes/no, of which the last is the target."""
    rows = st.integers(12, 30)
    return rows.flatmap(
        lambda n: st.fixed_dictionaries(
            {
                "whole": st.lists(st.integers(-5, 5), min_size=n, max_size=n),
                "half": st.lists(st.integers(-9, 9).map(lambda i: i + 0.5), min_size=n, max_size=n),
                "code": st.lists(st.sampled_from([1, 2, 3]), min_size=n, max_size=n),
                "word": st.lists(st.sampled_from(["red", "blue", "green"]), min_size=n, max_size=n),
                "member": st.lists(st.booleans(), min_size=n, max_size=n),
                "y": st.lists(st.sampled_from([0, 1, 2]), min_size=n, max_size=n),
            }
        )
    )


def respelled(columns, draw):
    """The same values as other programs and people write them, in text."""
    ways = {
        "whole": [str, lambda v: f"{v}.0", lambda v: f"{v}e0"],
        "half": [str, lambda v: f"{v}0"],
        "code": [str, lambda v: f"{v}.0", lambda v: f"{v:.3f}"],
        "word": [str],
        "member": [str, lambda v: str(v).upper(), lambda v: "yes" if v else "no", lambda v: str(int(v))],
        "y": [str, lambda v: f"{v}.0"],
    }
    return {name: [draw(st.sampled_from(ways[name]))(value) for value in cells] for name, cells in columns.items()}


@settings(max_examples=25, deadline=None, phases=(Phase.explicit, Phase.reuse, Phase.generate))
@given(data=st.data())
def test_a_value_means_the_same_wherever_it_comes_from(data, tmp_path_factory):
    columns = data.draw(tables())
    one, other = data.draw(st.lists(st.sampled_from(FORMATS), min_size=2, max_size=2, unique=True))
    path = tmp_path_factory.mktemp("t")
    options = {"kinds": {"code": "category"}}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DataWarning)  # a column may rise by chance
        try:
            first = rendered(one, columns, path)
            plan = Preparation.fit(first, "y", **options)
        except DataError as error:  # a target of one class, or of a rare one
            with pytest.raises(DataError) as found:
                Preparation.fit(rendered(other, columns, path), "y", **options)
            assert str(found.value).split(": ", 1)[1:] == str(error).split(": ", 1)[1:] or "y" in str(error)
            return
        second = rendered(other, columns, path)
        third = rendered("csv", respelled(columns, data.draw), path)
        assert Preparation.fit(second, "y", **options).class_names == plan.class_names
        assert Preparation.fit(second, "y", **options).feature_names == plan.feature_names
        wanted = plan.dataset(first)
        for table in (second, third):
            read = plan.dataset(table)
            np.testing.assert_array_equal(read.X, wanted.X)
            np.testing.assert_array_equal(read.y, wanted.y)


# ---------------------------------------------------------------------------------- columns that only number the rows

N = 40


@pytest.mark.parametrize(
    ("name", "cells"),
    [
        ("Unnamed: 0", [(7 * i) % N + 100 for i in range(N)]),
        ("Unnamed: 0.1", [(7 * i) % N + 100 for i in range(N)]),
        ("level_0", [(7 * i) % N + 100 for i in range(N)]),
        ("__index_level_0__", [(7 * i) % N + 100 for i in range(N)]),
        ("index", [(7 * i) % N + 100 for i in range(N)]),
        ("customer_id", [(7 * i) % N + 100 for i in range(N)]),
        ("anything", [3 * i + i * i % 2 for i in range(N)]),
        ("anything", [5000 - 3 * i for i in range(N)]),
        ("anything", [float(i) for i in range(10, N + 10)]),
        ("id", [*((7 * i) % N + 100 for i in range(N - 1)), ""]),
    ],
    ids=str,
)
def test_numbers_of_the_rows_are_left_out_and_said_with_the_option_that_keeps_them(table, name, cells):
    columns = {name: cells, "x": [(3 * i) % 7 + 0.5 for i in range(N)], "y": ["u", "v"] * (N // 2)}
    with pytest.warns(DataWarning, match=rf"left out \(identifier: .*--kind '?{name}=number"):
        plan = Preparation.fit(table(columns), "y", missing="median")
    assert plan.feature_names == ("x",)
    kept = Preparation.fit(table(columns), "y", missing="median", kinds={name: "number"})
    assert kept.feature_names[0] == name


@pytest.mark.parametrize(
    ("name", "cells"),
    [
        ("year", [2000 + i // 2 for i in range(N)]),
        ("sorted", [i / 3 for i in range(N)]),
        ("index", [100 + i % 5 for i in range(N)]),
        ("count", [(7 * i) % N + 100 for i in range(N)]),
        ("length", [f"{i + 100} cm" for i in range(N)]),
    ],
    ids=str,
)
def test_columns_that_may_mean_something_are_kept(table, name, cells):
    columns = {name: cells, "x": [(3 * i) % 7 + 0.5 for i in range(N)], "y": ["u", "v"] * (N // 2)}
    assert Preparation.fit(table(columns), "y").feature_names == (name, "x")


def test_rising_numbers_are_kept_where_they_are_all_there_is(table):
    assert Preparation.fit(table({"t": range(N), "y": ["u", "v"] * (N // 2)}), "y").feature_names == ("t",)
    columns = {"t": [i + 5 for i in range(N)], "s": [i * i for i in range(N)], "y": ["u", "v"] * (N // 2)}
    assert Preparation.fit(table(columns), "y").feature_names == ("t", "s")


def test_a_frame_sorted_by_its_target_and_written_with_its_index_teaches_nothing(tmp_path):
    """The index would tell the class of every row of noise."""
    import pandas as pd

    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"a": rng.normal(size=600), "b": rng.normal(size=600), "y": rng.integers(0, 2, 600)})
    kept = frame[frame.a > -1].sort_values("y", kind="stable").reset_index().sort_values("y", kind="stable")
    for name, made in {
        "filtered": frame[frame.a > -1].sort_values("y", kind="stable"),
        "twice": kept.reset_index(drop=True),
    }.items():
        made.to_csv(tmp_path / f"{name}.csv")
        with pytest.warns(DataWarning, match="left out"):
            run = train_run(read_table(tmp_path / f"{name}.csv"), RunOptions(epochs=30), target="y")
        assert run.score < 0.65


# --------------------------------------------------------------------------------------------- refusals and new gaps


def test_all_columns_that_cannot_be_used_are_refused_in_one_run(table):
    columns = {
        "gap": ["1", "", *["2"] * 18],
        "fine": [i % 3 + 0.5 for i in range(20)],
        "sold": ["2024-01-31", "2023-05-06"] * 10,
        "units": [*["5 kg", "6 kg"] * 9, "5 kg", "7 lb"],
        "mistake": [*(f"{i % 4}.5" for i in range(19)), "big"],
        "y": ["u", "v"] * 9 + ["u", ""],
    }
    with pytest.raises(SeveralDataErrors) as found:
        Preparation.fit(table(columns), "y")
    head, *lines = str(found.value).split("\n  ")
    assert head == "t.csv: 5 columns cannot be used as they are"
    places = [
        "t.csv:3: column 'gap'",
        "t.csv:2: column 'sold'",
        "t.csv:21: column 'units'",
        "t.csv:21: column 'mistake'",
    ]
    assert [line.split(": '")[0].split(": the")[0] for line in lines] == [*places, "t.csv:21: column 'y'"]
    assert [str(error) for error in found.value.errors] == lines and all("; " in line for line in lines)
    for name in ("sold", "units", "mistake", "y"):
        columns[name] = [i % 3 + 1.5 for i in range(20)]
    with pytest.raises(DataError, match=r"^t\.csv:3: column 'gap': the value is missing") as one:
        Preparation.fit(table(columns), "y")
    assert not isinstance(one.value, SeveralDataErrors)


def test_many_refusals_are_counted(table):
    columns = {f"x{i}": ["1", "", *["2.5"] * 18] for i in range(20)} | {"y": ["u", "v"] * 10}
    with pytest.raises(SeveralDataErrors, match=r"20 columns cannot(.*\n)*  and 12 more columns") as found:
        Preparation.fit(table(columns), "y")
    assert len(found.value.errors) == 20


def test_new_rows_are_refused_with_all_that_is_wrong(table):
    plan = Preparation.fit(table({"a": [1.5, 2.5] * 10, "b": ["u", "v"] * 10, "y": [1, 2] * 10}), "y")
    with pytest.raises(SeveralDataErrors, match=r"no column 'a'.*\n.*column 'b': the value is missing"):
        plan.apply(table({"b": ["u", ""]}, "new.csv"))


def test_gaps_only_in_new_rows_are_one_warning_with_counts(table):
    cells = {"a": [i % 7 + 0.5 for i in range(20)], "b": [i % 3 + 0.5 for i in range(20)], "c": ["u", "v"] * 10}
    plan = Preparation.fit(table({**cells, "d": ["yes", "no"] * 10, "y": [1, 2] * 10}), "y", missing="median")
    new = table({"a": ["", "1.5", ""], "b": ["1.5", "", "2"], "c": ["", "u", "v"], "d": ["no", "n/a", ""]}, "new.csv")
    with pytest.warns(DataWarning) as said:
        whole = plan.apply(new)
    assert [str(one.message) for one in said] == [
        "new.csv: 5 values are missing in columns that had no gaps in training: 'a' (2), 'b' (1), 'd' (2); "
        "the median of the training rows is filled in",
        "new.csv: 1 value is missing in columns that had no gaps in training: 'c' (1); "
        "they count as none of the known values",
    ]
    with pytest.warns(DataWarning) as said:  # in as many batches as there are rows
        np.testing.assert_array_equal(np.concatenate(list(plan.batches(new, 1))), whole)
    assert len(said) == 2


# -------------------------------------------------------------------------------------------------------- wide tables


def wide(path, columns, rows=60):
    """Random numbers; every tenth column has a gap, every hundredth holds words."""
    rng = np.random.default_rng(0)
    cells = np.char.mod("%.4f", rng.normal(size=(rows, columns)))
    cells[0, ::10] = ""
    cells[:, 5::100] = rng.choice(["aa", "ag", "gg"], (rows, len(range(5, columns, 100))))
    target = np.where(rng.random(rows) < 0.5, "u", "v")
    lines = [",".join([*(f"g{i}" for i in range(columns)), "y"])]
    lines += [",".join([*row, word]) for row, word in zip(cells, target, strict=True)]
    path.write_text("\n".join(lines) + "\n")
    return path


class Counted:
    """A connection that counts its queries."""

    def __init__(self, connection):
        self.connection, self.queries = connection, 0

    def execute(self, *arguments):
        self.queries += 1
        return self.connection.execute(*arguments)


def test_the_number_of_queries_does_not_grow_with_the_columns(tmp_path):
    from dataclasses import replace

    queries = []
    for columns in (20, 900):
        made = read_table(wide(tmp_path / f"{columns}.csv", columns))
        counted = Counted(made.connection)
        plan = Preparation.fit(replace(made, connection=counted), "y", missing="median")
        assert len(plan.columns) == columns
        queries.append(counted.queries)
    assert queries[0] == queries[1] < 40


def test_a_wide_table_is_trained_and_judged_in_seconds(tmp_path):
    """It took 57 s: a query for each column and question, and five shuffles of each."""
    started = time.perf_counter()
    run = train_run(read_table(wide(tmp_path / "wide.csv", 3000)), RunOptions(epochs=5, missing="median"), target="y")
    worth = run.importances
    assert predictions_for(run.saved, read_table(tmp_path / "wide.csv")).shape == (60, 2)
    assert time.perf_counter() - started < 20
    assert len(worth) == MOST_COLUMNS + 1
    assert [one.column for one in worth if "other" in one.column] == [f"{3000 - MOST_COLUMNS} other columns"]


def test_of_many_columns_the_one_that_matters_is_found():
    """The first layer's weights tell which columns are worth a shuffle of their own."""
    from clearprop.data.dataset import Dataset

    X = np.random.default_rng(0).normal(size=(400, 150))
    data = Dataset(X, 3.0 * X[:, 77], name="many")
    with pytest.warns(DataWarning, match="column 'x78' alone predicts"):
        run = train_run(data, RunOptions(epochs=40))
    worth = importances(run.saved, run.test)
    assert worth[0].column == "x78" and len(worth) == MOST_COLUMNS + 1


def test_a_tall_and_narrow_piece_reads_as_the_whole(table):
    """Columns together, or one by one, or in pieces: the same numbers."""
    rng = np.random.default_rng(3)
    columns = {f"x{i}": rng.normal(size=50).round(3).tolist() for i in range(7)}
    made = table(columns | {"w": rng.choice(["a", "b", "c"], 50).tolist(), "y": ["u", "v"] * 25})
    plan = Preparation.fit(made, "y")
    pieces = np.concatenate([plan.apply(part) for part in made.batches(13)])
    np.testing.assert_array_equal(pieces, plan.apply(made))
    np.testing.assert_array_equal(plan.apply(made)[:, :7], np.column_stack(list(columns.values())))
    saved = train_run(made, RunOptions(epochs=2), target="y").saved
    assert set(evaluate(saved, rows_for(saved, made))) >= {"accuracy"}


@pytest.mark.parametrize(
    ("cells", "kind"),
    [
        (["2", "3", "3", "many"] * 10, "category"),
        (["2", "3", "3", "5more"] * 10, "category"),
        (["2", "3", "3", "5 kg"] * 10, "'5 kg' is in 'kg'"),
        (["2", "3", "3", "many"] * 9 + ["2"] * 4, "'many' is not a number"),  # too rare to be meant
        (["2", "3", "3", "1_000"] * 10, "'1_000' is not a number"),
        (["2", "3", "3", "26-27"] * 10, "'26-27' is a range"),
        (["-50000", "-50000", "50000+."] * 10, "category"),
        ([*map(str, range(30)), *["many"] * 10], "'many' is not a number"),  # too many numbers to be words
        (["2", "3", "3", "?"] * 10, "number"),
    ],
)
def test_few_words_in_many_rows_among_few_numbers_are_meant(cells, kind, table):
    made = table({"x": cells, "z": [f"{i % 7}.5" for i in range(len(cells))], "y": list("pq") * (len(cells) // 2)})
    if kind in ("category", "number"):
        plan = Preparation.fit(made, "y", missing="median")
        assert {column.name: column.kind for column in plan.columns}["x"] == kind
    else:
        with pytest.raises(DataError, match=kind):
            Preparation.fit(made, "y", missing="median")


def test_words_of_new_rows_that_differ_in_capitals_and_blanks_only_are_the_known_ones(table):
    made = table({"x": ["New York", "Bern"] * 10, "z": range(20), "y": ["p", "Q"] * 10})
    plan = Preparation.fit(made, "y", kinds={"z": "number"})
    new = table({"x": ["NEW  york", " bern ", "new\xa0York"], "z": [1, 2, 3], "y": ["P", " q", "q "]}, "new.csv")
    rows = plan.dataset(new)  # with a warning it would be of a word that is not known
    assert rows.X[:, :2].tolist() == [[0, 1], [1, 0], [0, 1]]
    assert rows.y.tolist() == [1, 0, 0]
