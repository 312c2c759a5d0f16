"""Two thousand files as people export them are read as what they mean, or refused with the option that decides."""

import csv
import hashlib
import io
import re
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest

import strangers.check as checking
from clearprop.data import read_table
from strangers.check import check
from strangers.columns import DRESSES, moment
from strangers.generator import Export, counts, export
from strangers.programs import PROGRAMS

DIGEST = "6c56564e86ab0374b77a2ccd7f3b7737c30d7a182646573e01b0271adfd84416"  # of the first 300 files

README = Path(__file__).parent.parent.parent / "README.md"
PROMISE = (
    "No value is altered in silence: a file is read as the table that it means, every number, date, word and gap, "
    "or it is refused with the option that decides."
)

PER_TEST = 50
EVERY_COMMIT, NIGHTLY = 2_000, 50_000
AT_SIGHT = 0.9  # of the files in Unicode; the others have a question that a person would have, too


def chunks():
    """The numbers of the files, so many a test; most of them at night."""
    return [
        pytest.param(
            range(first, first + PER_TEST),
            marks=[pytest.mark.nightly] if first >= EVERY_COMMIT else [],
            id=f"{first}-{first + PER_TEST - 1}",
        )
        for first in range(0, NIGHTLY, PER_TEST)
    ]


@pytest.mark.parametrize("numbers", chunks())
def test_a_strangers_file_is_read_as_what_it_means_or_asks_what_decides(numbers, tmp_path, record_property):
    outcomes = {number: check(export(number), tmp_path) for number in numbers}
    for how in ("read at sight", "read with options", "failed"):
        record_property(how, sum(outcome.how == how for outcome in outcomes.values()))
    failed = [f"{outcome.problem}\n{export(number)}" for number, outcome in outcomes.items() if outcome.problem]
    assert not failed, f"{len(failed)} of {len(numbers)}:\n\n" + "\n\n".join(failed[:3])


@pytest.mark.parametrize("numbers", [range(200), pytest.param(range(EVERY_COMMIT), marks=pytest.mark.nightly)])
def test_most_files_in_unicode_are_read_at_sight(numbers, tmp_path):
    files = [file for file in map(export, numbers) if file.encoding.startswith("utf")]
    at_sight = sum(check(file, tmp_path).how == "read at sight" for file in files)
    assert at_sight >= AT_SIGHT * len(files)


# ---------------------------------------------------------------------------------------------------- the promise


def test_readme_promises_that_no_value_is_altered_in_silence():
    assert PROMISE in " ".join(README.read_text(encoding="utf-8").split())


def test_no_value_is_altered_in_silence(tmp_path):
    """The sentence, half by half, on files of its own."""
    asked = 0
    for number in range(NIGHTLY, NIGHTLY + 60):
        file = export(number)
        outcome = check(file, tmp_path)
        # "is read as the table that it means": nothing else came out, at sight or after an answer
        assert not outcome.problem, f"{outcome.problem}\n{file}"
        # "or it is refused with the option that decides": who cannot know has asked
        asked += bool(outcome.questions)
        assert outcome.questions or not file.undecidable
    assert asked


# -------------------------------------------------------------------------------------------------- the generator


def test_file_number_k_is_always_the_same():
    digest = hashlib.sha256()
    for number in range(300):
        file = export(number)
        digest.update(f"{file.suffix} {file.mark} {file.encoding} {file.target}\n{file.text}".encode())
    assert digest.hexdigest() == DIGEST
    assert export(123_456).content == export(123_456).content


def test_every_habit_of_every_program_is_met():
    met = counts([export(number) for number in range(EVERY_COMMIT)])
    wanted = set()
    for program in PROGRAMS:
        wanted.add(program.name)
        wanted |= set(program.dates) | {choice.removeprefix("mark ") for choice in program.encodings}
        wanted |= {f"separator {separator!r}" for separator in program.separators}
        wanted |= {f"quoting {quoting}" for quoting in program.quoting}
        wanted |= {f"thousands {mark!a}" for mark in program.thousands if mark}
        wanted |= {f"index: {form}" for form in program.index if form not in ("none", "time")}
        wanted |= {f"{place}: {form}" for place in ("above", "below") for form in getattr(program, place)}
        wanted |= {habit for habit in program.numbers if habit}
    wanted -= {"above: none", "below: none"}
    wanted |= {"behind", "before", "brackets", "magnitude", "minus", "full width", "mixed capitals", "1 and 1.0"}
    wanted |= {"padded", "units row", "trailing separators", "trailing separators below the names", "remarks", "codes"}
    wanted |= {"constant", "empty", "narrow", "wide", "many rows", "names in a comment", "a blank line between"}
    assert not {habit for habit in wanted if not met[habit]}


def plain_files(count, *programs):
    """The first files of these programs with nothing above, below or beside the table."""
    odd = (
        "above",
        "below",
        "index",
        "padded",
        "trailing",
        "units",
        "names in",
        "remarks",
        "a blank",
        "gaps",
        "constant",
    )
    odd += ("thousands '", "before", "behind", "brackets", "magnitude", "minus", "full", "empty", "1 and", "mixed")
    number, found = 0, []
    while len(found) < count:
        file = export(number)
        number += 1
        if file.program in programs and not any(trait.startswith(odd) for trait in file.traits):
            found.append(file)
    return found


ENGLISH = ("pandas", "Excel, English", "SQL", "web site", "Google Sheets")
GERMAN = ("Excel, German", "pandas, decimal comma", "R, write.csv2", "LibreOffice")


