"""What the folds say: ranks, ratios, times; tables and two pictures for readers."""

import math
import statistics
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.tables.methods import METHODS, TREES

OURS = "clearprop"
Results = dict[str, Any]
Means = Mapping[str, Mapping[str, Mapping[str, float]]]
"""By table and method: the means over its folds."""
MEASURES = ("loss", "score", "calibration", "cpu", "seconds_of_prediction")


def summary(folds: Sequence[Results]) -> Results:
    """What is in results.json: means by table, ranks and ratios; of folds that all methods of a table have.

    A method that lacks a table is compared on those it has; ranks are over the tables that all have.
    """
    means = _means(folds)
    methods = [name for name in METHODS if any(name in found for found in means.values())]
    common = [table for table, found in means.items() if set(found) == set(methods)]
    return {
        "methods": methods,
        "means": means,
        "ranked tables": common,
        "ranks": {
            measure: _mean_ranks([means[table] for table in common], methods, measure) for measure in ("loss", "score")
        },
        "critical difference": critical_difference(len(methods), len(common)) if common and len(methods) > 1 else None,
        "against": {peer: _against(means, peer) for peer in methods if peer != OURS and OURS in methods},
        "against the best trees": _against_best(means, TREES),
        "time": {name: statistics.median(m[name]["cpu"] for m in means.values() if name in m) for name in methods},
        "calibration": {
            name: statistics.fmean(m[name]["calibration"] for m in found)
            for name in methods
            if (found := [m for m in means.values() if "calibration" in m.get(name, {})])
        },
    }


def _means(folds: Iterable[Results]) -> dict[str, dict[str, dict[str, float]]]:
    by_table: dict[str, dict[str, dict[int, Results]]] = defaultdict(lambda: defaultdict(dict))
    for fold in folds:
        by_table[fold["table"]][fold["method"]][fold["fold"]] = fold
    found: dict[str, dict[str, dict[str, float]]] = {}
    for table, methods in by_table.items():
        shared = set.intersection(*(set(done) for done in methods.values()))
        if shared:
            found[table] = {
                name: {
                    measure: statistics.fmean(done[fold][measure] for fold in sorted(shared))
                    for measure in MEASURES
                    if all(measure in done[fold] for fold in shared)
                }
                | {"folds": len(shared)}
                for name, done in methods.items()
            }
    return found


def _mean_ranks(tables: Sequence[Any], methods: Sequence[str], measure: str) -> dict[str, float]:
    """1 is best; equals share their ranks."""
    sign = -1.0 if measure == "score" else 1.0
    ranks: dict[str, list[float]] = {name: [] for name in methods}
    for found in tables:
        values = [sign * found[name][measure] for name in methods]
        for name, value in zip(methods, values, strict=True):
            below, equal = sum(v < value for v in values), sum(v == value for v in values)
            ranks[name].append(below + (equal + 1) / 2)
    return {name: statistics.fmean(found) for name, found in ranks.items() if found}


def critical_difference(methods: int, tables: int) -> float:
    """Mean ranks that differ by less are not told apart at 5 %: q √(k (k + 1) / 6 N) (Nemenyi's test; Demsar 2006).

    >>> round(critical_difference(5, 30), 3)  # Demsar's q of five methods is 2.728
    1.114
    """
    from scipy.stats import studentized_range

    q = studentized_range.ppf(0.95, methods, math.inf) / math.sqrt(2.0)
    return float(q * math.sqrt(methods * (methods + 1) / (6.0 * tables)))


def _against(means: Means, peer: str) -> Results:
    """Ours beside one peer, on the tables that both have."""
    both = {table: (found[OURS], found[peer]) for table, found in means.items() if {OURS, peer} <= set(found)}
    if not both:
        return {}
    ratios = {table: _ratio(ours["loss"], theirs["loss"]) for table, (ours, theirs) in both.items()}
    return {
        "tables": len(both),
        "loss ratio": _geometric_mean(ratios.values()),
        "at least as good": statistics.fmean(ratio <= 1.0 for ratio in ratios.values()),
        "better score": statistics.fmean(ours["score"] >= theirs["score"] for ours, theirs in both.values()),
        "time ratio": statistics.median(_ratio(ours["cpu"], theirs["cpu"]) for ours, theirs in both.values()),
        "worst": dict(sorted(ratios.items(), key=lambda item: -item[1])[:5]),
    }


