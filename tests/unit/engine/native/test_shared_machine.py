"""The native engine among threads, processes, signals, damaged caches and full disks: right, or a clear error."""

import concurrent.futures
import ctypes
import gc
import hashlib
import multiprocessing
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("llvmlite")

from clearprop.data import as_dataset
from clearprop.engine.base import ENGINES, Batches, GradientOptions, initial_state
from clearprop.engine.native import jit, prediction, target, training, tuning
from clearprop.engine.native.jit import Definition
from clearprop.engine.native.program import NativeProgram
from clearprop.errors import DivergenceError
from clearprop.losses import MSE
from clearprop.model import MLP
from clearprop.optim import SGD, Adam
from clearprop.train import fit
from clearprop.train import predict as predict_with
from processors import tuned

HOST, REASON = target.host_target()
pytestmark = pytest.mark.skipif(HOST is None, reason=REASON)
linux = pytest.mark.skipif(sys.platform != "linux", reason="as Linux has it")
posix = pytest.mark.skipif(os.name != "posix", reason="signals and forks of POSIX")
nightly = pytest.mark.nightly
SMALL = """
import hashlib, numpy as np
from clearprop import MLP, fit, load_dataset, predict
def digest():
    model = MLP([2, 8, 2], "tanh", seed=1)
    data = load_dataset("moons", n_samples=60)
    fit(model, data, "crossentropy", epochs=3, batch_size=7, engine="native")
    return hashlib.sha256(model.w.tobytes() + predict(model, data.X, engine="native").tobytes()).hexdigest()
"""


def moons(n=60, seed=0):
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 2, n)
    return as_dataset((rng.normal(size=(n, 2)) + labels[:, None], labels))


def digest(seed=1):
    """Of a small model after training, and of its predictions: what any process, thread or cache must come to."""
    model, data = MLP([2, 8, 2], "tanh", seed=seed), moons()
    fit(model, data, "crossentropy", epochs=3, batch_size=7, engine="native")
    return hashlib.sha256(model.w.tobytes() + predict_with(model, data.X, engine="native").tobytes()).hexdigest()


def digest_of_two_threads(seed=1):
    """The same for a model that is worth two threads."""
    model = MLP([20, 64, 64, 1], seed=seed, dtype="float32")
    rng = np.random.default_rng(0)
    compiled = compile_program(model)
    step = Steps(compiled, rng.normal(size=(600, 20)), rng.normal(size=600), 256)
    return hashlib.sha256(step.run().tobytes()).hexdigest()


def compile_program(model, loss=None, optimizer=None, threads=2):
    compiled = NativeProgram(model, loss or MSE(), optimizer or Adam(), GradientOptions(), HOST)
    compiled._threads = threads
    return compiled


class Steps:
    """One epoch for a program, by hand."""

    def __init__(self, compiled, X, y, batch_size):
        self.program, self.data = compiled, as_dataset((X.astype(compiled.model.dtype), y))
        n = len(X)
        self.batches = Batches(np.arange(n), np.append(np.arange(0, n, batch_size), n))
        optimizer = compiled.optimizer
        self.table = optimizer.table(1, len(self.batches), [1.0], [False], optimizer.initial_carry)[0]
        if len(compiled.model.segments) > 1:
            factors = [s.learning_rate_factor for s in compiled.model.segments]
            decays = [s.decays for s in compiled.model.segments]
            self.table = optimizer.table(1, len(self.batches), factors, decays, optimizer.initial_carry)[0]

    def run(self):
        """The weights after it."""
        state = initial_state(self.program.model, self.program.optimizer, 0)
        while state.position < len(self.batches):
            state = self.program.run(state, self.data, self.batches, self.table, np.zeros(1, np.uint8))
        return state.w


def python(code, *arguments, **variables):
    """A process that runs `code`; a variable of None is unset."""
    environment = {name: value for name, value in (os.environ | variables).items() if value is not None}
    command = [sys.executable, "-X", "faulthandler", "-c", code, *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)


