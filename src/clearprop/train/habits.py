"""Options that other libraries have, and what they are called here."""

from collections.abc import Iterable, Mapping
from typing import Any

from clearprop._registry import did_you_mean
from clearprop.errors import UnknownOptionError

_VALIDATION = "pass validation=(X, y), or validation=0.2 for a part of the data"
_EPOCHS = "it is called epochs"
_RATE = "it is the optimizer's: optimizer=Adam(learning_rate=0.001)"
_WEIGHTS = "it goes with the data: fit(model, (X, y, sample_weight), ...)"
_PATIENCE = "pass callbacks=[EarlyStopping('validation_loss', patience=10)] to fit"
_HERE = {
    **dict.fromkeys(("validation_data", "eval_set", "val_data", "validation_split", "X_val", "y_val"), _VALIDATION),
    **dict.fromkeys(("nb_epoch", "n_epochs", "num_epochs", "max_iter", "n_iter", "epoch"), _EPOCHS),
    **dict.fromkeys(("lr", "learning_rate", "learning_rate_init", "eta"), _RATE),
    **dict.fromkeys(("sample_weight", "sample_weights", "class_weight"), _WEIGHTS),
    **dict.fromkeys(("early_stopping", "patience", "early_stopping_rounds"), _PATIENCE),
    "momentum": "it is the optimizer's: optimizer=SGD(momentum=0.9)",
    "weight_decay": "it is the optimizer's: optimizer=AdamW(weight_decay=0.01); or pass l2=0.01",
    "verbose": "pass callbacks=[Progress()] to fit",
    "callbacks": "train is the loop itself: write it into the body of your for, or call fit",
    "shuffle": "pass order='shuffled' (the default) or order='sequential'",
    "random_state": "it is called seed",
    **dict.fromkeys(("batch", "batchsize"), "it is called batch_size"),
    **dict.fromkeys(("criterion", "objective", "loss_fn"), "it is called loss"),
    **dict.fromkeys(("solver", "optim"), "it is called optimizer"),
}


def refuse_options(unknown: Mapping[str, Any], known: Iterable[str]) -> None:
    """Say what these options of `fit` and `train` are called here; nothing, if there are none.

    >>> refuse_options({"nb_epoch": 3}, ["epochs"])
    Traceback (most recent call last):
    clearprop.errors.UnknownOptionError: fit and train have no option 'nb_epoch'; it is called epochs
    """
    for name in unknown:
        raise UnknownOptionError(f"fit and train have no option {name!r}; {_HERE.get(name) or _nearest(name, known)}")


def _nearest(name: str, known: Iterable[str]) -> str:
    return did_you_mean(name, list(known))