@pytest.mark.parametrize(("programs", "decimal"), [(ENGLISH, "."), (GERMAN, ",")])
def test_the_standard_library_reads_plain_files_as_what_they_mean(programs, decimal):
    for file in plain_files(40, *programs):
        separator = file.answers["separator"]
        rows = list(csv.DictReader(io.StringIO(file.text, newline=""), delimiter=separator, strict=True))
        for column in file.columns:
            cells = [row[column.name] for row in rows]
            if column.kind == "number":
                assert [float(cell.replace(decimal, ".")) for cell in cells] == list(column.values)
            elif column.kind == "words":
                assert cells == list(column.values)
            elif column.kind == "date":
                form = column.traits[0]
                assert cells == [moment(at, form) for at in column.values]
                if "#" not in form and ".%f" not in form:  # which strptime does not know
                    assert [datetime.strptime(cell.title(), form) for cell in cells] == list(column.values)


@pytest.mark.peers
def test_pandas_reads_what_is_meant_if_it_is_told_everything():
    """A second witness for encodings, lines above and below, decimal commas, thousands and gaps."""
    pandas = pytest.importorskip("pandas")
    seen = 0
    for number in range(400):
        file = export(number)
        if file.traits[0] == "wide" or {"units row", "padded", "names in a comment"} & set(file.traits):
            continue
        if any(trait.startswith(("index: without", "trailing")) for trait in file.traits):
            continue
        if not file.answers.get("thousands", "").isascii():  # which pandas does not know
            continue
        gaps = sorted({cell for c in file.columns for cell, v in zip(c.cells, c.values, strict=True) if v is None})
        frame = pandas.read_csv(
            io.BytesIO(file.content),
            compression="gzip" if file.suffix.endswith(".gz") else None,
            encoding=file.encoding.replace("utf-16-le", "utf-16" if file.mark else "utf-16-le"),
            sep=file.answers["separator"],
            skiprows=file.answers["header"] - 1,
            nrows=len(file.columns[0].values),
            decimal=file.answers.get("decimal", "."),
            thousands=file.answers.get("thousands"),
            keep_default_na=False,
            na_values=gaps,
            skip_blank_lines=True,
        )
        for column in file.columns:
            if column.kind == "number" and not set(column.traits) & {*DRESSES, "minus behind"}:
                found = frame[column.name].astype(float)
                meant = [float("nan") if value is None else value for value in column.values]
                # to the last digit but one, which pandas' fast reader may miss
                assert np.allclose(found, meant, rtol=1e-15, atol=0.0, equal_nan=True), f"{column}\n{file}"
                seen += 1
    assert seen > 500


# ------------------------------------------------------------------------------------------------------ the check


def _points_are_thousands(file):
    return re.sub(r"(?<=\d)\.(?=\d)", "", file.text)


def _commas_are_thousands(file):
    return re.sub(r"(?<=\d),(?=\d)", "", file.text)


def _last_row_dropped(file):
    return file.text[: file.text.rstrip("\r\n").rindex(file.end)] + file.end


def _first_row_twice(file):
    head, first, rest = file.text.split(file.end, 2)
    return file.end.join([head, first, first, rest])


def _columns_shifted(file):
    head, rest = file.text.split(file.end, 1)
    separator = file.answers["separator"]
    names = head.split(separator)
    return file.end.join([separator.join([*names[1:], names[0]]), rest])


def _one_digit_changed(file):
    found = re.search(r"\d[\d.]*(?=\D*$)", file.text)
    place = found.start() if found else 0
    return file.text[:place] + ("8" if file.text[place] == "9" else "9") + file.text[place + 1 :]


def _two_rows_swapped(file):
    head, first, second, rest = file.text.split(file.end, 3)
    return file.end.join([head, second, first, rest])


def _day_and_month_swapped(file):
    return re.sub(r"\b(\d{4})-(0\d|1[0-2])-(0\d|1[0-2])\b", r"\1-\3-\2", file.text)


def _words_in_small_letters(file):
    head, rest = file.text.split(file.end, 1)
    return head + file.end + rest.lower()


FAULTS = [
    (_points_are_thousands, ENGLISH),
    (_commas_are_thousands, GERMAN),
    (_last_row_dropped, ENGLISH),
    (_first_row_twice, ENGLISH),
    (_columns_shifted, ENGLISH),
    (_one_digit_changed, ENGLISH),
    (_two_rows_swapped, ENGLISH),
    (_day_and_month_swapped, ENGLISH),
    (_words_in_small_letters, GERMAN),
]


@pytest.mark.parametrize(("fault", "programs"), FAULTS, ids=lambda value: getattr(value, "__name__", ""))
def test_the_check_notices_a_reader_that_reads_something_else(fault, programs, tmp_path, monkeypatch):
    """A reader with a fault is a reader of another file."""
    noticed = 0
    for file in plain_files(60, *programs):
        if '"' in file.text or fault(file) == file.text or not _matters(fault, file):
            continue

        def faulty(path, file=file, **options):
            Path(path).write_bytes((file.mark + fault(file)).encode(file.encoding))
            return read_table(path, **options)

        assert not check(file, tmp_path).problem
        with monkeypatch.context() as patched:
            patched.setattr(checking, "read_table", faulty)
            assert check(file, tmp_path).problem, f"{fault.__name__} goes unnoticed\n{file}"
        noticed += 1
    assert noticed >= 3


def _matters(fault, file: Export) -> bool:
    """Whether the fault changes what is meant: not capitals of yes and no, nor two equal rows."""
    if fault is _words_in_small_letters:
        return any(value != value.lower() for c in file.columns if c.kind == "words" for value in c.values)
    return True
