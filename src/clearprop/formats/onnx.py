"""A network as an ONNX graph, which other programs run.

The graph restates nothing: the layers are asked to compute with `Node`s, which write down as ONNX operations what is
done with them.  So a layer or an activation of your own is exported as well.  ONNX has operations for layer and batch
normalisation, but they are not used: in float32, ONNX Runtime's lose digits where a mean is large, or overflow.
"""

import itertools
import os
from collections.abc import Sequence
from typing import Any

import numpy as np

from clearprop._types import Value
from clearprop._versions import __version__
from clearprop.ensemble import Ensemble, Model, networks
from clearprop.errors import ClearpropError, ConfigurationError
from clearprop.files.atomic import atomic_write
from clearprop.formats.column_exports import column_exports
from clearprop.formats.exported import Exported, exported
from clearprop.formats.onnx_graph import OPSET, TEXT_OPSET, Graph, Node, element, installed, tensor
from clearprop.formats.saved import SavedModel
from clearprop.model import Sequential
from clearprop.ops import ACTIVATIONS


def to_onnx(
    model: Model | SavedModel,
    path: "str | os.PathLike[str] | None" = None,
    *,
    link: str | None = None,
    classes: Sequence[Any] | None = None,
    multilabel: bool = False,
) -> Any:
    """The model as an `onnx.ModelProto`, written to `path` if one is given; any number of rows may be run at once.

    A network has the input ``X`` of shape (n, n_in), in its own precision.  A saved model with a preparation has one
    input of shape (n, 1) for each column of the table, under the column's name, so that neither order nor further
    columns matter:

    * a number is float64, NaN where it is missing, not text: how a table writes numbers is not in the graph;
    * a category and yes/no are text, ``""`` where it is missing.  As in `predict`, blanks and tabs are trimmed,
      capitals do not matter, and in a column of yes/no words such as ``NA`` are gaps; but letters of full width make
      another word;
    * a date is float64, the days since 1970-01-01 with their fraction, and a time of day the seconds since midnight;
      NaN where it is missing.  In pandas: ``(dates - pandas.Timestamp("1970-01-01")) / pandas.Timedelta(days=1)``.

    What clearprop refuses with an error, such as a gap that training did not fill, a graph cannot refuse: it becomes
    NaN.

    The outputs are ``label`` of shape (n,) and ``probabilities`` of shape (n, k) for classes, else ``prediction``.

    Parameters
    ----------
    model : Sequential, Ensemble or SavedModel
    path : path, optional
        A file to write.
    link : str, optional
        What turns a network's outputs into predictions: "identity" (default), "softmax", "sigmoid" or "exp". A
        saved model has its own.
    classes : sequence, optional
        The labels of a network's outputs, texts or whole numbers; two for one output with the link "sigmoid".
    multilabel : bool
        Whether a row may belong to several classes; ``label`` is then 0 or 1 for each, shape (n, k).

    Raises
    ------
    ConfigurationError
        ONNX is not installed, the classes do not fit the outputs, or a layer or activation of your own does what ONNX
        has no operation for.
    OutputError
        The file cannot be written.
    """
    helper = installed("onnx.helper")
    what = exported(model, link, classes, multilabel)
    plan = what.preparation
    taken = {"X"} if plan is None else {column.name for column in plan.columns}
    numbers = itertools.count()
    graph = Graph(lambda: next(name for i in numbers if (name := f"v{i}") not in taken))
    x: Value
    if plan is None:
        x = Node(graph, "X", what.model.dtype)
        inputs = [helper.make_tensor_value_info("X", element(x.dtype), [None, what.model.n_in])]
    else:
        inputs, features = [], []
        for export in column_exports(plan):
            name, kind = export.column.name, export.onnx_type
            inputs.append(helper.make_tensor_value_info(name, element(kind), [None, 1], export.taken))
            features += export.onnx(graph, Node(graph, name, kind))
        x = graph.node("Concat", *features, dtype=np.float64, axis=1)
        x = ((x - np.array(plan.mean)) / np.array(plan.scale)).cast(what.model.dtype)
    outputs = []
    for name, (result, shape) in _answers(graph, what, _network(graph, what, x)).items():
        name += "_" * (name in taken)
        graph.nodes.append(("Identity", [result.name], name, {}))
        outputs.append(helper.make_tensor_value_info(name, element(result.dtype), [None, *shape]))
    text = any(operation == "RegexFullMatch" for operation, *_ in graph.nodes)
    opsets = [helper.make_opsetid("", TEXT_OPSET if text else OPSET)]
    made = helper.make_model(
        helper.make_graph(
            [
                helper.make_node(operation, names, [output], **options)
                for operation, names, output, options in graph.nodes
            ],
            "clearprop",
            inputs,
            outputs,
            [helper.make_tensor(name, *tensor(array)) for name, array in graph.constants.items()],
        ),
        opset_imports=opsets,
        ir_version=helper.find_min_ir_version_for(opsets),  # so that older programs read it too
        producer_name="clearprop",
        producer_version=__version__,
    )
    installed("onnx.checker").check_model(made, full_check=True)
    if path is not None:
        atomic_write(path, made.SerializeToString(deterministic=True))
    return made


def _network(graph: Graph, what: Exported, x: Value) -> Value:
    """The networks' predictions; of several the mean."""
    found = [_prediction(network, what.link, x) for network in networks(what.model)]
    if not isinstance(what.model, Ensemble):
        return found[0]
    total = sum(one.cast(np.float64) for one in found)
    return (total / float(len(found))).cast(what.model.dtype)


