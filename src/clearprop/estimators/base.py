"""What both estimators share: input, prediction, and what scikit-learn's users asked for besides."""

import copy
import math
from numbers import Real
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.callback import CallbackSupportMixin, with_callbacks
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted, column_or_1d

from clearprop._types import Array
from clearprop.data import Dataset
from clearprop.data.arrays import dense_rows, in_precision, is_sparse
from clearprop.engine import GradientOptions, Program, choose_engine
from clearprop.errors import ConfigurationError, ShapeError
from clearprop.estimators.course import Course
from clearprop.estimators.fitting import Fitting, Held, begin_curves
from clearprop.estimators.habits import refuse_options
from clearprop.estimators.inputs import TYPES, validated
from clearprop.estimators.parameters import (
    check_parameters,
    hidden_sizes,
    make_model,
    parameters,
    uses_lbfgs,
)
from clearprop.layers import Activation, Dense
from clearprop.losses import Loss
from clearprop.model import MLP
from clearprop.optim import OPTIMIZERS

_SHOWN_LINKS = {"sigmoid": "logistic"}


def takes_steps(estimator: Any) -> bool:
    """Whether there is a `partial_fit`."""
    if uses_lbfgs(estimator):
        raise AttributeError("partial_fit needs a solver that takes steps, as 'sgd' or 'adam'; this model uses L-BFGS")
    return True


