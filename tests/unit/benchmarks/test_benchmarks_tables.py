"""The benchmark of tables reads what packages ship, compares the same folds, goes on where it stopped, and draws."""

import json
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

ROOT = Path(__file__).parents[3]
pytestmark = pytest.mark.skipif(not (ROOT / "benchmarks").exists(), reason="benchmarks are not part of this copy")


@pytest.fixture(autouse=True)
def root_on_path(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT))


def fold(table, method, number, loss, cpu=1.0, **more):
    about = {"table": table, "method": method, "fold": number, "loss": loss, "score": -loss, "cpu": cpu}
    return about | {"seconds_of_prediction": 0.1, "rows": 100, "task": "regression"} | more


THREE = [
    fold(table, method, number, loss + table_loss, cpu)
    for table, table_loss in (("a", 0.0), ("b", 1.0))
    for method, loss, cpu in (("clearprop", 1.0, 0.5), ("lightgbm", 2.0, 1.0), ("catboost", 4.0, 5.0))
    for number in range(2)
]


def test_a_table_is_tidied_as_its_entry_says():
    from benchmarks.tables.catalogue import Table

    cells = {
        "row": range(30),
        "zip": [1000.0, 2000.0, np.nan] * 10,
        "size": [1, np.inf, 3] * 10,
        "word": [" b", "?", "a"] * 10,
        "yes": [True, False, None] * 10,
        "same": 1,
        "class": ["x"] * 14 + ["y"] * 13 + ["rare", None, "rare"],
    }
    table = Table("t", "classification", lambda: pd.DataFrame(cells), "class", drop=("row",), words=("zip",))
    X, y = table.load()
    assert list(X) == ["zip", "size", "word", "yes"] and y.value_counts().to_dict() == {"x": 14, "y": 13}
    assert X["zip"].tolist()[:3] == ["1000", "2000", None] and X["word"].tolist()[:3] == ["b", None, "a"]
    assert X["yes"].tolist()[:3] == ["True", "False", None]
    assert X["size"].dtype == np.float64 and np.isnan(X["size"][1]) and X["size"][2] == 3.0
    X, y = Table("q", "regression", lambda: pd.DataFrame(cells)[["row", "size"]], sample=20).load()
    assert X["row"].dtype == np.float64 and len(y) == 20


def test_the_catalogue_has_65_tables_in_two_groups_without_overlap():
    from benchmarks.tables.catalogue import REPORT, TUNE

    names = [table.name for table in (*TUNE, *REPORT)]
    assert (len(TUNE), len(REPORT), len(set(names))) == (39, 26, 65)


def test_keels_format_names_and_types_its_columns(tmp_path):
    from benchmarks.tables.files import keel

    names = "@relation r\n@attribute 'a b' real [0,1]\n@attribute c {x, y}\n"
    text = names + "@data\n1.5, x\n?, y\n% a comment, of two\n2, ?\n"
    (tmp_path / "r.dat").write_text(text)
    frame = keel(tmp_path / "r.dat")
    assert frame.columns.tolist() == ["a b", "c"] and frame["c"].tolist() == ["x", "y", None]
    np.testing.assert_array_equal(frame["a b"], [1.5, np.nan, 2.0])


def test_methods_are_compared_on_folds_that_all_have():
    from benchmarks.tables.report import summary

    found = summary([*THREE, fold("a", "clearprop", 2, 100.0)])  # a fold of ours alone counts for nothing
    assert found["means"]["a"]["clearprop"]["loss"] == 1.0 and found["means"]["a"]["clearprop"]["folds"] == 2
    assert found["ranks"]["loss"] == {"clearprop": 1.0, "lightgbm": 2.0, "catboost": 3.0}
    beside = found["against"]["catboost"]
    assert beside["tables"] == 2 and beside["at least as good"] == 1.0
    assert beside["loss ratio"] == pytest.approx(np.sqrt(1 / 4 * 2 / 5)) and beside["time ratio"] == 0.1
    assert list(beside["worst"]) == ["b", "a"]
    assert found["against the best trees"]["loss ratio"] == pytest.approx(np.sqrt(1 / 2 * 2 / 3))
    assert found["time"]["catboost"] == 5.0 and found["calibration"] == {}


