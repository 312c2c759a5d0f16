"""The command line as somebody uses it: files in a folder, messages on the screen, exit codes."""

import csv
import json
import os
import re
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from typer.testing import CliRunner

import clearprop
import clearprop.cli.entry as cli
from clearprop.data import load_dataset
from clearprop.gradients.check import GradientReport, InputComparison

ENVIRONMENT = {**os.environ, "PYTHONPATH": os.path.dirname(os.path.dirname(os.path.abspath(clearprop.__file__)))}


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def run(capsys):
    """Run a command; returns exit code, stdout and stderr."""

    def run(*arguments):
        with pytest.raises(SystemExit) as end:
            cli.main(arguments)
        code = end.value.code
        out, err = capsys.readouterr()
        assert "Traceback" not in out + err
        return code or 0, out, err

    return run


def process(*arguments, **options):
    return subprocess.run(
        [sys.executable, "-m", "clearprop", *arguments],
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=60,
        **{"env": ENVIRONMENT} | options,
    )


@pytest.fixture
def flowers():
    """iris as a file with Chinese names; returns its name."""
    data = load_dataset("iris")
    names = ["山鸢尾", "变色鸢尾", "维吉尼亚鸢尾"]
    with open("鸢尾花.csv", "w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["花萼长", "花萼宽", "花瓣长", "花瓣宽", "品种"])
        writer.writerows([*x, names[y]] for x, y in zip(data.X, data.y, strict=True))
    return "鸢尾花.csv"


def test_train_predict_evaluate(run, flowers, folder):
    code, out, err = run("train", flowers, "--target", "品种", "--epochs", "30")
    assert code == 0, err
    assert "150 rows, 4 columns, 4 features" in out
    assert "target '品种': 3 classes, so this is classification (detected; --task overrules)" in out
    assert "96 training, 24 validation, 30 test rows" in out
    assert "linear model" in out and "better than a" in out
    assert "epoch" in err and "accuracy" in err
    assert "accuracy lost when shuffled" in out
    assert sorted(f.name for f in (folder / "runs" / "鸢尾花-1").iterdir()) == [
        "calibration.png",
        "confusion.png",
        "curves.png",
        "history.csv",
        "importance.png",
        "model.safetensors",
        "report.json",
    ]

    code, out, err = run("predict", "runs/鸢尾花-1", flowers, "--out", "答案.csv")
    assert (code, out) == (0, "150 predictions are in 答案.csv\n")
    with open("答案.csv", encoding="utf-8") as file:
        answers = list(csv.DictReader(file))
    assert list(answers[0]) == ["品种", "P(变色鸢尾)", "P(山鸢尾)", "P(维吉尼亚鸢尾)"]
    with open(flowers, encoding="utf-8-sig") as file:
        right = [a["品种"] == b["品种"] for a, b in zip(csv.DictReader(file), answers, strict=True)]
    code, out, err = run("evaluate", "runs/鸢尾花-1/model.safetensors", flowers)
    assert code == 0 and f"{np.mean(right):.4g}" in out and "维吉尼亚鸢尾" in out

    code, _, err = run("predict", "runs/鸢尾花-1", flowers, "--out", "答案.csv")
    assert code == 6 and "overwrite it with --force" in err
    assert run("predict", "runs/鸢尾花-1", flowers, "--out", "答案.csv", "--force")[0] == 0


def test_regression_and_standard_output(run):
    code, out, _ = run("train", "diabetes", "--epochs", "5", "--out", "d", "--hidden", "8")
    assert code == 0 and "target 'target': a quantity, so this is regression" in out and "r2" in out
    code, out, _ = run("predict", "d", "diabetes")
    lines = out.splitlines()
    assert code == 0 and lines[0] == "target" and len(lines) == 443
    assert 25 < np.mean([float(line) for line in lines[1:]]) < 346
    code, out, _ = run("evaluate", "d", "diabetes")
    assert code == 0 and "rmse" in out and "precision" not in out


def test_constant_columns_are_mentioned(run):
    with open("t.csv", "w") as file:
        file.write("a,b,y\n" + "".join(f"{i / 7},7,{i % 2}\n" for i in range(40)))
    code, out, _ = run("train", "t.csv", "--target", "y", "--epochs", "2")
    assert code == 0 and re.search(r"b +left out +constant", out), out


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["train", "mons"], 3, "neither a file nor a built-in data set; did you mean 'moons'? Known: moons, circles"),
        (["train", "mons.csv"], 3, "there is no such file"),
        (["train", "t.csv"], 2, "which column is to be predicted? Pass target (--target), one of: width, kind"),
        (["train", "t.csv", "--target", "knd"], 3, "no column 'knd'; did you mean 'kind'"),
        (["train", "bad.csv", "--target", "kind"], 3, "bad.csv:3: column 'width': 'wide' is not a number"),
        (["train", "moons", "--activation", "rleu"], 2, "did you mean 'relu'"),
        (["train", "moons", "--optimizer", "adm"], 2, "did you mean 'adam'"),
        (["train", "moons", "--hidden", "3,x"], 2, "'3,x' is not a list"),
        (["train", "moons", "--hidden", "4,0"], 2, "'4,0' is not a list"),
        (["train", "moons", "--loss", "crosentropy"], 2, "did you mean 'crossentropy'"),
        (["train", "moons", "--schedule", "cosin"], 2, "did you mean 'cosine'"),
        (["train", "moons", "--normalization", "bath"], 2, "did you mean 'batch'"),
        (["train", "moons", "--class-weight", "ballanced"], 2, "did you mean 'balanced'"),
        (["train", "moons", "--metric", "roc_uac"], 2, "did you mean 'roc_auc'"),
        (
            ["train", "t.csv", "--target", "kind", "--split", "group:knd"],
            3,
            "no column 'knd' to split by; did you mean",
        ),
        (["train", "moons", "--test", "1.5"], 2, "test=1.5 must lie between 0 and 1"),
        (["train", "moons", "--validation", "nowhere.csv"], 3, "nowhere.csv: there is no such file"),
        (["train", "moons", "--validation", "0"], 2, "--early-stopping 0"),
        (["train", "moons", "--config", "no.toml"], 2, "no.toml: cannot be read"),
        (["train", "moons", "--config", "t.csv"], 2, "t.csv: is not TOML"),
        (["train"], 2, "Missing argument"),
        (["train", "moons", "--epochs", "0"], 2, "--epochs"),
        (["train", "moons", "--task", "rank"], 2, "--task"),
        (["train", "moons", "--target", "y"], 2, "has its target already"),
        (["train", "moons", "--epoch", "3"], 2, "no such option --epoch; did you mean --epochs?"),
        (["train", "moons", "--learning-rate", "1e200", "--optimizer", "adam", "--activation", "relu"], 5, "diverged"),
        (["train", "moons", "--hidden", "1000000000,1000000"], 2, "GiB are free; use fewer hidden units"),
        (["train", "moons", "--out", "t.csv/x"], 6, "cannot be written"),
        (["tarin"], 2, "Did you mean 'train'"),
        (["predict", "nowhere", "moons"], 4, "no such model file"),
        (["predict", "t.csv", "moons"], 4, "not a model file"),
        (["gradcheck", "gleu"], 2, "did you mean 'gelu'"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_mistake_is_told_in_words_with_its_exit_code_and_leaves_no_file(run, folder, arguments, code, message):
    with open("t.csv", "w") as file:
        file.write("width,kind\n" + "1,a\n2,b\n" * 10)
    with open("bad.csv", "w") as file:
        file.write("width,kind\n1,a\nwide,b\n" + "1,a\n2,b\n" * 10)
    found, out, err = run(*arguments)
    assert found == code
    assert message in " ".join(err.replace("│", " ").split())
    assert out == "" and "clearprop.errors" not in err
    assert sorted(p.name for p in folder.iterdir() if p.name != "runs") == ["bad.csv", "t.csv"]
    assert not list(folder.glob("runs/*"))  # a run that failed leaves no folder


def test_existing_run_needs_force(run):
    assert run("train", "moons", "--epochs", "1", "--out", "r")[0] == 0
    code, _, err = run("train", "moons", "--epochs", "1", "--out", "r")
    assert code == 6 and "--force" in err
    assert run("train", "moons", "--epochs", "1", "--out", "r", "--force")[0] == 0


def test_every_option(run):
    with open("t.csv", "w") as file:
        file.write("a,b,kind\n" + "1,2,x\n2,3,y\n3,9,y\n" * 12)
    code, out, err = run(
        *("train", "t.csv", "--target", "kind", "--task", "classification", "--hidden", "6,4"),
        *("--activation", "relu,tanh", "--dropout", "0.1", "--normalization", "layer", "--loss", "crossentropy"),
        *("--optimizer", "sgd", "--learning-rate", "0.1", "--schedule", "one_cycle", "--l2", "0.001"),
        *("--epochs", "3", "--batch-size", "8", "--validation", "t.csv", "--test", "t.csv", "--early-stopping", "2"),
        *("--class-weight", "balanced", "--dtype", "float32", "--seed", "3", "--repeats", "2", "--out", "o"),
        *("--metric", "roc_auc"),
    )
    assert code == 0, err
    assert "36 training, 36 validation, 36 test rows" in out and "(mean and standard deviation of 2 runs)" in out
    with open("o/report.json") as file:
        report = json.load(file)
    assert report["options"]["activation"] == ["relu", "tanh"] and report["options"]["dtype"] == "float32"
    assert report["optimizer"] == "SGD(learning_rate=OneCycle(0.1, 15))" and len(report["repeats"]) == 2
    assert report["metric"] == "roc_auc" == report["options"]["metric"]
    assert "--task overrules" not in out


def imbalanced(name="t.csv"):
    """A table where one row in ten is ill; returns its name."""
    rng = np.random.default_rng(0)
    ill = rng.random(600) < 0.1
    x = rng.normal(size=(600, 3)) + 0.5 * ill[:, None]
    with open(name, "w") as file:
        file.write("a,b,c,state\n")
        file.writelines(
            f"{a:.4f},{b:.4f},{c:.4f},{'ill' if y else 'well'}\n" for (a, b, c), y in zip(x, ill, strict=True)
        )
    return name


def test_an_imbalanced_table_is_judged_honestly(run):
    name = imbalanced()
    code, out, err = run("train", name, "--target", "state", "--out", "plain")
    assert code == 0, err
    assert re.search(
        r"on the test rows +accuracy +balanced accuracy +f1 macro +log loss +roc auc +average precision", out
    )
    assert re.search(r"class +recall +precision +test rows\nill +0\.000", out)
    assert "judged by accuracy; --metric chooses another" in out
    assert "This network is NOT better than a constant: accuracy 0." in out
    assert "the network never answers 'ill', the truth of" in out
    assert "Remedy: let rare classes count for more: class_weight='balanced' (--class-weight balanced)." in out

    code, out, err = run("train", name, "--target", "state", "--class-weight", "balanced", "--out", "even")
    assert code == 0, err
    assert "judged by balanced accuracy" in out and "never answers" not in out
    assert re.search(
        r"This network is (not clearly )?better than a (constant|linear model): balanced_accuracy 0\.\d+", out
    )
    assert re.search(r"constant +0\.500 ", out)
    with open("even/report.json") as file:
        report = json.load(file)
    assert report["metric"] == "balanced_accuracy" and report["judgement"]["decision"] in report["verdict"]
    assert report["test"]["classes"]["ill"]["recall"] > 0.3 and 0.5 < report["test"]["roc_auc"] < 1.0
    assert report["baseline_scores"]["linear"]["classes"]["ill"]["recall"] > 0.3

    code, out, _ = run("diagnose", "even", name)  # judged as the run was
    assert code == 0 and "balanced_accuracy: network" in out and "recall of each class: " in out and "roc auc 0." in out
    code, out, _ = run("diagnose", "even", name, "--metric", "roc_auc", "--lang", "zh")
    assert code == 0 and "roc_auc：网络" in out and "召回率" in out and "常数" in out
    code, out, _ = run("diagnose", "even/model.safetensors", name)  # of which nothing else is known
    assert code == 0 and "accuracy: network" in out
    code, out, _ = run("evaluate", "even", name)
    assert code == 0 and "balanced accuracy" in out and "roc auc" in out and "average precision" in out


def test_splits_and_repeats(run):
    rng = np.random.default_rng(0)
    with open("t.csv", "w") as file:
        file.write("day,shop,a,b,sold\n")
        for i, (a, b) in enumerate(rng.normal(size=(200, 2))):
            file.write(f"2023-{1 + i // 20:02d}-{1 + i % 20:02d},S{i % 9},{a:.3f},{b:.3f},{a + rng.normal() / 2:.3f}\n")
    common = ("train", "t.csv", "--target", "sold", "--epochs", "5")
    code, out, err = run(*common, "--split", "time:day", "--repeats", "2", "--metric", "mae", "--out", "a")
    assert code == 0 and "warning" not in err, err
    assert "128 training, 32 validation, 40 test rows, divided in time, by 'day': test from 2023-09-01 on, val" in out
    assert re.search(r"day +left out +the rows are split by it", out)
    assert re.search(r"seed +test mae +than simple models", out) and "judged by mae" in out
    code, out, err = run(*common, "--split", "group:shop", "--drop", "day", "--out", "b")
    assert code == 0 and "divided by whole groups of 'shop', 9 in all: 2 for test, " in out, err
    code, out, err = run(*common, "--dates", "expand", "--out", "c", "--json")
    assert code == 0 and "warning: t.csv: the rows are in the order of 'day'" in err
    assert any("--split 'time:day'" in text for text in json.loads(out)["warnings"])
    code, out, err = run("predict", "b", "t.csv")  # the column that split is not needed
    assert code == 0 and out.count("\n") == 201


def test_options_from_a_file(run):
    with open("c.toml", "w") as file:
        file.write('hidden = [8, 4]\nbatch-size = 16\nepochs = 2\nactivation = "relu"\nout = "o"\nforce = true\n')
    assert run("train", "moons", "--config", "c.toml")[0] == 0
    assert run("train", "moons", "--config", "c.toml", "--epochs", "3")[0] == 0
    with open("o/report.json") as file:
        options = json.load(file)["options"]
    assert options["hidden"] == [8, 4] and options["batch_size"] == 16 and options["epochs"] == 3
    with open("data.toml", "w") as file:
        file.write('data = "moons"\nepochs = 1\njson = true')
    code, out, _ = run("train", "--config", "data.toml")
    assert code == 0 and json.loads(out)["epochs"] == 1
    for entry, message in (
        ("epoch = 3", "c.toml: there is no option 'epoch'; did you mean 'epochs'? Known: data, target"),
        ("[train]\nepochs = 3", "there is no option 'train'"),
        ("hidden = {a = 1}", "hidden is a table"),
        ("epochs = 1.5", "Invalid value for '--epochs'"),
        ("epochs = ", "c.toml: is not TOML: Invalid value (at end of document)"),
    ):
        with open("c.toml", "w") as file:
            file.write(entry)
        code, _, err = run("train", "moons", "--config", "c.toml")
        assert code == 2 and message in err


def test_one_json_document(run):
    for arguments in (
        ("train", "moons", "--epochs", "2", "--out", "m"),
        ("predict", "m", "moons"),
        ("predict", "m", "moons", "--out", "p.parquet"),
        ("evaluate", "m", "moons"),
        ("evaluate", "m", "moons", "--out", "e"),
        ("gradcheck", "tanh"),
        ("doctor",),
    ):
        code, out, err = run(*arguments, "--json")
        assert code == 0 and out.count("\n") == 1, err
        assert "error" not in json.loads(out)
    assert json.loads(run("predict", "m", "moons", "--json")[1])["predictions"].keys() == {"target", "P(0)", "P(1)"}


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["train", "t.csv", "--target", "c"], (3, "t.csv", "Known: a, b")),
        (["train", "u.csv", "--target", "b"], (3, "u.csv:3", "complete these lines or remove them")),
        (["train", "t.cvs"], (3, "t.cvs", "did you mean 't.csv'?")),
        (["train", "moons", "--epoch", "3"], (2, None, "did you mean --epochs? See `clearprop train --help`")),
        (["tain"], (2, None, "see `clearprop --help`")),
        (["predict", "m", "moons"], (4, None, "train one with `clearprop train`")),
        (["train", "moons", "--out", "t.csv/x"], (6, "t.csv/x", "choose another path")),
    ],
    ids=str,
)
def test_errors_as_json(run, arguments, expected):
    with open("t.csv", "w") as file:
        file.write("a,b\n" + "1,2\n2,1\n" * 10)
    with open("u.csv", "w") as file:
        file.write("a,b\n1,2\n2\n")
    code, out, err = run(*arguments, "--json")
    error = json.loads(out)["error"]
    assert err == "" and (code, error["place"], error["remedy"]) == expected
    assert error["code"] == code and len(error["message"]) > 10