def printed(process, timeout=120):
    out, err = process.communicate(timeout=timeout)
    assert process.returncode == 0, f"exit {process.returncode}\n{out[-500:]}\n{err[-2000:]}"
    return out.split()


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """An empty cache of this test's own; what other tests compiled is forgotten."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "clearprop" / f"native-{jit.FORMAT}"


@pytest.fixture
def compilations(monkeypatch):
    """The names of the functions compiled during the test, or read from the cache."""
    seen, link = [], jit._link
    monkeypatch.setattr(jit, "_link", lambda t, d, code: seen.append(d.name) or link(t, d, code))
    return seen


# -- the caller's memory -----------------------------------------------------------------------------------------------


def test_what_may_not_be_written_is_not():
    compiled, constant = compile_program(MLP([2, 2])), bytes(64)
    with pytest.raises(ValueError, match="read-only"):
        compiled.predict(np.ones((4, 2)), np.frombuffer(constant).reshape(4, 2))
    assert constant == bytes(64)


def test_predictions_may_go_where_the_rows_are():
    compiled, both = compile_program(MLP([2, 2])), np.random.default_rng(0).normal(size=(200, 2))
    expected = compiled.predict(both[:199].copy())
    assert np.array_equal(compiled.predict(both[:199], both[1:]), expected)


def test_batches_may_change_once_they_are_checked(monkeypatch):
    """A kernel reads wherever they point."""
    rng = np.random.default_rng(1)
    monkeypatch.setattr(tuning, "TABLE", tuned(slice=1e-9))  # a step at a time
    step = Steps(compile_program(MLP([3, 8, 1])), rng.normal(size=(50, 3)), rng.normal(size=50), 7)
    expected, train = step.run(), training.Trainer.train

    def spoil(self, plan, *others, **options):
        step.batches.indices[...] = 10**9
        step.batches.offsets[1:-1] = 10**9
        return train(self, plan, *others, **options)

    step.batches = Batches(step.batches.indices.copy(), step.batches.offsets.copy())
    monkeypatch.setattr(training.Trainer, "train", spoil)
    assert np.array_equal(step.run(), expected)


# -- threads -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rows", [1, 5, 40, 300])
@pytest.mark.parametrize("calls", [10, pytest.param(1000, marks=nightly)])
def test_16_threads_predict_with_one_program_as_one_does(calls, rows):
    compiled = compile_program(MLP([7, 33, 3]))
    X = np.random.default_rng(1).normal(size=(16, rows, 7))
    alone = [compiled.predict(x) for x in X]

    def check(k):
        return all(np.array_equal(compiled.predict(X[k]), alone[k]) for _ in range(calls))

    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        assert all(pool.map(check, range(16)))


@pytest.mark.parametrize("work", [digest, digest_of_two_threads])
def test_16_threads_train_different_programs_at_once(work):
    expected = [work(seed) for seed in range(16)]
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        assert list(pool.map(work, range(16))) == expected


def test_threads_that_compile_the_same_at_once(monkeypatch):
    expected = digest()
    monkeypatch.setattr(jit, "_addresses", {})
    for remembered in (training._function, prediction._predict, prediction._predict_rows):
        remembered.cache_clear()
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        assert set(pool.map(digest, [1] * 8)) == {expected}


@pytest.mark.parametrize("seconds", [2, pytest.param(60, marks=nightly)])
def test_threads_train_the_same_program_at_once_on_different_data(seconds):
    """Nothing of one run, neither its data, its batches nor its memory, gets into another."""
    compiled, rng = compile_program(MLP([3, 8, 1])), np.random.default_rng(2)
    steps = [Steps(compiled, rng.normal(size=(n, 3)), rng.normal(size=n), 16) for n in (17, 40, 200, 1000)]
    alone = [step.run() for step in steps]
    until = time.monotonic() + seconds

    def repeat(k):
        while time.monotonic() < until:
            assert np.array_equal(steps[k].run(), alone[k])

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            list(pool.map(repeat, range(4)))
    finally:
        sys.setswitchinterval(interval)


# -- processes ---------------------------------------------------------------------------------------------------------


@posix
@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
@pytest.mark.parametrize("work", [digest, digest_of_two_threads])
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_processes_started_after_a_fit_train_too(method, work):
    expected = work()
    with concurrent.futures.ProcessPoolExecutor(2, multiprocessing.get_context(method)) as pool:
        assert [future.result(60) for future in [pool.submit(work) for _ in range(4)]] == [expected] * 4
    assert work() == expected


@pytest.mark.parametrize("backend", ["loky", "threading", "multiprocessing"])
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_joblib_workers_train(backend):
    joblib = pytest.importorskip("joblib")
    expected = digest_of_two_threads()
    results = joblib.Parallel(2, backend=backend, timeout=120)(
        joblib.delayed(digest_of_two_threads)() for _ in range(4)
    )
    assert results == [expected] * 4


@pytest.mark.parametrize("count", [3, pytest.param(8, marks=nightly)])
def test_processes_start_at_once_with_an_empty_cache(count):
    processes = [python(SMALL + "print(digest())") for _ in range(count)]
    assert len({line for process in processes for line in printed(process)}) == 1


# -- the cache ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "missing", [{"HOME": None}, pytest.param({"HOME": ""}, marks=nightly), pytest.param({"HOME": "/no"}, marks=nightly)]
)
def test_there_may_be_no_home(missing):
    expected = printed(python(SMALL + "print(digest())"))
    assert (
        printed(python(SMALL + "print(digest())", **{"XDG_CACHE_HOME": None, "LOCALAPPDATA": None} | missing))
        == expected
    )


@linux
@pytest.mark.parametrize(
    "options", ["ro", "size=40k", *(pytest.param(o, marks=nightly) for o in ("size=4k", "size=200k", "nr_inodes=4"))]
)
def test_a_disk_may_be_full_or_read_only(options, tmp_path):
    mounted = f'mount -t tmpfs -o {options} none {tmp_path} && exec {sys.executable} -c "$CODE"'
    code = SMALL + "print(digest())"
    if subprocess.run(["unshare", "-rm", "mount", "-t", "tmpfs", "none", tmp_path], capture_output=True).returncode:
        pytest.skip("this system lets nobody mount")
    command = ["unshare", "-rm", "sh", "-c", mounted]
    done = subprocess.run(command, capture_output=True, text=True, env=os.environ | {"CODE": code}, timeout=120)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == printed(python(code))


DAMAGE = (
    SMALL
    + """
