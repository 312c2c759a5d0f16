"""Rounds of repetitions: every library once, then every library again, so that a busy minute hurts them all."""

import json
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks.peers import OURS, Peer, environment, processors
from benchmarks.peers.with_numpy import variants as numpy_variants
from benchmarks.workloads import Workload, load, save

ROOT = Path(__file__).parent.parent
PAUSE = 0.2  # seconds after a repetition, in which the threads of its libraries stop spinning: OpenBLAS's take 0.1
PATIENCE = 300.0  # seconds for one answer: threads that wait for each other on a busy machine can take for ever
HOPELESS = 3.0  # times slower than the same library on one thread: more threads are not measured

Report = dict[str, Any]


def summary(values: Sequence[float]) -> dict[str, float]:
    """Median, extremes and number of values.

    >>> summary([3.0, 1.0, 2.0])
    {'median': 2.0, 'min': 1.0, 'max': 3.0, 'n': 3}
    """
    return {"median": statistics.median(values), "min": min(values), "max": max(values), "n": len(values)}


def paired(theirs: Sequence[float], ours: Sequence[float]) -> list[float]:
    """Their time over ours, within each round.

    >>> paired([2.0, 6.0], [1.0, 2.0])
    [2.0, 3.0]
    """
    return [t / o for t, o in zip(theirs, ours, strict=True)]


def fastest(times: Mapping[int, Sequence[float]]) -> int:
    """The number of threads with the smallest median.

    >>> fastest({1: [2.0, 2.0, 9.0], 2: [3.0, 1.0, 3.0]})
    1
    """
    return min(times, key=lambda threads: statistics.median(times[threads]))


class Runner:
    """A worker process: one library with one number of threads, started when it is first asked for something."""

    def __init__(self, peer: Peer, threads: int | None, extra: Mapping[str, str]) -> None:
        self.peer, self.threads = peer, threads or processors()
        self.environment = environment(threads) | dict(extra)
        self.process: subprocess.Popen[str] | None = None

    def ask(self, do: str, **arguments: Any) -> Report:
        """Send a request and wait for the reply; a failure is the reply {"error": why}."""
        process = self.process = self.process or self._start()
        assert process.stdin and process.stdout
        clock = threading.Timer(PATIENCE, process.kill)
        clock.start()
        try:
            print(json.dumps({"do": do, **arguments}), file=process.stdin, flush=True)
            reply = process.stdout.readline()
        except BrokenPipeError:
            reply = ""
        finally:
            clock.cancel()
        if reply:
            found: Report = json.loads(reply)
            return found
        status, self.process = process.wait(), None
        return {"error": f"no answer to {do!r} within {PATIENCE} s, or ended by itself (status {status})"}

    def close(self) -> None:
        """End the process."""
        if self.process:
            assert self.process.stdin
            self.process.stdin.close()
            self.process.wait()

    def _start(self) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            [sys.executable, "-m", "benchmarks.worker", self.peer.name],
            cwd=ROOT,
            env=self.environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )


def start_runners(peers: Iterable[Peer], extra: Mapping[str, str]) -> list[Runner]:
    """Ours as users have it, with threads of its own choice; each other library with one thread and with all."""
    counts = sorted({1, processors()})
    return [Runner(peer, threads, extra) for peer in peers for threads in ([None] if peer is OURS else counts)]


def measure(
    work: Workload, runners: Sequence[Runner], rounds: int, longest: float, folder: Path, peaks: Report | None
) -> Report:
    """One workload: everybody prepares, then everybody repeats in turn."""
    path = folder / f"{work.name}.npz"
    save(work.make_data(), path)
    prepared: dict[Runner, Report] = {}
    failed: dict[tuple[str, int], str] = {}
    quickest: dict[str, float] = {}
    for runner in runners:
        name = runner.peer.name
        limits = {"longest": None if runner.peer is OURS else longest, "hopeless": HOPELESS * quickest.get(name, 1e9)}
        reply = runner.ask("prepare", work=asdict(work), path=str(path), **limits)
        if "error" in reply:
            failed[name, runner.threads] = reply["error"]
        elif reply["variant"]:
            prepared[runner] = reply
            quickest[name] = reply["epoch_seconds"]
    repetitions: dict[Runner, list[Report]] = {runner: [] for runner in prepared}
    for _ in range(rounds):
        for runner, found in repetitions.items():
            if "error" not in (reply := _repeat(runner)):
                found.append(reply)
            else:
                failed[runner.peer.name, runner.threads] = reply["error"]
    whole = {runner: found for runner, found in repetitions.items() if len(found) == rounds}
    reference = _reference(work, path)
    path.unlink()
    return _report(work, {r: prepared[r] for r in whole}, whole, failed, reference, peaks)


def _repeat(runner: Runner) -> Report:
    time.sleep(PAUSE)
    return runner.ask("repeat")


def _reference(work: Workload, path: Path) -> float:
    """The loss after the check's few steps, by NumPy in this process."""
    short = work.short()
    timed = next(iter(numpy_variants(short, short.part(load(path))).values()))()
    return timed.loss(timed.run(timed.start()))


def _report(
    work: Workload,
    prepared: Mapping[Runner, Report],
    repetitions: Mapping[Runner, list[Report]],
    failed: Mapping[tuple[str, int], str],
    reference: float,
    peaks: Report | None,
) -> Report:
    by_peer: dict[str, dict[int, Runner]] = {}
    for runner in repetitions:
        by_peer.setdefault(runner.peer.name, {})[runner.threads] = runner
    times = {
        runner: [found["seconds"] * work.epochs / prepared[runner]["epochs"] for found in reps]
        for runner, reps in repetitions.items()
    }
    ours = next((times[runner] for runner in times if runner.peer is OURS), None)
    peers = {}
    for name, runners in by_peer.items():
        best = runners[fastest({threads: times[runner] for threads, runner in runners.items()})]
        variant = prepared[best]["variant"]
        loss, check = best.ask("loss").get("loss"), best.ask("check", variant=variant).get("loss")
        gflops = work.flops / statistics.median(times[best]) / 1e9
        peers[name] = {
            "seconds": summary(times[best]),
            "ratio": summary(paired(times[best], ours)) if ours else None,
            "threads": best.threads,
            "variant": variant,
            "engine": prepared[best]["engine"],
            "epochs": prepared[best]["epochs"],
            "part": prepared[best]["epochs"] / work.epochs,
            "gflops": gflops,
            "share": gflops / peaks[work.dtype]["all"] if peaks else None,
            "loss": loss,
            "check": check,
            "difference": abs(check - reference) / reference if check is not None else None,
            "repetitions": {str(threads): repetitions[runner] for threads, runner in runners.items()},
        }
    everything = [found for found_by_one in repetitions.values() for found in found_by_one if "other" in found]
    wall = sum(found["wall"] for found in everything)
    return {
        "name": work.name,
        "title": work.title,
        "epochs": work.epochs,
        "gflop": work.flops / 1e9,
        "reference_check": reference,
        "other_load": sum(found["other"] for found in everything) / wall if wall else None,
        "steal": sum(found["steal"] for found in everything) / wall if wall else None,
        "failed": {f"{name}, {threads} threads": why for (name, threads), why in failed.items()},
        "peers": peers,
    }
