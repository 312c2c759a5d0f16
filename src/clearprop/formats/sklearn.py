"""Networks to and from scikit-learn's own `MLPClassifier` and `MLPRegressor`, with the same predictions.

Whatever works on scikit-learn's networks (converters to C, PMML or ONNX, explainers, further training) then works on
a network of clearprop.
"""

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

from clearprop._types import Array
from clearprop.data.preparation import Preparation
from clearprop.ensemble import Ensemble, Model, networks
from clearprop.errors import ConfigurationError
from clearprop.formats.column_exports import column_exports
from clearprop.formats.exported import Exported, exported
from clearprop.formats.saved import SavedModel
from clearprop.layers import Activation, Dense, Dropout
from clearprop.model import MLP, Sequential

_NAMES = {"identity": "identity", "sigmoid": "logistic", "tanh": "tanh", "relu": "relu"}
"""Activations that scikit-learn has, and what it calls them."""


def to_sklearn(
    model: Model | SavedModel,
    *,
    link: str | None = None,
    classes: Sequence[Any] | None = None,
    multilabel: bool = False,
) -> Any:
    """A fitted scikit-learn `MLPClassifier` (if there are classes) or `MLPRegressor` with the model's weights.

    It predicts what the model predicts, its classes in sorted order, and `partial_fit` trains it further, with a fresh
    optimiser.  A saved model with a preparation becomes a `Pipeline`: the steps before the last do what the
    preparation does, and the last, "network", is the MLP; all are scikit-learn's own parts, so that a pickle of them is
    read without clearprop.  It takes a pandas, polars or Arrow table, whose columns it finds by name, in any order;
    other columns are ignored, a missing one is refused.  Or an array of objects, which has no names: its columns are in
    the order of ``feature_names_in_``.

    Numbers are numbers there, not text: how a table writes them is not in the pipeline.  Words are texts, of which
    blanks and tabs are trimmed and capitals do not matter, as in `predict`; a number among words may have two zeros
    more (2.5 and 2.50), but letters of full width, and other blanks within words than in training, make other words.
    Dates and times are the frame's own, Python's, or text as in ISO 8601.  Missing cells are None, NaN, NaT or NA.  A
    word such as "NA" is a gap in columns of yes/no alone: `pandas.read_csv` makes gaps of such words in all columns.

    The unit of a quantity becomes part of the last layer's weights.

    Parameters
    ----------
    model : Sequential, Ensemble or SavedModel
        Dense layers with the same activation after each but the last: relu, tanh, sigmoid or identity.
    link : str, optional
        What turns a network's outputs into predictions: "identity" (default), "softmax", "sigmoid" or "exp". A
        saved model has its own.
    classes : sequence, optional
        The labels of a network's outputs; two for one output with the link "sigmoid".
    multilabel : bool
        Whether a row may belong to several classes, which scikit-learn then numbers from 0.

    Raises
    ------
    ConfigurationError
        scikit-learn has no such network, or no such preparation.

    >>> mlp = to_sklearn(MLP([2, 5, 3], activation="tanh"), link="softmax", classes=["a", "b", "c"])
    >>> mlp.predict([[0.0, 0.0]])
    array(['a'], dtype='<U1')
    """
    what = exported(model, link, classes, multilabel)
    network = _voting(what) if isinstance(what.model, Ensemble) else _estimator(what, what.model)
    return network if what.preparation is None else _pipeline(what.preparation, network)


