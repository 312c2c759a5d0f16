"""How threads share a training run: numbered phases of work, each cut into tickets that any thread may draw.

Tickets are dealt like cards: of T threads, thread r has tickets r, r + T, r + 2T, ..., the same in each step; what it
wrote last time is still in its cache.  It draws them from the front; when they are gone it helps the others, from the
back of theirs.

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
# in pairs, and Apple's are that long.
_LINE = 16
_THREADS, _PHASES, _STOP, _YIELD, _SLEEP, _NAP = range(6)  # never change during a run
_FINISHED, _COMPLETED = _LINE, _LINE + 1  # tickets finished in this phase; phases completed, written at the end
_ABANDONED = 2 * _LINE  # not 0: nobody wants the results any more
_HANDS = 3 * _LINE  # a line for each thread: the state of its hand, and how many tickets it has done unreported

# The state of a hand: phase << 44 | tickets drawn from its front << 22 | from its back.
_BITS = 22
MOST_TICKETS, MOST_PHASES = 1 << _BITS, (1 << 64 - 2 * _BITS) - 2
_OPENS, _FRONT = 2 * _BITS, 1 << _BITS
_LAST = MOST_PHASES + 1  # the phase after the end: every other phase is past

_PAUSE = {False: ("llvm.x86.sse2.pause", "", ""), True: ("llvm.aarch64.hint", "i32", "i32 1")}


def scheduler_ir(arm: bool) -> str:
    """Two functions in LLVM's language, for x86 or 64-bit ARM.  Each thread of a run does

        phase = 0
        do for each phase of a step:
            while ticket = draw(board, rank, phase, tickets, whether this phase is the last of its step) < tickets:
                work
            phase += 1
        until stopped(board, rank)

    `tickets` is at least 1 and the same for all threads.  Whoever leaves a phase sees all that was written in it.

    Who draws has finished the ticket drawn before.  A thread counts its tickets and reports their number when it finds
    no more; the last to report has by its read-modify-write seen all the others' work, and opens the next phase by
    storing every hand's state, which releases what `draw` acquires.  The tickets drawn in between are
    read-modify-writes of those states.  Mostly they are a thread's own: processors need not pass them to each other.
    A thread that is alone needs no locked instructions, which would cost a small network several per cent.

    Waiting spins, then yields, then sleeps: on a crowded machine only sleep lets the kernel move the other threads.
    """
    name, kinds, values = _PAUSE[arm]
    return f"""
declare void @{name}({kinds})