import os, pathlib, random, sys
from clearprop.engine.native import jit, prediction, training
def forget():
    jit._addresses.clear()
    for remembered in (training._function, prediction._predict, prediction._predict_rows):
        remembered.cache_clear()
def garbage(rng, data, other):
    return rng.randbytes(len(data))
def flip(rng, data, other):
    k = rng.randrange(len(data))
    return data[:k] + bytes([data[k] ^ 1 << rng.randrange(8)]) + data[k + 1 :]
def cut(rng, data, other):
    return data[: rng.randrange(len(data))]
def longer(rng, data, other):
    return data + rng.randbytes(rng.randrange(1, 100))
def swap(rng, data, other):
    return other
def graft(rng, data, other):
    return data[:40] + other[40:]
expected, rng = digest(), random.Random(int(sys.argv[1]))
folder = jit.cache_folder()
names, kinds = sorted(path.name for path in folder.iterdir()), [garbage, flip, cut, longer, swap, graft]
for round in range(int(sys.argv[2])):
    name, other = rng.sample(names, 2)
    good = (folder / name).read_bytes()
    bad = kinds[round % len(kinds)](rng, good, (folder / other).read_bytes())
    print(name, kinds[round % len(kinds)].__name__, flush=True)
    (folder / name).write_bytes(bad)
    forget()
    assert digest() == expected
    assert (folder / name).read_bytes() == good, "it was not replaced"
print("passed")
"""
)


@pytest.mark.parametrize(("processes", "rounds"), [(1, 12), pytest.param(10, 100, marks=nightly)])
def test_a_fit_with_a_damaged_cache_is_right(processes, rounds):
    for seed in range(processes):
        assert printed(python(DAMAGE, seed, rounds), 600)[-1] == "passed"


# -- Ctrl-C ------------------------------------------------------------------------------------------------------------

INTERRUPT = """
import hashlib, os, signal, sys, threading, time
import numpy as np
from clearprop import MLP, train
from clearprop.engine.native import program
from clearprop.engine.native.program import NativeProgram
widths, rows, batch, threads, order, times = eval(sys.argv[1])
NativeProgram.threads = property(lambda self: threads)
rng = np.random.default_rng(0)
data = rng.normal(size=(rows, widths[0])).astype("float32"), rng.normal(size=rows).astype("float32")
def start(**options):
    model = MLP(widths, "tanh", dtype="float32", seed=1)
    options |= {"epochs": 10**6, "batch_size": batch, "order": order, "engine": "native"}
    return model, train(model, data, "mse", "sgd", **options)
