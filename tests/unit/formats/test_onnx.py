"""Networks as ONNX graphs: ONNX's own runtime gives what clearprop predicts."""

import os
import subprocess
import sys

import numpy as np
import pytest

from clearprop.data import Preparation, read_table
from clearprop.data.columns import Category
from clearprop.errors import ConfigurationError, OutputError
from clearprop.formats import SavedModel
from clearprop.judge.answers import answer_table, predictions_for
from clearprop.layers import PREDICTION, Activation, BatchNorm, Dense, Layer, LayerNorm
from clearprop.losses import links
from clearprop.model import MLP, Sequential
from clearprop.ops import ACTIVATIONS, elu
from clearprop.train import predict
from exports import CASES, expected, inputs, iris, mixed_rows, network, new_rows, trained, write_rows

ENVIRONMENT = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}

onnx = pytest.importorskip("onnx")
runtime = pytest.importorskip("onnxruntime")

from clearprop.formats.onnx import OPSET, register_skl2onnx, to_onnx  # noqa: E402


def run(graph, given):
    """The outputs by name."""
    content = graph if isinstance(graph, str) else graph.SerializeToString()
    session = runtime.InferenceSession(content, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(None, given), strict=True))


def close(found, wanted, tolerance=1e-6):
    assert found.shape == wanted.shape
    np.testing.assert_allclose(found, wanted, rtol=tolerance, atol=tolerance)


# --- networks ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "norm", "dtype"), CASES)
def test_the_graph_predicts_the_same(name, norm, dtype, rng):
    model, X = network(name, norm, dtype), inputs(name, dtype, rng)
    for link in links():
        with np.errstate(over="ignore"):  # the link exp
            wanted = predict(model, X, link=link)
        found = run(to_onnx(model, link=link), {"X": X})["prediction"]
        assert found.dtype == dtype
        # Runtimes have erf in float32 only.
        close(found, wanted, 1e-12 if dtype == "float64" and name != "gelu" else 1e-6)


def test_any_number_of_rows_and_the_same_bytes(rng):
    model = network("mish", "layer", "float32")
    graph = to_onnx(model)
    for n in (1, 7, 1000):
        X = rng.normal(size=(n, 4)).astype(np.float32)
        close(run(graph, {"X": X})["prediction"], predict(model, X))
    assert to_onnx(model).SerializeToString(deterministic=True) == graph.SerializeToString(deterministic=True)
    assert (graph.opset_import[0].version, graph.producer_name) == (OPSET, "clearprop")
    assert {node.domain for node in graph.graph.node} == {""}


def test_parameters_of_activations(rng):
    model = Sequential([Dense(5), Activation("leaky_relu", slope=0.3), Activation(elu.bind(alpha=2.0))], n_in=4)
    X = rng.normal(size=(9, 4))
    close(run(to_onnx(model), {"X": X})["prediction"], predict(model, X), 1e-12)


def test_normalisation_keeps_its_digits(rng):
    """Where ONNX Runtime's own operations have errors of 9e-4 and 2."""
    X = (rng.normal(size=(50, 8)) + 1e4).astype(np.float32)
    model = Sequential([BatchNorm()], n_in=8, dtype="float32")
    model.buffers[:] = np.concatenate([X.mean(axis=0), X.var(axis=0)])
    close(run(to_onnx(model), {"X": X})["prediction"], predict(model, X), 1e-6)
    X = (rng.normal(size=(50, 8)) * 1e20).astype(np.float32)
    model = Sequential([LayerNorm()], n_in=8, dtype="float32")
    close(run(to_onnx(model), {"X": X})["prediction"], predict(model, X), 1e-6)


def test_every_registered_activation_is_tried():
    assert {name for name, _, _ in CASES} == set(ACTIVATIONS)