define internal i64 @draw(ptr %board, i64 %rank, i64 %phase, i64 %tickets, i1 %step) nounwind {{
entry:
  %threads = load i64, ptr %board
  %alone = icmp eq i64 %threads, 1
  %own.word = shl i64 %rank, {_LINE.bit_length() - 1}
  %hands = getelementptr i64, ptr %board, i64 {_HANDS}
  %own = getelementptr i64, ptr %hands, i64 %own.word
  %done.at = getelementptr i64, ptr %own, i64 1
  %done = load i64, ptr %done.at
  %abandoned.at = getelementptr i64, ptr %board, i64 {_ABANDONED}
  %abandoned = load atomic i64, ptr %abandoned.at monotonic, align 8
  %vain = icmp ne i64 %abandoned, 0
  br i1 %vain, label %over, label %look
look:
  %further = phi i64 [0, %entry], [%further, %look], [%further, %compete], [%farther, %next]
  %after = add i64 %rank, %further
  %beyond = icmp uge i64 %after, %threads
  %wrapped = sub i64 %after, %threads
  %whose = select i1 %beyond, i64 %wrapped, i64 %after
  %word = shl i64 %whose, {_LINE.bit_length() - 1}
  %hand = getelementptr i64, ptr %hands, i64 %word
  %state = load atomic i64, ptr %hand acquire, align 8
  %now = lshr i64 %state, {_OPENS}
  %opening = icmp ult i64 %now, %phase
  br i1 %opening, label %look, label %opened
opened:
  %past = icmp ugt i64 %now, %phase
  br i1 %past, label %over, label %open
open:
  %drawn = lshr i64 %state, {_BITS}
  %front = and i64 %drawn, {_FRONT - 1}
  %back = and i64 %state, {_FRONT - 1}
  %gone = add i64 %front, %back
  %before = mul i64 %gone, %threads
  %until = add i64 %before, %whose
  %left = icmp ult i64 %until, %tickets
  br i1 %left, label %take, label %next
next:
  %farther = add i64 %further, 1
  %more = icmp ult i64 %farther, %threads
  br i1 %more, label %look, label %none
take:
  %mine = icmp eq i64 %further, 0
  %one = select i1 %mine, i64 {_FRONT}, i64 1
  %taken = add i64 %state, %one
  br i1 %alone, label %write, label %compete
write:
  store atomic i64 %taken, ptr %hand monotonic, align 8
  br label %got
compete:
  %pair = cmpxchg ptr %hand, i64 %state, i64 %taken acq_rel monotonic
  %won = extractvalue {{i64, i1}} %pair, 1
  br i1 %won, label %got, label %look
got:
  %did = add i64 %done, 1
  store i64 %did, ptr %done.at
  br i1 %mine, label %own.ticket, label %others.ticket
own.ticket:
  %skipped = mul i64 %front, %threads
  %first = add i64 %skipped, %whose
  ret i64 %first
others.ticket:
  %room = sub i64 %tickets, %whose
  %room.end = sub i64 %room, 1
  %most = udiv i64 %room.end, %threads
  %behind = sub i64 %most, %back
  %behind.skipped = mul i64 %behind, %threads
  %last = add i64 %behind.skipped, %whose
  ret i64 %last
none:
  %idle = icmp eq i64 %done, 0
  br i1 %idle, label %wait, label %report
report:
  store i64 0, ptr %done.at
  %finished.at = getelementptr i64, ptr %board, i64 {_FINISHED}
  br i1 %alone, label %close, label %count
count:
  %others = atomicrmw add ptr %finished.at, i64 %done acq_rel
  %all.done = add i64 %others, %done
  %last.report = icmp eq i64 %all.done, %tickets
  br i1 %last.report, label %close, label %wait
close:
  store atomic i64 0, ptr %finished.at monotonic, align 8
  %following = add i64 %phase, 1
  br i1 %step, label %ask, label %publish
ask:
  %phases.at = getelementptr i64, ptr %board, i64 {_PHASES}
  %phases = load i64, ptr %phases.at
  %all = icmp uge i64 %following, %phases
  %stop.at = getelementptr i64, ptr %board, i64 {_STOP}
  %stop.byte = load ptr, ptr %stop.at
  %stop = load atomic i8, ptr %stop.byte monotonic, align 1
  %asked = icmp ne i8 %stop, 0
  %enough = or i1 %all, %asked
  br i1 %enough, label %complete, label %publish
complete:
  %completed.at = getelementptr i64, ptr %board, i64 {_COMPLETED}
  store i64 %following, ptr %completed.at
  br label %publish
publish:
  %opens = phi i64 [%following, %close], [%following, %ask], [{_LAST}, %complete]
  %fresh = shl i64 %opens, {_OPENS}
  br label %each
each:
  %number = phi i64 [0, %publish], [%number.next, %each]
  %each.word = shl i64 %number, {_LINE.bit_length() - 1}
  %each.at = getelementptr i64, ptr %hands, i64 %each.word
  store atomic i64 %fresh, ptr %each.at release, align 8
  %number.next = add i64 %number, 1
  %others.left = icmp ult i64 %number.next, %threads
  br i1 %others.left, label %each, label %over
wait:
  call void @wait(ptr %board, ptr %own, i64 %phase)
  br label %over
over:
  ret i64 %tickets
}}

define internal void @wait(ptr %board, ptr %own, i64 %phase) noinline nounwind {{
entry:
  %yield.at = getelementptr i64, ptr %board, i64 {_YIELD}
  %sleep.at = getelementptr i64, ptr %board, i64 {_SLEEP}
  %nap.at = getelementptr i64, ptr %board, i64 {_NAP}
  %abandoned.at = getelementptr i64, ptr %board, i64 {_ABANDONED}
  br label %look
look:
  %looks = phi i64 [0, %entry], [%more, %spin], [%more, %yield], [%more, %sleep]
  %state = load atomic i64, ptr %own acquire, align 8
  %now = lshr i64 %state, {_OPENS}
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
  ret void
}}

define internal i1 @stopped(ptr %board, i64 %rank) nounwind {{
  %word = shl i64 %rank, {_LINE.bit_length() - 1}
  %hands = getelementptr i64, ptr %board, i64 {_HANDS}
  %own = getelementptr i64, ptr %hands, i64 %word
  %state = load atomic i64, ptr %own acquire, align 8
  %complete = icmp uge i64 %state, {_LAST << _OPENS}
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


def _zeros(words: int) -> "ctypes.Array[ctypes.c_int64]":
    return (ctypes.c_int64 * words)()


class Board:
    """The memory through which the threads of one run agree.  Every run has its own, so a helper that comes late finds
    its run over and does no harm to the next.

    Parameters
    ----------
    threads : how many will work
    phases : how many there are to do, whole steps, MOST_PHASES at most; each has MOST_TICKETS at most
    stop : an array of one byte; the run ends after the step during which it ceases to be 0
    """

    def __init__(self, threads: int, phases: int, stop: NDArray[np.uint8]) -> None:
        self._memory = _zeros(_HANDS + _LINE * threads + _LINE - 1)  # with room to align it
        self._start = -ctypes.addressof(self._memory) % 128 // 8  # where the board begins
        self.address = ctypes.addressof(self._memory) + 8 * self._start
        self._memory[self._start : self._start + _NAP + 1] = [threads, phases, stop.ctypes.data, *_WAITING]
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
