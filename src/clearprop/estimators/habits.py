"""Arguments that an estimator does not have, as others call them, and what they are called here."""

import functools
import inspect
from collections.abc import Callable, Iterable
from typing import ParamSpec

from clearprop._registry import did_you_mean
from clearprop.errors import UnknownOptionError

_MADE = "set it when the estimator is made"
_OF_FIT = {
    **dict.fromkeys(("validation_data", "eval_set", "val_data", "validation"), "pass X_val=X, y_val=y"),
    **dict.fromkeys(("epochs", "nb_epoch", "n_epochs"), "set max_iter when the estimator is made"),
    "batch_size": _MADE,
    "verbose": _MADE,
    "callbacks": "estimator.set_callbacks(...) registers them",
    "class_weight": "pass sample_weight, one for each row",
}
_OF_CONSTRUCTORS = {
    **dict.fromkeys(("epochs", "nb_epoch", "n_epochs", "num_epochs", "epoch"), "it is called max_iter"),
    **dict.fromkeys(("lr", "eta", "eta0", "rate"), "it is called learning_rate_init"),
    **dict.fromkeys(("optimizer", "optim"), "it is called solver"),
    **dict.fromkeys(("layers", "hidden", "units", "n_hidden", "hidden_units"), "it is called hidden_layer_sizes"),
    **dict.fromkeys(("l2", "penalty", "regularization"), "it is called alpha"),
    **dict.fromkeys(("patience", "early_stopping_rounds"), "it is called n_iter_no_change; set early_stopping=True"),
    **dict.fromkeys(("validation_split", "val_fraction"), "it is called validation_fraction"),
    **dict.fromkeys(
        ("validation_data", "eval_set"), "it goes with the data: estimator.fit(X, y, X_val=..., y_val=...)"
    ),
    **dict.fromkeys(("criterion", "objective", "loss_fn"), "it is called loss"),
    **dict.fromkeys(("seed", "random_seed"), "it is called random_state"),
    "callbacks": "estimator.set_callbacks(...) registers them",
    "n_jobs": "leave it out: the environment variable OMP_NUM_THREADS limits the threads",
}
_Arguments = ParamSpec("_Arguments")


def refuse_options(method: str, unknown: Iterable[str], known: Iterable[str]) -> None:
    """Say what these options of `fit` or `partial_fit` are called here; nothing, if there are none.

    >>> refuse_options("fit", ["callbacks"], ["X", "y"])
    Traceback (most recent call last):
    clearprop.errors.UnknownOptionError: fit has no option 'callbacks'; estimator.set_callbacks(...) registers them
    """
    for name in unknown:
        raise UnknownOptionError(
            f"{method} has no option {name!r}; {_OF_FIT.get(name) or did_you_mean(name, [*known])}"
        )


def refuses_others(constructor: Callable[_Arguments, None]) -> Callable[_Arguments, None]:
    """Have an estimator's constructor say of a parameter it does not have what it is called here.

    scikit-learn takes the parameters from the signature, which therefore has no room for unknown ones.
    """
    known = list(inspect.signature(constructor).parameters)[1:]

    @functools.wraps(constructor)
    def checked(*given: _Arguments.args, **named: _Arguments.kwargs) -> None:
        for name in named:
            if name not in known:
                hint = _OF_CONSTRUCTORS.get(name) or did_you_mean(name, known)
                raise UnknownOptionError(f"{type(given[0]).__name__} has no parameter {name!r}; {hint}")
        constructor(*given, **named)

    return checked