def test_expm1_and_log1p_are_exact_near_zero():
    x = np.concatenate([np.logspace(-300, 2, 500), -np.logspace(-300, 2, 500), [0.0]])[:, None]
    expm1 = Sequential([Activation(np.expm1)], n_in=1)
    close(run(to_onnx(expm1), {"X": x})["prediction"], np.expm1(x), 1e-14)
    relative = run(to_onnx(expm1), {"X": x[:-1]})["prediction"] / np.expm1(x[:-1])
    close(relative, np.ones_like(relative), 1e-14)
    log1p = Sequential([Activation(np.log1p)], n_in=1)
    x = np.abs(x[:-1])
    relative = run(to_onnx(log1p), {"X": x})["prediction"] / np.log1p(x)
    close(relative, np.ones_like(relative), 1e-14)


# --- classes ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("labels", [["x", "it's", "汉"], [30, 10, 20]])
def test_labels_and_probabilities(labels, rng):
    X = rng.normal(size=(40, 4))
    model = network("tanh", "none", "float64")
    p = predict(model, X, link="softmax")
    found = run(to_onnx(model, link="softmax", classes=labels), {"X": X})
    close(found["probabilities"], p)
    assert found["label"].tolist() == np.array(labels)[p.argmax(axis=1)].tolist()
    p = predict(model, X, link="sigmoid")
    found = run(to_onnx(model, link="sigmoid", classes=labels), {"X": X})
    close(found["probabilities"], p / p.sum(axis=1, keepdims=True))
    found = run(to_onnx(model, link="sigmoid", classes=labels, multilabel=True), {"X": X})
    close(found["probabilities"], p)
    assert found["label"].tolist() == (p > 0.5).astype(int).tolist()
    one = network("tanh", "none", "float64", n_out=1)
    p = predict(one, X, link="sigmoid")[:, 0]
    found = run(to_onnx(one, link="sigmoid", classes=labels[:2]), {"X": X})
    close(found["probabilities"], np.column_stack([1 - p, p]))
    assert found["label"].tolist() == np.array(labels[:2])[(p > 0.5).astype(int)].tolist()


# --- tables -----------------------------------------------------------------------------------------------------------


def columns(saved, rows):
    """The graph's inputs: float64 for numbers, text for words."""
    given = {}
    for column in saved.preparation.columns:
        cells = rows[column.name]
        if column.kind == "number":
            numbers = [np.nan if cell in ("", "NA") else float(cell) for cell in cells]
            given[column.name] = np.array(numbers)[:, None]
        else:
            words = ["" if cell != cell else str(cell) for cell in cells]
            given[column.name] = np.array(words, dtype=object)[:, None]
    return given


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_iris_from_its_columns(dtype, tmp_path):
    saved, data = iris(dtype)
    to_onnx(saved, tmp_path / "iris.onnx")
    found = run(str(tmp_path / "iris.onnx"), {n: data.X[:, i : i + 1] for i, n in enumerate(data.feature_names)})
    wanted = predictions_for(saved, data)
    close(found["probabilities"], wanted)
    assert found["label"].tolist() == answer_table(saved, wanted)["target"].tolist()


@pytest.mark.parametrize("missing", ["median", "refuse"])
@pytest.mark.parametrize("target", ["label", "cost"])
def test_a_table_with_categories_gaps_and_unseen_words(target, missing, tmp_path):
    rows = mixed_rows()
    if missing == "refuse":
        complete = [i for i in range(240) if all(cells[i] not in ("", "NA") for cells in rows.values())]
        rows = {name: [cells[i] for i in complete] for name, cells in rows.items()}
    write_rows(tmp_path / "t.csv", rows)
    other = {"label": "cost", "cost": "label"}[target]
    saved = trained(read_table(tmp_path / "t.csv"), target, drop=[other], missing=missing)
    graph, output = to_onnx(saved), "probabilities" if target == "label" else "prediction"
    wanted = expected(saved, tmp_path / "t.csv")
    found = run(graph, columns(saved, rows))
    close(found[output], wanted)
    if target == "label":
        assert found["label"].tolist() == answer_table(saved, wanted)["label"].tolist()
    new = new_rows(tmp_path / "new.csv")
    if missing == "refuse":  # a graph cannot refuse
        assert np.isnan(run(graph, columns(saved, new))[output]).any(axis=1).tolist() == [False, True, True]
        return
    close(run(graph, columns(saved, new))[output], expected(saved, tmp_path / "new.csv"))
    spelt = {**new, "member": ["YES", "", "No"]}
    close(run(graph, columns(saved, spelt))[output], expected(saved, tmp_path / "new.csv"))


