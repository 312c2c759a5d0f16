"""What `clearprop train` prints about a run: the data as they were read, and whether the network is worth having."""

from typing import TYPE_CHECKING

from clearprop.cli.output import say, table

if TYPE_CHECKING:
    from clearprop.runs.training import Run

_LONGEST_TABLE = 40  # columns; the report has all of them
_MOST_CLASSES = 10


def say_data(run: "Run", *, detected: bool) -> None:
    """What the table was taken for, column by column; `detected` if nobody said which task it is."""
    from clearprop.judge.answers import preparation_of

    plan = preparation_of(run.saved)
    say(f"{run.data.name}: {len(run.data)} rows, {len(plan.columns)} columns, {run.data.n_features} features")
    what = f"{len(plan.class_names)} classes" if plan.class_names else "a quantity"
    why = " (detected; --task overrules)" if detected else ""
    say(f"target {plan.target!r}: {what}, so this is {run.data.task}{why}")
    say()
    for note in plan.notes:
        say(f"note: {note}")
    if plan.notes:
        say()
    lines = plan.describe()
    say(table([("column", "kind", "treatment"), *lines[:_LONGEST_TABLE]]))
    if len(lines) > _LONGEST_TABLE:
        shown = {name for name, *_ in lines[:_LONGEST_TABLE]}
        gaps = [count for name, count in plan.gaps if name not in shown]
        filled = f" (with {sum(gaps)} gaps in {len(gaps)} of them)" if gaps else ""
        say(f"and {len(lines) - _LONGEST_TABLE} more columns{filled}, all in report.json")
    say()


def say_result(run: "Run", runs: "list[Run]") -> None:
    """How the run went, how good its network is, what each column is worth, and what is wrong with it."""
    from clearprop.judge.answers import preparation_of
    from clearprop.judge.importance import MOST_COLUMNS
    from clearprop.judge.verdict import shown
    from clearprop.runs.folder import mean_and_spread

    say(", ".join(f"{count} {part}" for part, count in run.rows.items()) + f" rows, divided {run.split}")
    say(f"{run.saved.model!r}: {run.saved.model.n_parameters} parameters, {run.optimizer}, {run.loss}")
    say(f"{len(run.history)} epochs in {run.seconds:.1f} s, weights of epoch {run.best_epoch}")
    say()
    if len(runs) > 1:
        numbers = [
            (f"{r.options.seed}", shown(r.score), r.judgement.decision, f"{r.kept_loss:.4g}", f"{r.best_epoch}")
            for r in runs
        ]
        say(table([("seed", f"test {run.metric}", "than simple models", "validation loss", "best epoch"), *numbers]))
        mean, spread = mean_and_spread(runs)
        say(f"{run.metric} {shown(mean)} ± {shown(spread)} (mean and standard deviation of {len(runs)} runs)")
        say(f"kept: seed {run.options.seed}, which has the least validation loss")
        say()
    _say_scores(run)
    worth = [(one.column, shown(one.mean), f"± {shown(one.spread)}") for one in run.importances[:10]]
    say(table([(f"{run.importance_metric} lost when shuffled", "mean", "spread"), *worth]))
    n_columns = len(preparation_of(run.saved).columns)
    if n_columns > MOST_COLUMNS:
        say(f"({MOST_COLUMNS} of {n_columns} columns, those with the largest weights, and all others together)")
    say()
    say(f"This network is {run.verdict}.")
    say(f"Diagnosis: {run.diagnosis.summary()}.")
    for finding in run.diagnosis.findings:
        say(f"Remedy: {finding.remedy()}.")


def _say_scores(run: "Run") -> None:
    """The network and the simple models by every metric, the deciding one first; then each class."""
    from clearprop.judge.verdict import shown

    names = [name for name, value in run.scores.items() if isinstance(value, float) and name in run.rivals["linear"]]
    names.sort(key=lambda name: name != run.metric)
    scores = {"network": run.scores, "linear model": run.rivals["linear"], "constant": run.rivals["constant"]}
    heading = ("on the test rows", *(name.replace("_", " ") for name in names))
    say(table([heading, *((who, *(shown(found[name]) for name in names)) for who, found in scores.items())]))
    say(f"judged by {run.metric.replace('_', ' ')}; --metric chooses another")
    say()
    if "classes" in run.scores:
        classes = sorted(run.scores["classes"].items(), key=lambda one: one[1]["recall"])[:_MOST_CLASSES]
        rows = [(name, f"{c['recall']:.3f}", f"{c['precision']:.3f}", f"{c['rows']}") for name, c in classes]
        say(table([("class", "recall", "precision", "test rows"), *rows]))
        if len(run.scores["classes"]) > _MOST_CLASSES:
            say(f"and {len(run.scores['classes']) - _MOST_CLASSES} more classes with higher recall, all in report.json")
        say()