def wait(loop):
    for epoch in loop:
        pass
for _ in range(2):
    next(start(record="step")[1])  # compiled
signal.signal(signal.SIGINT, signal.default_int_handler)  # a test run in the background ignores it
for k in range(times):
    model, loop = start()
    sent = []
    def press():
        time.sleep(0.05 + 0.1 * rng.random())
        sent.append(time.perf_counter())
        os.kill(os.getpid(), signal.SIGINT)
    thread = threading.Thread(target=press)
    try:
        thread.start()
        wait(loop)
    except KeyboardInterrupt:
        print(time.perf_counter() - sent[0], flush=True)
    thread.join()
    assert np.isfinite(model.w).all()
    other, again = start(record="step")
    if k == 0 and times < 100:
        for step, _ in enumerate(again):
            if np.array_equal(model.w, other.w):
                break
            assert step < 30_000, "no such state"
"""
CASES = {  # widths, rows, batch size, threads, order
    "small": ([2, 8, 1], 60, 20, 1, "shuffled"),
    "medium": ([50, 128, 128, 1], 20_000, 256, 1, "shuffled"),
    "two threads": ([50, 128, 128, 1], 20_000, 256, 2, "shuffled"),
}


def interrupted(case, times):
    """How long it took each time, in seconds."""
    return [float(line) for line in printed(python(INTERRUPT, (*CASES[case], times)), 600)]


@posix
@pytest.mark.parametrize("case", ["medium", "two threads"])
@pytest.mark.parametrize("times", [3, pytest.param(99, marks=nightly)])
def test_ctrl_c_ends_a_fit_soon_in_a_state_of_the_run(case, times):
    seconds = interrupted(case, times)
    print(f"{case}: median {statistics.median(seconds):.3f} s, longest {max(seconds):.3f} s")
    assert len(seconds) == times
    assert statistics.median(seconds) < 0.5


LONG = """
import hashlib, os, signal, sys, threading, time
import numpy as np
from clearprop import MLP, fit, predict
from clearprop.engine.native import scheduler
from clearprop.optim import LBFGS
rng, begun, share = np.random.default_rng(0), [], scheduler.share_interruptibly
signal.signal(signal.SIGINT, signal.default_int_handler)  # a test run in the background ignores it
def press():
    time.sleep(0.3)
    begun.append(time.perf_counter())
    os.kill(os.getpid(), signal.SIGINT)
def shared(*arguments):
    threading.Thread(target=press).start()
    share(*arguments)
def small():
    model = MLP([2, 8, 1], seed=1)
    fit(model, (np.ones((9, 2)), np.arange(9.0)), "mse", epochs=2, engine="native")
    return model.w.tobytes()
expected, kind = small(), sys.argv[1]
width, rows = {"predict": (10, 150_000)}.get(kind, (100, 6000))
model = MLP([width, 3000, 3000, 1], dtype="float32", seed=1)
X, y = rng.normal(size=(rows, width)).astype("float32"), rng.normal(size=rows).astype("float32")
before = model.w.copy()
scheduler.share_interruptibly = shared
try:
    if kind == "predict":
        predict(model, X, engine="native")
    else:
        fit(model, (X, y), "mse", LBFGS() if kind == "minimise" else "adam", batch_size=rows, epochs=1, engine="native")
except KeyboardInterrupt:
    print(time.perf_counter() - begun[0])