def test_columns_of_the_outputs_names(tmp_path):
    rows = {"label": ["1", "2", "3"] * 6, "v0": ["3", "1", "2"] * 6, "y": ["a", "b", "b"] * 6}
    write_rows(tmp_path / "t.csv", rows)
    saved = trained(read_table(tmp_path / "t.csv"), "y")
    found = run(to_onnx(saved), columns(saved, rows))
    assert set(found) == {"label_", "probabilities"}
    close(found["probabilities"], expected(saved, tmp_path / "t.csv"))


def test_words_without_a_feature_of_their_own_count_as_none():
    column = Category("word", ("a", "b"))
    words = np.array([["a"], ["b"], ["c"], [""]], dtype=object)
    X = np.array([[1.0, 0.0], [0.0, 1.0], [0.0, 0.0], [0.0, 0.0]])
    wanted = predict(MLP([2, 2]), X, link="softmax")
    for missing, fill in (("median", (0.0, 0.0)), ("refuse", ())):
        plan = Preparation((column,), "y", ("p", "q"), missing, fill, mean=(0.0, 0.0), scale=(1.0, 1.0))
        found = run(to_onnx(SavedModel(MLP([2, 2]), plan, "softmax")), {"word": words})["probabilities"]
        if missing == "refuse":  # then clearprop refuses a gap
            wanted[3] = np.nan
        close(found, wanted)


# --- what cannot be ---------------------------------------------------------------------------------------------------


class Looking(Layer):
    """A layer whose way depends on the values."""

    def forward(self, x, parameters=None, run=PREDICTION):
        return (x if x[0, 0] > 0 else -x), None, {}

    def backward(self, dy, cache, grads):
        return dy


def test_a_layer_without_an_export_is_refused_by_its_number(tmp_path):
    with pytest.raises(ConfigurationError, match=r"layer 0 \(Looking\(\)\) cannot be exported"):
        to_onnx(Sequential([Looking()], n_in=2))
    with pytest.raises(ConfigurationError, match="layer 1"):
        to_onnx(Sequential([Dense(2), Activation(np.arctan)], n_in=2))
    with pytest.raises(OutputError, match="does not exist"):
        to_onnx(MLP([2, 2]), tmp_path / "none" / "a.onnx")


def test_without_onnx_the_remedy_is_named(monkeypatch):
    for module in ("onnx", "onnx.helper", "onnx.checker", "skl2onnx"):
        monkeypatch.setitem(sys.modules, module, None)
    for attempt in (lambda: to_onnx(MLP([2, 2])), register_skl2onnx):
        with pytest.raises(ConfigurationError, match=r'is not installed; pip install "clearprop\[onnx\]"'):
            attempt()


def test_the_module_itself_needs_no_onnx():
    code = "import sys, clearprop.formats.onnx; assert not {'onnx', 'skl2onnx', 'onnxruntime'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


# --- skl2onnx ---------------------------------------------------------------------------------------------------------


