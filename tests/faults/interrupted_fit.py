"""Fits of estimators that write checkpoints: run as a program of its own, to be killed.

    python interrupted_fit.py FOLDER '{"name": "early stopping", "engine": "native", "point": "rename", "count": 7}'

Says "begun" on stderr when the fit begins; at its end, prints a digest of all that it came to.
"""

import hashlib
import json
import sys
import warnings
from pathlib import Path

import numpy as np
from interrupted import data, die_at
from sklearn.exceptions import ConvergenceWarning

from clearprop import AdamW, Cosine, MLPClassifier, MLPRegressor
from clearprop.train import Checkpoint

COMMON = {"hidden_layer_sizes": (12, 6), "batch_size": 16, "random_state": 3}
FITS = {
    "early stopping": (
        MLPClassifier,
        {"early_stopping": True, "n_iter_no_change": 250, "dropout": 0.1, "alpha": 0.01, "learning_rate_init": 0.01},
        {},
    ),
    "adaptive": (
        MLPClassifier,
        {"solver": "sgd", "learning_rate": "adaptive", "learning_rate_init": 0.2, "tol": 0.01, "n_iter_no_change": 3},
        {},
    ),
    "invscaling": (
        MLPRegressor,
        {"solver": "sgd", "learning_rate": "invscaling", "power_t": 0.3, "alpha": 0.1, "dtype": "float32"},
        {},
    ),
    "own optimiser": (
        MLPClassifier,
        {
            "solver": AdamW(Cosine(0.01, 1500)),
            "normalization": "batch",
            "class_weight": "balanced",
            "early_stopping": True,
            "scoring": "loss",
            "n_iter_no_change": 100,
        },
        {"X_val": data(40, 1)[0], "y_val": data(40, 1)[1], "sample_weight": np.linspace(0.5, 2.0, 96)},
    ),
    "huber": (
        MLPRegressor,
        {"loss": "huber", "solver": "rmsprop", "clip_norm": 1.0, "shuffle": False},
        {},
    ),
}


def fit(folder, name, engine, *, every="0s", max_iter=250, **others):
    """A fit of that name; without a folder it writes no checkpoints."""
    cls, settings, rows = FITS[name]
    X, y = data()
    checkpoint = None if folder is None else Checkpoint(folder, every)
    settings = COMMON | settings | {"max_iter": max_iter, "engine": engine, "checkpoint": checkpoint} | others
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return cls(**settings).fit(X, y if cls is MLPClassifier else X[:, 0] - y, **rows)


def digest(estimator):
    """Of all that a fit leaves behind; only its times are left out."""
    e = estimator
    rows = [{k: v for k, v in row.items() if k not in ("seconds", "rows_per_second")} for row in e.history_]
    found = hashlib.sha256()
    for array in (*e.coefs_, *e.intercepts_, e.model_.buffers, e._state.slots, e.predict(data(40, 1)[0])):
        found.update(array.tobytes())
    random = [part.tolist() if isinstance(part, np.ndarray) else part for part in e._random_state.get_state()]
    kept = (e.n_iter_, e.t_, e.loss_, e.loss_curve_, e.validation_loss_curve_, e.validation_scores_, e.converged_)
    kept += (e.best_loss_, e.best_validation_score_, e._no_improvement_count, e._state.step, e._state.epoch)
    found.update(repr((kept, rows, random, repr(e._optimizer), e._batches.rows.tolist())).encode())
    return found.hexdigest()


if __name__ == "__main__":
    folder, options = Path(sys.argv[1]), json.loads(sys.argv[2])
    if "point" in options:
        die_at(options.pop("point"), options.pop("count"))
    print("begun", file=sys.stderr, flush=True)
    print(digest(fit(folder, **options)), flush=True)