class BaseMLP(
    Fitting,
    CallbackSupportMixin,  # type: ignore[misc]
    ClassNamePrefixFeaturesOutMixin,  # type: ignore[misc]
    TransformerMixin,  # type: ignore[misc]
    BaseEstimator,  # type: ignore[misc]
):
    """Base of `MLPClassifier` and `MLPRegressor`.

    The network is `model_`; `coefs_` and `intercepts_` are views of its weights.  A hand-set list or array takes their
    place: it is copied into the network before the next prediction or fit.
    """

    def _store(self, arguments: dict[str, Any]) -> None:
        """Keep the constructor's arguments under their names."""
        for name, value in arguments.items():
            if name != "self":
                setattr(self, name, value)

    # --- fitting ------------------------------------------------------------------------------------------------------

    @with_callbacks  # type: ignore[untyped-decorator]
    def fit(
        self, X: Any, y: Any, sample_weight: Any = None, *, X_val: Any = None, y_val: Any = None, **unknown: Any
    ) -> "BaseMLP":
        """Fit the network to X and y.

        Parameters
        ----------
        X : array-like, dataframe or sparse matrix of shape (n, n_features)
        y : array-like of shape (n,) or (n, n_outputs)
        sample_weight : array-like of shape (n,), optional
        X_val, y_val : optional
            Validation data: its loss is recorded after each epoch in `validation_loss_curve_`; with early_stopping=True
            it is what the score is computed on, instead of a part of X.

        Returns
        -------
        self
        """
        refuse_options("fit", unknown, ("X", "y", "sample_weight", "X_val", "y_val"))
        return self._fit(X, y, sample_weight, X_val, y_val)

    def _fit(
        self, X: Any, y: Any, sample_weight: Any, X_val: Any, y_val: Any, *, incremental: bool = False
    ) -> "BaseMLP":
        check_parameters(self)
        course = Course(self, incremental=incremental)
        first = not hasattr(self, "coefs_") or not (self.warm_start or incremental)
        asked: dict[str, Any] = {"X": X, "y": y, "metadata": None}
        X, y = self._checked_pair(X, y, reset=first)
        self._learn_targets(y, incremental=incremental)
        weight = self._weights(X, y, sample_weight, incremental=incremental)
        data = self._dataset(X, y, weight)
        held = self._held(X_val, y_val, incremental=incremental)
        if first or incremental or not hasattr(self, "_random_state"):
            self._random_state = check_random_state(course.seed)
        if first or not hasattr(self, "model_"):
            self._start(X, first=first)
        self._check_sizes()
        self._adopt()
        self._link_weights()  # what training changes is seen in coefs_, whoever made the arrays that were there
        if getattr(self, "converged_", False):
            self._no_improvement_count, self.converged_ = 0, False
        stochastic = not uses_lbfgs(self)
        scored = getattr(self, "validation_scores_", None) is not None
        if stochastic and (not hasattr(self, "loss_curve_") or scored != self.early_stopping):
            begin_curves(self, stochastic=True)  # it goes on by another rule than before
        if self.early_stopping and held is None and stochastic:
            data, held = self._split(data, y)
        if weight is not None:
            asked["metadata"] = {"sample_weight": weight}
        if stochastic:
            self._fit_epochs(data, held, None if incremental else asked, course, incremental=incremental)
        else:
            self._fit_lbfgs(data, held, asked)
        return self

    def _start(self, X: Any, *, first: bool) -> None:
        """A new network, with scikit-learn's start weights; if `first`, all records are begun anew."""
        dtype = np.dtype(self.dtype or X.dtype)
        n_out = self._n_outputs()
        self.model_ = make_model(self, X.shape[1], n_out, dtype, self._random_state)
        self._loss = self._make_loss()
        self.n_outputs_, self.n_layers_ = n_out, len(hidden_sizes(self.hidden_layer_sizes)) + 2
        self.out_activation_ = _SHOWN_LINKS.get(self._loss.link, self._loss.link)
        self._seed = int(self._random_state.randint(2**31)) if self.dropout else 0
        self._programs: dict[bool, Program] = {}
        self._batches: Any = None
        self._optimizer: Any = None
        self._state: Any = None
        if first or not hasattr(self, "t_"):
            self.n_iter_ = self.t_ = 0
        if first:
            self._link_weights()
        begin_curves(self, stochastic=not uses_lbfgs(self))

    def _make_loss(self) -> Loss:
        raise NotImplementedError

    def _link_weights(self) -> None:
        """Make `coefs_` and `intercepts_` views into the model's vector."""
        pairs = parameters(self.model_)
        self.coefs_, self.intercepts_ = [weight for weight, _ in pairs], [bias for _, bias in pairs]
        self._linked = [array for pair in pairs for array in pair]

    def _check_sizes(self) -> None:
        hidden = hidden_sizes(self.hidden_layer_sizes)
        if [layer.units for layer in self.model_.layers if isinstance(layer, Dense)][:-1] != hidden:
            raise ConfigurationError(
                f"hidden_layer_sizes is now {hidden}, but the network that training goes on with is {self.model_!r}; "
                "set warm_start=False, or keep the sizes"
            )

    def _adopt(self) -> None:
        """Copy hand-set weights into the network."""
        given = [array for pair in zip(self.coefs_, self.intercepts_, strict=True) for array in pair]
        linked = getattr(self, "_linked", ())
        if len(linked) == len(given) and all(a is b for a, b in zip(given, linked, strict=True)):
            return
        places = [array for pair in parameters(self.model_) for array in pair]
        if [np.shape(array) for array in given] != [place.shape for place in places]:
            raise ShapeError(
                f"coefs_ and intercepts_ have shapes {[np.shape(a) for a in given]}, but the network needs "
                f"{[place.shape for place in places]}"
            )
        for place, array in zip(places, given, strict=True):
            place[...] = array

    # --- input --------------------------------------------------------------------------------------------------------

    def _checked_pair(self, X: Any, y: Any, *, reset: bool) -> tuple[Any, Any]:
        X, y = validated(self, X, y, multi_output=True, y_numeric=self._numeric_targets, reset=reset)
        return X, column_or_1d(y, warn=True) if y.ndim == 2 and y.shape[1] == 1 and not is_sparse(y) else y

    _numeric_targets = False

    def _learn_targets(self, y: Any, *, incremental: bool) -> None:
        """What the targets mean, before the network is made."""

    def _targets(self, y: Any) -> tuple[Array, tuple[str, ...]]:
        """y as the network is to learn it, and the names of classes if it holds their numbers."""
        raise NotImplementedError

    def _n_outputs(self) -> int:
        raise NotImplementedError

    def _weights(self, X: Any, y: Any, sample_weight: Any, *, incremental: bool) -> Array | None:
        if sample_weight is None:
            return None
        if isinstance(sample_weight, Real):
            return np.full(X.shape[0], float(sample_weight))
        weight = np.asarray(sample_weight)
        if weight.shape != (X.shape[0],):
            raise ShapeError(f"sample_weight.shape == {weight.shape}, expected {(X.shape[0],)}!")
        return weight

    def _dataset(self, X: Any, y: Any, weight: Array | None) -> Dataset:
        targets, names = self._targets(y)
        return Dataset(X, targets, weight, target_names=names)

    def _held(self, X_val: Any, y_val: Any, *, incremental: bool) -> Held | None:
        if (X_val is None) != (y_val is None):
            raise ConfigurationError("X_val and y_val go together; give both or neither")
        if X_val is not None:
            X_val, y_val = self._checked_pair(X_val, y_val, reset=False)
            return Held(self._dataset(X_val, y_val, None), y_val)
        if incremental and self.early_stopping:
            raise ConfigurationError("partial_fit does not support early_stopping=True without X_val and y_val")
        return None

    def _rows(self, X: Any) -> Any:
        """X of rows to predict, checked: a plain array by a glance, everything else by scikit-learn."""
        if "coefs_" not in self.__dict__:
            check_is_fitted(self)
        if (
            type(X) is np.ndarray
            and X.ndim == 2
            and X.shape[1] == self.n_features_in_
            and X.dtype in TYPES
            and X.flags.c_contiguous
            and "feature_names_in_" not in self.__dict__
            and len(X)
        ):
            with np.errstate(all="ignore"):
                if math.isfinite(
                    X.sum()
                ):  # NaN and infinity stay in a sum; it may also overflow, hence the longer look
                    return X
        return validated(self, X, reset=False)

    # --- prediction ---------------------------------------------------------------------------------------------------

    def _predictions(self, X: Any) -> Array:
        """The network's outputs after the loss's link, of shape (n, n_outputs)."""
        X = self._rows(X)
        if not hasattr(self, "model_"):
            raise ConfigurationError("coefs_ were set by hand on a model that was never fitted; call partial_fit first")
        self._adopt()
        if X.dtype != self.model_.dtype:
            X = in_precision(X, self.model_.dtype, "X")
        return self._program(linked=True).predict(X)

    def _program(self, *, linked: bool) -> Program:
        """What computes the outputs, or if `linked` the predictions."""
        program = self._programs.get(linked)
        if program is None:
            model, loss = self._linked_model() if linked else self.model_, self._loss
            optimizer = OPTIMIZERS["sgd"]()  # which does not matter here
            engine = choose_engine(self.engine, model, loss, optimizer)[0]
            program = self._programs[linked] = engine.compile(model, loss, optimizer, GradientOptions())
        return program

    def _linked_model(self) -> MLP:
        """The network and the loss's link as one model, on the same weights."""
        model = copy.copy(self.model_)
        if self._loss.link != "identity":
            model.layers = (*model.layers, Activation(self._loss.link))
            model.widths = [*model.widths, model.n_out]
        return model

    def activations(self, X: Any) -> list[Array]:
        """What each layer passes on: the outputs of the hidden layers, then the predictions.

        Returns
        -------
        list of arrays of shape (n, units), one for each element of `coefs_`
        """
        X = self._rows(X)
        self._adopt()
        model, found = self._linked_model(), []
        y, views, buffers = dense_rows(X, slice(None)).astype(model.dtype, copy=False), None, None
        views, buffers = model.parameter_views(model.w), model.buffer_views(model.buffers)
        for i, layer in enumerate(model.layers):
            if i and isinstance(layer, Dense):
                found.append(y)
            y = layer.forward(y, views[i], buffers=buffers[i])[0]
        return [*found, y]

    def transform(self, X: Any, layer: int = -1) -> Array:
        """The outputs of a hidden layer, by default the last: what the network has made of the features.

        Parameters
        ----------
        X : array-like of shape (n, n_features)
        layer : int
            0 is the first hidden layer, -1 the last.

        Returns
        -------
        array of shape (n, units of that layer)
        """
        hidden = self.activations(X)[:-1]
        if not -len(hidden) <= layer < len(hidden):
            raise ConfigurationError(f"there are {len(hidden)} hidden layers, so there is no layer {layer}")
        return hidden[layer]

    @property
    def _n_features_out(self) -> int:
        return int(self.coefs_[-1].shape[0])

    def input_gradient(self, X: Any) -> Array:
        """∂prediction/∂x at each row of X, a prediction being a probability or a quantity.

        Returns
        -------
        array of shape (n, n_features), or (n, n_outputs, n_features) with several outputs
        """
        X = self._rows(X)
        self._adopt()
        model = self._linked_model()
        rows = dense_rows(X, slice(None)).astype(model.dtype, copy=False)
        y, caches, _ = model.forward(rows)
        grads, unused = [], np.empty_like(model.w)
        for output in range(y.shape[1]):
            dy = np.zeros_like(y)
            dy[:, output] = 1.0
            grads.append(model.backward(dy, caches, unused))
        return grads[0] if len(grads) == 1 else np.stack(grads, axis=1)

    # --- copies -------------------------------------------------------------------------------------------------------

    def _snapshot(self) -> dict[str, Any]:
        """The attributes of a fitted estimator that goes on to predict as this one does now."""
        model = copy.copy(self.model_)
        model.w, model.buffers = model.w.copy(), model.buffers.copy()
        pairs = parameters(model)
        coefs, intercepts = [weight for weight, _ in pairs], [bias for _, bias in pairs]
        linked = [array for pair in pairs for array in pair]
        return {"model_": model, "coefs_": coefs, "intercepts_": intercepts, "_linked": linked, "_programs": {}}

    def _without_names(self) -> "BaseMLP":
        """A copy on the same weights that takes plain arrays without a warning, whatever it was fitted to."""
        plain = copy.copy(self)
        plain.__dict__.pop("feature_names_in_", None)
        return plain

    def __getstate__(self) -> dict[str, Any]:
        state: dict[str, Any] = super().__getstate__()
        if "model_" not in state:
            return state
        self._adopt()
        rebuilt = ("_programs", "_linked", "coefs_", "intercepts_")
        return {name: value for name, value in state.items() if name not in rebuilt}

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        if "model_" in state:
            self._programs = {}
            self._link_weights()

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags
