"""The command: `python -m benchmarks`."""

import argparse
import json
import os
import tempfile
import time
from pathlib import Path
from typing import Any

from rich.console import Console

from benchmarks.machine import describe, ticks
from benchmarks.measure import ROOT, measure, start_runners
from benchmarks.peak import measure_peak
from benchmarks.peers import OURS, PEERS
from benchmarks.report import console_tables, markdown, picture
from benchmarks.starting import measure_starts
from benchmarks.workloads import SUITE, chosen


def main(arguments: list[str] | None = None) -> dict[str, Any]:
    """Measure, write results.json, results.md and results.png, and print the tables."""
    names = ", ".join(work.name for work in SUITE)
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--workloads", nargs="+", default=[], metavar="NAME", help=f"or how they begin: {names}, start")
    parser.add_argument("--peers", nargs="+", default=list(PEERS), choices=list(PEERS), metavar="NAME")
    parser.add_argument("--rounds", type=int, default=5, help="repetitions of each")
    parser.add_argument("--longest", type=float, default=4.0, help="seconds: a slower peer does part of the epochs")
    parser.add_argument("--quick", action="store_true", help="a fiftieth of the work, two rounds")
    parser.add_argument("--engine", default="auto", help="of clearprop")
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks" / "results")
    options = parser.parse_args(arguments)
    rounds, longest = (min(options.rounds, 2), 0.5) if options.quick else (options.rounds, options.longest)
    tokens = [token for given in options.workloads for token in given.split(",") if token]
    works = chosen([token for token in tokens if token != "start"]) if tokens != ["start"] else []
    if tokens and not works and "start" not in tokens:
        parser.error(f"no workload begins with {', '.join(tokens)}; there are {names}, start")
    wanted = [OURS, *(PEERS[name] for name in dict.fromkeys(options.peers) if name != "ours")]
    peers = [peer for peer in wanted if peer.installed]
    extra = {"CLEARPROP_BENCHMARK_ENGINE": options.engine}

    options.out.mkdir(parents=True, exist_ok=True)
    console, before = Console(stderr=True), ticks()
    results: dict[str, Any] = {
        "machine": describe(),
        "peak": measure_peak(0.01 if options.quick else 0.05),
        "quick": options.quick,
        "rounds": rounds,
        "missing": [peer.title for peer in wanted if not peer.installed],
        "workloads": [],
        "starts": [],
    }
    with tempfile.TemporaryDirectory() as folder:
        runners = start_runners(peers, extra) if works else []
        try:
            for work in works:
                console.print(f"{time.strftime('%H:%M:%S')} {work.name}: {work.title}", style="dim", highlight=False)
                work = work.quick() if options.quick else work
                found = measure(work, runners, rounds, longest, Path(folder), results["peak"])
                results["workloads"].append(found)
                _write(options.out, results)  # what is there already survives an interruption
        finally:
            for runner in runners:
                runner.close()
        if not tokens or "start" in tokens:
            console.print("start: a fresh process's first fit", style="dim")
            results["starts"] = measure_starts(peers, rounds, extra, Path(folder))
    after = ticks()
    if before and after:
        results["machine"]["steal_seconds"] = after.steal - before.steal
        results["machine"]["load_after"] = list(os.getloadavg())
    _write(options.out, results)
    out = Console()
    for table in console_tables(results):
        out.print(table)
    return results


def _write(folder: Path, results: dict[str, Any]) -> None:
    (folder / "results.json").write_text(json.dumps(results, indent=1) + "\n")
    (folder / "results.md").write_text(markdown(results), encoding="utf-8")
    if results["workloads"]:
        picture(results, folder / "results.png")


if __name__ == "__main__":
    main()
