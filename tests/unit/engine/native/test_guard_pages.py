"""Machine code touches no byte beyond its arrays: each ends, or starts, at a page that may not be touched.

A fault kills the process, so the cases run in processes of their own: this file, run as a script, is such a process.
"""

import ctypes
import functools
import gc
import hashlib
import itertools
import json
import mmap
import os
import random
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import scipy.sparse as sp

pytest.importorskip("llvmlite")

from clearprop.data import Dataset
from clearprop.engine.base import Batches, GradientOptions, initial_state
from clearprop.engine.native import (
    jit,
    lowering,
    memory,
    prediction,
    program,
    scheduler,
    sparse,
    step,
    target,
    training,
    tuning,
)
from clearprop.engine.native.program import NativeProgram
from clearprop.layers import Activation, BatchNorm, Dense, Dropout, LayerNorm, NumericEmbedding
from clearprop.losses import MSE, BinaryCrossEntropy, CrossEntropy
from clearprop.model import Sequential
from clearprop.optim import OPTIMIZERS

sys.path.append(str(Path(__file__).parents[3]))  # where pytest finds it too
from processors import processors, tuned

HOST, REASON = target.host_target()
pytestmark = [
    pytest.mark.skipif(HOST is None, reason=REASON),
    pytest.mark.skipif(sys.platform != "linux", reason="memory protection as Linux has it"),
]
WIDTHS = (1, 2, 7, 8, 9, 15, 16, 17, 31, 32, 33, 50, 100, 130, 600)
FACTORS = {
    "dtype": ("float32", "float64"),
    "n_in": WIDTHS,
    "hidden": WIDTHS,
    "n_out": WIDTHS,
    "batch_size": (1, 5, 8, 17, 64, 300),
    "loss": ("mse", "labels", "one-hot", "binary"),
    "first": (
        None,
        "tanh",
        "softmax",
        "dropout",
        "layernorm",
        "batchnorm",
        "waves",
        "ramps",
    ),  # the layer that reads X, if not a dense one
    "middle": (
        None,
        "dropout",
        "layernorm",
        "batchnorm",
        "softmax",
        "gelu",
        "waves",
    ),  # behind the hidden layer's activation
    "last": (None, "tanh", "softmax", "layernorm"),
    "activation": ("relu", "gelu", "selu"),
    "optimizer": ("adam", "sgd"),
    "clip": (None, "norm", "value"),
    "weighted": (False, True),
    "bias": (True, False),
    "penalty": (0.0, 1e-3),
    "in_sum": (False, True),
    "trainable": ("all", "upper"),
    "threads": (1, 2),
    "sparse": (0.0, 0.1, 0.6),  # how many of its numbers a sparse matrix has; 0 is an array
}


NUMBERS = step.WHOLE | {"count", "stride"}  # what is no address in a record


def pairwise(seed, most):
    """At most `most` cases in which every two values of different factors meet, as far as that many can."""
    rng = random.Random(seed)
    met, cases = set(), []
    pairs = sum(len(a) * len(b) for a, b in itertools.combinations(FACTORS.values(), 2))
    while len(cases) < most and len(met) < pairs:
        drawn = [{name: rng.choice(choices) for name, choices in FACTORS.items()} for _ in range(30)]
        best = max(drawn, key=lambda case: len(set(itertools.combinations(case.items(), 2)) - met))
        met |= set(itertools.combinations(best.items(), 2))
        cases.append(best)
    return cases


# -- guarded memory ----------------------------------------------------------------------------------------------------


class Guarded(np.ndarray):
    """An array beside pages that may not be touched; its copies are too."""

    def copy(self, order="C"):
        return guarded(np.array(self, order=order))