def from_sklearn(mlp: Any) -> tuple[Sequential, str, Array | None]:
    """Network, link and classes of a fitted scikit-learn MLP; the classes are None for a regressor.

    `predict(network, X, link=link)` gives its `predict_proba` (for two classes, the second's column) or `predict`.

    Raises
    ------
    ConfigurationError
        It is not fitted, or has an activation that clearprop does not know.

    >>> from sklearn.neural_network import MLPRegressor
    >>> mlp = MLPRegressor(hidden_layer_sizes=(3,)).partial_fit([[0.0], [1.0]], [0.0, 1.0])
    >>> from_sklearn(mlp)[:2]
    (MLP([1, 3, 1]), 'identity')
    """
    if not hasattr(mlp, "coefs_"):
        raise ConfigurationError(f"{type(mlp).__name__} is not a fitted scikit-learn MLP; fit it first")
    ours = {theirs: name for name, theirs in _NAMES.items()}
    links = {"identity": "identity", "softmax": "softmax", "logistic": "sigmoid", "exp": "exp"}
    if mlp.activation not in ours or mlp.out_activation_ not in links:
        raise ConfigurationError(
            f"clearprop knows no activation {mlp.activation!r} with {mlp.out_activation_!r} outputs"
        )
    widths = [len(mlp.coefs_[0]), *(len(bias) for bias in mlp.intercepts_)]
    network = MLP(widths, ours[mlp.activation], dtype=mlp.coefs_[0].dtype)
    dense = [views for views in network.parameter_views(network.w) if views]
    for views, weight, bias in zip(dense, mlp.coefs_, mlp.intercepts_, strict=True):
        views["weight"][...], views["bias"][...] = weight, bias
    return network, links[mlp.out_activation_], getattr(mlp, "classes_", None)


# --- the network ------------------------------------------------------------------------------------------------------


def _voting(what: Exported) -> Any:
    """scikit-learn's own mean of several estimators' predictions, as if it had been fitted."""
    from sklearn.ensemble import VotingClassifier, VotingRegressor
    from sklearn.preprocessing import LabelEncoder
    from sklearn.utils import Bunch

    if what.multilabel or (what.classes is None and what.model.n_out > 1):
        raise ConfigurationError(
            "scikit-learn's ensembles predict one class or one quantity for each row; export to onnx, python or numpy"
        )
    found = [(f"network{number}", _estimator(what, one)) for number, one in enumerate(networks(what.model), 1)]
    if what.classes is None:
        voting: Any = VotingRegressor(found)
    else:
        voting = VotingClassifier(found, voting="soft")
        voting.le_ = LabelEncoder().fit(found[0][1].classes_)
        voting.classes_ = voting.le_.classes_
    voting.estimators_ = [estimator for _, estimator in found]
    voting.named_estimators_ = Bunch(**dict(found))
    return voting


def _estimator(what: Exported, model: Sequential) -> Any:
    """scikit-learn sets itself up on rows made for the purpose; then it gets the weights."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.neural_network import MLPClassifier, MLPRegressor

    activation, weights, biases = _layers(model)
    n_in, k, dtype = model.widths[0], model.n_out, model.dtype
    options = {
        "hidden_layer_sizes": tuple(len(bias) for bias in biases[:-1]),
        "activation": activation,
        "random_state": 0,
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        if what.classes is None:
            if what.link not in ("identity", "exp"):
                raise ConfigurationError(f"scikit-learn's regressor has no link {what.link!r}; name the classes")
            mlp = MLPRegressor("poisson" if what.link == "exp" else "squared_error", **options)
            y = np.ones((2, k) if k > 1 else 2, dtype)
            mlp.partial_fit(np.zeros((2, n_in), dtype), y)
        else:
            if what.proportional or what.link == "identity":
                raise ConfigurationError(
                    f"scikit-learn's classifier has no outputs that are {what.link!r} of each class in proportion; it "
                    "has softmax, one sigmoid for two classes, or multilabel=True"
                )
            labels = np.arange(k) if what.multilabel else np.array(what.classes)
            weights[-1], biases[-1] = _in_order(labels, weights[-1], biases[-1], softmax=what.link == "softmax")
            labels = np.sort(labels)
            y = np.eye(k, dtype=int) if what.multilabel else labels
            mlp = MLPClassifier(**options).partial_fit(np.zeros((len(y), n_in), dtype), y, classes=labels)
    mlp.coefs_ = [np.array(weight, order="C") for weight in weights]
    mlp.intercepts_ = [np.array(bias) for bias in biases]
    mlp.set_params(random_state=None)
    mlp.n_iter_ = mlp.t_ = 0  # as if it had not been trained there
    mlp.loss_curve_, mlp.best_loss_, mlp._no_improvement_count = [], np.inf, 0
    del mlp._optimizer, mlp.loss_
    return mlp


def _layers(model: Sequential) -> tuple[str, list[Array], list[Array]]:
    """scikit-learn's name of the activation, the weights, the biases."""
    steps = [
        (layer, views)
        for layer, views in zip(model.layers, model.parameter_views(model.w), strict=True)
        if not isinstance(layer, Dropout)  # which does nothing in prediction
    ]
    if isinstance(steps[-1][0], Activation) and steps[-1][0].name == "identity":
        del steps[-1]
    for i, (layer, _) in enumerate(steps):
        if not isinstance(layer, Activation if i % 2 else Dense):
            raise _not_theirs(f"{layer!r} stands where it has {'an activation' if i % 2 else 'a Dense layer'}")
    activations = {layer.name for layer, _ in steps if isinstance(layer, Activation)}
    if len(steps) % 2 == 0:
        raise _not_theirs(f"this network ends with {steps[-1][0]!r}; make that the link")
    if len(activations) > 1 or not activations <= set(_NAMES):
        raise _not_theirs(f"this network has {' and '.join(sorted(activations))}")
    weights = [views["weight"] for _, views in steps[::2]]
    biases = [views.get("bias", np.zeros(views["weight"].shape[1], model.dtype)) for _, views in steps[::2]]
    return _NAMES[activations.pop()] if activations else "identity", weights, biases