def test_pipelines_export_with_skl2onnx(rng):
    skl2onnx = pytest.importorskip("skl2onnx")
    from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import LabelBinarizer, StandardScaler

    class Classifier(ClassifierMixin, BaseEstimator):
        """As little of an estimator as the converter needs."""

        def __init__(self, classes=(0, 1), multilabel=False, dtype="float64"):
            self.classes, self.multilabel, self.dtype = classes, multilabel, dtype

        def fit(self, X, y=None):
            self.classes_ = np.array(self.classes)
            rows = np.eye(len(self.classes), dtype=int) if self.multilabel else self.classes_
            self._label_binarizer = LabelBinarizer().fit(rows)
            several = self.multilabel or len(self.classes) > 2
            self.out_activation_ = "softmax" if several and not self.multilabel else "logistic"
            self.model_ = MLP([X.shape[1], 6, len(self.classes) if several else 1], "tanh", dtype=self.dtype)
            return self

        def predict_proba(self, X):
            link = self.out_activation_.replace("logistic", "sigmoid")
            p = predict(self.model_, X.astype(self.dtype), link=link)
            return np.column_stack([1 - p, p]) if p.shape[1] == 1 else p

        def predict(self, X):
            p = self.predict_proba(X)
            return (p > 0.5).astype(int) if self.multilabel else self.classes_[p.argmax(axis=1)]

    class Regressor(RegressorMixin, BaseEstimator):
        out_activation_ = "identity"

        def fit(self, X, y=None):
            self.model_ = MLP([X.shape[1], 6, 2], "gelu")
            return self

        def predict(self, X):
            return predict(self.model_, X)

    register_skl2onnx(Classifier, Regressor)
    X = rng.normal(size=(50, 4)) * 3
    for classes, multilabel, dtype in [
        ((0, 1), False, "float64"),
        (("no", "yes"), False, "float32"),
        (("a", "b", "c"), False, "float64"),
        ((3, 4, 5), False, "float32"),
        ((0.0, 1.0, 2.0), False, "float64"),
        ((0, 1, 2), True, "float64"),
    ]:
        pipeline = make_pipeline(StandardScaler(), Classifier(classes, multilabel, dtype)).fit(X)
        for given in (X, X.astype(np.float32)):
            graph = skl2onnx.to_onnx(pipeline, given[:1], options={"zipmap": False})
            found = run(graph, {"X": given})
            close(found["probabilities"], pipeline.predict_proba(given), 2e-6)
            assert found["label"].tolist() == pipeline.predict(given).tolist()
    pipeline = make_pipeline(StandardScaler(), Classifier(("a", "b", "c"))).fit(X)
    single = X.astype(np.float32)
    found = run(skl2onnx.to_onnx(pipeline, single[:1]), {"X": single})  # with its dictionaries, float32 only
    dictionaries = np.array([[row[label] for label in "abc"] for row in found["output_probability"]])
    close(dictionaries, pipeline.predict_proba(single), 2e-6)
    pipeline = make_pipeline(StandardScaler(), Regressor()).fit(X)
    close(run(skl2onnx.to_onnx(pipeline, X[:1]), {"X": X})["variable"], pipeline.predict(X))
    with pytest.raises(ConfigurationError, match="target_opset=15 is too old"):
        skl2onnx.to_onnx(pipeline, X[:1], target_opset=15)


def converted(pipeline, X, **options):
    """What skl2onnx makes of it, run on X; its inputs are those of an array, or the columns of a frame."""
    import pandas as pd
    import skl2onnx

    graph = skl2onnx.to_onnx(pipeline, X[:1], **options)
    if isinstance(X, pd.DataFrame):
        return run(graph, {name: X[[name]].to_numpy() for name in X})
    return run(graph, {"X": X})


