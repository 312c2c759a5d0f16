"""Threads share phases of work: each ticket once, each phase complete before the next, whoever sleeps or is missing."""

import ctypes
import gc
import multiprocessing
import os
import subprocess
import sys
import threading
import time
import weakref
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

llvm = pytest.importorskip("llvmlite.binding")

from clearprop.engine.native import jit, scheduler  # noqa: E402
from clearprop.engine.native.jit import Definition  # noqa: E402
from clearprop.engine.native.module import Module  # noqa: E402
from clearprop.engine.native.scheduler import MOST_PHASES, Board, share, usable_threads  # noqa: E402
from clearprop.engine.native.target import avx512, host_target, neon  # noqa: E402

MOST = 7  # tickets in a phase

# Phase p has 1 + 3p % 7 tickets.  Ticket t of it looks whether all of phase p - 1 has left its mark, idles for a while,
# leaves its own mark, and counts itself without any lock, so that a ticket drawn twice at once would be noticed.
DRIVER = f"""
declare i64 @draw(ptr, i64, i64, i64, i64)
declare i64 @stopped(ptr, i64)

define i64 @run(ptr %arguments, i64 %number) {{
entry:
  %board = load ptr, ptr %arguments
  %marks.at = getelementptr i64, ptr %arguments, i64 1
  %marks = load ptr, ptr %marks.at
  %counts.at = getelementptr i64, ptr %arguments, i64 2
  %counts = load ptr, ptr %counts.at
  %idle.at = getelementptr i64, ptr %arguments, i64 3
  %idle = load i64, ptr %idle.at
  %errors = getelementptr i64, ptr %arguments, i64 4
  br label %phase
phase:
  %p = phi i64 [0, %entry], [%next, %drawn]
  %before = phi i64 [0, %entry], [%tickets, %drawn]
  %done = phi i64 [0, %entry], [%did, %drawn]
  %triple = mul i64 %p, 3
  %rest = urem i64 %triple, {MOST}
  %tickets = add i64 %rest, 1
  %odd = and i64 %p, 1
  %even = xor i64 %odd, 1
  %mine = mul i64 %odd, {MOST}
  %theirs = mul i64 %even, {MOST}
  br label %draw
draw:
  %did = phi i64 [%done, %phase], [%didmore, %mark]
  %t = call i64 @draw(ptr %board, i64 %number, i64 %p, i64 %tickets, i64 %odd)
  %got = icmp ult i64 %t, %tickets
  br i1 %got, label %look, label %drawn
look:
  %i = phi i64 [0, %draw], [%i1, %seen]
  %wrong = phi i64 [0, %draw], [%wrong1, %seen]
  %looking = icmp ult i64 %i, %before
  br i1 %looking, label %seen, label %loiter
seen:
  %place = add i64 %theirs, %i
  %seen.at = getelementptr i64, ptr %marks, i64 %place
  %value = load i64, ptr %seen.at
  %differs = icmp ne i64 %value, %p
  %one = zext i1 %differs to i64
  %wrong1 = add i64 %wrong, %one
  %i1 = add i64 %i, 1
  br label %look
loiter:
  %j = phi i64 [0, %look], [%j1, %loiter]
  %j1 = add i64 %j, 1
  fence seq_cst
  %idling = icmp ult i64 %j1, %idle
  br i1 %idling, label %loiter, label %mark
mark:
  %next.mark = add i64 %p, 1
  %own = add i64 %mine, %t
  %own.at = getelementptr i64, ptr %marks, i64 %own
  store i64 %next.mark, ptr %own.at
  %count.at = getelementptr i64, ptr %counts, i64 %t
  %count = load i64, ptr %count.at
  %count1 = add i64 %count, 1
  store i64 %count1, ptr %count.at
  %old = atomicrmw add ptr %errors, i64 %wrong monotonic
  %didmore = add i64 %did, 1
  br label %draw
drawn:
  %next = add i64 %p, 1
  %stopped = call i64 @stopped(ptr %board, i64 %number)
  %over = icmp ne i64 %stopped, 0
  br i1 %over, label %end, label %phase
end:
  ret i64 %did
}}
"""


def compiled():
    """The driver as a function that leaves Python's lock while it runs."""
    host, _ = host_target()
    definitions = driver(host)
    address = jit.load(host, definitions)[definitions[-1].name]
    return ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_void_p, ctypes.c_int64)(address)


