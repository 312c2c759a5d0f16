"""Preparation: what each column is, exact numbers, and refusals that name line and column."""

import json

import duckdb
import numpy as np
import pytest

from clearprop.data.dataset import Dataset
from clearprop.data.preparation import Preparation
from clearprop.data.sources import load_dataset
from clearprop.data.tables import read_table
from clearprop.errors import ConfigurationError, DataError, DataWarning, ShapeError
from clearprop.judge.baselines import baselines
from mixed_table import write_mixed_csv


@pytest.fixture
def table(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def table(content, name="t.csv"):
        (tmp_path / name).write_text(content, encoding="utf-8")
        return read_table(name)

    return table


FLOWERS = "petal,sepal,species\n1,5,setosa\n2,5,setosa\n3,5,virginica\n6,5,virginica\n"


def test_plan_of_a_classification_table(table):
    plan = Preparation.fit(table(FLOWERS), "species")
    assert plan.task == "classification"
    assert plan.feature_names == ("petal",) and plan.class_names == ("setosa", "virginica")
    assert plan.mean == (3.0,) and plan.scale[0] == pytest.approx(np.std([1, 2, 3, 6]))
    assert plan.left_out == (("sepal", "constant: '5' in every row"),)
    data = plan.dataset(table(FLOWERS))
    assert data.y.tolist() == [0, 0, 1, 1] and data.X[:, 0].tolist() == [1, 2, 3, 6]
    ready = plan.transform(data)
    assert ready.X.mean(axis=0) == pytest.approx([0]) and ready.X[:, 0].std() == pytest.approx(1)
    assert plan.inverse_target(ready.y) is ready.y
    assert plan.describe()[1:] == [
        ("sepal", "left out", "constant: '5' in every row"),
        ("species", "target", "2 classes: setosa, virginica"),
    ]


def test_plan_of_a_regression_table(table):
    rows = "".join(f"{i},{i / 10}\n" for i in range(30))
    content = table("x,y\n" + rows)
    plan = Preparation.fit(content, "y")
    assert plan.task == "regression" and plan.class_names == ()
    data = plan.dataset(content)
    ready = plan.transform(data)
    assert ready.y.std() == pytest.approx(1)
    np.testing.assert_allclose(plan.inverse_target(ready.y), data.y)
    np.testing.assert_allclose(plan.inverse_target(ready.y[:, None])[:, 0], data.y)


@pytest.mark.parametrize(
    ("labels", "task", "classes"),
    [
        (["10", "9", "10", "9"], None, ("9", "10")),
        (["1.0", "0.0", "1.0", "0.0"], None, ("0.0", "1.0")),
        (["007", "42", "007", "42"], None, ("007", "42")),
        (["NA", "None", "NA", "None"], None, ("NA", "None")),
        (["b", "a", "b", "1"], "classification", None),
        (["1", "2", "3", "4"], None, ()),
        (["1.5", "2.5", "1.5", "2.5"], None, ()),
        (["1.5", "2.5", "1.5", "2.5"], "classification", ("1.5", "2.5")),
        (["1", "2", "1", "2"], "regression", ()),
    ],
)
def test_task_and_order_of_classes(table, labels, task, classes):
    content = table("x,y\n" + "".join(f"{i},{label}\n" for i, label in enumerate(labels)))
    if classes is None:
        with pytest.raises(DataError, match="3 different values in 4 rows"):
            Preparation.fit(content, "y", task)
    else:
        assert Preparation.fit(content, "y", task).class_names == classes


def test_twenty_whole_numbers_are_classes_and_twenty_one_are_not(table):
    for count, task in ((20, "classification"), (21, "regression")):
        content = table("x,y\n" + "".join(f"{i},{i % count}\n" for i in range(100)))
        assert Preparation.fit(content, "y").task == task


@pytest.mark.parametrize(
    ("content", "target", "task", "message"),
    [
        (FLOWERS, "specie", None, "no column 'specie'; did you mean 'species'"),
        ("y\n1\n2\n", "y", None, "no column but the target"),
        (
            "a,b,y\n1,2,u\nx,2,v\n1,2,u\n3,4,v\n",
            "y",
            None,
            r"t\.csv:3: column 'a': 'x' is not a number; correct it, leave the column out",
        ),
        (
            "a,y\n?,u\n?,v\n1,u\n2,v\n",
            "y",
            None,
            r"t\.csv:2: column 'a': '\?' is not a number \(2 of 4 cells are not",
        ),
        ("a,y\n1,u\n\n,v\n1,u\n2,v\n", "y", None, r"t\.csv:4: column 'a': the value is missing; fill it in"),
        ("a,y\n1,u\n1,\n1,\n2,v\n", "y", None, r"t\.csv:3: column 'y': the value is missing \(2 cells"),
        ("a,y\n1e400,u\n2,v\n1,u\n2,v\n", "y", None, "'1e400' is not a number"),
        ("a,y\n1_000,u\n2,v\n1,u\n2,v\n", "y", None, "'1_000' is not a number"),
        ("a,y\nnan,u\n2,v\n1,u\n2,v\n", "y", None, "'nan' is not a number"),
        ("a,y\n0x10,u\n2,v\n1,u\n2,v\n", "y", None, "'0x10' is not a number"),
        ("a,y\n1e300,u\n-1e300,v\n1,u\n2,v\n", "y", None, r"column 'a' has values up to 1e\+300"),
        ("a,y\n1,u\n2,u\n", "y", None, "'u' in every row"),
        ("a,y\n1,u\n2,v\n3,w\n", "y", None, "3 different values in 3 rows"),
        ("a,y\n1,u\n2,v\n3,v\n4,u\n", "y", "regression", r"t\.csv:2: column 'y': 'u' is not a number"),
    ],
)
def test_a_table_that_cannot_be_learnt_from_is_refused(table, content, target, task, message):
    with pytest.raises(DataError, match=message):
        Preparation.fit(table(content), target, task)


def test_new_table_needs_the_same_columns(table):
    plan = Preparation.fit(table(FLOWERS), "species")
    reordered = table("extra,sepal,petal\nx,5,1\n", "new.csv")
    assert plan.apply(reordered).tolist() == [[1.0]]
    with pytest.raises(DataError, match=r"new\.csv: there is no column 'petal'; did you mean 'petals'"):
        plan.apply(table("petals,sepal\n1,2\n", "new.csv"))
    with pytest.raises(DataError, match=r"new\.csv:3: column 'species': 'rose' is not among .* setosa, virginica"):
        plan.dataset(table("petal,sepal,species\n1,2,setosa\n1,2,rose\n", "new.csv"))
    with pytest.raises(ShapeError, match="X has 2 columns"):
        plan.standardise(np.zeros((2, 2)))


def test_statistics_come_from_the_given_rows_alone():
    data = load_dataset("diabetes")
    plan = Preparation.of(data)
    train = data.take(np.arange(50))
    measured = plan.fit_statistics(train)
    assert measured.mean == tuple(train.X.mean(axis=0)) and measured.target_mean == (train.y.mean(),)
    assert measured.feature_names == plan.feature_names


def test_several_targets_and_float32():
    data = load_dataset("linnerud")
    plan = Preparation.of(data)
    np.testing.assert_allclose(plan.inverse_target(plan.transform(data).y), data.y)
    small = Dataset(data.X.astype(np.float32), data.y.astype(np.float32))
    ready = Preparation.of(small).transform(small)
    assert ready.X.dtype == ready.y.dtype == np.float32


@pytest.mark.parametrize("name", ["iris", "diabetes", "linnerud"])
def test_config_survives_json(name):
    plan = Preparation.of(load_dataset(name))
    assert Preparation.from_config(json.loads(json.dumps(plan.config()))) == plan


@pytest.mark.parametrize(
    "change",
    [
        {"mean": [0.0]},
        {"mean": "0"},
        {"mean": [1, 2, 3, 4]},
        {"mean": [float("nan")] * 4},
        {"class_names": []},
        {"target": 3},
        {"surprise": 1},
        {"columns": [], "mean": [], "scale": []},
        {"columns": [{"kind": "number", "name": "x", "indicator": 1}]},
        {"columns": [{"kind": "number", "name": "x"}]},
        {"columns": [{"kind": ["number"], "name": "x", "indicator": False}]},
        {"columns": [{"kind": "spline", "name": "x"}]},
        {"columns": ["x"]},
        {"missing": "mean"},
        {"missing": ["median"]},
        {"left_out": [["x"]]},
        {"scale": [0.0, 1.0, 1.0, 1.0]},
    ],
    ids=str,
)
def test_senseless_config_is_refused(change):
    config = Preparation.of(load_dataset("iris")).config() | change
    with pytest.raises(ConfigurationError, match="preparation"):
        Preparation.from_config(config)


def test_cells_with_blanks_and_chinese_names(table):
    plan = Preparation.fit(table("年龄,類別\n 1 ,猫\n2, 猫\n3,犬\n4,犬\n"), "類別")
    assert plan.feature_names == ("年龄",) and set(plan.class_names) == {"猫", "犬"}


# --------------------------------------------------------------------------------------------- columns of every kind

HOUSES = """id,城市,garden,sold,rooms,wall
a1,北京,是,2020-01-31,3,red
a2,北京,否,2021-02-28,4,red
a3,上海,是,2022-03-31,5,blue
a4,上海,否,2020-04-30,3,red
a5,北京,是,2021-05-31,4,blue
a6,广州,否,2022-06-30,5,red
a7,上海,是,2020-07-31,3,red
a8,北京,否,2021-08-31,4,green
a9,广州,是,2022-09-30,5,red
b0,北京,否,2020-10-31,3,red
"""


def test_every_kind(table):
    houses = table(HOUSES)
    with pytest.warns(DataWarning, match=r"column 'id' is left out \(identifier: every row has its own\)"):
        plan = Preparation.fit(houses, "wall", dates="expand")
    assert [(column.name, column.kind) for column in plan.columns] == [
        ("城市", "category"),
        ("garden", "yes/no"),
        ("sold", "date"),
        ("rooms", "number"),
    ]
    X = dict(zip(plan.feature_names, plan.apply(houses).T, strict=True))
    assert X["城市=北京"].tolist() == [1, 1, 0, 0, 1, 0, 0, 1, 0, 1]
    assert X["garden"].tolist() == [1, 0] * 5
    assert X["sold year"][:3].tolist() == [2020, 2021, 2022] and X["sold month"][:3].tolist() == [1, 2, 3]
    assert X["sold weekday"][:2].tolist() == [5, 7] and X["sold days"][0] == 18292
    assert X["sold sine of year"][0] == pytest.approx(np.sin(2 * np.pi * 30 / 365.25))
    assert X["rooms"][:3].tolist() == [3, 4, 5]
    assert plan.groups == [
        ("城市", slice(0, 3)),
        ("garden", slice(3, 4)),
        ("sold", slice(4, 10)),
        ("rooms", slice(10, 11)),
    ]
    ready = plan.transform(plan.dataset(houses))
    assert set(np.unique(ready.X[:, :4])) == {0.0, 1.0}  # 0/1 features stay as they are
    np.testing.assert_allclose(ready.X[:, 4:].mean(axis=0), 0.0, atol=1e-12)
    assert Preparation.from_config(json.loads(json.dumps(plan.config()))) == plan
    assert plan.describe()[:3] == [
        ("城市", "category", "3 values: 上海, 北京, 广州"),
        ("garden", "yes/no", "否 0, 是 1"),
        ("sold", "date", "year, month, weekday, season (sine, cosine), days"),
    ]


def column(table, cells, **options):
    """The plan for a column of these cells beside a helper column, and the table."""
    made = table("x,help,y\n" + "".join(f"{cell},{i % 3},{'uv'[i % 2]}\n" for i, cell in enumerate(cells)))
    return Preparation.fit(made, "y", **options), made


@pytest.mark.parametrize(
    ("cells", "kind"),
    [
        (["1", "2.5", "-3e2", "+4", ".5"] * 4, "number"),
        (["0", "1"] * 10, "number"),
        (["yes", "no"] * 10, "yes/no"),
        (["True", "false", "TRUE", "False"] * 5, "yes/no"),
        (["是", "否"] * 10, "yes/no"),
        (["00123", "00124"] * 10, "category"),
        (["1234567890123456789", "1234567890123456788"] * 10, "category"),
        (["NA", "Other"] * 10, "category"),
        (["red", "green", "blue", "red"] * 5, "category"),
        (["M", "L", "XL", "38"] * 5, "category"),
    ],
    ids=str,
)
def test_kind_of_a_column(table, cells, kind):
    plan, _ = column(table, cells)
    assert plan.columns[0].name == "x" and plan.columns[0].kind == kind


@pytest.mark.parametrize(
    ("cells", "reason", "warned"),
    [
        (["same"] * 20, "constant: 'same' in every row", False),
        (["1.0", "1"] * 10, "constant: '1.0' in every row", False),
        ([""] * 20, "empty", False),
        ([f"u{i}" for i in range(20)], "identifier: every row has its own", True),
        ([str(i + 1) for i in range(20)], "identifier: it counts the rows from 1", True),
        ([str(19 - i) for i in range(20)], "identifier: it counts the rows from 0", True),
        ([f"{i:04d}" for i in range(20)], "identifier: every row has its own", True),
    ],
)
def test_left_out(table, cells, reason, warned):
    if warned:
        with pytest.warns(DataWarning, match="'x' is left out"):
            plan, _ = column(table, cells)
    else:
        plan, _ = column(table, cells)
    assert plan.left_out == (("x", reason),) and plan.feature_names == ("help",)


def test_identifier_by_name(table):
    numbers = [str(7 * i * i + 100) for i in range(20)]
    content = "customer_id,size,y\n" + "".join(f"{number},{number},{i % 2}\n" for i, number in enumerate(numbers))
    with pytest.warns(DataWarning, match="customer_id"):
        plan = Preparation.fit(table(content), "y")
    assert plan.feature_names == ("size",)


def test_kinds_and_drop_overrule(table):
    plan, _ = column(table, [str(i + 1) for i in range(20)], kinds={"x": "number"})
    assert plan.feature_names == ("x", "help")
    plan, _ = column(table, ["1", "2"] * 10, kinds={"x": "category"})
    assert plan.feature_names == ("x=1", "x=2", "help")
    plan, _ = column(table, ["u", "v"] * 10, drop=["x"])
    assert plan.left_out == (("x", "as asked"),)
    for options, message in [
        ({"drop": "x"}, "a list of column names"),
        ({"drop": ["y"]}, "is the target"),
        ({"drop": ["z"]}, "no column 'z'"),
        ({"kinds": {"x": "numer"}}, "did you mean 'number'"),
        ({"kinds": {"x": "yes/no"}}, "is not yes/no"),
        ({"dates": "drop"}, "must be 'refuse' or 'expand'"),
        ({"missing": "mean"}, "must be 'refuse' or 'median'"),
    ]:
        with pytest.raises((ConfigurationError, DataError), match=message):
            column(table, ["1", "2"] * 10, **options)


@pytest.mark.parametrize(
    ("cells", "numbers", "said"),
    [
        (["1,5", "2,5"], [1.5, 2.5], "decimal comma"),
        (["1 234", "2 500"], [1234.0, 2500.0], "thousands with blanks"),
        (["5%", "10 %"], [5.0, 10.0], "in %"),
        (["1.234,50 CHF", "70.00 CHF"], None, "cannot be"),
        (["180 cm", "175 cm"], [180.0, 175.0], "in cm"),
    ],
    ids=str,
)
def test_numbers_as_people_write_them_are_read_and_said(table, cells, numbers, said):
    quoted = [f'"{cell}"' for cell in cells] * 10
    if numbers is None:
        with pytest.raises(DataError, match=r"is not a number"):
            column(table, quoted)
        return
    plan, made = column(table, quoted)
    assert plan.columns[0].kind == "number" and plan.apply(made)[:2, 0].tolist() == numbers
    assert said in plan.describe()[0][2]
    assert Preparation.from_config(json.loads(json.dumps(plan.config()))) == plan


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        (["1,234", "2,500"], r"t\.csv:2: column 'x': '1,234' may be 1.234 or 1234.*--decimal ,.*--thousands ,"),
        (["¥5", "3元"], "write the column in one unit"),
        (["1_000", "2"], "is not a number"),
        (["1", "inf"], "infinite values"),
        (["1", "2", "NA"], r"t\.csv:4: column 'x': 'NA' is not a number .* missing='median' \(--missing median"),
        (["1", ""], r"t\.csv:3: column 'x': the value is missing \(10 cells.*missing='median'"),
        (["2024-01-31", "2023-01-31"], r"t\.csv:2: column 'x': '2024-01-31' is a date.*dates='expand'"),
        (["31.1.2024", "1.2.2024"], "is a date"),
        (["2024年1月31日", "2024年2月1日"], "is a date"),
        (["2024/01/31 10:00", "2024-02-01T10:00"], "is a date"),
        (["01/02/2024", "12/11/2023"], r"--day-first.*--month-first"),
    ],
    ids=str,
)
def test_cells_that_mislead(table, cells, message):
    quoted = [f'"{cell}"' for cell in cells] * (20 // len(cells))
    with pytest.raises(DataError, match=message):
        column(table, quoted)


def test_bad_cell_among_dates(table):
    with pytest.raises(DataError, match=r"t\.csv:4: column 'x': 'soon' is not a date .* write it as 2024-01-31"):
        column(table, ["2024-01-31", "2024-02-29", "soon", "2024-03-01"] * 5, dates="expand")


def test_gaps_are_filled_with_the_median_of_the_training_rows_and_noted(table):
    cells = ["1", "2", "", "9", "NA", "4", "100", "1", "2", "100"]
    plan, made = column(table, cells, missing="median")
    assert plan.feature_names == ("x", "x (missing)", "help")
    data = plan.dataset(made)
    assert data.X[:, 1].tolist() == [0, 0, 1, 0, 1, 0, 0, 0, 0, 0]
    assert data.X[2, 0] == np.median([1, 2, 9, 4, 100, 1, 2, 100])
    training = plan.fit_statistics(data.take(np.arange(6)))
    assert training.fill[0] == np.median([1, 2, 9, 4])
    filled = training.apply(made)[:, 0]
    assert filled[2] == filled[4] == 3.0
    np.testing.assert_array_equal(training.standardise(data.X), training.standardise(training.apply(made)))
    assert training.mean[0] == filled[:6].mean()
    assert Preparation.from_config(json.loads(json.dumps(training.config()))) == training
    # a gap in a column that had none in training is filled in, too
    with pytest.warns(DataWarning, match=r"new\.csv: 1 value is missing in .*: 'help' \(1\); the median"):
        assert training.apply(table("x,help\n1,\n", "new.csv")).tolist() == [[1.0, 0.0, training.fill[2]]]


def test_gaps_in_words_and_dates(table):
    cells = ["u", "v", "", "u", "v"] * 4
    plan, made = column(table, cells, missing="median")
    assert plan.feature_names[:3] == ("x=u", "x=v", "x=(missing)")
    assert plan.apply(made)[:3, :3].tolist() == np.eye(3).tolist()
    plan, made = column(table, ["yes", "no", "", "yes", "yes"] * 4, missing="median")
    assert plan.apply(made)[:3, :2].tolist() == [[1, 0], [0, 0], [1, 1]]
    plan, made = column(table, ["2024-01-31", "2024-02-29", "", "2024-03-01"] * 5, missing="median", dates="expand")
    X = plan.apply(made)
    assert np.isfinite(X).all() and X[:4, 6].tolist() == [0, 0, 1, 0] and X[2, 0] == 2024


def test_values_never_seen(table):
    plan, _ = column(table, ["u", "v"] * 10)
    new = table("x,help\nu,0\nw,1\nw,1\n", "new.csv")
    with pytest.warns(DataWarning, match=r"new\.csv:3: column 'x': 'w' was not seen in training \(and so in 2 cells"):
        assert plan.apply(new)[:, :2].tolist() == [[1, 0], [0, 0], [0, 0]]
    with pytest.raises(DataError, match=r"new\.csv:2: column 'x': the value is missing"):
        plan.apply(table("x,help\n,1\n", "new.csv"))
    filling, _ = column(table, ["u", "v"] * 10, missing="median")
    with pytest.warns(DataWarning, match=r"that had no gaps in training: 'x' \(1\); they count"):
        assert filling.apply(table("x,help\n,1\n", "new.csv"))[0, :2].tolist() == [0, 0]


def test_rare_values_share_a_feature(table):
    cells = ["u", "v"] * 490 + ["w"] * 9 + ["z"] * 11
    plan, made = column(table, cells)
    assert plan.feature_names[:4] == ("x=u", "x=v", "x=w", "x=z")  # a single rare value is kept
    cells[0] = "q"
    plan, made = column(table, cells)
    assert plan.feature_names[:4] == ("x=u", "x=v", "x=z", "x=(other)") and plan.apply(made)[:, 3].sum() == 10
    with pytest.warns(DataWarning, match=r"'new' was not seen in training; it counts as \(other\)"):
        assert plan.apply(table("x,help\nnew,1\n", "new.csv"))[0, :4].tolist() == [0, 0, 0, 1]
    assert plan.apply(table("x,help\nw,1\n", "new.csv"))[0, :4].tolist() == [0, 0, 0, 1]  # rare, but seen


def test_a_category_keeps_fifty_values(table):
    plan, made = column(table, [f"v{i % 60}" for i in range(600)])
    assert len(plan.feature_names) == 52 and plan.apply(made)[:, 50].sum() == 100


def test_baselines_on_one_hot_features(table):
    rng = np.random.default_rng(0)
    towns = rng.integers(0, 4, 300)
    made = table("town,y\n" + "".join(f"t{town},{'uv'[town % 2]}\n" for town in towns))
    plan = Preparation.fit(made, "y")
    rest, part = plan.dataset(made).split(0.3, seed=0)
    plan = plan.fit_statistics(rest)
    assert baselines(plan.transform(rest), plan.transform(part), "accuracy")["linear"] == 1.0


def test_mixed_table_is_the_same_from_csv_parquet_json_and_frame(tmp_path):
    path = tmp_path / "mixed.csv"
    write_mixed_csv(path, 3000)
    with duckdb.connect() as connection:
        connection.execute("CREATE TABLE t AS SELECT * FROM read_csv(?, types = {'postcode': 'VARCHAR'})", [str(path)])
        connection.execute(f"COPY t TO '{tmp_path / 'mixed.parquet'}' (FORMAT parquet)")
        connection.execute(f"COPY t TO '{tmp_path / 'mixed.jsonl'}' (FORMAT json)")
        kinds = {name: kind for name, kind, *_ in connection.execute("DESCRIBE t").fetchall()}
    assert {kinds[name] for name in ("年龄", "income", "when", "城市")} == {"BIGINT", "DOUBLE", "DATE", "VARCHAR"}
    made = {}
    sources = [path, tmp_path / "mixed.parquet", tmp_path / "mixed.jsonl"]
    polars = pytest.importorskip("polars")
    for source in [*sources, polars.read_parquet(tmp_path / "mixed.parquet")]:
        read = read_table(source)
        with pytest.warns(DataWarning, match="编号"):
            plan = Preparation.fit(read, "购买", dates="expand", missing="median")
        data = plan.dataset(read)
        made[str(source)[:200]] = (plan, data.X.tobytes(), data.y.tobytes())
    first, *others = made.values()
    assert [column.kind for column in first[0].columns].count("number") == 4
    assert [name for name, _ in first[0].left_out] == ["编号", "备注"]
    for other in others:
        assert other == first


def test_a_matrix_larger_than_memory_is_refused(table, monkeypatch):
    plan, made = column(table, ["1", "2"] * 10)
    monkeypatch.setattr("clearprop.data.preparation.free_memory", lambda: 100)
    with pytest.raises(DataError, match=r"20 rows of 2 numbers needs about .* take fewer rows or columns"):
        plan.dataset(made)