def _prediction(model: Sequential, link: str, x: Value) -> Value:
    """The layers and the link."""
    for i, (layer, parameters, run) in enumerate(model.walk()):
        x.shape = (None, model.widths[i])
        try:
            x = layer.forward(x, parameters, run)[0]
        except (TypeError, AttributeError, ValueError) as error:
            if isinstance(error, ClearpropError):
                raise
            raise ConfigurationError(
                f"layer {i} ({layer!r}) cannot be exported: it does more in prediction than ONNX has operations for"
            ) from None
    return ACTIVATIONS[link](x)


def _answers(graph: Graph, what: Exported, p: Value) -> dict[str, tuple[Node, list[int]]]:
    """Name -> result and the sizes of its axes but the rows."""
    plan = what.preparation
    if what.classes is None:
        if plan is not None:
            p = p.cast(np.float64) * np.array(plan.target_scale) + np.array(plan.target_mean)
        return {"prediction": (p, [what.model.n_out])}
    if what.one_output:
        p = graph.node("Concat", 1.0 - p, p, dtype=p.dtype, axis=1)
    elif what.proportional:
        p = p / np.maximum(np.sum(p, axis=1, keepdims=True), float(np.finfo(p.dtype).tiny))
    k = len(what.classes)
    if what.multilabel:
        return {"label": ((p > 0.5).cast(np.int64), [k]), "probabilities": (p, [k])}
    number = graph.node("ArgMax", p, dtype=np.int64, axis=1, keepdims=0)
    labels = np.array(what.classes)
    label = graph.node("Gather", labels, number, dtype=labels.dtype)
    return {"label": (label, []), "probabilities": (p, [k])}


# --- skl2onnx ---------------------------------------------------------------------------------------------------------


def register_skl2onnx(*estimators: type) -> None:
    """Teach skl2onnx these classes of estimators, so that it exports whole scikit-learn pipelines.

    clearprop's own are known to it from the start.  Another one has, fitted: ``model_``, the network;
    ``out_activation_``, the name of what turns its outputs into predictions; and, if it is a classifier, ``classes_``.
    As in scikit-learn, its ``_label_binarizer`` tells whether a row may belong to several classes.

    Raises
    ------
    ConfigurationError
        skl2onnx is not installed.
    """
    skl2onnx = installed("skl2onnx")
    for estimator in estimators:
        options = {"zipmap": [True, False, "columns"], "nocl": [True, False], "output_class_labels": [False, True]}
        classifier = getattr(estimator, "_estimator_type", None) == "classifier" or hasattr(estimator, "predict_proba")
        skl2onnx.update_registered_converter(
            estimator,
            f"Clearprop{estimator.__name__}",
            _skl2onnx_shapes,
            _skl2onnx_convert,
            options=options if classifier else None,
        )


def _skl2onnx_shapes(operator: Any) -> None:
    """The types of an estimator's results."""
    types = installed("skl2onnx.common.data_types")
    what, rows = _estimator(operator.raw_operator), operator.inputs[0].get_first_dimension()
    shape = [rows, what.model.n_out if what.classes is None else len(what.classes)]
    operator.outputs[-1].type.shape = shape
    if what.classes is not None:
        if operator.scope_inst.get_options(operator.raw_operator, {"zipmap": True}).get("zipmap") is True:
            operator.outputs[-1].type = types.FloatTensorType(shape)  # dictionaries are made of nothing else
        text = isinstance(what.classes[0], str) and not what.multilabel
        shape = [rows, len(what.classes)] if what.multilabel else [rows]
        operator.outputs[0].type = (types.StringTensorType if text else types.Int64TensorType)(shape=shape)


def _skl2onnx_convert(scope: Any, operator: Any, container: Any) -> None:
    """Write an estimator's graph into skl2onnx's."""
    types = installed("skl2onnx.common.data_types")
    if container.target_opset < OPSET:
        raise ConfigurationError(
            f"target_opset={container.target_opset} is too old for clearprop; use {OPSET} or newer"
        )
    what = _estimator(operator.raw_operator)
    graph = Graph(lambda: str(scope.get_unique_variable_name("clearprop")))
    given = Node(graph, operator.inputs[0].full_name, np.int64)  # or any other numbers, so always cast
    results = _answers(graph, what, _network(graph, what, given.cast(what.model.dtype)))
    for output, (result, _) in zip(operator.outputs, results.values(), strict=True):
        text = result.dtype.kind == "U"
        options = {} if text else {"to": types.guess_proto_type(output.type)}
        graph.nodes.append(("Identity" if text else "Cast", [result.name], output.full_name, options))
    for name, array in graph.constants.items():
        container.add_initializer(name, *tensor(array))
    for operation, names, result_name, options in graph.nodes:
        name = scope.get_unique_operator_name(operation)
        container.add_node(operation, names, [result_name], op_version=OPSET, name=name, **options)


def _estimator(estimator: Any) -> Exported:
    """The network of a fitted estimator, and the meaning of its outputs."""
    if hasattr(estimator, "_adopt"):  # ours, whose weights may have been set by hand
        estimator._adopt()
    link = "sigmoid" if estimator.out_activation_ == "logistic" else estimator.out_activation_
    classes = getattr(estimator, "classes_", None)
    if classes is not None and classes.dtype.kind in "bf":
        classes = classes.astype(np.int64)  # as skl2onnx has them
    binarizer = getattr(estimator, "_label_binarizer", None)
    several = getattr(binarizer, "y_type_", None) == "multilabel-indicator"
    return exported(estimator.model_, link, classes, several)
