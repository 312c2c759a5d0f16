"""A drop-in `MLPClassifier`."""

from typing import Any

import numpy as np
from sklearn.base import ClassifierMixin
from sklearn.metrics import accuracy_score
from sklearn.preprocessing import LabelBinarizer
from sklearn.utils.class_weight import compute_sample_weight
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import type_of_target, unique_labels

from clearprop._types import Array
from clearprop.data import Dataset
from clearprop.data.arrays import is_sparse
from clearprop.errors import ConfigurationError, DataError
from clearprop.estimators.base import BaseMLP, takes_steps
from clearprop.estimators.habits import refuse_options, refuses_others
from clearprop.estimators.objectives import classification_loss
from clearprop.losses import Loss


class MLPClassifier(ClassifierMixin, BaseMLP):  # type: ignore[misc]
    """A multi-layer perceptron for classes: scikit-learn's `MLPClassifier`, faster, and with more to choose from.

    All of scikit-learn's parameters and attributes mean what they mean there, and with the same random_state the
    network starts at the same weights and sees the same batches.

    Parameters
    ----------
    hidden_layer_sizes, activation, solver, alpha, batch_size, learning_rate, learning_rate_init, power_t, max_iter, \
shuffle, random_state, tol, verbose, warm_start, momentum, nesterovs_momentum, early_stopping, validation_fraction, \
beta_1, beta_2, epsilon, n_iter_no_change, max_fun
        As in scikit-learn.  Besides, `activation` may be any registered name, an `Op`, or a list with one for each
        hidden layer; `solver` an optimiser, or the name of any, whose rate is then learning_rate_init; `learning_rate`
        a `Schedule`.  warm_start=True goes
        on exactly where the last fit ended: 5 and 5 epochs are 10 epochs, to the bit.  (After early stopping it goes on
        from the best weights, and L-BFGS forgets the curvature it has seen.)
    loss : str or Loss
        "log_loss", or a loss whose link gives probabilities: "binary_crossentropy", "hinge", your own, ...
    class_weight : {None, "balanced"} or dict
        Factors of the sample weights.
    dropout : float
        Rate of dropout after each hidden activation.
    normalization : {None, "batch", "layer"}
        Before each hidden activation.
    init : str or Initializer, optional
        Of the weights; biases then start at 0.  Default: as in scikit-learn.
    weight_decay : float
        Decoupled weight decay (`alpha` is the penalty in the loss).
    clip_value, clip_norm : float, optional
        Limits of the gradient.
    scoring : str or callable, optional
        What early stopping goes by: a scorer of scikit-learn, or "loss"; default accuracy.
    dtype : {None, "float64", "float32"}
        None takes that of X.
    engine : {"auto", "native", "reference"}
    checkpoint : path or Checkpoint, optional
        A folder for what a `fit` has done so far, saved every 30 seconds (or as a `Checkpoint` says), and at Ctrl-C and
        SIGTERM.  If it is interrupted, call it again with the same parameters and data: it goes on, and ends with the
        same bits as if nothing had happened.  A finished one returns at once, or trains on if max_iter is larger; other
        parameters or data are refused.  So each fit needs a folder of its own.  Not with L-BFGS, warm_start and
        partial_fit.

    Attributes
    ----------
    model_ : MLP
        The network.
    validation_loss_curve_ : list of float
    history_ : History
        All that was recorded, by epoch.
    converged_ : bool
        Whether training stopped because nothing improved any more.

    >>> from clearprop.estimators import MLPClassifier
    >>> X, y = [[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]], ["no", "yes", "yes", "no"]
    >>> MLPClassifier(8, "tanh", solver="lbfgs", random_state=1).fit(X, y).predict([[1.0, 0.0]])
    array(['yes'], dtype='<U3')
    """

    @refuses_others
    def __init__(
        self,
        hidden_layer_sizes: Any = (100,),
        activation: Any = "relu",
        *,
        solver: Any = "adam",
        alpha: float = 0.0001,
        batch_size: Any = "auto",
        learning_rate: Any = "constant",
        learning_rate_init: float = 0.001,
        power_t: float = 0.5,
        max_iter: int = 200,
        shuffle: bool = True,
        random_state: Any = None,
        tol: float = 1e-4,
        verbose: bool = False,
        warm_start: bool = False,
        momentum: float = 0.9,
        nesterovs_momentum: bool = True,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        n_iter_no_change: float = 10,
        max_fun: int = 15000,
        loss: Any = "log_loss",
        class_weight: Any = None,
        dropout: float = 0.0,
        normalization: str | None = None,
        init: Any = None,
        weight_decay: float = 0.0,
        clip_value: float | None = None,
        clip_norm: float | None = None,
        scoring: Any = None,
        dtype: Any = None,
        engine: str = "auto",
        checkpoint: Any = None,
    ) -> None:
        self._store(locals())

    # --- targets ------------------------------------------------------------------------------------------------------

    def _learn_targets(self, y: Any, *, incremental: bool) -> None:
        """Set or check `classes_`, by scikit-learn's rules."""
        if not hasattr(self, "classes_") or not (self.warm_start or incremental):
            self._set_classes(y)
            return
        known = self.classes_
        found = np.arange(y.shape[1]) if y.ndim > 1 else np.unique(y)
        if self.warm_start:
            if set(found) != set(known):
                raise DataError(
                    "warm_start can only be used where `y` has the same classes as in the previous call to fit. "
                    f"Previously got {known}, `y` has {found}"
                )
        elif len(np.setdiff1d(found, known, assume_unique=True)):
            raise DataError(f"`y` has classes not in `self.classes_`. `self.classes_` has {known}. 'y' has {found}.")

    def _set_classes(self, y: Any) -> None:
        self._label_binarizer = LabelBinarizer().fit(y)
        self.classes_ = self._label_binarizer.classes_

    @property
    def _multilabel(self) -> bool:
        return str(self._label_binarizer.y_type_).startswith("multilabel")

    def _targets(self, y: Any) -> tuple[Array, tuple[str, ...]]:
        if self._multilabel:
            return np.asarray(y.toarray() if is_sparse(y) else y, dtype=float), ()
        if len(self.classes_) == 1:
            return np.zeros(len(y)), ()
        numbers = np.searchsorted(self.classes_, y)
        wrong = self.classes_.take(numbers, mode="clip") != y
        if wrong.any():  # in validation data; those to train on are known by now
            raise DataError(f"y_val has the class {y[wrong][0]!r}, which is not in classes_: {self.classes_}")
        return numbers, tuple(map(str, self.classes_))

    def _make_loss(self) -> Loss:
        return classification_loss(self.loss, softmax=len(self.classes_) > 2 and not self._multilabel)

    def _n_outputs(self) -> int:
        binary = len(self.classes_) <= 2 and not self._multilabel
        return 1 if binary and self._make_loss().link == "sigmoid" else max(len(self.classes_), 2)

    def _weights(self, X: Any, y: Any, sample_weight: Any, *, incremental: bool) -> Array | None:
        weight = super()._weights(X, y, sample_weight, incremental=incremental)
        if self.class_weight is None:
            return weight
        if incremental and self.class_weight == "balanced":
            raise ConfigurationError(
                "class_weight='balanced' needs all classes at once; give partial_fit a dictionary of weights"
            )
        if isinstance(self.class_weight, dict):
            unknown = [key for key in self.class_weight if key not in self.classes_.tolist()]
            if unknown:
                raise ConfigurationError(
                    f"class_weight has key {unknown[0]!r}, classes are {self.classes_.tolist()}; take it out"
                )
        factor: Array = compute_sample_weight(self.class_weight, y)
        return factor if weight is None else weight * factor

    def _score_of(self, data: Dataset, predicted: Array) -> float:
        found = self._decided(predicted)
        truth = data.y.reshape(found.shape)
        return float(accuracy_score(truth, found, sample_weight=data.sample_weight))

    def _decided(self, predicted: Array) -> Array:
        """Class numbers, or for several labels a matrix of 0 and 1."""
        if self._multilabel:
            return (predicted > 0.5).astype(int)
        return predicted.argmax(axis=1) if predicted.shape[1] > 1 else (predicted[:, 0] > 0.5).astype(int)

    # --- the public methods -------------------------------------------------------------------------------------------

    @available_if(takes_steps)  # type: ignore[untyped-decorator]
    def partial_fit(
        self,
        X: Any,
        y: Any,
        sample_weight: Any = None,
        classes: Any = None,
        *,
        X_val: Any = None,
        y_val: Any = None,
        **unknown: Any,
    ) -> "MLPClassifier":
        """One epoch on X and y, keeping the optimiser's state.

        Parameters
        ----------
        X, y, sample_weight
            As for `fit`.
        classes : array-like, optional
            All classes there will be; needed in the first call, but not for several labels in each row.
        X_val, y_val : optional
            With early_stopping=True: when the score on them has not improved for n_iter_no_change calls, `converged_`
            is True and the best weights are back.

        Returns
        -------
        self
        """
        refuse_options("partial_fit", unknown, ("X", "y", "sample_weight", "classes", "X_val", "y_val"))
        if not hasattr(self, "classes_"):
            several = type_of_target(y).startswith("multilabel")
            if classes is None and not several:
                raise DataError("classes must be passed on the first call to partial_fit.")
            self._set_classes(y if several else unique_labels(classes))
        elif classes is not None and not self._multilabel and not np.array_equal(self.classes_, np.unique(classes)):
            raise DataError(
                f"`classes={classes!r}` is not the same as on last call to partial_fit, was: {self.classes_!r}"
            )
        self._fit(X, y, sample_weight, X_val, y_val, incremental=True)
        return self

    def predict(self, X: Any) -> Any:
        """The most probable class of each row; for several labels a matrix of 0 and 1."""
        found = self._decided(self._predictions(X))
        if self._multilabel:
            return self._label_binarizer.inverse_transform(found) if self._label_binarizer.sparse_input_ else found
        return self.classes_[found] if len(self.classes_) > 1 else np.repeat(self.classes_, len(found))

    def predict_proba(self, X: Any) -> Array:
        """The probability of each class, in the order of `classes_`, of shape (n, n_classes)."""
        p = self._predictions(X)
        if p.shape[1] == 1:
            both = np.empty((len(p), 2), p.dtype)
            both[:, 1] = p[:, 0]
            np.subtract(1.0, both[:, 1], out=both[:, 0])
            return both
        if self._loss.link == "sigmoid" and not self._multilabel:  # one against the rest, for each class
            p /= p.sum(axis=1, keepdims=True)
        return p

    def predict_log_proba(self, X: Any) -> Array:
        """The logarithm of `predict_proba`."""
        p = self.predict_proba(X)
        with np.errstate(divide="ignore"):
            return np.log(p, out=p)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags
