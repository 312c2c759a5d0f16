"""A process in which one library does the work: started by `measure`, it reads requests and writes replies as JSON.

Each library, for each number of threads, has a process of its own: thread counts are read at import, and
repetitions of different libraries can alternate without any of them being loaded anew.
"""

import contextlib
import gc
import json
import math
import os
import sys
import time
from dataclasses import replace
from typing import Any

from benchmarks.machine import ticks
from benchmarks.peers import PEERS, Peer, Timed, Variants
from benchmarks.workloads import Data, Workload, load


class Worker:
    """What a request's "do" names."""

    def __init__(self, peer: Peer) -> None:
        self.peer = peer
        self.work: Workload | None = None
        self.data: Data | None = None
        self.timed: Timed | None = None
        self.result: Any = None

    def prepare(self, work: dict[str, Any], path: str, longest: float | None, hopeless: float) -> dict[str, Any]:
        """Load and compile, choose the fastest way, and as many epochs as fit into `longest` seconds.

        The choice is made on one epoch; all that happens here is warming up. Where even the fastest way needs
        `hopeless` seconds for an epoch, none is chosen.
        """
        self.timed = self.data = self.result = None  # the last workload's memory
        self.work = Workload(**work)
        self.data = load(path)
        one = replace(self.work, epochs=1)
        variants = self._variants(one)
        if not variants:
            return {"variant": None}
        seconds, failures = {}, {}
        for name, make in variants.items():
            try:
                timed = make()
                tried = [once(timed, one.calls)[0]["seconds"]]
                while len(tried) < 3 and sum(tried) * one.calls < 1.0:
                    tried.append(once(timed, one.calls)[0]["seconds"])
                seconds[name] = min(tried)
            except Exception as error:  # one way may be missing in this version, as long as another works
                failures[name] = f"{type(error).__name__}: {error}"
        if not seconds:
            raise RuntimeError("; ".join(failures.values()))
        variant = min(seconds, key=lambda name: seconds[name])
        if seconds[variant] > hopeless:
            return {"variant": None}
        whole = self.work.epochs * seconds[variant]
        epochs = self.work.epochs
        if longest is not None and whole > longest:
            epochs = max(1, int(longest / seconds[variant]))
        if epochs > 1 or len(variants) > 1:
            timed = self._variants(replace(self.work, epochs=epochs))[variant]()
            once(timed, self.work.calls)
        self.timed = timed
        return {"variant": variant, "epochs": epochs, "engine": self._engine(), "epoch_seconds": seconds[variant]}

    def repeat(self) -> dict[str, Any]:
        """One repetition; seconds are of one call."""
        assert self.timed and self.work
        found, self.result = once(self.timed, self.work.calls)
        return found

    def loss(self) -> dict[str, Any]:
        """The loss that the last repetition ended with."""
        assert self.timed
        return _finite(self.timed.loss(self.result))

    def check(self, variant: str) -> dict[str, Any]:
        """The loss after a few steps in a fixed order, which is the same for everybody who does the same work."""
        assert self.work and self.data
        short = self.work.short()
        timed = self._variants(short)[variant]()
        return _finite(timed.loss(timed.run(timed.start())))

    def _variants(self, work: Workload) -> Variants:
        assert self.data
        return self.peer.variants(work, work.part(self.data))

    def _engine(self) -> str | None:
        if self.peer.name != "ours":
            return None
        from benchmarks.peers.ours import model_of, program_of

        assert self.work
        return program_of(self.work, model_of(self.work))[0]


def _finite(loss: float) -> dict[str, Any]:
    """JSON has no NaN."""
    return {"loss": loss if math.isfinite(loss) else None}


def once(timed: Timed, calls: int) -> tuple[dict[str, Any], Any]:
    """Time one repetition, and what else the machine did meanwhile (processor seconds); and what it returned."""
    state = timed.start()
    gc.collect()
    before, cpu, started = ticks(), time.process_time(), time.perf_counter()
    for _ in range(calls):
        result = timed.run(state)
    wall = time.perf_counter() - started
    cpu, after = time.process_time() - cpu, ticks()
    found = {"seconds": wall / calls, "wall": wall, "processors": cpu / wall}
    if before and after:
        found["other"] = max(0.0, after.busy - before.busy - cpu)
        found["steal"] = after.steal - before.steal
    return found, result


def main() -> None:
    """Serve until the input ends."""
    replies = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # libraries that print must not disturb the protocol
    worker = Worker(PEERS[sys.argv[1]])
    for line in sys.stdin:
        request = json.loads(line)
        try:
            reply = getattr(worker, request.pop("do"))(**request)
        except Exception as error:
            reply = {"error": f"{type(error).__name__}: {error}"[:300]}
        print(json.dumps(reply), file=replies, flush=True)


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        main()