def driver(target):
    """The scheduler's definitions for a kind of processor, and the driver that calls them."""
    m = Module(np.float64, target)
    scheduler.draw(m), scheduler.stopped(m)
    text, calls = DRIVER, [name for name in m.definitions if not name.startswith("wait")]
    for name in calls:
        text = text.replace(f"@{name.rpartition('_')[0]}(", f"@{name}(")
    return [*m.definitions.values(), Definition("run", text, tuple(calls))]


@pytest.fixture(scope="module")
def native():
    return compiled()


class Run:
    """One run of the driver with a board and arrays of its own."""

    def __init__(self, native, threads, phases, idle=1):
        self.native, self.threads, self.phases = native, threads, phases
        self.stop = np.zeros(1, np.uint8)
        self.board = Board(threads, phases, self.stop)
        self.marks, self.counts = np.zeros(2 * MOST, np.int64), np.zeros(MOST, np.int64)
        addresses = [self.board.address, self.marks.ctypes.data, self.counts.ctypes.data]
        self.arguments = np.array([*addresses, idle, 0], np.int64)
        self.tickets = {}

    def __call__(self, number):
        self.tickets[number] = self.native(self.arguments.ctypes.data, number)

    def go(self):
        share(self.threads, self)
        return self

    def memory(self):
        return b"".join(bytes(part) for part in (self.board._memory, self.marks, self.counts))

    def check(self):
        """Every ticket of every phase done once, none before all of the previous phase."""
        assert self.arguments[4] == 0
        sizes = 1 + 3 * np.arange(self.board.completed) % MOST
        assert self.counts.tolist() == [int(np.sum(sizes > ticket)) for ticket in range(MOST)]
        return self


@contextmanager
def busy_neighbour():
    """A process that wants a processor for itself."""
    process = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        yield
    finally:
        process.kill()
        process.wait()


def python(code, **environment):
    """Run a program with this module at hand; it must end by itself, well, and in silence."""
    folders = [str(Path(scheduler.__file__).parents[3]), str(Path(__file__).parent)]
    done = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path[:0] = {folders!r}\n{code}"],
        env={key: value for key, value in os.environ.items() if key != "OMP_NUM_THREADS"} | environment,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.split()


NATIVE = """
import test_scheduler as test, threading, time
native = test.compiled()
"""


@pytest.mark.parametrize("target", [avx512("x86_64-unknown-linux-gnu"), neon("aarch64-unknown-linux-gnu")])
def test_ir_is_valid_for_both_kinds_of_processor(target):
    for definition in driver(target):
        llvm.parse_assembly(definition.text).verify()


@pytest.mark.parametrize("threads", [1, 2, 3, 4, 8])
@pytest.mark.parametrize("crowded", [False, True])
def test_every_ticket_once_and_phases_in_order(native, threads, crowded):
    with busy_neighbour() if crowded else nullcontext():
        for repetition in range(60):
            run = Run(native, threads, 200, idle=repetition % 5 * 10).go().check()
            assert run.board.completed == 200


@pytest.mark.parametrize("number", range(4))
def test_a_run_is_complete_though_only_one_thread_comes(native, number):
    """It draws the tickets of all the others too."""
    run = Run(native, 4, 50)
    run(number)
    assert run.check().board.completed == 50
    assert run.tickets == {number: run.counts.sum()}


def test_a_board_is_aligned_and_empty():
    board = Board(2, 10, np.zeros(1, np.uint8))
    assert board.address % 128 == 0
    assert board.completed == 0


@pytest.mark.parametrize("threads", [1, 2, 4])
def test_stop_ends_a_run_after_whole_steps(native, threads):
    steps = set()
    for pause in np.linspace(0, 0.01, 20):
        run = Run(native, threads, MOST_PHASES)
        timer = threading.Timer(pause, run.stop.fill, [1])
        timer.start()
        run.go()
        timer.join()
        assert run.check().board.completed % 2 == 0
        steps.add(run.board.completed)
    assert len(steps) > 5
    early = Run(native, threads, 1000)
    early.stop[0] = 1
    assert early.go().check().board.completed == 2


def test_late_helpers_find_nothing_left(native):
    run = Run(native, 2, 100)
    run(0)
    after = run.memory()
    run(1)
    assert run.tickets[1] == 0
    assert run.memory() == after


