"""How threads share a training run: numbered phases of work, each cut into tickets that any thread may draw.

A phase ends when its *work* is done, not when every thread has arrived.  A thread that the operating system keeps
waiting holds nobody up unless it holds a ticket; when it wakes it finds its phase past and skips on.  Hence two threads
are hardly ever slower than one, whatever else the machine is doing, and nothing fails if a helper never comes.
"""

import ctypes
import functools
import math
import os
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from queue import SimpleQueue

import numpy as np
from numpy.typing import NDArray

# The board: 64-bit words.  What different threads write lies 128 bytes apart: processors fetch cache lines of 64 bytes
# in pairs, and Apple's are that long.  Word 0 is phase << 32 | next ticket.
_FINISHED, _COMPLETED = 16, 17  # tickets finished in this phase; phases completed, written at the end of the run
_ALONE, _PHASES, _STOP, _YIELD, _SLEEP, _NAP = range(32, 38)  # never change during a run
_ABANDONED = 48  # not 0: nobody wants the results any more
_Memory = ctypes.c_int64 * (64 + 15)  # four such stretches, and room to align them; zeroed
_LAST = 0x7FFFFFFF  # the phase after the end: every other phase is past

_PAUSE = {False: ("llvm.x86.sse2.pause", "", ""), True: ("llvm.aarch64.hint", "i32", "i32 1")}


def scheduler_ir(arm: bool) -> str:
    """Three functions in LLVM's language, for x86 or 64-bit ARM.  Each thread of a run does

        phase = 0
        do for each phase of a step:
            while ticket = draw(board, phase, tickets) < tickets:
                work
                finished(board, phase, tickets, whether this phase is the last of its step)
            phase += 1
        until stopped(board)

    `tickets` is at least 1 and the same for all threads.  Whoever leaves a phase sees all that was written in it.

    `draw`'s acquiring load meets `finished`'s releasing store, and the tickets drawn in between are read-modify-writes
    of that store's word; the last to finish has by its own read-modify-write seen all the others' work.  A thread that
    is alone needs no locked instructions, which would cost a small network several per cent.

    Waiting spins, then yields, then sleeps: on a crowded machine only sleep lets the kernel move the other threads.
    """
    name, kinds, values = _PAUSE[arm]
    return f"""
declare void @{name}({kinds})

define internal i64 @draw(ptr %board, i64 %phase, i64 %tickets) nounwind {{
entry:
  %alone.at = getelementptr i64, ptr %board, i64 {_ALONE}
  %abandoned.at = getelementptr i64, ptr %board, i64 {_ABANDONED}
  %abandoned = load atomic i64, ptr %abandoned.at monotonic, align 8
  %vain = icmp ne i64 %abandoned, 0
  br i1 %vain, label %over, label %look
look:
  %state = load atomic i64, ptr %board acquire, align 8
  %now = lshr i64 %state, 32
  %past = icmp ugt i64 %now, %phase
  br i1 %past, label %over, label %open
open:
  %ticket = and i64 %state, 4294967295
  %left = icmp ult i64 %ticket, %tickets
  br i1 %left, label %take, label %wait
take:
  %taken = add i64 %state, 1
  %alone = load i64, ptr %alone.at
  %simple = icmp ne i64 %alone, 0
  br i1 %simple, label %write, label %compete
write:
  store atomic i64 %taken, ptr %board monotonic, align 8
  ret i64 %ticket
compete:
  %pair = cmpxchg ptr %board, i64 %state, i64 %taken acq_rel monotonic
  %won = extractvalue {{i64, i1}} %pair, 1
  br i1 %won, label %got, label %look
got:
  ret i64 %ticket
wait:
  %none = tail call i64 @wait(ptr %board, i64 %phase, i64 %tickets)
  ret i64 %none
over:
  ret i64 %tickets
}}

define internal i64 @wait(ptr %board, i64 %phase, i64 %tickets) noinline nounwind {{
entry:
  %yield.at = getelementptr i64, ptr %board, i64 {_YIELD}
  %sleep.at = getelementptr i64, ptr %board, i64 {_SLEEP}
  %nap.at = getelementptr i64, ptr %board, i64 {_NAP}
  %abandoned.at = getelementptr i64, ptr %board, i64 {_ABANDONED}
  br label %look
look:
  %looks = phi i64 [0, %entry], [%more, %spin], [%more, %yield], [%more, %sleep]
  %state = load atomic i64, ptr %board acquire, align 8
  %now = lshr i64 %state, 32
  %past = icmp ugt i64 %now, %phase
  %abandoned = load atomic i64, ptr %abandoned.at monotonic, align 8
  %vain = icmp ne i64 %abandoned, 0
  %through = or i1 %past, %vain
  br i1 %through, label %over, label %spin
spin:
  %more = add i64 %looks, 1
  call void @{name}({values})
  %long = icmp ugt i64 %looks, 300
  br i1 %long, label %yield, label %look
yield:
  %yield.to = load ptr, ptr %yield.at
  %yielded = call i32 %yield.to()
  %longer = icmp ugt i64 %looks, 600
  br i1 %longer, label %sleep, label %look
sleep:
  %sleep.to = load ptr, ptr %sleep.at
  %nap = load i32, ptr %nap.at
  %slept = call i32 %sleep.to(i32 %nap)
  br label %look
over:
  ret i64 %tickets
}}

define internal void @finished(ptr %board, i64 %phase, i64 %tickets, i1 %step) nounwind {{
entry:
  %finished.at = getelementptr i64, ptr %board, i64 {_FINISHED}
  %alone.at = getelementptr i64, ptr %board, i64 {_ALONE}
  %next = add i64 %phase, 1
  %alone = load i64, ptr %alone.at
  %simple = icmp ne i64 %alone, 0
  br i1 %simple, label %read, label %count
read:
  %seen = load i64, ptr %finished.at
  %more = add i64 %seen, 1
  store i64 %more, ptr %finished.at
  br label %counted
count:
  %counts = atomicrmw add ptr %finished.at, i64 1 acq_rel
  br label %counted
counted:
  %before = phi i64 [%seen, %read], [%counts, %count]
  %done = add i64 %before, 1
  %last = icmp eq i64 %done, %tickets
  br i1 %last, label %close, label %end
close:
  store atomic i64 0, ptr %finished.at monotonic, align 8
  br i1 %step, label %ask, label %publish
ask:
  %phases.at = getelementptr i64, ptr %board, i64 {_PHASES}
  %phases = load i64, ptr %phases.at
  %all = icmp uge i64 %next, %phases
  %stop.at = getelementptr i64, ptr %board, i64 {_STOP}
  %stop.byte = load ptr, ptr %stop.at
  %stop = load atomic i8, ptr %stop.byte monotonic, align 1
  %asked = icmp ne i8 %stop, 0
  %enough = or i1 %all, %asked
  br i1 %enough, label %complete, label %publish
complete:
  %completed.at = getelementptr i64, ptr %board, i64 {_COMPLETED}
  store i64 %next, ptr %completed.at
  br label %publish
publish:
  %opens = phi i64 [%next, %close], [%next, %ask], [{_LAST}, %complete]
  %opened = shl i64 %opens, 32
  store atomic i64 %opened, ptr %board release, align 8
  br label %end
end:
  ret void
}}

define internal i1 @stopped(ptr %board) nounwind {{
  %state = load atomic i64, ptr %board acquire, align 8
  %complete = icmp uge i64 %state, {_LAST << 32}
  %abandoned.at = getelementptr i64, ptr %board, i64 {_ABANDONED}
  %abandoned = load atomic i64, ptr %abandoned.at monotonic, align 8
  %vain = icmp ne i64 %abandoned, 0
  %stopped = or i1 %complete, %vain
  ret i1 %stopped
}}
"""


