"""M. From a run to Python, and exports: what `load`, `predict` and the exported models refuse."""

from cases import Case, code

from fuzz.forged import GOLDEN

IRIS = (GOLDEN / "format1-iris.safetensors").read_bytes()

_SAVED = """\
iris = load_dataset('iris')
saved = clearprop.formats.SavedModel(MLP([4, 3]), Preparation.of(iris), 'softmax')
"""
_BARE = "saved = clearprop.formats.SavedModel(MLP([2, 3]), None, 'softmax')\n"
_TWO = """\
moons = load_dataset('moons')
saved = clearprop.formats.SavedModel(MLP([2, 2]), Preparation.of(moons), 'softmax')
"""
_MIXED = """\
from clearprop.data.columns import Category, Number
columns = Number('size'), Category('colour', ('blue', 'red'))
plan = Preparation(columns, 'ok', ('no', 'yes'), mean=(0.0,) * 3, scale=(1.0,) * 3)
saved = clearprop.formats.SavedModel(MLP([3, 2]), plan, 'softmax')
"""
_TESTS = "tests/unit/formats/test_exports_answer_as_predict.py"


def run(id: str, what: str, command: str, exit: int, message: str) -> Case:
    """A command in a folder with a model of the built-in iris, `m`."""
    return Case(id, what, command=command, files={"m": IRIS}, exit=exit, message=message)


M = [
    code(
        "M1",
        "a folder without a model",
        "load('.')",
        "ModelFileError",
        r"there is no model\.safetensors in this folder; name the folder of a run",
    ),
    code(
        "M2",
        "a saved model given to predict",
        _BARE + "predict(saved, X)",
        "ConfigurationError",
        r"not SavedModel; it has a method of its own: model\.predict\(X\)",
    ),
    code(
        "M2b",
        "a path given to predict",
        "predict('runs/x', X)",
        "ConfigurationError",
        "predict takes a network, not str; pass a network",
    ),
    code(
        "M3",
        "a model without a preparation, and a table",
        _BARE + "saved.predict('t.csv')",
        "ConfigurationError",
        "does not know what columns mean; pass an array of its 2 inputs",
    ),
    code("M3b", "its classes", _BARE + "saved.predict_proba(X)", "ConfigurationError", "does not know its classes"),
    code("M3c", "its outputs for an array", _BARE + "assert saved.predict(X).shape == (60, 3)", "accepted"),
    code(
        "M4",
        "probabilities of a quantity",
        "d = load_dataset('diabetes')\nclearprop.formats.SavedModel(MLP([10, 1]), Preparation.of(d), "
        "'identity').predict_proba(d)",
        "ConfigurationError",
        "predicts a quantity, 'target', which has no classes",
    ),
    code(
        "M5",
        "an array of another width",
        _SAVED + "saved.predict(X)",
        "ShapeError",
        r"X must have shape \(n, 4\), not \(60, 2\); its columns are sepal length",
    ),
    code(
        "M5b",
        "an array for columns of words",
        _MIXED + "saved.predict(X)",
        "DataError",
        r"neither names nor words nor gaps, but the model's column 'colour' \(category\) needs them",
    ),
    code(
        "M5c",
        "a table without a column",
        _MIXED + "import pandas\nsaved.predict(pandas.DataFrame({'size': [1.0]}))",
        "DataError",
        "there is no column 'colour'",
        needs="pandas",
    ),
    Case("M5d", "something that holds no rows", tested="tests/unit/formats/test_saved_models.py"),
    code(
        "M6",
        "a threshold in per cent",
        _TWO + "saved.predict(moons, threshold=30)",
        "ConfigurationError",
        "threshold=30 is no probability; give a number from 0 to 1, as 0.3",
    ),
    code(
        "M6b",
        "a threshold for three classes",
        _SAVED + "saved.predict(iris, threshold=0.3)",
        "ConfigurationError",
        "chooses between two classes, but this model has the classes setosa, versicolor, virginica; leave it out",
    ),
    run("M7", "a threshold for three classes, typed", "predict m iris --threshold 0.3", 2, "between two classes"),
    run(
        "M7b",
        "a threshold in per cent, typed",
        "predict m iris --threshold 30",
        2,
        "is no probability; give a number from 0 to 1",
    ),
    run("M8", "joined predictions", "predict m iris --join", 0, r"petal width \(cm\),target,kind,P\(setosa\)"),
    Case("M9", "a column is missing in scikit-learn's pipeline (in ONNX's graph, in NumPy's text)", tested=_TESTS),
    Case("M9b", "columns in another order, and others besides", tested=_TESTS),
    Case("M9c", "an array of another width for scikit-learn's pipeline", tested=_TESTS),
    Case("M9d", "cells that are no number, date or word of yes and no, in every export", tested=_TESTS),
    Case("M9e", "gaps that training had not, in every export", tested=_TESTS),
    Case("M10", "a pickle of scikit-learn's pipeline where there is no clearprop", tested=_TESTS),
]