assert np.isfinite(model.w).all() and np.array_equal(model.w, before)
scheduler.share_interruptibly = share
assert small() == expected
"""


@posix
@pytest.mark.parametrize("kind", ["train", "minimise", "predict"])
def test_ctrl_c_abandons_what_takes_long_and_nothing_has_changed(kind):
    (seconds,) = map(float, printed(python(LONG, kind, OMP_NUM_THREADS="2")))  # to the end it would be four or more
    print(f"{kind}: {seconds:.3f} s")
    assert seconds < 2.0


# -- floating-point modes ----------------------------------------------------------------------------------------------

X86_MODE = """
declare void @llvm.x86.sse.stmxcsr(ptr)
declare void @llvm.x86.sse.ldmxcsr(ptr)
define void @mode(ptr %p, i64 %write) nounwind {
  %w = icmp ne i64 %write, 0
  br i1 %w, label %set, label %get
set:
  call void @llvm.x86.sse.ldmxcsr(ptr %p)
  ret void
get:
  call void @llvm.x86.sse.stmxcsr(ptr %p)
  ret void
}
"""
ARM_MODE = """
declare i64 @llvm.aarch64.get.fpcr()
declare void @llvm.aarch64.set.fpcr(i64)
define void @mode(ptr %p, i64 %write) nounwind {
  %w = icmp ne i64 %write, 0
  br i1 %w, label %set, label %get
set:
  %new = load i64, ptr %p
  call void @llvm.aarch64.set.fpcr(i64 %new)
  ret void
get:
  %old = call i64 @llvm.aarch64.get.fpcr()
  store i64 %old, ptr %p
  ret void
}
"""


class Mode:
    """The mode of floating-point calculation of the thread that asks."""

    def __init__(self):
        definition = Definition("mode", ARM_MODE if HOST.name == "neon" else X86_MODE)
        address = jit.load(HOST, [definition])["mode"]
        self._call = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int64)(address)
        self._word = ctypes.c_int64(0)

    def get(self):
        self._call(ctypes.addressof(self._word), 0)
        return self._word.value

    def set(self, value):
        self._word.value = value
        self._call(ctypes.addressof(self._word), 1)


TINY_TO_ZERO = 1 << 24 if HOST and HOST.name == "neon" else 0x8040  # FZ; or flush to zero and denormals are zero


@pytest.mark.parametrize("threads", [1, 2])
def test_the_callers_mode_of_calculation_neither_matters_nor_changes(threads, monkeypatch):
    monkeypatch.setattr(tuning, "TABLE", tuned(worth_sharing=1.0))
    model, mode = MLP([3, 16, 1], "identity", dtype="float32", seed=3), Mode()
    rng = np.random.default_rng(1)
    X, y = (rng.normal(size=(70, 3)) * 1e-38).astype(np.float32), rng.normal(size=70).astype(np.float32)
    compiled = compile_program(model, optimizer=SGD(learning_rate=0.1), threads=threads)
    step = Steps(compiled, X, y, 32)

    def results():
        loss, gradient = compiled.loss_and_grad(X, y)
        few, many = compiled.predict(X[:3]), compiled.predict(X)
        return [step.run(), np.array(loss), gradient, few, many]

    expected, before = results(), mode.get()
    assert (np.abs(expected[-1][expected[-1] != 0]) < np.finfo(np.float32).tiny).any()  # some are tiny
    try:
        mode.set(before | TINY_TO_ZERO)
        found = results()
        after = mode.get()
    finally:
        mode.set(before)
    assert after & TINY_TO_ZERO == TINY_TO_ZERO
    assert [f.tobytes() for f in found] == [e.tobytes() for e in expected]


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("batch_size", [1, 4])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_training_takes_tiny_numbers_for_zero_and_gradients_do_not(dtype, batch_size, threads, monkeypatch):
    monkeypatch.setattr(tuning, "TABLE", tuned(worth_sharing=1.0))
    model, mode, tiny = MLP([3, 20, 1], dtype=dtype), Mode(), np.finfo(dtype).tiny
    compiled = compile_program(model, optimizer=SGD(learning_rate=0.1, momentum=0.9), threads=threads)
    step = Steps(compiled, np.zeros((9, 3)), np.zeros(9), batch_size)  # all gradients are 0, so slots only shrink
    before, ends = mode.get(), []
    for slot in (tiny / 8, 8 * tiny):
        state = initial_state(model, compiled.optimizer, 0)
        state.slots[...] = slot
        while state.position < len(step.batches):
            state = compiled.run(state, step.data, step.batches, step.table, np.zeros(1, np.uint8))
        ends.append(state.slots)
    assert not ends[0].any() and (ends[1] >= tiny).all()

    X, y = np.random.default_rng(1).normal(size=(2, 9, 3)).astype(dtype)
    weights = np.full(9, tiny / 64, dtype)
    reference = ENGINES["reference"]().compile(model, MSE(), SGD(), GradientOptions())
    value, g = compiled.loss_and_grad(X, y[:, :1], weights)
    expected, h = reference.loss_and_grad(X, y[:, :1], weights)
    assert np.any(h) and np.linalg.norm(g - h) < 100 * np.finfo(dtype).eps * np.linalg.norm(h)
    assert value == pytest.approx(expected, rel=100 * float(np.finfo(dtype).eps))
    assert mode.get() == before


# -- memory ------------------------------------------------------------------------------------------------------------


def resident():
    gc.collect()
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def fits(k):
    model = MLP([2, 8, 2], "tanh", seed=k % 7)
    fit(model, moons(20), "crossentropy", epochs=2, batch_size=1 + k % 5, engine="native")


def predicts(k, model=MLP([2, 8, 2], seed=4)):  # noqa: B008  # one for all
    predict_with(model, np.ones((1 + k % 70, 2)), engine="native")


def fails(k):
    data = (np.ones((20, 2)), np.full(20, 1e30))
    with pytest.raises(DivergenceError):
        fit(MLP([2, 8, 1], "relu", seed=k % 7), data, "mse", SGD(learning_rate=1e30), epochs=9, engine="native")


def settings(k):
    model = MLP([2, 8, 2], "tanh")
    optimizer = Adam(learning_rate=0.001 + k / 1e5)
    fit(model, moons(20), "crossentropy", optimizer, epochs=1, l2=(1 + k) / 1e6, seed=k, engine="native")


@linux
@pytest.mark.parametrize("work", [fits, predicts, fails, settings])
@pytest.mark.parametrize("times", [300, pytest.param(10_000, marks=nightly)])
def test_neither_memory_nor_compiled_functions_grow(work, times, compilations):
    for k in range(100):
        work(k)
    before, compiled = resident(), len(compilations)
    for k in range(times):
        work(k)
    growth = (resident() - before) / 2**20
    print(f"{times} {work.__name__}: {growth:+.1f} MB")
    assert growth < 5
    assert len(compilations) == compiled, "something was compiled anew"


# -- speed beside others -----------------------------------------------------------------------------------------------


def seconds_of(threads, model, data):
    before = NativeProgram.threads
    NativeProgram.threads = property(lambda self: threads)
    try:
        begun = time.perf_counter()
        fit(model, data, "mse", epochs=1, batch_size=256, engine="native")
        return time.perf_counter() - begun
    finally:
        NativeProgram.threads = before


@nightly
@linux
@pytest.mark.skipif(
    len(os.sched_getaffinity(0)) < 2 if hasattr(os, "sched_getaffinity") else True, reason="one processor"
)
@pytest.mark.parametrize("hogs", [0, 1, 2])
def test_two_threads_are_not_much_slower_than_one_beside_busy_processes(hogs):
    rng = np.random.default_rng(0)
    data = rng.normal(size=(20_000, 50)).astype("float32"), rng.normal(size=20_000).astype("float32")
    model = MLP([50, 256, 256, 1], dtype="float32")
    busy = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(hogs)]
    try:
        times = [[seconds_of(threads, model, data) for threads in (1, 2)] for _ in range(12)][1:]
    finally:
        for process in busy:
            process.kill()
            process.wait()
    one, two = (statistics.median(column) for column in zip(*times, strict=True))
    print(f"{hogs} hogs: one thread {one:.3f} s, two {two:.3f} s, ratio {two / one:.2f}")
    assert two < 1.5 * one


# -- what compiling costs ----------------------------------------------------------------------------------------------

COST = """
import time, numpy as np
from clearprop import MLP, fit, load_dataset
data = load_dataset("moons", n_samples=200)
times = []
for widths in ([2, 16, 16, 2], [2, 16, 16, 2], [2, 25, 50, 2], [2, 25, 50, 2]):
    begun = time.perf_counter()
    fit(MLP(widths), data, "crossentropy", epochs=1, engine="native")
    times.append(time.perf_counter() - begun)
print(times[0] - times[1], times[2] - times[3])
"""


@nightly
def test_compiling_costs_less_than_a_second(tmp_path):
    """First an empty cache, then a full one: a first fit, and one of another architecture."""
    costs = {"empty": [], "full": []}
    for k in range(5):
        for state in costs:
            costs[state].append(list(map(float, printed(python(COST, XDG_CACHE_HOME=str(tmp_path / str(k)))))))
    for state, pairs in costs.items():
        first, second = (statistics.median(column) for column in zip(*pairs, strict=True))
        print(f"{state} cache: the first fit takes {first:.3f} s longer, a second architecture {second:.3f} s")
        assert first < 2.0 and second < 1.0
