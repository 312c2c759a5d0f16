"""K. What a column is: words that are one word, numbers of the rows, gaps, and all refusals in one run."""

from collections.abc import Iterable

from cases import Case, files


def rows(names: str, cells: Iterable[str]) -> str:
    """A CSV file."""
    return "\n".join([names, *cells, ""])


def about(id: str, what: str, target: Iterable[str], exit: int, message: str, options: str = "") -> Case:
    """A row about a file whose target has these cells."""
    cells = (f'{7 * i % 11}.5,"{cell}"' for i, cell in enumerate(target))
    return files(id, what, rows("x,y", cells), exit, message, options)


K = [
    about(
        "K1",
        "599 numbers and one n/a as the target",
        ["1.5", "2.5", "3.25"] * 7 + ["n/a"],
        0,
        r"note: 1 of 22 rows has no target and is left out: data\.csv:23: column 'y'",
    ),
    about(
        "K1b",
        "the same, to be refused",
        ["1.5", "2.5", "3.25"] * 7 + ["n/a"],
        3,
        r"stands for a missing",
        "--missing refuse",
    ),
    about(
        "K2", "prices with a decimal comma as the target", [f"{i},0" for i in range(60)], 0, r"so this is regression"
    ),
    about("K3", "classes 1, 1.0, 2, 2.0", ["1", "1.0", "2", "2.0"] * 15, 0, r"'1' \(15\), '1\.0' \(15\) are one value"),
    about("K4", "classes Yes, yes, NO", ["Yes", "yes", "NO"] * 20, 0, r"2 classes: NO, Yes"),
    about(
        "K5",
        "classes that differ in capitals",
        ["Setosa", "setosa", "rose"] * 20,
        0,
        r"'Setosa' \(20\), 'setosa' \(20\) differ in capitals only",
    ),
    about(
        "K6",
        "one word among quantities",
        [*(f"{i}.5" for i in range(20)), "tall"],
        3,
        r"'tall' is not a number.*--task",
    ),
    about(
        "K7",
        "a gap word among yes and no",
        ["yes", "no"] * 10 + ["?"],
        3,
        r"data\.csv:22: column 'y': '\?' stands for a m",
        "--missing refuse",
    ),
    about(
        "K7b",
        "a word among whole numbers, in many rows",
        ["1", "2", "2", "many"] * 10,
        0,
        r"target 'y': 3 classes, so this is classification",
    ),
    about(
        "K7c",
        "a number and a bound",
        ["-50000", "-50000", "50000+."] * 10,
        0,
        r"target 'y': 2 classes, so this is classification",
    ),
    files(
        "K8",
        "an index that pandas wrote after sorting by the target",
        rows("Unnamed: 0,a,y", (f"{(7 * i) % 60 + 100},{i % 7}.5,{'uv'[i // 30]}" for i in range(60))),
        0,
        r"Unnamed: 0 +left out +identifier: every row has its own number",
    ),
    files(
        "K9",
        "whole numbers that rise from row to row",
        rows("n,a,y", (f"{3 * i + i % 2},{i % 7}.5,{'uv'[i % 2]}" for i in range(60))),
        0,
        r"n +left out +identifier: its whole numbers rise from each row to the next",
    ),
    files(
        "K10",
        "several columns that cannot be used",
        rows("a,b,c,y", ["1,2024-01-31,big,u", ",2024-02-01,2,v", *["2,2024-02-03,3,u", "3,2024-02-05,4,v"] * 10]),
        3,
        r"data\.csv: 3 columns cannot be used as they are\n.*'a': the value is missing(.*\n)+.*'b': '2024-01-31' is a "
        r"date(.*\n)+.*'c': 'big' is not a number",
        "--missing refuse --dates refuse",
    ),
    files(
        "K11",
        "yes and no with n/a, gaps not filled",
        rows("a,y", ["yes,u", "No,v", "n/a,u", *["no,v", "YES,u"] * 10]),
        3,
        r"data\.csv:4: column 'a': 'n/a' is neither 'no' nor 'yes'; if it stands for a missing value",
        "--missing refuse",
    ),
    files(
        "K12", "the same mark for decimals and thousands", "a,y\n1,u\n", 2, r"must differ", "--decimal . --thousands ."
    ),
]
