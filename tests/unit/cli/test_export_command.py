"""`clearprop export`: what each file gives is what `clearprop predict` gives."""

import csv
import json

import joblib
import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from clearprop.cli.export import Format, export
from clearprop.data import read_table
from clearprop.errors import ConfigurationError, ModelFileError, OutputError
from clearprop.formats import save
from clearprop.formats.json_format import from_json
from clearprop.model import MLP
from exports import expected, mixed_rows, trained, write_rows


@pytest.fixture
def table(tmp_path, monkeypatch):
    """A table with gaps and categories, and a model of it; returns the rows, the model and the answers."""
    monkeypatch.chdir(tmp_path)
    rows = mixed_rows()
    write_rows("t.csv", rows)
    saved = trained(read_table("t.csv"), "label", drop=["cost"])
    save(saved.model, "model.safetensors", preparation=saved.preparation, link=saved.link)
    return rows, saved, expected(saved, "t.csv")


@pytest.fixture
def run():
    """Run the command alone; returns what it prints."""
    import typer

    app = typer.Typer()
    app.command()(export)

    def run(*arguments):
        done = CliRunner().invoke(app, list(arguments))
        if done.exception and not isinstance(done.exception, SystemExit):
            raise done.exception
        return done.exit_code, done.output

    return run


def close(found, wanted, tolerance=1e-12):
    np.testing.assert_allclose(found, wanted, rtol=tolerance, atol=tolerance)


def test_a_numpy_module_answers_as_the_run(table, run):
    rows, _, wanted = table
    assert run("model.safetensors", "--to", "numpy", "--out", "model.py") == (
        0,
        "model.py is a Python module that needs NumPy alone, with predict(rows)\n",
    )
    namespace = {}
    with open("model.py", encoding="utf-8") as file:
        exec(file.read(), namespace)
    close(namespace["predict_proba"](rows), wanted)
    with open("t.csv", encoding="utf-8", newline="") as file:  # as the csv module reads it
        header, *lines = csv.reader(file)
    close(namespace["predict_proba"](dict(zip(header, zip(*lines, strict=True), strict=True))), wanted)


def test_a_python_module_answers_as_the_run(table, run):
    _, saved, wanted = table
    run("model.safetensors", "--to", "python", "--out", "model.py")
    namespace = {"__name__": "model"}
    with open("model.py", encoding="utf-8") as file:
        exec(file.read(), namespace)
    assert namespace["saved"].preparation == saved.preparation
    assert expected(namespace["saved"], "t.csv").tobytes() == wanted.tobytes()


def test_a_json_document_answers_as_the_run(table, run):
    _, _, wanted = table
    code, printed = run("model.safetensors", "--to", "json", "--out", "model.json", "--json")
    assert (code, json.loads(printed)) == (0, {"format": "json", "file": "model.json"})
    with open("model.json", encoding="utf-8") as file:
        assert expected(from_json(file.read()), "t.csv").tobytes() == wanted.tobytes()


def test_a_scikit_learn_pipeline_answers_as_the_run(table, run):
    rows, saved, wanted = table
    assert (
        "load such files only if you wrote them" in run("model.safetensors", "--to", "sklearn", "--out", "m.joblib")[1]
    )
    columns = {}
    for column in saved.preparation.columns:
        cells = [np.nan if cell in ("", "NA") else cell for cell in rows[column.name]]
        columns[column.name] = np.array(cells, dtype=float) if column.kind == "number" else cells
    close(joblib.load("m.joblib").predict_proba(pd.DataFrame(columns)), wanted)


def test_an_onnx_graph_answers_as_the_run(table, run):
    runtime = pytest.importorskip("onnxruntime")
    rows, saved, wanted = table
    run("model.safetensors", "--to", "onnx", "--out", "model.onnx")
    given = {}
    for column in saved.preparation.columns:
        cells = [["nan" if cell in ("", "NA") and column.kind == "number" else cell] for cell in rows[column.name]]
        given[column.name] = np.array(cells, dtype=float if column.kind == "number" else object)
    close(runtime.InferenceSession("model.onnx").run(["probabilities"], given)[0], wanted, 1e-6)


def test_a_run_folder_is_a_model(table, run, tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "model.safetensors").rename(tmp_path / "run" / "model.safetensors")
    assert run("run", "--to", "json", "--out", "model.json")[0] == 0


def test_a_file_is_not_overwritten_unless_asked(table, run, tmp_path):
    (tmp_path / "model.json").write_text("mine")
    arguments = ("model.safetensors", "--to", "json", "--out", "model.json")
    with pytest.raises(OutputError, match="exists already"):
        run(*arguments)
    assert (tmp_path / "model.json").read_text() == "mine"
    assert run(*arguments, "--force")[0] == 0
    assert (tmp_path / "model.json").read_text().startswith('{"format"')


def test_failures_leave_no_file(run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ModelFileError, match="no such model file"):
        run("none.safetensors", "--to", "json", "--out", "model.json")
    save(MLP([2, 1]), "bare.safetensors")
    with pytest.raises(ConfigurationError, match="without a preparation"):
        run("bare.safetensors", "--to", "json", "--out", "model.json")
    write_rows("t.csv", {"size": ["1.5", "2.5"] * 10, "y": ["a", "b"] * 10})
    saved = trained(read_table("t.csv"), "y", activation="gelu")
    save(saved.model, "gelu.safetensors", preparation=saved.preparation, link=saved.link)
    with pytest.raises(ConfigurationError, match="this network has gelu; export to onnx, python or numpy"):
        run("gelu.safetensors", "--to", "sklearn", "--out", "model.joblib")
    with pytest.raises(OutputError, match="its folder does not exist"):
        run("gelu.safetensors", "--to", "json", "--out", "none/model.json")
    assert {file.name for file in tmp_path.iterdir()} == {"bare.safetensors", "t.csv", "gelu.safetensors"}


def test_the_help_warns_of_pickles(run):
    code, text = run("--help")
    words = " ".join(text.replace("│", " ").split())
    assert code == 0 and "load only files that you wrote yourself" in words
    assert all(format.value in words for format in Format)
    assert run("model", "--to", "tea", "--out", "x")[0] == 2