if sys.platform == "win32":
    _system = ctypes.WinDLL("kernel32")
    _yield, _sleep, _nap = _system.SwitchToThread, _system.Sleep, 0  # Sleep(1) may take 15 ms, Sleep(0) only gives way
else:
    _system = ctypes.CDLL(None)
    _yield, _sleep, _nap = _system.sched_yield, _system.usleep, 1  # a microsecond
# Machine code that is cached must not depend on where these functions are today, so it finds them on the board.
_WAITING = (*(ctypes.cast(function, ctypes.c_void_p).value or 0 for function in (_yield, _sleep)), _nap)


class Board:
    """The memory through which the threads of one run agree.  Every run has its own, so a helper that comes late finds
    its run over and does no harm to the next.

    Parameters
    ----------
    threads : how many will work
    phases : how many there are to do, whole steps, below 2³¹ - 1
    stop : an array of one byte; the run ends after the step during which it ceases to be 0
    """

    def __init__(self, threads: int, phases: int, stop: NDArray[np.uint8]) -> None:
        self._memory = _Memory()
        self._start = -ctypes.addressof(self._memory) % 128 // 8  # where the board begins
        self.address = ctypes.addressof(self._memory) + 8 * self._start
        constants = slice(self._start + _ALONE, self._start + _NAP + 1)
        self._memory[constants] = [threads == 1, phases, stop.ctypes.data, *_WAITING]
        self._stop = stop  # the board has its address only

    def abandon(self) -> None:
        """Let all threads leave as soon as they have finished the tickets they hold; the results are of no use."""
        self._memory[self._start + _ABANDONED] = 1

    @property
    def completed(self) -> int:
        """How many phases were done, when the run is over."""
        return self._memory[self._start + _COMPLETED]


_Work = Callable[[int], object]
_helpers: list[SimpleQueue[tuple[_Work, int]]] = []  # what each helper thread is asked to do, and as which number

if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_helpers.clear)  # a forked process has none of its parent's threads


