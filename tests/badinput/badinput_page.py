"""Write docs/bad-input.md from the tables of cases:  python tests/badinput/badinput_page.py"""

import re
import sys
from collections.abc import Sequence
from pathlib import Path

HERE = Path(__file__).parent
PAGE = HERE.parents[1] / "docs" / "bad-input.md"
sys.path[:0] = [str(HERE), str(HERE.parent)]

import cases  # noqa: E402
import cells_cases  # noqa: E402
import core_cases  # noqa: E402
import estimator_cases  # noqa: E402
import exports_cases  # noqa: E402
import files_cases  # noqa: E402
import judge_cases  # noqa: E402
import kinds_cases  # noqa: E402
from cases import Case  # noqa: E402

HEAD = """\
# Bad input, and what is said about it

This page is written by `python tests/badinput/badinput_page.py` from the tables that the tests run: each row is
tried, and the words shown must be in the message. `…` stands for whatever comes between.

Every message says what is wrong, where (file, line, column, value), and one thing to do about it. In Python it is an
exception below `ClearpropError`; on the command line one line on stderr and an exit code: 0 all is well, 1 a bug,
2 usage, 3 data, 4 model file, 5 diverged or a check that failed, 6 a file that cannot be written, 130 interrupted,
143 terminated. With `--json` it is a document on stdout, which [error.schema.json](error.schema.json) describes:

    {"error": {"code": 3, "kind": "data", "message": "t.csv:3: column 'a': 'wide' is not a number; correct it",
               "place": "t.csv:3: column 'a'", "remedy": "correct it"}}

In the Python rows `X` is an array of 60 rows and 2 columns, `t` has 60 quantities and `y` 60 classes, `network(k)` is a
network with k outputs, and `put(array, place, value)` a copy with one value changed. The numbers are those of a
catalogue of bad inputs; some have several rows.
"""
SECTIONS = (
    ("A. Features", cases.A),
    ("B. Targets and weights", cases.B),
    ("C. Parameters of the estimators", estimator_cases.C),
    ("D. Prediction and going on with the estimators", estimator_cases.D),
    ("E. Tables in files", cases.E),
    ("F. Model files and checkpoints", cases.F),
    ("H. The command line", cases.H),
    ("I. Files as people export them", files_cases.I),
    ("J. Numbers and dates as people write them", cells_cases.J),
    ("K. What a column is", kinds_cases.K),
    ("L. Splits and judgement", judge_cases.L),
    ("M. From a run to Python, and exports", exports_cases.M),
    ("N. Tapes, witnesses, batches", core_cases.N),
)


def page() -> str:
    """The whole page."""
    return "\n".join([HEAD, *(section(title, rows) for title, rows in SECTIONS)])


def section(title: str, rows: Sequence[Case]) -> str:
    lines = [f"## {title}", "", "| No. | Mistake | As | What happens |", "| --- | --- | --- | --- |"]
    lines += [f"| {case.id} | {escaped(case.what)} | {given(case)} | {outcome(case)} |" for case in rows]
    return "\n".join([*lines, ""])


def given(case: Case) -> str:
    if case.why_not or case.tested:
        return ""
    if case.code:
        own = case.code.removeprefix(cases.CHECKPOINTS).strip()
        return "<br>".join(verbatim(line) for line in own.split("\n"))
    return "<br>".join([verbatim(f"clearprop {case.command}".strip()), *shown_lines(case)])


def shown_lines(case: Case) -> list[str]:
    """The lines of the table that the message is about; without a number, how it begins."""
    shown = []
    for name, content in case.files.items():
        if isinstance(content, str) and name.endswith(".csv") and content:
            lines = content.split("\n")
            found = re.search(r"csv:(\d+)", case.message)
            for number in sorted({1, int(found[1]) if found else 2} & set(range(1, len(lines) + 1))):
                text = lines[number - 1]
                shown += [f"line {number}: {verbatim(text if len(text) <= 60 else text[:57] + '...')}"] if text else []
    return shown


def outcome(case: Case) -> str:
    if case.why_not:
        return f"does not apply: {escaped(case.why_not)}"
    if case.tested:
        return f"see `{case.tested}`"
    words = plain(case.message)
    says = f": {verbatim(words)}" if words else ""
    if case.code:
        return f"{case.expected}{says}"
    return f"accepted{says}" if case.exit == 0 else f"exit code {case.exit}{says}"


def plain(pattern: str) -> str:
    r"""A regular expression as the words it stands for.

    >>> plain(r"data\.csv:3: .* \(a, b\); did you mean 'x'\?")
    "data.csv:3: … (a, b); did you mean 'x'?"
    """
    text = re.sub(r"\\n", " ", pattern).replace("\n", " ")
    text = re.sub(r"\s*\.[*+]\s*", " … ", text)
    text = text.replace(r"\d+", "…").replace(" +", " ").split("|")[0].replace("(category", "category")
    return re.sub(r"\\(.)", r"\1", re.sub("…( …)+", "…", text)).strip()


def verbatim(text: str) -> str:
    shown = (text if len(text) <= 160 else f"{text[:157]}...").replace("|", "\\|").replace("\t", "\\t")
    shown = shown.replace("\0", "\\0").replace("\ufeff", "\\ufeff")
    return f"`` {shown} ``" if "`" in shown else f"`{shown}`"


def escaped(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;")


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