def _against_best(means: Means, peers: Sequence[str]) -> Results:
    """Ours beside the best of several peers on each table: a rival that knows the answers."""
    best = {
        table: min(found[name]["loss"] for name in peers if name in found)
        for table, found in means.items()
        if OURS in found and any(name in found for name in peers)
    }
    if not best:
        return {}
    ratios = {table: _ratio(means[table][OURS]["loss"], loss) for table, loss in best.items()}
    return {"tables": len(ratios), "loss ratio": _geometric_mean(ratios.values())}


def _ratio(one: float, other: float) -> float:
    return one / max(other, 1e-12)


def _geometric_mean(values: Iterable[float]) -> float:
    return math.exp(statistics.fmean(math.log(max(value, 1e-12)) for value in values))


# --- for readers ------------------------------------------------------------------------------------------------------


def markdown(results: Results) -> str:
    """results.md."""
    methods, means = results["methods"], results["means"]
    lines = [f"# Prediction on {len(means)} tables of the group `{results['group']}`", ""]
    machine = ", ".join(f"{key}: {value}" for key, value in results["machine"].items())
    lines += [f"Defaults against defaults, the same folds, one thread. {machine}.", ""]
    if results["not installed"]:
        lines += [f"Not installed here, so not compared: {', '.join(results['not installed'])}.", ""]
    for title, found in (("Tables left out", results["tables left out"]), ("Failed", results["failed"])):
        if found:
            lines += [f"{title}: {'; '.join(f'{name} ({why})' for name, why in found.items())}.", ""]
    if not means:
        return "\n".join([*lines, "No fold has been measured yet."])
    lines += [
        "Loss is log-loss or the root of the mean squared error, score accuracy or R²; ratios are geometric means over "
        f"tables. Mean ranks are over the {len(results['ranked tables'])} tables that all methods have.",
        "",
    ]
    head = ["method", "mean rank by loss", "by score", "clearprop's loss / its", "clearprop at least as good",
            "CPU seconds a fit (median)", "clearprop's time / its", "calibration error"]  # fmt: skip
    rows = []
    for name in sorted(methods, key=lambda name: results["ranks"]["loss"].get(name, math.inf)):
        beside = results["against"].get(name) or {}
        rows.append([
            METHODS[name].title,
            *(_number(results["ranks"][measure].get(name), ".2f") for measure in ("loss", "score")),
            _number(beside.get("loss ratio"), ".3f"),
            _number(beside.get("at least as good"), ".0%"),
            _number(results["time"].get(name), ".3g"),
            _number(beside.get("time ratio"), ".3g"),
            _number(results["calibration"].get(name), ".3f"),
        ])  # fmt: skip
    lines += _table(head, rows)
    if results["critical difference"]:
        lines += ["", f"Critical difference of mean ranks (Nemenyi, 5 %): {results['critical difference']:.2f}."]
    if results["against the best trees"]:
        best = results["against the best trees"]
        lines += ["", f"clearprop's loss / that of the best boosted trees of each table: {best['loss ratio']:.3f}."]
    for name, beside in results["against"].items():
        if beside:
            worst = ", ".join(f"{table} {ratio:.2f}" for table, ratio in beside["worst"].items())
            lines += ["", f"Largest losses beside {METHODS[name].title}: {worst}."]
    lines += ["", "## Loss, mean over folds", ""]
    head = ["table", "folds", *(METHODS[name].title for name in methods)]
    lines += _table(head, [_row(table, found, methods) for table, found in means.items()])
    return "\n".join(lines)


def _row(table: str, found: Any, methods: Sequence[str]) -> list[str]:
    """A table's losses; the lowest is bold."""
    lowest = min(m["loss"] for m in found.values())
    cells = [_number(found[name]["loss"] if name in found else None, ".4g") for name in methods]
    best = [name in found and found[name]["loss"] == lowest for name in methods]
    folds = next(iter(found.values()))["folds"]
    return [table, str(folds), *(f"**{cell}**" if b else cell for cell, b in zip(cells, best, strict=True))]