def _not_theirs(what: str) -> ConfigurationError:
    return ConfigurationError(
        f"scikit-learn has Dense layers with the same activation after each but the last ({', '.join(_NAMES)}), and "
        f"{what}; export to onnx, python or numpy instead"
    )


def _in_order(labels: Array, W: Array, b: Array, *, softmax: bool) -> tuple[Array, Array]:
    """The last layer for sorted labels; one output tells two classes apart, and softmax(z)₂ = sigmoid(z₂ - z₁)."""
    order = np.argsort(labels)
    if len(b) == 1:
        return (W, b) if order[0] == 0 else (-W, -b)
    W, b = W[:, order], b[order]
    return (W[:, 1:] - W[:, :1], b[1:] - b[:1]) if softmax and len(b) == 2 else (W, b)


# --- the preparation --------------------------------------------------------------------------------------------------


def _pipeline(plan: Preparation, network: Any) -> Any:
    """Columns in the plan's order -> features -> the network, whose last layer gets the target's unit."""
    from sklearn.compose import ColumnTransformer
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import StandardScaler

    for mlp in getattr(network, "estimators_", [network]) if plan.target_scale else []:
        if mlp.out_activation_ != "identity":
            raise ConfigurationError(
                "scikit-learn cannot give a quantity its unit after the link 'exp'; export to onnx"
            )
        mlp.coefs_ = [weight.astype(float) for weight in mlp.coefs_]
        mlp.intercepts_ = [bias.astype(float) for bias in mlp.intercepts_]
        mlp.coefs_[-1] *= np.array(plan.target_scale)
        mlp.intercepts_[-1] *= np.array(plan.target_scale)
        mlp.intercepts_[-1] += np.array(plan.target_mean)
    readers, examples = zip(*(export.sklearn() for export in column_exports(plan)), strict=True)
    rows = np.empty((max(map(len, examples)), len(examples)), dtype=object)
    for i, cells in enumerate(examples):
        rows[:, i] = [cells[min(row, len(cells) - 1)] for row in range(len(rows))]
    columns = ColumnTransformer([(f"column{i + 1}", reader, [i]) for i, reader in enumerate(readers)])
    scale = StandardScaler().fit(columns.fit_transform(rows).astype(float))
    scale.mean_, scale.scale_ = np.array(plan.mean), np.array(plan.scale)
    scale.var_ = scale.scale_**2
    # With names, frames are read by name; without a frame to learn them from, they are told.
    columns.feature_names_in_ = np.array([column.name for column in plan.columns], dtype=object)
    return Pipeline([("columns", columns), ("scale", scale), ("network", network)])
