"""Bad input and what is said about it, as data: the tests run each row, and the documentation prints it.

The numbers of the rows are those of the project's catalogue of bad inputs: A features, B targets and weights,
C parameters of estimators, D predicting with estimators (these two in `estimator_cases`), E files, F model files
and checkpoints, H the command line, I files as people export them (in `files_cases`). A row either has
`code` (Python), or a `command` with the `files` it finds, or says in `why_not`
why it does not apply, or in `tested` where it is tested instead.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from fuzz.forged import GOLDEN, forged


@dataclass(frozen=True)
class Case:
    """One row.

    Attributes
    ----------
    id, what : str
        The row's number, and the mistake in a few words.
    code : str
        Python. It finds `X` (60 x 2 floats), `t` (60 quantities), `y` (60 class numbers, 0 and 1), `network(k)` with
        k outputs, `put(array, place, value)`, NumPy as `np` and all public names of clearprop.
    command : str
        What is typed after ``clearprop``, in a folder that holds `files`.
    files : mapping of str to str or bytes
        Name -> content.
    expected : str
        For code the error (also a base of it) or warning, or ``"accepted"``.
    exit : int
        For commands: the exit code.
    message : str
        A regular expression that the error or warning (for a command that succeeds, the output) matches.
    needs : str
        A package without which the row is skipped.
    why_not, tested : str
        See above.
    """

    id: str
    what: str
    code: str = ""
    command: str = ""
    files: Mapping[str, str | bytes] = field(default_factory=dict)
    expected: str = ""
    exit: int = 0
    message: str = ""
    needs: str = ""
    why_not: str = ""
    tested: str = ""


def code(id: str, what: str, text: str, expected: str, message: str = "", **more: str) -> Case:
    return Case(id, what, code=text, expected=expected, message=message, **more)


A = [
    code("A1", "X is None", "Dataset(None, t)", "DataError", r"X is None; pass an array"),
    code(
        "A1b", "data is None", "fit(network(1), None, 'mse', epochs=1)", "DataError", "cannot train on NoneType; pass"
    ),
    code("A2", "X is a file name", "Dataset('data.csv', t)", "DataError", r"X is the text 'data\.csv'; pass an array"),
    code(
        "A2b",
        "data is a file name",
        "fit(network(1), 'data.csv', 'mse', epochs=1)",
        "DataError",
        r"cannot train on 'data\.csv'; read a file with read_table",
    ),
    code("A3", "one axis", "Dataset(X[:, 0], t)", "ShapeError", r"X has shape \(60,\).*reshape\(-1, 1\)"),
    code("A3b", "one row to predict", "predict(network(1), X[0])", "ShapeError", r"one row is X\[None, :\]"),
    code("A4", "three axes", "Dataset(X.reshape(30, 2, 2), t[:30])", "ShapeError", r"\(30, 2, 2\).*reshape"),
    code("A5", "no rows", "Dataset(X[:0], t[:0])", "DataError", r"X has shape \(0, 2\): no rows; pass"),
    code("A5b", "no rows to predict", "predict(network(1), X[:0])", "accepted"),
    code("A6", "no columns", "Dataset(X[:, :0], t)", "DataError", r"X has shape \(60, 0\): no columns; pass"),
    code(
        "A7",
        "a missing value",
        "Dataset(put(X, (3, 1), np.nan), t, feature_names=('size', 'age'))",
        "DataError",
        r"X contains NaN at row 3, column 1 \('age'\); fill the value in",
    ),
    code("A7b", "several", "predict(network(1), X * np.nan)", "DataError", r"NaN at row 0, column 0 \(120 such values"),
    code("A8", "infinity", "Dataset(put(X, (3, 1), np.inf), t)", "DataError", "X contains infinity at row 3, column 1"),
    code(
        "A9",
        "too large for float32",
        "fit(network(1, dtype='float32'), (put(X, (3, 1), 1e39), t), 'mse', epochs=1)",
        "DataError",
        r"X is 1e\+39 at row 3, column 1 .*too large for float32; rescale it, or use dtype='float64'",
    ),
    code(
        "A9b",
        "the same in predict",
        "predict(network(1, dtype='float32'), put(X, (3, 1), 1e39))",
        "DataError",
        "too large for float32",
    ),
    code("A10", "1e300", "fit(network(1), (put(X, (3, 1), 1e300), t), 'mse', epochs=1)", "accepted"),
    code(
        "A11",
        "text",
        "Dataset(put(X, (3, 1), 'Oslo'), t, feature_names=('size', 'city'))",
        "DataError",
        r"X holds 'Oslo' at row 3, column 1 \('city'\), which is not a number; turn it into a number",
    ),
    code("A12", "numbers as text", "Dataset(X.astype(str), t)", "DataWarning", "X holds numbers as text"),
    code("A13", "None", "Dataset(put(X, (3, 1), None), t)", "DataError", "X is None at row 3, column 1; fill"),
    code(
        "A14",
        "rows of different lengths",
        "Dataset([[1.0, 2.0], [1.0]], [0.0, 1.0])",
        "ShapeError",
        "X is not rectangular: row 0 has 2 values, row 1 has 1; make",
    ),
    code("A15", "complex numbers", "Dataset(X + 0j, t)", "DataError", "X holds complex numbers; pass its real part"),
    code("A16", "booleans", "Dataset(X > 0, t)", "accepted"),
    code(
        "A17", "dates", "Dataset(np.full((60, 1), np.datetime64('2026-01-01')), t)", "DataError", "dates or times; turn"
    ),
    code(
        "A18",
        "a huge whole number",
        "Dataset([[10**400], [1]], [0.0, 1.0])",
        "DataError",
        "row 0, column 0, which is too large for float64; rescale it",
    ),
    code(
        "A19",
        "whole numbers that floats cannot hold",
        "Dataset([[2**53 + 1], [1]], [0.0, 1.0], feature_names=('id',))",
        "DataWarning",
        r"X is 9007199254740993 at row 0, column 0 \('id'\).*identifier",
    ),
    code("A20", "masked values", "Dataset(np.ma.masked_array(X, X > 1), t)", "DataError", r"X has masked values; fill"),
    code(
        "A21",
        "a frame's category column",
        "import pandas\nDataset(pandas.DataFrame({'city': pandas.Categorical(['Oslo', 'Rome'])}), [0.0, 1.0])",
        "DataError",
        "'Oslo' at row 0.*not a number",
        needs="pandas",
    ),
    code(
        "A22",
        "a frame's NA",
        "import pandas\nDataset(pandas.DataFrame({'a': pandas.array([1, None], 'Int64')}), [0.0, 1.0])",
        "DataError",
        "row 1, column 0",
        needs="pandas",
    ),
    code(
        "A23",
        "two columns of one name",
        "Dataset(X, t, feature_names=('a', 'a'))",
        "DataError",
        r"two columns are called 'a' \(0 and 1\); rename one",
    ),
    code("A24", "names that are not text", "Dataset(X, t, feature_names=('a', 1))", "accepted"),
    code(
        "A25",
        "a sparse matrix as target",
        "import scipy.sparse\nDataset(X, scipy.sparse.csr_array(t[:, None]))",
        "DataError",
        r"y is a sparse matrix; pass y\.toarray\(\)",
    ),
    code("A26", "a constant feature", "fit(network(1), (X * [1.0, 0.0], t), 'mse', epochs=1)", "accepted"),
    Case(
        "A27",
        "every feature is constant",
        command="train data.csv --target y --epochs 1",
        files={"data.csv": "a,y\n" + "7,p\n7,q\n" * 20},
        exit=3,
        message=r"data\.csv: .*constant",
    ),
    code("A28", "subnormal numbers", "fit(network(1), (X * 1e-310, t), 'mse', epochs=1)", "accepted"),
    code("A29", "a dictionary in a cell", "Dataset(put(X, (3, 1), {'a': 1}), t)", "DataError", r"\{'a': 1\} at row 3"),
    code(
        "A30",
        "more than memory holds",
        "Dataset(np.broadcast_to(np.float16(1), (10**8, 10**7)), t)",
        "DataError",
        r"X has shape .*, which takes 7,450,581 GiB, more than there is; pass fewer rows",
    ),
]

B = [
    code("B1", "y is None", "fit(network(2), (X, None), 'crossentropy', epochs=1)", "DataError", "y is None; pass"),
    code("B2", "too few targets", "Dataset(X, t[:50])", "DataError", "X has 60 rows but y has 50; "),
    code("B3", "a missing target", "Dataset(X, put(t, 3, np.nan))", "DataError", "y contains NaN at row 3; fill"),
    code(
        "B4",
        "None among labels",
        "fit(network(2), (X, put(np.array(['no', 'yes'])[y], 0, None)), 'crossentropy', epochs=1)",
        "DataError",
        "y contains None at row 0; leave that row out",
    ),
    code(
        "B5",
        "quantities for a classifier",
        "fit(network(2), (X, t), 'crossentropy', epochs=1)",
        "DataError",
        r"y holds quantities \(floats\).*2 outputs; for classes pass whole numbers, as y\.astype\(int\)",
    ),
    code(
        "B6",
        "class numbers as floats",
        "fit(network(2), (X, y.astype(float)), 'crossentropy', epochs=1)",
        "DataError",
        r"floats.*as y\.astype\(int\)",
    ),
    code(
        "B7",
        "a single class",
        "fit(network(2), (X, y * 0), 'crossentropy', epochs=1)",
        "DataError",
        r"y has one class \('0'\); a classifier needs at least 2",
    ),
    code("B8", "any whole numbers", "fit(network(2), (X, y * 10**6 - 1), 'crossentropy', epochs=1)", "accepted"),
    code("B8b", "booleans", "fit(network(2), (X, y == 1), 'crossentropy', epochs=1)", "accepted"),
    code(
        "B9",
        "text and numbers mixed",
        "fit(network(2), (X, put(np.array(['no', 'yes'])[y], 0, 1)), 'crossentropy', epochs=1)",
        "DataError",
        r"y mixes text and numbers; make all labels text",
    ),
    code(
        "B10",
        "labels as a column",
        "fit(network(2), (X, y[:, None]), 'crossentropy', epochs=1)",
        "ShapeError",
        r"y has shape \(60, 1\).*y\.ravel\(\)",
    ),
    code(
        "B11",
        "a class for each row",
        "fit(network(60), (X, np.arange(60)), 'crossentropy', epochs=1)",
        "DataWarning",
        "60 classes in 60 rows: is y an identifier, or a quantity",
    ),
    code(
        "B12",
        "text for a regression",
        "fit(network(1), (X, np.array(['no', 'yes'])[y]), 'mse', epochs=1)",
        "DataError",
        r"y holds 2 classes .*but the network has 1 output",
    ),
    code(
        "B12b",
        "whole numbers for a regression",
        "fit(network(1), (X, np.arange(60) * 10), 'mse', epochs=1)",
        "DataError",
        r"y holds 60 classes .*for quantities pass floats, as y\.astype\(float\)",
    ),
    code(
        "B13",
        "a target of 1e200",
        "fit(network(1), (X, put(t, 3, 1e200)), 'mse', epochs=3)",
        "DivergenceError",
        r"diverged in epoch 1.*scale the data",
    ),
    code("B13b", "an infinite target", "Dataset(X, put(t, 3, np.inf))", "DataError", "y contains infinity at row 3"),
    code("B14", "a constant target", "fit(network(1), (X, t * 0 + 3), 'mse', epochs=1)", "accepted"),
    Case(
        "B14b",
        "the same in a file",
        command="train data.csv --target y",
        files={"data.csv": "a,y\n" + "1,3\n2,3\n" * 20},
        exit=3,
        message=r"data\.csv: the target 'y' is '3' in every row; there is nothing to learn",
    ),
    code(
        "B15", "a negative weight", "Dataset(X, t, -t**2)", "DataError", "sample_weight is -.* at row 0; weights must"
    ),
    code(
        "B16", "a weight that is NaN", "Dataset(X, t, t * np.nan)", "DataError", "sample_weight contains NaN at row 0"
    ),
    code("B16b", "all weights zero", "Dataset(X, t, t * 0)", "DataError", "sample_weight is zero in every row; give"),
    code("B16c", "too few weights", "Dataset(X, t, t[:9] ** 2)", "DataError", "X has 60 rows but sample_weight has 9"),
    code(
        "B17",
        "a weight for an unknown class",
        "clearprop.MLPClassifier(4, class_weight={0: 1.0, 'spam': 2.0}).fit(X, y)",
        "ConfigurationError",
        r"class_weight has key 'spam', classes are \[0, 1\]; ",
    ),
    code(
        "B18",
        "one row, and some to be held out",
        "fit(network(1), (X[:1], t[:1]), 'mse', epochs=1, validation=0.2)",
        "DataError",
        "data has 1 row, which cannot be split; at least 2 are needed",
    ),
    Case(
        "B19",
        "a class with one row",
        command="train data.csv --target y --epochs 1 --out r",
        files={"data.csv": "a,y\n" + "1,p\n2,q\n" * 20 + "3,r\n"},
        message="3 classes",
    ),
]

GOOD = "".join(f"{i / 7:.2f},{i % 5}.5,{'pq'[i % 2]}\n" for i in range(24))
"""Rows of a, b and y that train."""


def files(
    id: str, what: str, content: str | bytes, exit: int, message: str = "", options: str = "", **more: str
) -> Case:
    """A row about ``data.csv``."""
    command = f"train data.csv --target y --epochs 1 --out r {options}".strip()
    return Case(id, what, command=command, files={"data.csv": content}, exit=exit, message=message, **more)


def with_line(line: str, header: str = "a,b,y", after: str = "0.3,1.5,p\n") -> str:
    """A good table whose third line is `line`."""
    return f"{header}\n{after}{line}\n{GOOD}"


E = [
    files("E1", "an empty file", "", 3, r"data\.csv: the file is empty \(0 bytes\); it needs"),
    files("E2", "a header and nothing else", "a,b,y\n", 3, r"data\.csv: the file has a header but no data lines; add"),
    Case(
        "E3",
        "no such file",
        command="train dat.csv --target y",
        files={"data.csv": "a,y\n"},
        exit=3,
        message=r"dat\.csv: there is no such file; did you mean 'data\.csv'\?",
    ),
    Case("E3b", "an empty folder", command="train . --target y", exit=3, message=r"\.: this folder has no files"),
    files(
        "E4", "a short row", with_line("0.5,2"), 3, r"data\.csv:3: the row has 2 fields, the header has 3 \(a, b, y\)"
    ),
    files("E5", "a long row", with_line("0.5,2,p,9"), 3, r"data\.csv:3: the row has 4 fields.*separator inside a cell"),
    files(
        "E6",
        "every row one field longer",
        "a,b,y\n" + "".join(f"{i},{line}\n" for i, line in enumerate(GOOD.split())),
        0,
        "target 'y': 2 classes",
    ),
    files(
        "E7",
        "a separator at the end of every line",
        "a,b,y,\n" + GOOD.replace("\n", ",\n"),
        0,
        "target 'y': 2 classes",
    ),
    files(
        "E8",
        "two columns of one name",
        "a,a,y\n" + GOOD,
        3,
        r"data\.csv:1: two columns are called 'a' \(1 and 2\); rename",
    ),
    files("E9", "a column without a name", "a,,y\n" + GOOD, 3, r"data\.csv:1: column 2 of 3 has no name; name it"),
    files("E10", "blanks around names", "a , b, y \n" + GOOD, 0, "target 'y': 2 classes"),
    files("E11", "a byte order mark", "\ufeffa,b,y\n" + GOOD, 0, r"\na +number"),
    files("E12", "UTF-16", ("a,b,y\n" + GOOD).encode("utf-16"), 0, "2 classes"),
    files("E12b", "UTF-16, named", ("a,b,y\n" + GOOD).encode("utf-16"), 0, "2 classes", "--encoding utf-16"),
    files(
        "E13",
        "Latin-1",
        with_line("0.5,2,é").encode("latin-1"),
        3,
        r"data\.csv:3: byte 0xE9 is not UTF-8.*--encoding",
    ),
    files("E13b", "an unknown encoding", "a,b,y\n" + GOOD, 2, r"no text encoding 'utf-9'; try", "--encoding utf-9"),
    files("E14", "a zero byte", with_line("0.5,2\0,p"), 3, r"data\.csv:3: a zero byte: this is a binary file"),
    files(
        "E15", "a quote that never closes", with_line('"0.5,2,p'), 3, r"data\.csv:3: a quote .* never closed; close it"
    ),
    files("E16", "semicolons", ("a,b,y\n" + GOOD).replace(",", ";"), 0, r"\nb +number"),
    files("E16b", "tabs", ("a,b,y\n" + GOOD).replace(",", "\t"), 0, r"\nb +number"),
    files(
        "E17",
        "decimal commas",
        ("a,b,y\n" + GOOD).replace(",", ";").replace(".", ","),
        0,
        r"a +number +mean .*; decimal comma",
    ),
    files(
        "E18",
        "thousands with commas",
        with_line('"1,234",2,p'),
        0,
        r"a +number +mean .*; thousands with commas",
    ),
    files("E19", "labels such as NA and null", "a,b,y\n" + GOOD.replace("p", "NA").replace("q", "null"), 0, "NA, null"),
    files(
        "E20",
        "a word in a column of numbers",
        with_line("wide,2,p"),
        3,
        r"data\.csv:3: column 'a': 'wide' is not a number; correct it",
    ),
    files("E20b", "a question mark", with_line("?,2,p"), 0, r"\na +number .*; 1 gap filled with .*, and noted"),
    files(
        "E20c",
        "gaps, to be refused",
        with_line("?,2,p"),
        3,
        r"data\.csv:3: column 'a': .*--missing median",
        "--missing refuse",
    ),
    files(
        "E21",
        "leading zeros",
        "a,zip,y\n" + "".join(f"0.{i},00{i % 4},{'pq'[i % 2]}\n" for i in range(10, 34)),
        0,
        r"\nzip +(category|left out)",
    ),
    files(
        "E22",
        "a number beyond 2^64",
        with_line("99999999999999999999999,2,p"),
        0,
        "",
    ),
    files("E23", "1e400", with_line("1e400,2,p"), 3, r"data\.csv:3: column 'a': '1e400'"),
    files("E23b", "inf", with_line("inf,2,p"), 3, r"data\.csv:3: column 'a': 'inf'"),
    files("E24", "hexadecimal", with_line("0x1f,2,p"), 3, r"data\.csv:3: column 'a': '0x1f' is not a number"),
    files("E24b", "1_000", with_line("1_000,2,p"), 3, r"data\.csv:3: column 'a': '1_000' is not a number"),
    files(
        "E25",
        "dates",
        "day,y\n" + "".join(f"2026-01-{i:02},{'pq'[i % 2]}\n" for i in range(1, 25)),
        0,
        r"\nday +date",
    ),
    files(
        "E25b",
        "dates, to be refused",
        "day,y\n" + "".join(f"2026-01-{i:02},{'pq'[i % 2]}\n" for i in range(1, 25)),
        3,
        r"data\.csv:2: column 'day': '2026-01-01' is a date.*--dates expand",
        "--dates refuse",
    ),
    files(
        "E26",
        "true, True and FALSE",
        "a,y\n" + "true,p\nTrue,p\nFALSE,q\nfalse,q\n" * 6,
        0,
        r"\na +yes/no",
    ),
    files(
        "E27", "no header", GOOD.replace("p", "1").replace("q", "0"), 3, r"data\.csv:1: .*looks like data; put a line"
    ),
    files(
        "E28", "comments above the header", "# measured in May\n# by hand\na,b,y\n" + GOOD, 0, "target 'y': 2 classes"
    ),
    files("E29", "a picture", b"\x89PNG\r\n\x1a\n" + b"x" * 99, 3, r"data\.csv: this looks like a PNG picture"),
    files(
        "E29b", "a damaged gzip archive", b"\x1f\x8b" + b"x" * 99, 3, r"data\.csv: a damaged gzip archive; make it anew"
    ),
    Case(
        "E30",
        "a misspelt target",
        command="train data.csv --target lable",
        files={"data.csv": "a,label\n" + "1,p\n2,q\n" * 20},
        exit=3,
        message=r"data\.csv: there is no column 'lable'; did you mean 'label'\?",
    ),
    files(
        "E31",
        "targets missing",
        with_line("0.5,2,"),
        0,
        r"note: 1 of 26 rows has no target and is left out: data\.csv:3: column 'y'",
    ),
    files(
        "E31b",
        "targets missing, to be refused",
        with_line("0.5,2,"),
        3,
        r"data\.csv:3: column 'y': the value is missing; fill it in, or have such rows left out.*--missing median",
        "--missing refuse",
    ),
    files(
        "E31c",
        "no target in any row",
        "a,b,y\n" + "1,2,\n" * 24,
        3,
        r"data\.csv: the target 'y' is missing in every row; choose another target",
    ),
    files(
        "E32",
        "a different label in every row",
        "a,y\n" + "".join(f"{i}.5,label {i}\n" for i in range(24)),
        3,
        r"data\.csv: the target 'y' has 24 different values in 24 rows; a class needs several rows",
    ),
    files("E33", "a cell of two million letters", with_line("x" * 2_000_000 + ",2,p"), 3, r"data\.csv:3: "),
    Case("E34", "a file that changes while it is read", tested="tests/unit/data/test_tables.py"),
    Case(
        "E35",
        "a damaged Parquet file",
        command="train data.parquet --target y",
        files={"data.parquet": b"PAR1" + b"x" * 99 + b"PAR1"},
        exit=3,
        message=r"data\.parquet: .*Parquet",
    ),
    Case(
        "E36",
        "an endless device",
        command="train /dev/zero --target y",
        exit=3,
        message=r"/dev/zero: this is a device or a pipe, not a file; save its content",
    ),
    files("E37", "a formula", with_line("=1+1,2,p"), 3, r"data\.csv:3: column 'a': '=1\+1' is not a number"),
    Case(
        "E37b",
        "a formula as a class",
        why_not="predictions are written as they are: with a quote in front, =1+1 would be another label",
    ),
]

IRIS = (GOLDEN / "format1-iris.safetensors").read_bytes()
NORMALISED = (GOLDEN / "format1-normalised.safetensors").read_bytes()
DAMAGED = r"m: the model file is damaged: "


def model(id: str, what: str, content: bytes, message: str) -> Case:
    """A row about a model file."""
    return Case(id, what, command="predict m iris", files={"m": content}, exit=4, message=message)


def lie(id: str, what: str, path: str, value: object, message: str, original: bytes = IRIS) -> Case:
    """A row about a model file whose digest is right."""
    return model(id, f"{what}, and a right digest", forged(original, {path: value}), DAMAGED + message)


CHECKPOINTS = """
from pathlib import Path
from fuzz.forged import forged
from clearprop.train.checkpoint import Checkpoint, load_checkpoint
fit(network(1), (X, t), 'mse', epochs=3, seed=1, callbacks=[Checkpoint('c', every=1)])
older, newest = sorted(Path('c').glob('step-*'))
content = newest.read_bytes()
"""


def checkpoint(id: str, what: str, text: str, expected: str, message: str) -> Case:
    """A row about the folder ``c`` of a training of three epochs."""
    return code(id, what, CHECKPOINTS + text, expected, message)


def damaged_checkpoint(id: str, what: str, path: str, value: str, message: str) -> Case:
    """A row about a checkpoint whose digest is right."""
    text = f"newest.write_bytes(forged(content, {{{path!r}: {value}}}))\nload_checkpoint(newest)"
    return checkpoint(id, f"{what}, and a right digest", text, "CheckpointError", f"checkpoint is damaged: {message}")


F = [
    model("F1", "an empty model file", b"", DAMAGED + "it ends after 0 bytes; use another copy"),
    model("F1b", "a model file of 7 bytes", IRIS[:7], DAMAGED + "it ends after 7 bytes"),
    model("F2", "a pickle", b"\x80\x04\x95" + b"x" * 99, "m: this is a pickle file, which could run any code"),
    model("F2b", "a ZIP archive", b"PK\x03\x04" + b"x" * 99, r"m: this is a ZIP archive \(perhaps .npz"),
    model("F2c", "an HDF5 file", b"\x89HDF\r\n\x1a\n" + b"x" * 99, "m: this is an HDF5 file; name a model file"),
    model("F2d", "a picture", b"\x89PNG\r\n\x1a\n" + b"x" * 99, "m: this is a PNG picture; name a model file"),
    model("F2e", "a NumPy array", b"\x93NUMPY\x01\x00" + b"x" * 99, "m: this is a NumPy array; name a model file"),
    model("F2f", "a table", b"a,b,y\n" + b"1,2,p\n" * 20, "m: this is not a model file that clearprop wrote"),
    model("F3", "half a model file", IRIS[: len(IRIS) // 2], DAMAGED + "it ends after 1016 bytes"),
    model("F3b", "a model file without its last byte", IRIS[:-1],
          DAMAGED + "its tensors take 536 bytes, but 535 follow"),
    model("F4", "one bit of a weight flipped", IRIS[:-9] + bytes([IRIS[-9] ^ 1]) + IRIS[-8:],
          DAMAGED + "its bytes do not match its digest; use another copy"),
    model("F5", "bytes after the end", IRIS + b"PK\x03\x04", DAMAGED + "its tensors take 536 bytes, but 540 follow"),
    model("F6", "a header longer than the file", (9999).to_bytes(8, "little") + IRIS[8:], DAMAGED + "it ends after"),
    model("F6b", "a header of 2^63 bytes", (2**63).to_bytes(8, "little") + IRIS[8:], "m: this is not a model file"),
    lie("F7", "NaN in the description", "text", lambda text: text.replace('"seed":1', '"seed":NaN'),
        "its description is unreadable"),
    lie("F7b", "a description nested 50,000 deep", "text", "[" * 50_000, "its description is unreadable"),
    lie("F7c", "a number of 100,000 digits", "text", lambda text: text.replace('"seed":1', '"seed":' + "1" * 100_000),
        "its description is unreadable"),
    lie("F7d", "true for a number", "document.architecture.n_in", True, "its architecture needs a number of inputs"),
    model("F7e", "bytes that are no UTF-8", IRIS.replace(b"setosa", b"set\xffsa"), "m: this is not a model file"),
    lie("F8", "a key twice", "text", lambda text: text.replace('"format":1', '"format":1,"format":1'),
        "its description is unreadable"),
    lie("F9", "tensors that overlap", "header.w.data_offsets", [88, 1072],
        "w does not start where the tensor before it ends", NORMALISED),
    lie("F9b", "a negative shape", "header.w.shape", [-67], "the shape or place of w is no list of whole numbers"),
    lie("F9c", "a shape that overflows", "header.w.shape", [2**32, 2**32], "w is longer or shorter than its shape"),
    lie("F9d", "seventy axes", "header.w.shape", [67] + [1] * 69,
        "the shape or place of w is no list of whole numbers"),
    lie("F10", "a tensor of nothing inside another", "header.buffers.data_offsets", [264, 264],
        "buffers does not start where the tensor before it ends"),
    lie("F11", "a type that does not exist", "header.w.dtype", "F65", "w has no known type"),
    lie("F11b", "float32 where float64 is meant", "document.architecture.dtype", "float32",
        r"w is float64\[67\], but the architecture needs float32\[67\]"),
    lie("F12", "a weight that is NaN", "data", lambda data: b"\xff" * 8 + data[8:], "w contains NaN or infinity"),
    lie("F12b", "a running variance below zero", "data", lambda data: data[:88] + b"\x00" * 7 + b"\xbf" + data[96:],
        "buffers has a variance below zero", NORMALISED),
    lie("F13", "a layer too wide for its weights", "document.architecture.layers.0.units", 9,
        r"w is float64\[67\], but the architecture needs float64\[75\]"),
    lie("F13b", "other classes than outputs", "document.preparation.class_names", ["a", "b"],
        "the preparation has 2 classes, but the network has 3 outputs"),
    lie("F13c", "a mean less than features", "document.preparation.mean", [0.0],
        "the preparation's columns, means and scales do not fit together"),
    lie("F14", "an activation that is a command", "document.architecture.layers.1.activation", "os.system",
        r"no activation 'os\.system'; "),
    lie("F14b", "a layer that is a class", "document.architecture.layers.0.layer", "keras.layers.Lambda",
        r"no layer 'keras\.layers\.Lambda'; "),
    lie("F14c", "a query in a yes/no column", "document.preparation.columns.2.words", ["no", "x' THEN 1 --"],
        "the preparation has a yes/no column of other words", (GOLDEN / "format1-mixed.safetensors").read_bytes()),
    lie("F15", "10^12 units", "document.architecture.layers.0.units", 10**12,
        r"w is float64\[67\], but the architecture needs float64\[8000000000003\]"),
    lie("F15b", "10^12 numbers", "header.w", {"dtype": "F64", "shape": [10**12], "data_offsets": [0, 8 * 10**12]},
        "its tensors take 8000000000000 bytes, but 536 follow"),
    model("F16", "a compressed file", b"\x1f\x8b\x08\x00" + b"x" * 99, "m: this is a gzip archive; name a model file"),
    model("F17", "a newer format", forged(IRIS, {"document.format": 2}),
          r"m: format 2, written by clearprop 0\.1\.0; this version reads format 1; upgrade clearprop"),
    damaged_checkpoint("F18", "a seed out of range", "document.place.seed", "-1", "its place makes no sense"),
    damaged_checkpoint("F19", "a step before the first", "document.place.step", "-1", "its place makes no sense"),
    damaged_checkpoint("F19b", "slots of another shape", "header.slots.shape", "lambda s: [s[1], s[0], 1]",
                       "the shape or place of slots is no list of whole numbers"),
    checkpoint("F20", "other data than the checkpoint's",
               "fit(network(1), (X + 1, t), 'mse', epochs=4, seed=1, callbacks=[Checkpoint('c', every=1)], "
               "resume=load_checkpoint('c'))", "CheckpointError",
               "the checkpoint is of another training: other training rows"),
    checkpoint("F20b", "another model than the checkpoint's",
               "fit(clearprop.MLP([2, 5, 1]), (X, t), 'mse', epochs=4, seed=1, callbacks=[Checkpoint('c', every=1)], "
               "resume=load_checkpoint('c'))", "CheckpointError", "the checkpoint is of another training: its "),
    checkpoint("F20c", "a checkpoint for a model file", "load(newest)", "ModelFileError",
               "this is a checkpoint, not a model file; name a model file"),
    Case("F21", "a folder without a model", command="predict . iris", exit=4,
         message=r"there is no model\.safetensors in this folder"),
    Case("F21b", "a device", command="predict /dev/zero iris", exit=4, message="this is not a file; name a model file"),
    Case("F21c", "a pipe, and a link to one", tested="tests/unit/files/test_container.py"),
    Case("F22", "a disk that is full, read-only, or a name too long", tested="tests/unit/files/test_atomic_writes.py"),
    code("F23", "two processes train in one folder",
         "from pathlib import Path\nfrom clearprop.files.lock import claimed\n"
         "with claimed(Path('.')), claimed(Path('.')): pass",
         "OutputError", r"process \d+ is training here; wait for it, or choose another folder"),
    checkpoint("F24", "the newest checkpoint is damaged", "newest.write_bytes(content[:-1])\nload_checkpoint('c')",
               "ClearpropWarning", r"the checkpoint is damaged: .*Taken instead: step-"),
    checkpoint("F24b", "the same, to be strict",
               "newest.write_bytes(content[:-1])\nload_checkpoint('c', strict=True)",
               "CheckpointError", "the checkpoint is damaged: its tensors take .* bytes, but .* follow"),
    checkpoint("F24c", "all checkpoints are damaged",
               "for file in Path('c').iterdir(): file.write_bytes(content[:99])\nload_checkpoint('c')",
               "CheckpointError", "the checkpoint is damaged: it ends after 99 bytes"),
    code("F24d", "no checkpoint at all", "from clearprop.train.checkpoint import load_checkpoint\nload_checkpoint('.')",
         "CheckpointError", "there is no checkpoint in this folder; "),
]  # fmt: skip

MOONS = "train moons --epochs 1 --out r"

H = [
    Case("H1", "no command", exit=2, message=r"Usage: clearprop"),
    Case("H1b", "a misspelt command", command="tarin moons", exit=2, message=r"Did you mean 'train'\?"),
    Case(
        "H1c", "a misspelt option", command="train moons --epoch 3", exit=2, message=r"no such option --epoch; did you "
    ),
    Case("H1d", "a misspelt name", command="train moons --optimizer adm", exit=2, message=r"did you mean 'adam'\?"),
    Case("H1e", "not a number", command="train moons --epochs many", exit=2, message=r"'--epochs'"),
    Case("H1f", "out of range", command="train moons --test 2", exit=2, message=r"test=2.0 must lie between 0 and 1"),
    Case("H1g", "nothing to train on", command="train", exit=2, message=r"Missing argument"),
    Case(
        "H1h",
        "an option misspelt in a file",
        command="train moons --config c.toml",
        files={"c.toml": "epoch = 3\n"},
        exit=2,
        message=r"c\.toml: there is no option 'epoch'; did you mean 'epochs'\?",
    ),
    Case(
        "H2",
        "options that contradict each other",
        command="train moons --validation 0 --early-stopping 5",
        exit=2,
        message=r"--validation 0\.2.*--early-stopping 0",
    ),
    Case(
        "H2b",
        "a learning rate for L-BFGS",
        command="train moons --optimizer lbfgs --learning-rate 0.1",
        exit=2,
        message=r"optimizer 'lbfgs' has no learning rate; leave learning_rate",
    ),
    Case(
        "H3",
        "a folder that holds a run",
        command=MOONS,
        files={"r/report.json": "{}"},
        exit=6,
        message=r"r: there is a run in this folder already; choose another folder, or overwrite it with .*--force",
    ),
    Case(
        "H3b",
        "a folder that holds a file of such a name",
        command=MOONS,
        files={"r/curves.png": "mine"},
        exit=6,
        message=r"r: it holds a file curves\.png already.*--force",
    ),
    Case(
        "H3c",
        "predictions over an existing file",
        command="predict r moons --out data.csv",
        files={"data.csv": "a,b,y\n" + GOOD},
        exit=6,
        message=r"data\.csv: this file exists already; .*--force",
    ),
    Case(
        "H3d", "a folder inside a file", command="train moons --out f/r", files={"f": ""}, exit=6, message="cannot be"
    ),
    Case("H4", "nobody reads the output", tested="tests/unit/cli/test_commands.py"),
    Case("H5", "a terminal without Unicode", tested="tests/unit/cli/test_commands.py"),
    Case("H6", "Ctrl-C and SIGTERM", tested="tests/unit/cli/test_commands.py"),
    Case("H7", "reproduce with other versions", why_not="`reproduce` replays the posts; it reads no earlier run"),
    Case("H8", "compare models of different columns", why_not="`compare` trains on data; it takes no models"),
    Case("H9", "a gradient that is wrong", tested="tests/unit/cli/test_commands.py"),
    Case(
        "H9b",
        "training that diverges",
        command=f"{MOONS} --optimizer sgd --learning-rate 1e9 --activation relu --loss squared_hinge",
        exit=5,
        message=r"diverged in epoch 1.*lower the learning rate",
    ),
    Case("H10", "a port that is in use", why_not="there is no server yet"),
    Case("H11", "no home, no folder for temporary files", tested="tests/badinput/test_badinput.py"),
    Case(
        "H12",
        "a model that is not there",
        command="predict nowhere moons",
        exit=4,
        message="there is no such model file",
    ),
    Case(
        "H12b",
        "a file that is no model",
        command="predict m moons",
        files={"m": "x" * 99},
        exit=4,
        message="m: .*not a model file",
    ),
    Case(
        "H13",
        "a network larger than memory",
        command="train moons --hidden 9999999,9999999",
        exit=2,
        message="GiB are free",
    ),
]

import cells_cases  # noqa: E402  (which needs Case)
import core_cases  # noqa: E402  (which needs Case)
import exports_cases  # noqa: E402  (which needs Case)
import files_cases  # noqa: E402  (which needs Case)
import judge_cases  # noqa: E402  (which needs Case)
import kinds_cases  # noqa: E402  (which needs Case)

CASES = [*A, *B, *E, *F, *H]
CASES += [*files_cases.I, *cells_cases.J, *kinds_cases.K, *judge_cases.L, *exports_cases.M, *core_cases.N]
