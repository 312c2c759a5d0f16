"""``clearprop evaluate``: how good a saved model is on rows whose target is known."""

from typing import Annotated

import typer

from clearprop.cli.output import say, table


def evaluate(
    model: Annotated[str, typer.Argument(help="A model file, or the folder of a run.")],
    data: Annotated[str, typer.Argument(help="A CSV file with features and target, or a built-in data set.")],
) -> None:
    """Compare the model's predictions with the target in DATA.

    Use rows that the model was not trained on; on others the numbers are too good.

    Example: `clearprop evaluate runs/flowers-1 new.csv`
    """
    from clearprop.answers import evaluate as scores_of
    from clearprop.answers import load_model, rows_for
    from clearprop.workflow import load_data

    saved = load_model(model)
    rows = rows_for(saved, load_data(data))
    scores = scores_of(saved, rows)
    numbers = [(name.replace("_", " "), f"{value:.4g}") for name, value in scores.items() if isinstance(value, float)]
    say(table([(f"on {len(rows)} rows", "value"), *numbers]))
    if "classes" in scores:
        say()
        classes = [
            (name, f"{c['precision']:.3f}", f"{c['recall']:.3f}", f"{c['f1']:.3f}", f"{c['rows']}")
            for name, c in scores["classes"].items()
        ]
        say(table([("class", "precision", "recall", "f1", "rows"), *classes]))
        say()
        say(table([("true \\ predicted", *rows.target_names), *_confusion(rows.target_names, scores["confusion"])]))


def _confusion(names: tuple[str, ...], counts: list[list[int]]) -> list[tuple[str, ...]]:
    return [(name, *map(str, row)) for name, row in zip(names, counts, strict=True)]