def share(threads: int, work: _Work) -> None:
    """Call `work(0)` here and, in helper threads, `work(1)` to `work(threads - 1)`; return as soon as `work(0)` does.

    The work is to be shared in phases: complete when `work(0)` returns, whether or not helpers came.  One that is busy
    with another caller's work comes later and finds nothing left.  It holds `work`, and with it all arrays, until then.

    Raises
    ------
    whatever `work(0)` raises, and Ctrl-C; no helper is at this work any more by then
    """
    _start(threads - 1)
    helpers = _helpers[: threads - 1]
    try:
        for number, requests in enumerate(helpers, 1):
            requests.put((work, number))
        work(0)
    except BaseException:
        # Ctrl-C may come before work(0) has begun.  Helpers then do all of it, and the caller must not go on before.
        _wait_for(helpers)
        raise


def share_interruptibly(threads: int, work: _Work, board: Board) -> None:
    """As `share`, but Ctrl-C abandons the work: for phases that take longer than a user wants to wait.

    Python attends to signals between its own instructions only, so all the work is left to helper threads.
    """
    over = threading.Event()

    def watched(number: int) -> None:
        try:
            work(number)
        finally:
            if number == 0:
                over.set()

    _start(threads)
    helpers = _helpers[:threads]
    if not helpers:
        return share(threads, work)
    try:
        for number, requests in enumerate(helpers):
            requests.put((watched, number))
        while not over.wait(1.0):  # without a time, Windows would not be interrupted
            pass
    except BaseException:
        board.abandon()
        _wait_for(helpers)
        raise


def share_record(
    function: Callable[[int, int], object],
    record: NDArray[np.int64],
    kept: object,
    threads: int,
    board: Board,
    *,
    long: bool,
) -> None:
    """Call ``function(address of the record, number)`` by all threads; `long` says that Ctrl-C cannot wait for the end.

    `record` and `kept`, all that it points to, live until the last helper has left: one that comes late still reads it.
    """
    address = record.ctypes.data

    def work(number: int, _kept: object = (record, kept)) -> None:
        function(address, number)

    if long:
        share_interruptibly(threads, work, board)
    else:
        share(threads, work)


def _start(helpers: int) -> None:
    """Have at least that many helper threads, if the system grants them."""
    while len(_helpers) < helpers:  # two callers at once may start one too many, which does no harm
        requests: SimpleQueue[tuple[_Work, int]] = SimpleQueue()
        try:
            threading.Thread(target=_help, args=[requests], name="clearprop helper", daemon=True).start()
        except RuntimeError:  # the system grants no more threads, or Python is shutting down
            break
        _helpers.append(requests)


def _wait_for(helpers: list[SimpleQueue[tuple[_Work, int]]]) -> None:
    """Until these helpers are through with all that they have been asked to do."""
    through: SimpleQueue[int] = SimpleQueue()
    for requests in helpers:
        requests.put((through.put, 0))
    for _ in helpers:
        through.get()


def _help(requests: SimpleQueue[tuple[_Work, int]]) -> None:
    """What a helper thread does all its life."""
    while True:
        work, number = requests.get()
        try:
            work(number)
        except BaseException:
            sys.excepthook(*sys.exc_info())
        del work  # and so the arrays, before waiting again


def usable_threads() -> int:
    """How many threads can be of use here and now, at least one.

    Processors this process may run on, the quota of its container, and OMP_NUM_THREADS: users set it, and so do joblib,
    Dask and Ray in their worker processes.  Where joblib and Dask run several tasks in one process, or joblib in
    `multiprocessing`'s, the variable is not set; there each task gets one thread unless it is.
    """
    processors = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    asked = os.environ.get("OMP_NUM_THREADS", "").split(",")[0].strip()  # "4,2": nested regions get 2 each
    if not asked.isdecimal() or int(asked) == 0:
        asked = "1" if _one_task_of_many() else str(processors)
    return min(processors, _container_quota(Path("/")), int(asked))


def _one_task_of_many() -> bool:
    """Whether this thread is running a task of joblib or Dask; if it is, they are loaded."""
    joblib, dask = sys.modules.get("joblib.parallel"), sys.modules.get("distributed.worker")
    if joblib is not None and joblib.get_active_backend()[0].nesting_level:
        return True
    return dask is not None and getattr(dask.thread_state, "key", None) is not None


@functools.cache  # reading takes as long as a small fit
def _container_quota(root: Path) -> int:
    """How many processors' time Linux's control groups allow this process, rounded up: the least of its own group and
    of the groups around it, in either version of their files."""
    allowed = [sys.maxsize]
    with suppress(OSError):  # no Linux
        for line in (root / "proc/self/cgroup").read_text().splitlines():
            _, controllers, group = line.split(":", 2)
            if controllers and "cpu" not in controllers.split(","):
                continue
            folder = root / ("sys/fs/cgroup/cpu" if controllers else "sys/fs/cgroup") / group.lstrip("/")
            for place in (folder, *folder.parents):
                for names in (["cpu.max"], ["cpu.cfs_quota_us", "cpu.cfs_period_us"]):
                    with suppress(OSError, ValueError):  # no such file, or "max"
                        quota, period = (int(word) for name in names for word in (place / name).read_text().split())
                        allowed.append(math.ceil(quota / period) if quota > 0 else sys.maxsize)
    return min(allowed)
