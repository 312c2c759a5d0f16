"""Load mutated files in a process of its own, which ends at once if loading touches anything but the file.

``python watched.py FIRST STOP FOLDER`` prints one JSON document: how many were refused and read, the slowest, and
the most memory beyond twice the file's size.
"""

import importlib
import json
import os
import random
import sys
import time
import tracemalloc
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from forged import GOLDEN, randomly_forged
from mutations import mutant

from clearprop import MLP, Adam, EarlyStopping, fit, load_dataset
from clearprop.errors import CheckpointError, ModelFileError
from clearprop.formats import load, save
from clearprop.train.checkpoint import Checkpoint, load_checkpoint

HARMLESS = {"builtins.id", "object.__getattr__"}  # what `inspect` asks of our own classes
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
ROOM = 512 << 20  # bytes of addresses that a file of some kilobytes may ask for


def checkpoint(folder: str) -> bytes:
    """One of a small training, with momentum, validation and early stopping."""
    model, data = MLP([2, 4, 2], dropout=0.1), load_dataset("moons", n_samples=60)
    callbacks = [EarlyStopping(patience=5), Checkpoint(folder, every=1, settings={"who": "花"})]
    fit(model, data, "crossentropy", Adam(), epochs=2, validation=0.2, engine="reference", callbacks=callbacks)
    return max(Path(folder).glob("step-*")).read_bytes()


class Guard:
    """An audit hook that ends the process on whatever is not reading the one file."""

    def __init__(self, path: str) -> None:
        self.path, self.watching = path, False
        sys.addaudithook(self)

    def __call__(self, event: str, arguments: tuple[Any, ...]) -> None:
        if not self.watching or event in HARMLESS:
            return
        if event == "open" and arguments[0] == self.path and not arguments[2] & WRITING:
            return
        os.write(2, f"forbidden while loading: {event} {arguments!r:.300}\n".encode("utf-8", "replace"))
        os._exit(99)


def limit_memory() -> None:
    """Let the system refuse what a small file should never need."""
    try:
        resource = importlib.import_module("resource")
        used = int(Path("/proc/self/statm").read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    except (ImportError, OSError):  # not Linux
        return
    resource.setrlimit(resource.RLIMIT_AS, (used + ROOM, resource.getrlimit(resource.RLIMIT_AS)[1]))


def main(first: int, stop: int, folder: str) -> dict[str, Any]:
    path = os.path.join(folder, "m")
    originals = [(file.read_bytes(), True) for file in sorted(GOLDEN.glob("*.safetensors"))] + [
        (checkpoint(os.path.join(folder, "c")), False)
    ]
    for content, is_model in originals:  # whatever is imported lazily is imported now
        Path(path).write_bytes(content)
        load(path) if is_model else load_checkpoint(path)
    warnings.simplefilter("error")
    guard = Guard(path)
    limit_memory()
    counts = {"damaged and refused": 0, "unchanged": 0, "forged and refused": 0, "forged and read": 0}
    slowest, most_memory, longest = 0.0, 0, 0
    for seed in range(first, stop):
        original, is_model = originals[seed // 2 % len(originals)]
        honest = seed % 2 == 0
        content = mutant(original, seed) if honest else randomly_forged(original, random.Random(seed), mutant)
        Path(path).write_bytes(content)
        traced = seed % 10 < 2
        if traced:
            tracemalloc.start()
        found = None
        guard.watching, start = True, time.perf_counter()
        try:
            found = load(path) if is_model else load_checkpoint(path)
        except ModelFileError as error:
            assert is_model or isinstance(error, CheckpointError), error
            words = str(error)
        finally:
            guard.watching, seconds = False, time.perf_counter() - start
        if traced:
            most_memory = max(most_memory, tracemalloc.get_traced_memory()[1] - 2 * len(content))
            tracemalloc.stop()
        else:
            slowest = max(slowest, seconds)
        assert Path(path).read_bytes() == content
        if found is None:
            counts["damaged and refused" if honest else "forged and refused"] += 1
            longest = max(longest, len(words) - len(path))
            assert "Traceback" not in words and "\n" not in words, words
            continue
        counts["unchanged" if honest else "forged and read"] += 1
        assert not honest or content == original, f"seed {seed}: damage went unnoticed"
        if is_model:  # it makes sense, so it can be used and written again
            X = np.zeros((2, found.model.n_in), found.model.dtype)
            with np.errstate(all="ignore"):
                found.model.forward(X)
            again = os.path.join(folder, "again")
            save(found.model, again, preparation=found.preparation, link=found.link)
            second = load(again)
            assert second.model.config() == found.model.config() and second.preparation == found.preparation
            assert second.model.w.tobytes() == found.model.w.tobytes()
    return {**counts, "slowest": slowest, "most memory": most_memory, "longest message": longest}


if __name__ == "__main__":
    os.fsync = lambda handle: None  # durability is not what is tested here
    print(json.dumps(main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3])))