def _number(value: float | None, form: str) -> str:
    return "–" if value is None else format(value, form)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return [f"| {' | '.join(line)} |" for line in lines]


def pictures(results: Results, path: Path) -> None:
    """Two pictures beside `path`: critical differences, and quality against time."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    if len(results["ranks"]["loss"]) < 2:
        return
    with mpl.rc_context({"font.size": 10}):
        for name, draw in (("ranks", _draw_ranks), ("time", _draw_time)):
            figure = Figure(figsize=(8, 4), layout="constrained")
            draw(figure.subplots(), results)
            figure.savefig(path.with_name(f"{path.name}-{name}.png"), dpi=150)


def _draw_ranks(axes: Any, results: Results) -> None:
    """Mean ranks on a line; bars join methods that are not told apart (Demsar 2006)."""
    ranks = sorted(results["ranks"]["loss"].items(), key=lambda item: item[1])
    most, difference = len(ranks), results["critical difference"]
    half = (most + 1) // 2
    groups = not_told_apart([rank for _, rank in ranks], difference)
    top = 0.6 + 0.25 * len(groups)
    axes.set(xlim=(0.5 - 0.25 * most, 1.25 * most + 0.5), ylim=(-top - 0.5 * half - 0.3, 1.4))
    axes.axis("off")
    axes.plot([1, most], [0, 0], color="black", linewidth=1)
    for tick in range(1, most + 1):
        axes.plot([tick, tick], [0, 0.15], color="black", linewidth=1)
        axes.text(tick, 0.25, str(tick), ha="center", va="bottom")
    axes.plot([1, 1 + difference], [1.1, 1.1], color="black", linewidth=2)
    axes.text(1 + difference + 0.1, 1.1, f"critical difference {difference:.2f}", va="center")
    for i, (name, rank) in enumerate(ranks):
        left = i < half
        y = -top - 0.5 * (i if left else most - 1 - i)
        x = 0.8 if left else most + 0.2
        color = "C3" if name == OURS else "black"
        axes.plot([rank, rank, x], [0, y, y], color=color, linewidth=1)
        words = f"{METHODS[name].title} {rank:.2f}" if left else f"{rank:.2f} {METHODS[name].title}"
        axes.text(x - 0.1 if left else x + 0.1, y, words, ha="right" if left else "left", va="center", color=color)
    for level, (first, last) in enumerate(groups):
        y = -0.3 - 0.25 * level
        axes.plot([ranks[first][1] - 0.04, ranks[last][1] + 0.04], [y, y], color="0.4", linewidth=4)
    axes.set_title(f"Mean rank by loss on {len(results['ranked tables'])} tables (1 is best)")


def not_told_apart(ranks: Sequence[float], difference: float) -> list[tuple[int, int]]:
    """The largest runs of sorted mean ranks that lie within the critical difference: first and last place of each.

    >>> not_told_apart([1.0, 1.5, 2.2, 4.0], 1.0)
    [(0, 1), (1, 2)]
    """
    found: list[tuple[int, int]] = []
    for first in range(len(ranks)):
        last = max(i for i, rank in enumerate(ranks) if rank - ranks[first] < difference)
        if last > first and (not found or last > found[-1][1]):
            found.append((first, last))
    return found


def _draw_time(axes: Any, results: Results) -> None:
    """Loss, relative to the best of each table, against the time of a fit."""
    means, methods = results["means"], list(results["ranks"]["loss"])
    for name in methods:
        tables = [means[table] for table in results["ranked tables"]]
        loss = _geometric_mean(m[name]["loss"] / max(min(o["loss"] for o in m.values()), 1e-12) for m in tables)
        color = "C3" if name == OURS else "C0"
        axes.plot(results["time"][name], loss, "o", color=color)
        axes.annotate(
            METHODS[name].title, (results["time"][name], loss), (5, 4), textcoords="offset points", color=color
        )
    axes.set(xscale="log", xlabel="CPU seconds a fit (median over tables)", ylabel="loss / lowest loss of the table")
    axes.set_title("Quality against time (geometric mean over tables; below and left is better)")
    axes.margins(x=0.2)
    axes.grid(alpha=0.3)