def test_work_lives_until_its_helpers_are_through():
    array, held = np.ones(3), threading.Event()
    alive = weakref.ref(array)

    def work(number, array=array):
        if number:
            held.wait()
            array.sum()

    share(2, work)
    del array, work
    gc.collect()
    assert alive() is not None
    held.set()
    wait_until(lambda: alive() is None)


def wait_until(condition, seconds=20):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.001)


def test_sixteen_callers_at_once(native):
    def many(_):
        return [Run(native, 3, 60).go().check().board.completed for _ in range(30)]

    with ThreadPoolExecutor(16) as pool:
        assert all(completed == [60] * 30 for completed in pool.map(many, range(16)))


def test_an_exception_comes_through_when_helpers_are_through():
    ended = []

    def work(number):
        if number == 0:
            raise KeyboardInterrupt
        time.sleep(0.02)
        ended.append(number)

    with pytest.raises(KeyboardInterrupt):
        share(4, work)
    assert sorted(ended) == [1, 2, 3]


def test_a_helpers_exception_is_shown_and_the_helper_survives(monkeypatch):
    shown, came = [], threading.Event()
    monkeypatch.setattr(sys, "excepthook", lambda kind, *_: shown.append(kind))
    share(2, lambda number: 1 // (1 - number))
    share(2, lambda number: came.set() if number else came.wait())
    assert shown == [ZeroDivisionError]


def test_without_threads_to_be_had_the_caller_does_it_all(native, monkeypatch):
    def refuse(self):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(scheduler, "_helpers", [])
    monkeypatch.setattr(threading.Thread, "start", refuse)
    assert Run(native, 4, 20).go().check().board.completed == 20
    assert scheduler._helpers == []


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_process_gets_helpers_of_its_own(native):
    enough, helped = threading.Event(), threading.Event()

    def elsewhere():
        while not enough.is_set():
            Run(native, 2, 500).go()

    thread = threading.Thread(target=elsewhere)
    thread.start()
    try:
        for _ in range(10):
            child = os.fork()
            if child == 0:
                code = 1
                try:
                    assert scheduler._helpers == []
                    runs = [Run(native, 3, 2000, 50).go().check() for _ in range(20)]
                    share(2, lambda number: helped.set() if number else helped.wait(20))
                    code = 0 if all(run.board.completed == 2000 for run in runs) and helped.is_set() else 2
                finally:
                    os._exit(code)
            assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    finally:
        enough.set()
        thread.join()


@pytest.mark.skipif(os.name != "posix", reason="signals as POSIX has them")
def test_ctrl_c_leaves_no_helper_at_work():
    """Whenever it comes, nothing changes after `share` has been left."""
    printed = python(
        NATIVE
        + """
import random, signal
random.seed(1)
caught = 0
signal.signal(signal.SIGALRM, signal.default_int_handler)
for _ in range(150):
    try:
        signal.setitimer(signal.ITIMER_REAL, random.uniform(1e-5, 4e-3))
        while True:
            run = None
            run = test.Run(native, 2, 200, 20)
            run.go()
    except KeyboardInterrupt:
        caught += 1
        if run is not None:
            before = run.memory()
            time.sleep(0.0005)
            assert run.memory() == before
            assert run.board.completed in (0, 200)
            if run.board.completed: run.check()
print(caught)
"""
    )
    assert printed == ["150"]


@pytest.mark.parametrize(
    "last",
    [
        "",  # idle helpers
        "test.share(2, lambda number: number and time.sleep(60))",  # a busy one in Python
        "test.share(2, lambda number: number and native(busy.arguments.ctypes.data, 1))",  # ... in machine code
        "threading.Thread(target=busy.go, daemon=True).start(); time.sleep(0.05)",  # a whole run
        "import atexit; atexit.register(lambda: test.Run(native, 3, 20).go().check())",  # a run while shutting down
    ],
)
def test_python_ends_cleanly(last):
    busy = "busy = test.Run(native, 2, test.MOST_PHASES, idle=1000)"
    python(f"{NATIVE}\ntest.Run(native, 3, 20).go().check()\n{busy}\n{last}")


# How many threads are of use


@pytest.fixture
def machine(monkeypatch):
    """A machine of eight processors with no limits."""
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: range(8), raising=False)
    monkeypatch.setattr(scheduler, "_container_quota", lambda _: sys.maxsize)