class Memory:
    """Hands out memory that ends where a forbidden page starts, or starts where one ends."""

    def __init__(self):
        self.at_end = True
        self.places = {}  # address of each piece: its size

    def piece(self, size):
        page, libc = mmap.PAGESIZE, ctypes.CDLL(None)
        room = -(-max(size, 1) // page) * page
        memory = mmap.mmap(-1, room + 2 * page)
        start = ctypes.addressof(ctypes.c_char.from_buffer(memory))
        for forbidden in (start, start + page + room):
            assert libc.mprotect(ctypes.c_void_p(forbidden), ctypes.c_size_t(page), 0) == 0
        offset = page + (room - size if self.at_end else 0)
        self.places[start + offset] = size
        return memory, offset


MEMORY = Memory()
LATE = []  # work for helpers that come when all is over, and still read what it points to


def guarded(array):
    """A copy of an array in guarded memory."""
    array = np.ascontiguousarray(array)
    memory, offset = MEMORY.piece(array.nbytes)
    copy = np.frombuffer(memory, array.dtype, array.size, offset).reshape(array.shape).view(Guarded)
    copy[...] = array
    return copy


class GuardedNumPy:
    """NumPy whose new arrays are guarded."""

    def __getattr__(self, name):
        if name not in ("zeros", "empty", "array", "full", "ones", "ascontiguousarray", "concatenate"):
            return getattr(np, name)

        def make(*arguments, **options):
            array = getattr(np, name)(*arguments, **options)
            return array if is_guarded(array.ctypes.data) or not array.size else guarded(array)

        return make


def guarded_words(count):
    """The board's memory, which is a ctypes array."""
    memory, offset = MEMORY.piece(8 * count)
    return (ctypes.c_int64 * count).from_buffer(memory, offset)


def is_guarded(address):
    """Whether an address is a guarded piece, or within one: the board starts where alignment lets it."""
    return any(start <= address < start + max(size, 1) for start, size in MEMORY.places.items())


def checking(make, fields):
    """What makes compiled functions, which then first look whether every address in their record is guarded."""

    def made(address):
        function = make(address)

        def checked(record, rank=0):
            if rank == 0:  # a helper may come when all is over
                words = np.frombuffer((ctypes.c_int64 * (MEMORY.places[record] // 8)).from_address(record), np.int64)
                names = [*fields, *["a stage's"] * (len(words) - len(fields))]
                for name, word in zip(names, words.tolist(), strict=True):
                    assert name in NUMBERS or is_guarded(word), f"{name} is not guarded"
            function(*([record] if fields is lowering.ROW_FIELDS else [record, rank]))

        return checked

    return made


def noting(share):
    """What shares work and keeps it for a helper that comes late."""

    def noted(threads, work):
        share(threads, work)
        if threads > 1:
            LATE.append(work)

    return noted


def guard_everything():
    """Let the engine's memory come from here, and check what its functions get."""
    for module in (memory, prediction, program, sparse, training):
        module.np = GuardedNumPy()
    memory.aligned = prediction.aligned = lambda shape, dtype: guarded(np.zeros(shape, dtype))
    training._Function = checking(training._Function, step.FIELDS)
    prediction._Shared = checking(prediction._Shared, lowering.PREDICT_FIELDS)
    prediction._Alone = checking(prediction._Alone, lowering.ROW_FIELDS)
    tuning.TABLE = tuned(worth_sharing=1.0)
    scheduler._zeros, scheduler.share = guarded_words, noting(scheduler.share)


def guard_constants():
    """The arrays that all runs share, for which the place of others has changed."""
    memory.NOTHING = program.NOTHING = training.NOTHING = guarded(np.zeros(1))
    prediction.GOES_ON = program.GOES_ON = guarded(np.zeros(1, np.uint8))


# -- cases -------------------------------------------------------------------------------------------------------------


def layer(name):
    if name == "dropout":
        return Dropout(0.3)
    if name == "waves":
        return NumericEmbedding(4, frequencies=17)
    if name == "ramps":  # more than a few outputs, and some columns that only pass by
        return NumericEmbedding(6, columns=[0], edges=[[-1.0, 0.0, 1.0]], keep_input=False)
    norms = {"layernorm": LayerNorm, "batchnorm": BatchNorm}
    return norms[name]() if name in norms else Activation(name)


def rows_in_batch(case):
    return max(case["batch_size"], 2 if "batchnorm" in case.values() else 1)


def build(case):
    """The case's model, loss, and data whose last batch is smaller."""
    rng = np.random.default_rng(5)
    width, n_out = case["hidden"], case["n_out"]
    if case["loss"] != "mse":
        n_out = 1 if case["loss"] == "binary" else max(n_out, 2)
    upper = case["trainable"] == "upper"
    layers = [layer(case["first"])] if case["first"] else []
    layers.append(Dense(width, case["bias"], trainable=() if upper else ("weight", "bias")))
    layers.append(Activation(case["activation"]))
    layers += [layer(case["middle"])] if case["middle"] else []
    layers += [Dense(n_out, case["bias"])] + ([layer(case["last"])] if case["last"] else [])
    model = Sequential(layers, case["n_in"], seed=2, dtype=case["dtype"])
    model.w, model.buffers = guarded(model.w), guarded(model.buffers) if len(model.buffers) else model.buffers
    n = 2 * rows_in_batch(case) + rows_in_batch(case) // 2 + 1
    X = rng.normal(size=(n, case["n_in"]))
    if case["loss"] == "mse":
        y = rng.normal(size=(n, n_out))
    elif case["loss"] == "binary":
        y = rng.integers(0, 2, n).astype(float)
    else:
        y = rng.integers(0, n_out, n)
        y = np.eye(n_out)[y] if case["loss"] == "one-hot" else y
    loss = {"mse": MSE, "binary": BinaryCrossEntropy}.get(case["loss"], CrossEntropy)()
    X, y = X.astype(model.dtype), y if y.dtype.kind == "i" else y.astype(model.dtype)
    weight = rng.uniform(0.5, 2.0, n).astype(model.dtype) if case["weighted"] else None
    kept = rng.uniform(size=X.shape) < case["sparse"]
    kept[0, 0] = True  # memory of no bytes has no place to be guarded
    X = sp.csr_array(X * kept) if case["sparse"] else guarded(X)
    return model, loss, X, guarded(y), None if weight is None else guarded(weight)


def exercise(case, processor):
    """Train, differentiate and predict; the digits of all results."""
    model, loss, X, y, weight = build(case)
    dense, n = X.toarray() if case["sparse"] else X, len(y)
    optimizer = OPTIMIZERS[case["optimizer"]]()
    options = GradientOptions(
        l2=case["penalty"],
        penalty_in_sum=case["in_sum"],
        clip_norm=0.1 if case["clip"] == "norm" else None,
        clip_value=0.01 if case["clip"] == "value" else None,
    )
    data = Dataset(np.asarray(dense), np.zeros(n), None)
    for name, value in {"X": X, "y": y, "sample_weight": weight}.items():
        object.__setattr__(data, name, value)  # a dataset copies what it gets
    compiled = NativeProgram(model, loss, optimizer, options, processor)
    compiled._threads = case["threads"]
    rng = np.random.default_rng(6)
    offsets = np.append(np.arange(0, n, rows_in_batch(case)), n)
    batches = Batches(guarded(rng.permutation(n)), guarded(offsets))
    trainable = [s for s in model.segments if s.trainable]
    factors, decays = [s.learning_rate_factor for s in trainable], [s.decays for s in trainable]
    table = optimizer.table(1, len(batches), factors, decays, optimizer.initial_carry)[0]
    state, stop = initial_state(model, optimizer, 3), guarded(np.zeros(1, np.uint8))
    while state.position < len(batches):
        state = compiled.run(state, data, batches, table, stop)
    results = [state.w, state.slots, state.buffers, np.array(state.totals)]
    value, gradient = compiled.loss_and_grad(X, y, weight)
    results += [np.array(value), gradient]
    model.w[...] = state.w
    for n in (*range(1, 10), *range(30, 35), *range(62, 71), 600):
        rows = np.asarray(guarded(np.resize(dense, (n, model.n_in))))
        results.append(compiled.predict(rows, guarded(np.zeros((n, model.n_out), model.dtype))))
        results.append(compiled.predict(sp.csr_array(rows) if case["sparse"] else rows))
    return b"".join(np.ascontiguousarray(r).tobytes() for r in results)


def optimised(processor, definition, make=jit._module):
    """LLVM's passes over IR; without vectorisation, and without memcpy for a loop, which no kernel defines."""
    import llvmlite.binding as llvm

    text = definition.text.replace(" nounwind {", ' nounwind "no-builtins" {')
    module = make(processor, replace(definition, text=text))
    options = llvm.create_pipeline_tuning_options(speed_level=2)
    options.loop_vectorization = options.slp_vectorization = False
    builder = llvm.create_pass_builder(jit._machine(processor), options)
    builder.getModulePassManager().run(module, builder)
    module.verify()
    return module


def main(seed, most, processor, compiler):
    """Each case twice: memory that ends, and memory that starts, at a forbidden page.  The last line names the last."""
    guard_everything()
    if compiler == "passes":
        jit._module = optimised
    if compiler == "fast":
        jit._CODE["opt"] = 0
    for case in pairwise(int(seed), int(most)):
        results = []
        for MEMORY.at_end in (True, False):
            print(json.dumps({"at_end": MEMORY.at_end} | case), flush=True)
            guard_constants()
            results.append(exercise(case, processors()[processor]))
            gc.collect()
            while LATE:
                LATE.pop()(1)
            MEMORY.places.clear()
        assert results[0] == results[1], "results depend on where the memory is"
        print(hashlib.sha256(results[0]).hexdigest(), flush=True)


def child(*arguments, cache=""):
    """What such a process prints; `cache` is the folder of its compiled code, if it may keep any."""
    environment = os.environ | {"XDG_CACHE_HOME": str(cache)}
    command = [sys.executable, "-X", "faulthandler", __file__, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=1200)
    lines = done.stdout.splitlines() or [""]
    assert done.returncode == 0, f"{lines[-1]}\n{done.stderr[-2000:]}"
    return lines


@pytest.mark.parametrize("processor", processors())
@pytest.mark.parametrize(("seed", "most"), [(5, 8), pytest.param(2, 400, marks=pytest.mark.nightly)])
def test_no_byte_beyond_an_array_is_touched(seed, most, processor, tmp_path):
    lines = child(seed, most, processor, "as it is", cache=tmp_path)
    assert len(lines) == 3 * len(pairwise(seed, most))  # two placements and a digest each


@pytest.mark.parametrize("compiler", ["passes", "fast"])
@pytest.mark.parametrize("most", [2, pytest.param(60, marks=pytest.mark.nightly)])
def test_results_do_not_depend_on_how_llvm_optimises(most, compiler):
    """Neither fused where the text is not, nor reordered; also without what one pass of code generation might hide."""
    assert child(3, most, HOST.name, compiler, cache="none") == as_it_is(most)


@functools.cache
def as_it_is(most):
    return child(3, most, HOST.name, "as it is", cache="none")


# -- the stack ---------------------------------------------------------------------------------------------------------


def definitions(monkeypatch, processor, cases):
    """Every function that the cases need, by name; none is run."""
    found = {}

    def note(_, several):
        found.update({definition.name: definition for definition in several})
        return {definition.name: 1 for definition in several}

    for module, several in ((training, ["_function"]), (prediction, ["_predict", "_predict_rows"])):
        monkeypatch.setattr(module, "load", note)
        for name in several:  # neither use nor keep what is remembered
            monkeypatch.setattr(module, name, getattr(module, name).__wrapped__)
    for case in cases:
        model, loss, X, y, weight = build(case)
        options = GradientOptions(l2=case["penalty"], clip_norm=0.1 if case["clip"] == "norm" else None)
        compiled = NativeProgram(model, loss, OPTIMIZERS[case["optimizer"]](), options, processor)
        arrays = compiled._checked_arrays(X, y, weight)
        compiled._trainer(rows_in_batch(case) == 1 and case["clip"] != "norm", arrays)
        compiled._trainer(False, arrays, gradient=True)
        predictor = compiled._predictor
        thin = case["sparse"] and compiled._rows(X).filled <= compiled.tuning.thin
        assert prediction._predict(predictor.stages, predictor.dtype, processor, thin and not case["first"])
        assert not predictor.in_place or predictor.few
    return found


def frame(code):
    """The bytes that a function's assembly reserves on the stack; none at a time known only when it runs."""
    assert not re.search(r"sub[ql]?\s+%\w+, %rsp|sub\s+sp, sp, [xw]", code)
    return max(map(int, re.findall(r"(?:subq\s+\$|sub\s+sp, sp, #)(\d+)", code)), default=0)


@pytest.mark.parametrize("make", [target.avx512, target.avx2, target.neon])
@pytest.mark.parametrize("most", [3, pytest.param(60, marks=pytest.mark.nightly)])
def test_stack_frames_are_small_and_fixed(most, make, monkeypatch):
    """A helper thread's stack may be small, a frame of more than a page could step over the guard behind it, and what
    loops reserve would grow with the data."""
    triple = "aarch64-unknown-linux-gnu" if make is target.neon else "x86_64-unknown-linux-gnu"
    processor, sizes = make(triple), {}
    for name, definition in definitions(monkeypatch, processor, pairwise(4, most)).items():
        for function in definition.text.split("\ndefine ")[1:]:
            _, *blocks = re.split(r"^[\w.]+:$", function.partition("entry:")[2], flags=re.MULTILINE)
            assert not any("alloca" in block for block in blocks), f"{name} reserves after its start"
        sizes[name] = frame(jit.assembly(processor, definition))
    largest = max(sizes, key=sizes.get)
    print(f"{make.__name__}: {len(sizes)} functions, the largest frame {sizes[largest]} bytes ({largest})")
    assert sizes[largest] <= 4096


if __name__ == "__main__":
    main(*sys.argv[1:])
