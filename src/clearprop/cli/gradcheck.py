"""``clearprop gradcheck``: is every derivative right on this machine?"""

from typing import Annotated

import typer

from clearprop.cli.output import AsJSON, say, say_json, table

CHECK_FAILED = 5


def gradcheck(
    names: Annotated[
        list[str] | None, typer.Argument(help="Operations, layers or losses; by default all of them.")
    ] = None,
    as_json: AsJSON = False,
) -> None:
    """Compare every derivative with two independent numerical ones.

    The complex step is exact to the last digits, central differences to about half of them. The table shows
    the largest relative error of each; the exit code is 5 if one is too large.

    Examples: `clearprop gradcheck` and `clearprop gradcheck gelu Dense crossentropy`
    """
    from clearprop.gradients.registered import checks

    known = checks()
    reports = {name: known[name] for name in names or known}
    wrong, unheard = [], []
    rows: list[tuple[str, ...]] = [("gradient of", "complex step", "central differences", "")]
    for name, check in reports.items():
        report = check()
        errors = {
            method: [c.error for c in report.usable if c.method == method]
            for method in ("complex step", "central differences")
        }
        shown = (f"{max(found):.1e}" if found else "not usable" for found in errors.values())
        rows.append((name, *shown, "ok" if report.passed else report.verdict))
        if not report.passed:
            wrong.append(report)
        elif report.reasons:
            unheard += [f"{name}: {reason}" for reason in report.reasons]
    if as_json:
        checked = [
            dict(zip(("name", "complex_step", "central_differences", "verdict"), row, strict=True)) for row in rows[1:]
        ]
        say_json({"right": len(reports) - len(wrong), "checked": checked})
        raise typer.Exit(CHECK_FAILED if wrong else 0)
    say(table(rows))
    for sentence in unheard:
        say(sentence)
    for report in wrong:
        say(f"\n{report}")
    say()
    say(f"{len(reports) - len(wrong)} of {len(reports)} gradients are right")
    if wrong:
        raise typer.Exit(CHECK_FAILED)
