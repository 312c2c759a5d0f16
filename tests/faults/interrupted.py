"""A training that goes on from its checkpoints, if there are any: run as a program of its own, to be killed.

    python interrupted.py FOLDER '{"engine": "native", "point": "rename", "count": 7}'

Says "begun" on stderr when training begins; at its end, prints a digest of all that it came to.
"""

import hashlib
import json
import os
import signal
import stat
import sys
from pathlib import Path

import numpy as np

from clearprop import Adam, BatchNorm, Cosine, Dense, Dropout, Sequential, fit
from clearprop.engine.native import program
from clearprop.errors import CheckpointError
from clearprop.layers import Activation
from clearprop.train import Checkpoint, EarlyStopping, load_checkpoint

POINTS = ("write", "half a write", "sync", "rename", "sync of the folder", "prune")


def data(n=96, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 2))
    return X, (X[:, 0] * X[:, 1] > 0).astype(int) ^ (rng.random(n) < 0.2)


def network(dtype="float64"):
    layers = [Dense(12), BatchNorm(), Activation("tanh"), Dropout(0.2), Dense(6), Activation("relu"), Dense(2)]
    return Sequential(layers, n_in=2, seed=5, dtype=dtype)


def digest(model, history, stopping=None):
    """Of weights, buffers and history; only its times are left out."""
    rows = [{k: v for k, v in row.items() if k not in ("seconds", "rows_per_second")} for row in history]
    best = (stopping.best, stopping.best_epoch) if stopping else ()
    found = hashlib.sha256(model.w.tobytes() + model.buffers.tobytes())
    found.update(repr((rows, history.stopped_by, best)).encode())
    return found.hexdigest()


def train(
    folder,
    *,
    engine="native",
    every=1,
    epochs=150,
    optimizer=None,
    dtype="float64",
    callbacks=(),
    resume=None,
    patience=None,
):
    """The digest of a run that dropout, a schedule, shuffling, batch norm and early stopping have made delicate."""
    model, stopping = network(dtype), EarlyStopping(patience=patience or epochs // 2)
    history = fit(
        model,
        data(),
        "crossentropy",
        optimizer or Adam(Cosine(0.01, 6 * epochs)),
        epochs=epochs,
        batch_size=16,
        validation=data(40, 1),
        metrics=["accuracy"],
        seed=3,
        l2=0.001,
        engine=engine,
        callbacks=[*callbacks, Checkpoint(folder, every), stopping],
        resume=resume,
    )
    return digest(model, history, stopping)


def newest(folder):
    try:
        return load_checkpoint(folder)
    except CheckpointError as error:
        # "not a file": the folder was made between two looks at it
        assert any(words in str(error) for words in ("no checkpoint", "no such", "not a file")), error
        return None


def die():
    os.kill(os.getpid(), signal.SIGKILL)


def die_at(point, count):
    """SIGKILL at the `count`-th time that a save comes to `point`."""
    left = [count]

    def now():
        left[0] -= 1
        return left[0] == 0

    owner, name = {
        "write": (Path, "write_bytes"),
        "half a write": (Path, "write_bytes"),
        "sync": (os, "fsync"),
        "rename": (os, "replace"),
        "sync of the folder": (os, "fsync"),
        "prune": (Path, "unlink"),
    }[point]
    original = getattr(owner, name)

    def watched(first, *rest, **options):
        matters = True
        if name == "fsync":
            matters = stat.S_ISDIR(os.fstat(first).st_mode) == (point == "sync of the folder")
        elif name == "unlink":
            matters = "step-" in first.name
        if matters and now():
            if point == "half a write":
                original(first, rest[0][: len(rest[0]) // 2])
            die()
        return original(first, *rest, **options)

    setattr(owner, name, watched)


if __name__ == "__main__":
    folder, options = Path(sys.argv[1]), json.loads(sys.argv[2])
    if "point" in options:
        die_at(options.pop("point"), options.pop("count"))
    if "threads" in options:
        threads = options.pop("threads")
        program.NativeProgram.threads = property(lambda self: threads)
    saved = newest(folder)
    print("begun", file=sys.stderr, flush=True)
    print(train(folder, resume=saved, **options), flush=True)