CLASSES = {
    "two": np.array(["no", "yes"] * 30),
    "three": np.array([3, 1, 2] * 20),
    "several": np.eye(3, dtype=int)[[0, 1, 2] * 20] | np.eye(3, dtype=int)[[0, 2, 1] * 20],
    "booleans": np.array([True, False] * 30),
}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("classes", CLASSES)
def test_pipelines_with_our_classifier_export(classes, dtype, rng):
    pytest.importorskip("skl2onnx")
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    from clearprop import MLPClassifier

    X, y = rng.normal(size=(60, 4)).astype(dtype), CLASSES[classes]
    network = MLPClassifier((5,), max_iter=5, activation="tanh", random_state=0)
    pipeline = make_pipeline(StandardScaler(), network).fit(X, y)
    found = converted(pipeline, X, options={"zipmap": False})
    close(found["probabilities"], pipeline.predict_proba(X), 1e-5 if dtype == "float32" else 1e-12)
    assert found["label"].tolist() == pipeline.predict(X).tolist()
    dictionaries = converted(pipeline, X)["output_probability"]
    if classes != "several":  # of which skl2onnx makes none that say which is which
        given = [[row[label] for label in pipeline.classes_.tolist()] for row in dictionaries]
        close(np.array(given), pipeline.predict_proba(X), 1e-5)
    network.intercepts_ = [bias + 1.0 for bias in network.intercepts_]  # weights that are set by hand count
    close(converted(pipeline, X, options={"zipmap": False})["probabilities"], pipeline.predict_proba(X), 1e-5)


@pytest.mark.parametrize("classifies", [True, False])
def test_pipelines_of_frames_with_our_estimators_export(classifies, rng):
    pytest.importorskip("skl2onnx")
    import pandas as pd
    from sklearn.compose import ColumnTransformer
    from sklearn.model_selection import GridSearchCV
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    from clearprop import MLPClassifier, MLPRegressor

    frame = pd.DataFrame({"a": rng.normal(size=60), "b": rng.normal(size=60), "word": rng.choice(["x", "y"], 60)})
    frame["word"] = frame["word"].astype(object)
    columns = ColumnTransformer([("n", StandardScaler(), ["a", "b"]), ("w", OneHotEncoder(), ["word"])])
    if classifies:
        pipeline = make_pipeline(columns, MLPClassifier(max_iter=5)).fit(frame, ["p", "q"] * 30)
        found = converted(pipeline, frame)
        close(
            np.array([list(row.values()) for row in found["output_probability"]]), pipeline.predict_proba(frame), 1e-5
        )
        return
    targets = {
        "one": (MLPRegressor(max_iter=5), rng.normal(size=60)),
        "two": (MLPRegressor(max_iter=5), rng.normal(size=(60, 2))),
        "poisson": (MLPRegressor(loss="poisson", max_iter=5), rng.poisson(3.0, 60).astype(float)),
        "quantiles": (MLPRegressor(loss="quantile", quantiles=(0.1, 0.9), max_iter=5), rng.normal(size=60)),
        "searched": (GridSearchCV(MLPRegressor(max_iter=5), {"alpha": [0.1, 1.0]}, cv=2), rng.normal(size=60)),
    }
    for estimator, y in targets.values():
        pipeline = make_pipeline(columns, estimator).fit(frame, y)
        wanted = pipeline.predict(frame)
        close(converted(pipeline, frame)["variable"], wanted.reshape(60, -1), 1e-12)


@pytest.mark.parametrize("first", ["clearprop", "skl2onnx"])
def test_skl2onnx_knows_our_estimators_whichever_is_imported_first(first):
    pytest.importorskip("skl2onnx")
    code = f"""if True:
        import sys, numpy as np
        if {first!r} == "skl2onnx":
            import skl2onnx
        import clearprop
        model = clearprop.MLPRegressor(hidden_layer_sizes=(3,), max_iter=2).fit(np.eye(4), np.arange(4.0))
        assert ("skl2onnx" in sys.modules) == ({first!r} == "skl2onnx")
        import skl2onnx
        assert skl2onnx.to_onnx(model, np.eye(4)).graph.output[0].name == "variable"
        assert not any(type(finder).__module__.startswith("clearprop") for finder in sys.meta_path)
    """
    subprocess.run([sys.executable, "-W", "ignore", "-c", code], check=True, timeout=120, env=ENVIRONMENT)
