"""L. Splits and judgement: rows that cannot be divided, metrics that do not suit, and tables that flatter a network."""

from cases import Case

_MEASURED = [(i * 7 % 11 - 5, i * 5 % 13 / 4) for i in range(60)]


def _table(header: str, row: str) -> str:
    """60 rows; `row` is a format of two measurements a and b, a date, one of three groups g, and the answer y."""
    lines = [
        row.format(a=a, b=b, date=f"2024-0{1 + i // 28}-{1 + i % 28:02d}", g=i // 20, y="no" if a + b < 1 else "yes")
        for i, (a, b) in enumerate(_MEASURED)
    ]
    return "\n".join([header, *lines, ""])


T = _table("when,who,a,b,y", "{date},P{g},{a},{b},{y}")


def split(id: str, what: str, options: str, message: str, exit: int = 3, table: str = T) -> Case:
    command = f"train t.csv --target y --epochs 2 {options}"
    return Case(id, what, command=command, files={"t.csv": table}, exit=exit, message=message)


_WORKFLOW = "tests/unit/runs/test_training_runs.py"
L = [
    split(
        "L1",
        "a column to split by that is not there",
        "--split time:wen",
        r"t\.csv: there is no column 'wen' to split by; did you mean 'when'",
    ),
    split(
        "L1b",
        "a way to split that is not known",
        "--split tme:when",
        r"split='tme:when' is neither time:COLUMN .* nor group:COLUMN",
        exit=2,
    ),
    split(
        "L1c",
        "a split by the target",
        "--split group:y --drop when",
        r"'y' is the column to predict; split by another one",
        exit=2,
    ),
    Case(
        "L1d",
        "a split of a built-in data set",
        command="train moons --split time:x1",
        exit=2,
        message=r"split is for tables, and moons is numbers already; leave it out",
    ),
    split(
        "L1e",
        "a split where all rows are given",
        "--split group:who --drop when --test t.csv --validation t.csv",
        r"split='group:who' has nothing to divide, as the rows of each part are given; leave it out",
        exit=2,
    ),
    split(
        "L2",
        "names in place of times",
        "--split time:who",
        r"t\.csv:2: column 'who': 'P0' is not a date .*; a column to split by in time must be all numbers or all dates",
    ),
    split(
        "L3",
        "a row without time",
        "--split time:when",
        r"t\.csv:4: column 'when': the value is missing, so it is not known where the row belongs; fill it in, or",
        table=T.replace("2024-01-03,", ",", 1),
    ),
    split(
        "L3b",
        "all rows at one time",
        "--split time:when",
        r"t\.csv: column 'when': all rows have the same time, so none can be put aside; split by another column, or",
        table=_table("when,a,b,y", "2024-01-01,{a},{b},{y}"),
    ),
    split(
        "L3c",
        "all rows of one group",
        "--split group:who",
        r"t\.csv: column 'who': all rows belong to one group, so none can be put aside",
        table=_table("who,a,b,y", "P1,{a},{b},{y}"),
    ),
    split(
        "L3d",
        "two groups for three parts",
        "--split group:who --drop when",
        r"column 'who': all rows belong to one group of the \d+ that are not for testing, so none .* --validation FILE",
        table=T.replace("P2", "P1"),
    ),
    split(
        "L4",
        "groups that are larger than the parts",
        "--split group:who --drop when",
        r"20 training, 20 validation, 20 test rows, divided by whole groups of 'who', 3 in all: 1 for test, 1 for val",
        exit=0,
    ),
    split(
        "L5",
        "a metric that is not known",
        "--metric acuracy --drop when",
        r"metric cannot be 'acuracy'; did you mean 'accuracy'",
        exit=2,
    ),
    split(
        "L5b",
        "a metric of another task",
        "--metric rmse --drop when",
        r"metric 'rmse' does not suit classification; use one of accuracy, balanced_accuracy",
        exit=2,
    ),
    Case("L6", "rows in the order of time, divided at random", tested=_WORKFLOW),
    Case("L6b", "a column that tells the answer alone", tested=_WORKFLOW),
    Case("L6c", "a class of one row", tested=_WORKFLOW),
    Case("L7", "a class that is never answered", tested="tests/unit/diagnose/test_diagnose.py"),
    Case("L7b", "answers that are absurd, or beyond all numbers", tested="tests/unit/judge/test_verdict.py"),
]