def test_parquet_out(run):
    import duckdb

    assert run("train", "iris", "--epochs", "2", "--out", "m")[0] == 0
    assert run("predict", "m", "iris", "--out", "a.csv")[0] == 0
    assert run("predict", "m", "iris", "--out", "a.parquet")[0] == 0
    code, _, err = run("predict", "m", "iris", "--out", "a.parquet")
    assert code == 6 and "overwrite it with --force" in err
    code, _, err = run("predict", "m", "iris", "--out", "a.xlsx")
    assert code == 2 and "ends in .csv or .parquet" in err
    found = duckdb.connect().execute("SELECT * FROM 'a.parquet'").fetchnumpy()
    with open("a.csv", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert list(found) == list(rows[0])
    assert [float(row["P(virginica)"]) for row in rows] == found["P(virginica)"].tolist()


def test_evaluation_pictures(run, folder):
    assert run("train", "diabetes", "--epochs", "2", "--out", "m")[0] == 0
    code, out, _ = run("evaluate", "m", "diabetes", "--out", "e")
    assert code == 0 and "In e: evaluation.json, residuals.png" in out
    code, _, err = run("evaluate", "m", "diabetes", "--out", "e")
    assert code == 6 and "--force" in err
    assert run("evaluate", "m", "diabetes", "--out", "e", "--force")[0] == 0


def test_control_characters_never_reach_the_terminal(run):
    with open("t.csv", "w") as file:
        file.write("a\x1b[2J,b\n" + "1,x\x1b]0;y\x07\n2,z\n" * 10)
    code, out, err = run("train", "t.csv", "--target", "b", "--epochs", "1")
    assert code == 0 and "\x1b" not in out + err and "\x07" not in out + err
    _, _, err = run("train", "t.csv", "--target", "c")
    assert "\x1b" not in err


def test_every_command_has_help_and_there_is_a_version(run):
    code, out, err = run()
    assert code == 2 and "train" in out + err
    for command in ("train", "predict", "evaluate", "gradcheck", "doctor"):
        result = CliRunner().invoke(cli.app, [command, "--help"])
        assert result.exit_code == 0 and "Usage" in result.output
    code, out, _ = run("--version")
    assert code == 0 and out.startswith("clearprop ")


def test_gradcheck_counts_what_is_right_and_fails_on_what_is_wrong(run, monkeypatch):
    code, out, _ = run("gradcheck", "tanh", "Dense", "crossentropy")
    assert code == 0 and "3 of 3 gradients are right" in out
    wrong = GradientReport("tanh()", [InputComparison("x", "complex step", 0.5, "x[0, 0]", 1.0, 0.5)])
    monkeypatch.setattr("clearprop.gradients.registered.check_gradients", lambda *arguments: wrong)
    code, out, _ = run("gradcheck", "tanh")
    assert code == 5 and "WRONG" in out and "x[0, 0]" in out and "0 of 1" in out


def test_gradcheck_tells_which_witness_it_could_not_hear(run, monkeypatch):
    unheard = InputComparison("x", "complex step", np.inf, "", np.nan, np.nan, "the function is not analytic")
    report = GradientReport("tanh()", [unheard, InputComparison("x", "central differences", 1e-9, "x[0]", 1.0, 1.0)])
    monkeypatch.setattr("clearprop.gradients.registered.check_gradients", lambda *arguments: report)
    code, out, _ = run("gradcheck", "tanh")
    assert code == 0 and re.search(r"tanh +not usable +1.0e-09 +ok", out)
    assert "tanh: for x the complex step cannot be used: the function is not analytic" in out
    report.comparisons.pop()
    code, out, _ = run("gradcheck", "tanh")
    assert code == 5 and "gradients not proven: no witness is left for x" in out and "0 of 1" in out
    code, out, _ = run("gradcheck", "tanh", "--json")
    assert code == 5 and json.loads(out)["checked"][0]["complex_step"] == "not usable"


def test_gradcheck_of_everything(run):
    code, out, _ = run("gradcheck")
    assert code == 0 and "WRONG" not in out


def test_doctor_names_versions_processors_engine_and_fonts(run):
    code, out, _ = run("doctor")
    assert code == 0
    for word in ("python", "clearprop", "scikit-learn", "processors", "engine", "CJK font"):
        assert word in out


def test_bug_is_reported_with_a_file(run, monkeypatch, folder):
    def fail(*arguments, **options):
        raise ZeroDivisionError("secret")

    monkeypatch.setattr("clearprop.runs.parts.load_data", fail)
    monkeypatch.setattr("tempfile.tempdir", str(folder / "nowhere"))
    code, _, err = run("train", "moons")
    assert code == 1 and "ZeroDivisionError: secret" in err
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    code, _, err = run("train", "moons")
    assert code == 1 and "this is a bug in clearprop" in err and "secret" not in err
    [file] = folder.glob("clearprop-bug-*.txt")
    assert file.name in err and "ZeroDivisionError: secret" in file.read_text()


def test_no_memory(run, monkeypatch):
    def fail(*arguments, **options):
        raise MemoryError

    monkeypatch.setattr("clearprop.runs.parts.load_data", fail)
    code, _, err = run("train", "moons")
    assert code == 2 and "needs more memory than there is" in err


def test_ctrl_c_in_process(run, monkeypatch, folder):
    def interrupt(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr("clearprop.runs.training.train_repeatedly", lambda *arguments, **options: interrupt())
    code, out, err = run("train", "moons")
    assert code == 130 and "interrupted" in err and out == ""
    assert not list(folder.glob("runs/*"))


def test_warnings_are_one_line(run, monkeypatch):
    import warnings

    from clearprop.errors import SaturationWarning

    def warn(name, **options):
        warnings.warn("the first layer is flat", SaturationWarning, stacklevel=2)
        warnings.warn("internals of a library", DeprecationWarning, stacklevel=2)
        return load_dataset(name)

    monkeypatch.setattr("clearprop.runs.parts.load_data", warn)
    code, _, err = run("train", "moons", "--epochs", "1")
    assert code == 0 and err.startswith("warning: the first layer is flat\n") and "internals" not in err


# --------------------------------------------------------------------------------------------- real processes


def test_as_a_process(flowers):
    done = process("train", flowers, "--target", "品种", "--epochs", "2", env={**ENVIRONMENT, "LC_ALL": "C"})
    assert done.returncode == 0 and "品种" in done.stdout and "Traceback" not in done.stderr
    done = process("train", "鸢尾.csv", "--target", "品种")
    assert done.returncode == 3 and "did you mean '鸢尾花.csv'" in done.stderr


@pytest.mark.skipif(os.name == "nt", reason="POSIX signals and pipes")
def test_ctrl_c_and_closed_pipe(folder):
    command = [sys.executable, "-m", "clearprop"]
    with subprocess.Popen(
        [*command, "train", "digits", "--epochs", "100000", "--hidden", "256,256", "--learning-rate", "1e-9"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=ENVIRONMENT,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a test run in the background ignores it
    ) as training:  # fmt: skip
        assert training.stderr.readline().startswith("epoch 1/")
        time.sleep(0.2)
        training.send_signal(signal.SIGINT)
        try:
            _, err = training.communicate(timeout=60)
        finally:
            training.kill()
    assert training.returncode == 130 and "interrupted" in err and "Traceback" not in err
    assert f"go on with: clearprop train --resume {os.path.join('runs', 'digits-1')}" in err

    with subprocess.Popen(
        [*command, "train", "moons", "--epochs", "100000", "--early-stopping", "0", "--json"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=ENVIRONMENT,
    ) as training:  # fmt: skip
        assert training.stderr.readline().startswith("epoch 1/")
        training.send_signal(signal.SIGTERM)
        out, err = training.communicate(timeout=20)
    assert training.returncode == 143 and json.loads(out)["error"]["message"] == "terminated"

    assert process("train", "moons", "--epochs", "1", "--out", "m").returncode == 0
    with subprocess.Popen(
        [*command, "predict", "m", "moons"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=ENVIRONMENT
    ) as predicting:
        predicting.stdout.close()
        assert predicting.stderr.read() == ""
    assert predicting.returncode == 0


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="a file that is always full is Linux's")
@pytest.mark.parametrize("command", [["--help"], ["doctor", "--json"]])
def test_what_is_printed_cannot_be_written(command):
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "clearprop", *command], stdout=full, stderr=subprocess.PIPE, text=True,
            env=ENVIRONMENT, timeout=60,
        )  # fmt: skip
    assert done.stderr == ("clearprop: what is printed cannot be written: No space left on device; free some space\n")
    assert done.returncode == 6


@pytest.mark.parametrize("code", ["import clearprop", "from clearprop.cli import main; main(['--help'])"])
def test_light_import(code):
    heavy = ["sklearn", "scipy", "matplotlib", "llvmlite", "duckdb", "safetensors"]
    check = f"""
import sys
try:
    {code}
except SystemExit:
    pass
print([name for name in {heavy!r} if name in sys.modules], file=sys.stderr)
"""
    done = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, env=ENVIRONMENT, timeout=60)
    assert done.stderr.strip() == "[]"


@pytest.mark.parametrize("rate", ["100", "1e6", "1e15", "1e30", "1e36", "1e45", "1e60"])
def test_nonsense_is_never_called_fine(run, rate):
    """Weights thrown far away, but still finite: the answers are absurd, or the run ends with exit code 5."""
    options = ("--optimizer", "adam", "--activation", "relu", "--epochs", "2", "--early-stopping", "0", "--out", "o")
    code, out, err = run("train", "diabetes", "--learning-rate", rate, *options)
    if code == 5:
        assert "diverged" in err or "beyond what numbers can hold" in err, err
        return
    assert code == 0, err
    assert "This network is NOT better than a constant: r2 -" in out and "no problem found" not in out
    assert "the answers are absurd: r2 -" in out and max(map(len, out.splitlines())) < 600
    with open("o/report.json") as file:
        assert json.load(file)["judgement"]["decision"] == "NOT better"
