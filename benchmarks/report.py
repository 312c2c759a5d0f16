"""Tables and the picture: what `results.json` says, for readers."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from rich.table import Table

from benchmarks.peers import OURS, PEERS

Results = dict[str, Any]
MARKERS = "osD^vP"


class Grid(NamedTuple):
    """A table before it is drawn."""

    title: str
    head: list[str]
    rows: list[list[str]]


def seconds_text(seconds: float) -> str:
    """Three digits and a unit.

    >>> seconds_text(0.0000123), seconds_text(0.0471), seconds_text(12.34)
    ('12.3 µs', '47.1 ms', '12.3 s')
    """
    for unit, size in (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6)):
        if seconds >= size or unit == "µs":
            value = seconds / size
            digits = max(0, 2 - math.floor(math.log10(value))) if value > 0 else 0
            return f"{value:.{digits}f} {unit}"
    raise AssertionError


def ratio_text(value: float) -> str:
    """Two digits, or whole numbers.

    >>> ratio_text(1.234), ratio_text(12.34), ratio_text(512.3)
    ('1.23×', '12.3×', '512×')
    """
    digits = 2 if value < 9.995 else 1 if value < 99.95 else 0
    return f"{value:.{digits}f}×"


def _peers(works: Sequence[Results]) -> list[str]:
    """The names that occur, in the order of the registry, without ours."""
    return [name for name in PEERS if name != OURS.name and any(name in work["peers"] for work in works)]


def _grids(results: Results) -> list[Grid]:
    works, starts = results["workloads"], results["starts"]
    grids = [_ratios(works), _times(works), _same_work(works)] if works else []
    return [*grids, *([_starts(starts)] if starts else [])]


def _ratios(works: list[Results]) -> Grid:
    def cell(work: Results, name: str) -> str:
        found = work["peers"].get(name)
        if not found or not found["ratio"]:
            return "failed" if any(key.startswith(f"{name},") for key in work["failed"]) else "–"
        ratio, star = found["ratio"], "" if found["part"] == 1 else " *"
        return f"{ratio_text(ratio['median'])} ({ratio_text(ratio['min'])[:-1]}–{ratio_text(ratio['max'])[:-1]}){star}"

    names = _peers(works)
    rows = []
    for work in works:
        ours = work["peers"].get(OURS.name)
        mine = ["failed", "–"]
        if ours:
            share = "–" if ours["share"] is None else f"{ours['share']:.0%}"
            mine = [seconds_text(ours["seconds"]["median"]), share]
        rows.append([f"{work['name']}: {work['title']}", *mine, *(cell(work, name) for name in names)])
    head = ["workload", "clearprop", "of peak", *(PEERS[name].title for name in names)]
    return Grid("Time of each library divided by clearprop's (median of the rounds, least and most)", head, rows)


def _times(works: list[Results]) -> Grid:
    def cell(work: Results, name: str) -> str:
        if not (found := work["peers"].get(name)):
            return "–"
        text = seconds_text(found["seconds"]["median"])
        part = "" if found["part"] == 1 else f", {found['part']:.1%} of the epochs"
        return f"{text} ({found['threads']} thr., {found['variant']}{part})"

    names = [OURS.name, *_peers(works)]
    rows = [[work["name"], *(cell(work, name) for name in names)] for work in works]
    return Grid("Seconds (median), threads and way", ["workload", *(PEERS[name].title for name in names)], rows)


def _same_work(works: list[Results]) -> Grid:
    def cell(work: Results, name: str) -> str:
        if not (found := work["peers"].get(name)):
            return "–"
        difference = "other loss" if found["difference"] is None else f"{found['difference']:.0e}"
        done = found["loss"] is not None and found["part"] == 1
        return f"{difference}, {found['loss']:.4f}" if done else difference

    names = [OURS.name, *_peers(works)]
    rows = [[work["name"], *(cell(work, name) for name in names), _load(work)] for work in works]
    head = ["workload", *(PEERS[name].title for name in names), "other load, steal"]
    title = "Same work: relative difference of the loss after a few fixed steps from NumPy's, and the loss at the end"
    return Grid(title, head, rows)


def _load(work: Results) -> str:
    if work["other_load"] is None:
        return "unknown"
    return f"{work['other_load']:.2f}, {work['steal']:.2f} processors"


def _starts(starts: list[Results]) -> Grid:
    def cell(start: Results, name: str) -> str:
        if not (found := start["peers"].get(name)):
            return "failed" if name in start["failed"] else "–"
        return " / ".join(seconds_text(found[kind]["median"]) for kind in ("cold", "warm"))

    names = [name for name in PEERS if any(name in {*s["peers"], *s["failed"]} for s in starts)]
    rows = [[start["title"], *(cell(start, name) for name in names)] for start in starts]
    title = "A fresh process to the end of its first fit, less the fit: empty / filled code cache"
    return Grid(title, ["network", *(PEERS[name].title for name in names)], rows)


def console_tables(results: Results) -> list[Table]:
    """For the terminal."""
    tables = []
    for grid in _grids(results):
        table = Table(*grid.head, title=grid.title, title_justify="left")
        for row in grid.rows:
            table.add_row(*row)
        tables.append(table)
    return tables


def markdown(results: Results) -> str:
    """`results.md`."""
    machine, peak = results["machine"], results["peak"]
    lines = ["# Benchmarks", ""]
    if results["quick"]:
        lines += ["**A quick run: a fiftieth of the work. These numbers say that it runs, not how fast.**", ""]
    for grid in _grids(results):
        lines += [f"## {grid.title}", "", _line(grid.head), _line(["---"] * len(grid.head))]
        lines += [*map(_line, grid.rows), ""]
    lines += ["## How it was measured", "", *(f"* {rule}" for rule in _rules(results)), "", "## Machine", ""]
    lines.append(f"* {machine['date']}, {machine['system']}, {machine['memory_gib']} GiB")
    lines.append(f"* {machine['processors']} × {machine['processor']} ({', '.join(machine['features'])})")
    if peak:
        rates = (f"{dtype} {rate['one']:.0f} on one, {rate['all']:.0f} on all" for dtype, rate in peak.items())
        lines.append(f"* Peak of fused multiply-adds, GFLOP/s: {'; '.join(rates)}")
    lines.append("* " + ", ".join(f"{name} {version}" for name, version in machine["versions"].items()))
    if machine["load"]:
        lines.append(f"* Load before: {', '.join(f'{load:.2f}' for load in machine['load'])}")
    if "steal_seconds" in machine:
        lines.append(
            f"* Processor seconds stolen by other virtual machines during the run: {machine['steal_seconds']:.1f}"
        )
    return "\n".join(lines) + "\n"


def _rules(results: Results) -> list[str]:
    engines = {work["peers"][OURS.name]["engine"] for work in results["workloads"] if OURS.name in work["peers"]}
    rules = [
        f"{results['rounds']} rounds; in each every library has one repetition, in turn, after an untimed one.",
        "A ratio is of two times of the same round. The better of one thread and all is quoted for each peer; "
        "clearprop runs as installed. Threads are left out where they make an epoch three times slower.",
        f"clearprop (engine: {', '.join(sorted(map(str, engines))) or 'none'}) is timed as it is used: checks of the "
        "data, shuffling and reports are inside `fit`.",
        "NumPy, PyTorch and JAX get their permutations ready-made and nothing but the training loop is timed; "
        "compiling (clearprop, torch.compile, JAX, Keras) is not timed here but in the table of first fits. "
        "scikit-learn and Keras run their own `fit`.",
        "* A peer that needs longer than the limit for a repetition does part of the epochs, and its time is scaled.",
        "For W1 scikit-learn's network has one output and log-loss: it has no mean squared error for classes.",
        "Predictions are logits, except scikit-learn's `predict_proba`.",
        "Of peak: 2 (2 weights + weights after the first layer) per sample, for predictions 2 weights, divided by the "
        "time and by the peak of all processors.",
    ]
    if results["missing"]:
        rules.append(f"Not installed here, so not compared: {', '.join(results['missing'])}.")
    for work in [*results["workloads"], *results["starts"]]:
        rules += [f"{work['name']}: {who} failed: {_plain(why)}" for who, why in work["failed"].items()]
    return rules


def _plain(text: str) -> str:
    return " ".join(text.split()).replace("|", "/")


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def picture(results: Results, path: Path) -> None:
    """Ratios on a logarithmic axis: colour and shape say the library, a line its least and most."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    from clearprop.viz import save
    from clearprop.viz.figure import LIGHT, new_figure, tidy

    works = [work for work in results["workloads"] if OURS.name in work["peers"]]
    names = _peers(works)
    figure = new_figure(10.0, 1.8 + 0.55 * len(works), LIGHT)
    axes = figure.add_subplot()
    for number, name in enumerate(names):
        offset = (number - (len(names) - 1) / 2) * 0.09
        drawn = [(row, work["peers"][name]["ratio"]) for row, work in enumerate(works) if name in work["peers"]]
        for row, ratio in drawn:
            axes.plot(
                [ratio["min"], ratio["max"]], [row + offset] * 2, color=LIGHT.colour(number), alpha=0.45, linewidth=2
            )
        axes.plot(
            *([ratio["median"] for _, ratio in drawn], [row + offset for row, _ in drawn]),
            *(MARKERS[number % len(MARKERS)],),
            color=LIGHT.colour(number),
            markersize=7,
            markeredgecolor="white",
            label=PEERS[name].title,
        )
    for row, work in enumerate(works):
        ratios = [found["ratio"]["median"] for name, found in work["peers"].items() if name != OURS.name]
        if ratios:
            text = f" nearest {ratio_text(min(ratios))}"
            axes.annotate(
                text, (1.0, row), xycoords=("axes fraction", "data"), color=LIGHT.muted, va="center", fontsize=9
            )
    axes.axvline(1.0, color=LIGHT.ink, linewidth=1.5)
    axes.set_xscale("log")
    tidy(axes, LIGHT, "How many times longer others take than clearprop", "time of the other ÷ time of clearprop", "")
    axes.xaxis.set_major_locator(LogLocator(10, subs=(1.0, 2.0, 5.0)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}×"))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_yticks(range(len(works)), [work["title"] for work in works], color=LIGHT.ink)
    axes.set_ylim(len(works) - 0.4, -0.6)
    if names:
        figure.legend(loc="outside lower center", ncols=len(names), frameon=False)
    save(figure, path)