@pytest.mark.parametrize(
    ("asked", "threads"),
    [("3", 3), ("1", 1), (" 2 ", 2), ("4,2", 4), ("100", 8), ("0", 8), ("-1", 8), ("", 8), ("many", 8), ("1.5", 8)],
)
def test_omp_num_threads(machine, monkeypatch, asked, threads):
    assert usable_threads() == 8
    monkeypatch.setenv("OMP_NUM_THREADS", asked)
    assert usable_threads() == threads


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="no affinity here")
def test_affinity():
    assert python("import os, test_scheduler as test; os.sched_setaffinity(0, [min(os.sched_getaffinity(0))])\n"
                  "print(test.usable_threads())") == ["1"]  # fmt: skip


@pytest.mark.parametrize(
    ("groups", "files", "quota"),
    [
        ("0::/", {"cpu.max": "max 100000"}, sys.maxsize),
        ("0::/", {"cpu.max": "200000 100000"}, 2),
        ("0::/", {"cpu.max": "50000 100000"}, 1),
        ("0::/", {"cpu.max": "250000 100000"}, 3),
        ("0::/a/b", {"a/b/cpu.max": "800000 100000", "a/cpu.max": "400000 100000"}, 4),
        ("0::/not/here", {"cpu.max": "300000 100000"}, 3),
        ("0::/", {"cpu.max": "nonsense"}, sys.maxsize),
        ("4:cpu,cpuacct:/a\n0::/", {"cpu/a/cpu.cfs_quota_us": "150000", "cpu/a/cpu.cfs_period_us": "100000"}, 2),
        ("4:cpuacct,cpu:/x", {"cpu/cpu.cfs_quota_us": "100000", "cpu/cpu.cfs_period_us": "100000"}, 1),
        ("1:cpu:/", {"cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000"}, sys.maxsize),
        ("2:memory:/m", {"m/cpu.max": "100000 100000"}, sys.maxsize),
        (None, {}, sys.maxsize),
    ],
)
def test_container_quota(tmp_path, groups, files, quota):
    if groups is not None:
        (tmp_path / "proc/self").mkdir(parents=True)
        (tmp_path / "proc/self/cgroup").write_text(groups + "\n")
    for name, text in files.items():
        file = tmp_path / "sys/fs/cgroup" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text + "\n")
    assert scheduler._container_quota(tmp_path) == quota


IN_JOBLIB = """
import os, test_scheduler as test
from clearprop.engine.native import scheduler
from joblib import Parallel, delayed, parallel_config
def eight(*_):
    os.sched_getaffinity = lambda _: range(8)
    scheduler._container_quota = lambda _: 8
    return test.usable_threads()
"""


@pytest.mark.parametrize(
    ("options", "threads"),
    [
        ("backend='threading', n_jobs=2", "1"),
        ("backend='multiprocessing', n_jobs=2", "1"),
        ("backend='sequential'", "8"),
        ("n_jobs=1", "8"),
    ],
)
def test_joblib_tasks_in_one_process_or_a_plain_pool_get_one_thread(options, threads):
    pytest.importorskip("joblib")
    code = (
        IN_JOBLIB
        + f"if __name__ == '__main__': print(*Parallel({options})(delayed(eight)() for _ in range(2)), eight())"
    )
    assert python(code) == [threads, threads, "8"]


@pytest.mark.parametrize(("options", "threads"), [("", "1"), (", inner_max_num_threads=3", "3")])
def test_loky_workers_get_what_joblib_grants(options, threads):
    """It sets OMP_NUM_THREADS to its count of processors divided by its workers, unless told otherwise."""
    pytest.importorskip("joblib")
    code = f"with parallel_config('loky'{options}): print(*Parallel(2)(delayed(eight)() for _ in range(2)), eight())"
    assert python(IN_JOBLIB + code, LOKY_MAX_CPU_COUNT="2") == [threads, threads, "8"]


def test_dask_tasks_in_one_process_get_one_thread(machine, monkeypatch):
    """As the threads of its workers mark themselves while a task runs."""
    state = SimpleNamespace()
    monkeypatch.setitem(sys.modules, "distributed.worker", SimpleNamespace(thread_state=state))
    assert usable_threads() == 8
    state.key = "sum-1"
    assert usable_threads() == 1


def test_ones_own_threads_and_processes_are_not_limited():
    with ThreadPoolExecutor(2) as threads:
        assert list(threads.map(lambda _: usable_threads(), range(4))) == [usable_threads()] * 4
    with multiprocessing.get_context("spawn").Pool(2) as processes:
        assert [processes.apply(usable_threads) for _ in range(2)] == [usable_threads()] * 2