def test_a_method_that_lacks_a_table_is_not_ranked_on_it():
    from benchmarks.tables.report import summary

    found = summary([line for line in THREE if (line["table"], line["method"]) != ("b", "catboost")])
    assert found["ranked tables"] == ["a"] and found["against"]["catboost"]["tables"] == 1
    assert found["against"]["lightgbm"]["tables"] == 2


@pytest.fixture
def small(monkeypatch):
    """A command that has two small tables, one of a package that is not there."""
    from benchmarks.tables import __main__ as command
    from benchmarks.tables.catalogue import Table
    from benchmarks.tables.files import package

    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 2))
    frame = pd.DataFrame({"a": X[:, 0], "b": X[:, 1], "y": X[:, 0] + 0.1 * X[:, 1]})
    tables = (Table("small", "regression", lambda: frame), Table("absent", "regression", lambda: package("no_such")))
    monkeypatch.setitem(command.GROUPS, "tune", tables)
    return command


def test_a_run_goes_on_where_it_stopped_and_says_what_is_missing(small, tmp_path, monkeypatch, capsys):
    asked = []

    def fit(table, method, folds, path, patience):
        asked.append((table, method, folds))
        with path.open("a") as file:
            file.writelines(json.dumps(fold(table, method, number, 1.0)) + "\n" for number in folds)
        return None if method == "linear" else "out of luck"

    monkeypatch.setattr(small, "_fit", fit)
    arguments = ["--group", "tune", "--methods", "linear,clearprop", "--out", str(tmp_path)]
    small.main([*arguments, "--folds", "1"])
    small.main([*arguments, "--folds", "3"])
    assert asked == [
        *(("small", "linear", [0]), ("small", "clearprop", [0])),
        *(("small", "linear", [1, 2]), ("small", "clearprop", [1, 2])),
    ]
    text = (tmp_path / "tune.md").read_text()
    assert "absent (no_such is not installed)" in text and "small, clearprop (out of luck)" in text
    assert json.loads((tmp_path / "tune.json").read_text())["means"]["small"]["linear"]["folds"] == 3
    assert all((tmp_path / f"tune-{name}.png").read_bytes().startswith(b"\x89PNG") for name in ("ranks", "time"))


def test_a_worker_fits_a_fold_and_scores_unseen_rows(small, monkeypatch, capsys):
    from benchmarks.tables import worker

    monkeypatch.setattr(sys, "argv", ["worker", "small", "linear", "0", "4", "7"])  # there is no eighth
    worker.main()
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["fold"] for line in lines] == [0, 4] and all(line["score"] > 0.99 for line in lines)


@pytest.mark.parametrize("task", ["classification", "regression"])
@pytest.mark.parametrize("method", ["clearprop", "linear", "sklearn_mlp", "hist_gradient_boosting"])
@pytest.mark.filterwarnings("ignore")
def test_methods_take_words_and_gaps_and_answer_new_rows(method, task):
    from benchmarks.tables.methods import METHODS
    from benchmarks.tables.scores import scores

    rng = np.random.default_rng(1)
    word = np.where(rng.random(300) < 0.5, "up", "down").astype(object)
    number = rng.normal(size=300)
    signal = number + np.where(word == "up", 2.0, -2.0)
    number[::50], word[::30] = np.nan, None
    X = pd.DataFrame({"number": number, "word": word})
    y = pd.Series((signal > 0).astype(int) if task == "classification" else signal)
    predict = METHODS[method].fit(X[:200], y[:200], task, 0)
    unseen = X[200:].reset_index(drop=True)
    unseen.loc[0, "word"] = None
    assert scores(task, y[200:], predict(unseen))["score"] > 0.6


def test_a_name_that_is_none_is_answered(small, capsys):
    with pytest.raises(SystemExit):
        small.main(["--methods", "catbost"])
    assert "no method 'catbost'; there are clearprop" in capsys.readouterr().err
