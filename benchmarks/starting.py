"""How long a fresh process takes to its first fit, with nothing compiled before and with compiled code on the disk.

Counted from the process's start to the end of its first fit, less a second fit of the same: interpreter, imports,
compiling. The caches are those that each library has: ours, JAX's persistent one, TorchInductor's.
"""

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.measure import PATIENCE, ROOT, summary
from benchmarks.peers import PEERS, Peer, environment
from benchmarks.workloads import STARTS, Workload, load, save


def measure_starts(peers: list[Peer], rounds: int, extra: dict[str, str], folder: Path) -> list[dict[str, Any]]:
    """For each small net and peer, seconds of a cold and of a warm start."""
    found = []
    for work in STARTS:
        path = folder / f"start-{work.name}.npz"
        save(work.make_data(), path)
        times: dict[tuple[str, str], list[float]] = {}
        failures: dict[str, str] = {}
        for _ in range(rounds):
            for peer in peers:
                if peer.name in failures:
                    continue
                with tempfile.TemporaryDirectory() as caches:
                    for temperature in ("cold", "warm"):
                        try:
                            seconds = _start(peer, work, path, extra | _caches(caches))
                        except RuntimeError as error:
                            failures[peer.name] = str(error)
                            break
                        times.setdefault((peer.name, temperature), []).append(seconds)
        found.append(
            {
                "name": work.name,
                "title": work.title,
                "failed": failures,
                "peers": {
                    peer.name: {kind: summary(times[peer.name, kind]) for kind in ("cold", "warm")}
                    for peer in peers
                    if peer.name not in failures
                },
            }
        )
    return found


def _caches(folder: str) -> dict[str, str]:
    return {
        "XDG_CACHE_HOME": folder,
        "TORCHINDUCTOR_CACHE_DIR": f"{folder}/torchinductor",
        "JAX_COMPILATION_CACHE_DIR": f"{folder}/jax",
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
        "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
    }


def _start(peer: Peer, work: Workload, path: Path, variables: dict[str, str]) -> float:
    command = [sys.executable, "-m", "benchmarks.starting", peer.name, work.name, str(path)]
    begun = time.time()
    try:
        done = subprocess.run(
            command, cwd=ROOT, env=environment(None) | variables, capture_output=True, text=True, timeout=PATIENCE
        )
    except subprocess.TimeoutExpired:
        raise RuntimeError(f"not done within {PATIENCE:.0f} s") from None
    if done.returncode:
        raise RuntimeError((done.stderr.strip().splitlines() or [f"exit status {done.returncode}"])[-1][:300])
    reply = json.loads(done.stdout.splitlines()[-1])
    return float(reply["first fit done"] - begun - reply["second fit"])


def main(name: str, work_name: str, path: str) -> None:
    """In the fresh process: fit, look at the clock, fit again."""
    work = next(work for work in STARTS if work.name == work_name)
    timed = next(iter(PEERS[name].variants(work, load(path)).values()))()
    timed.run(timed.start())
    done = time.time()
    timed.run(timed.start())
    print(json.dumps({"first fit done": done, "second fit": time.time() - done}))


if __name__ == "__main__":
    main(*sys.argv[1:])
