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
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clearprop.engine.native.module import kernel
from clearprop.engine.native.values import Function, Int, MayAlias, Pointer

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

# A thread's way through a run:
#
#     phase = 0
#     do for each phase of a step:
#         while ticket = draw(board, rank, phase, tickets, whether this phase is the last of its step) < tickets:
#             work
#         phase += 1
#     until stopped(board, rank)
#
# `tickets` is at least 1 and the same for all threads.  Whoever leaves a phase sees all that was written in it.


@kernel
def draw(f: Function, board: MayAlias, rank: Int, phase: Int, tickets: Int, ends_step: Int) -> Int:
    """A ticket of the phase; `tickets` if there are none left, as soon as all are done.

    Who draws has finished the ticket drawn before.  A thread counts its tickets and reports their number when it finds
    no more; the last to report has by its read-modify-write seen all the others' work, and opens the next phase by
    storing every hand's state, which releases what `draw` acquires.  The tickets drawn in between are
    read-modify-writes of those states.  Mostly they are a thread's own: processors need not pass them to each other.
    A thread that is alone needs no locked instructions, which would cost a small network several per cent.
    """
    threads = board.integer(_THREADS)
    alone = threads.equals(1)
    hands = board.word(_HANDS)
    own = hands.word(rank * _LINE)
    done = own.integer(1)
    with f.when(_abandoned(board)):
        f.give(tickets)
    with f.loop(0, threads) as further:
        mine, after = further.equals(0), rank + further
        whose = f.choose(after < threads, after, after - threads)
        hand = hands.word(whose * _LINE)
        with f.repeat():
            state = hand.integer(order="acquire")
            now = state >> _OPENS
            with f.when(now > phase):  # it is past
                f.give(tickets)
            front, back = (state >> _BITS) & (_FRONT - 1), state & (_FRONT - 1)
            left = (front + back) * threads + whose < tickets
            is_open = now.equals(phase)
            with f.when(f.all(is_open, left)):
                taken = state + f.choose(mine, _FRONT, 1)
                seen = f.either(alone, partial(_store, hand, state, taken), partial(hand.exchange, state, taken))
                with f.when(seen.equals(state)):
                    own.put(done + 1, 1)
                    with f.when(mine):
                        f.give(front * threads + whose)
                    most = (tickets - whose - 1) // threads
                    f.give((most - back) * threads + whose)
            f.until = f.all(is_open, f.fails(left))
    with f.when(done > 0):
        own.put(0, 1)
        finished = board.word(_FINISHED)
        with f.when(f.either(alone, lambda: tickets, lambda: finished.increase(done) + done).equals(tickets)):
            finished.put(0, order="monotonic")
            _open_next(f, board, phase + 1, ends_step)
            f.give(tickets)
    wait(f.m)(board, own, phase)
    return tickets


def _store(place: Pointer, old: Int, new: Int) -> Int:
    """As `exchange`, for a thread that is alone."""
    place.put(new, order="monotonic")
    return old


def _open_next(f: Function, board: Pointer, following: Int, ends_step: Int) -> None:
    """The phase that follows; if the run ends here, the phase after the end."""
    enough = f.any(following >= board.integer(_PHASES), board.pointer(_STOP).is_set())
    over = f.all(ends_step.differs(0), enough)
    with f.when(over):
        board.put(following, _COMPLETED)
    opens = f.choose(over, _LAST, following)
    with f.loop(0, board.integer(_THREADS)) as number:
        board.word(_HANDS).word(number * _LINE).put(opens << _OPENS, order="release")


def _abandoned(board: Pointer) -> str:
    return board.integer(_ABANDONED, "monotonic").differs(0)


@kernel
def wait(f: Function, board: MayAlias, own: MayAlias, phase: Int) -> None:
    """Until the phase is past, or nobody wants it any more.

    Waiting spins, then yields, then sleeps: on a crowded machine only sleep lets the kernel move the other threads.
    """
    with f.repeat() as looks:
        over = f.any(own.integer(order="acquire") >> _OPENS > phase, _abandoned(board))
        with f.when(f.fails(over)):
            f.pause()
            with f.when(looks > f.m.tuning.spins):
                f.emit(f"call i32 {board.pointer(_YIELD)}()", pure=False)
            with f.when(looks > f.m.tuning.spins + f.m.tuning.yields):
                nap = f.emit(f"trunc i64 {board.integer(_NAP)} to i32")
                f.emit(f"call i32 {board.pointer(_SLEEP)}(i32 {nap})", pure=False)
        f.until = over


@kernel
def stopped(f: Function, board: MayAlias, rank: Int) -> Int:
    """1 when the run is over, else 0."""
    now = board.word(_HANDS).integer(rank * _LINE, "acquire") >> _OPENS
    return f.choose(f.any(now >= _LAST, _abandoned(board)), 1, 0)


@contextmanager
def shared(
    f: Function, board: Pointer, rank: Int, phase: Int, tickets: Any, *, ends_step: bool = False
) -> Iterator[Int]:
    """Work that the threads share: each draws tickets until none are left; nobody leaves before all are done."""
    with f.repeat():
        ticket = draw(f.m)(board, rank, phase, tickets, int(ends_step))
        drawn = ticket < tickets
        with f.when(drawn):
            yield ticket
        f.until = f.fails(drawn)


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
    `multiprocessing`'s, the variable is not set; there each task gets one thread unless it is.  So does a thread that
    has said that others work beside it (`one_thread`).
    """
    if getattr(_said, "one", False):
        return 1
    processors = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    asked = os.environ.get("OMP_NUM_THREADS", "").split(",")[0].strip()  # "4,2": nested regions get 2 each
    if not asked.isdecimal() or int(asked) == 0:
        asked = "1" if _one_task_of_many() else str(processors)
    return min(processors, _container_quota(Path("/")), int(asked))


_said = threading.local()


@contextmanager
def one_thread() -> Iterator[None]:
    """In this block, what this thread trains and predicts uses no thread but itself: others work beside it."""
    before, _said.one = getattr(_said, "one", False), True
    try:
        yield
    finally:
        _said.one = before


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
