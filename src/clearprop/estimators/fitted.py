"""A network that has been fitted: its weights under scikit-learn's names, its predictions, its inside, its copies."""

import copy
import math
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from clearprop._types import Array
from clearprop.data.arrays import dense_rows, in_precision
from clearprop.engine import GradientOptions, Program, choose_engine
from clearprop.errors import ConfigurationError, ShapeError
from clearprop.estimators.inputs import TYPES, validated
from clearprop.estimators.parameters import parameters
from clearprop.layers import Activation, Dense
from clearprop.losses import Loss
from clearprop.model import MLP
from clearprop.optim import OPTIMIZERS


class FittedMLP(
    ClassNamePrefixFeaturesOutMixin,  # type: ignore[misc]
    TransformerMixin,  # type: ignore[misc]
    BaseEstimator,  # type: ignore[misc]
):
    """What the estimators do once there is a network.

    The network is `model_`; `coefs_` and `intercepts_` are views of its weights.  A hand-set list or array takes their
    place: it is copied into the network before the next prediction or fit.
    """

    engine: str
    model_: MLP
    coefs_: list[Array]
    intercepts_: list[Array]
    _loss: Loss
    _programs: dict[bool, Program]

    # --- weights ------------------------------------------------------------------------------------------------------

    def _link_weights(self) -> None:
        """Make `coefs_` and `intercepts_` views into the model's vector."""
        pairs = parameters(self.model_)
        self.coefs_, self.intercepts_ = [weight for weight, _ in pairs], [bias for _, bias in pairs]
        self._linked = [array for pair in pairs for array in pair]

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

    # --- prediction ---------------------------------------------------------------------------------------------------

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
        y = dense_rows(X, slice(None)).astype(model.dtype, copy=False)
        for i, (layer, own, run) in enumerate(model.walk()):
            if i and isinstance(layer, Dense):
                found.append(y)
            y = layer.forward(y, own, run)[0]
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

    def _without_names(self) -> "FittedMLP":
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
