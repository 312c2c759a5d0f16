"""Whoever misspells a name by one or two letters is told the right one."""

import random
import re
import string
from collections.abc import Callable, Iterable

import pytest

from clearprop import ACTIVATIONS, INITIALIZERS, LAYERS, LOSSES, METRICS, OPTIMIZERS, SCHEDULES, read_table
from clearprop.cli import main
from clearprop.errors import ClearpropError

TYPOS, SHARE = 200, 0.95
LETTERS = string.ascii_lowercase
COLUMNS = ("age", "height", "weight", "blood_pressure", "income", "smoker", "region", "target")
OPTIONS = ("--target", "--hidden", "--activation", "--epochs", "--optimizer", "--learning-rate", "--batch-size",
           "--validation", "--early-stopping", "--encoding", "--missing", "--dates", "--seed", "--force")  # fmt: skip


def misspelt(word: str, rng: random.Random) -> str:
    """A letter left out, doubled, replaced, or two exchanged; in long words sometimes twice."""
    for _ in range(1 + (len(word) > 7 and rng.random() < 0.3)):
        start = len(word) - len(word.lstrip("-"))
        place = rng.randrange(start, len(word) - 1)
        word = rng.choice([
            word[:place] + word[place + 1 :],
            word[:place] + word[place] + word[place:],
            word[:place] + rng.choice(LETTERS) + word[place + 1 :],
            word[:place] + word[place + 1] + word[place] + word[place + 2 :],
        ])  # fmt: skip
    return word


def distance(a: str, b: str) -> int:
    """Letters to insert, leave out, replace, or exchange with their neighbour."""
    table = {(i, 0): i for i in range(len(a) + 1)} | {(0, j): j for j in range(len(b) + 1)}
    for i in range(1, len(a) + 1):
        for j in range(1, len(b) + 1):
            ways = [table[i - 1, j] + 1, table[i, j - 1] + 1, table[i - 1, j - 1] + (a[i - 1] != b[j - 1])]
            if i > 1 and j > 1 and a[i - 2 : i] == b[j - 1] + b[j - 2]:
                ways.append(table[i - 2, j - 2] + 1)
            table[i, j] = min(ways)
    return table[len(a), len(b)]


def share(names: Iterable[str], message: Callable[[str], str], count: int) -> tuple[float, list[str]]:
    """How many of `count` typos lead to the right name, or to another that is as near; and those that do not."""
    names, rng, missed = sorted(names), random.Random(0), []
    for i in range(count):
        name = names[i % len(names)]
        typo = misspelt(name, rng)
        if typo in names:
            continue
        text = message(typo)
        found = re.search(r"did you mean '?([\w-]*\w)", text)
        if not found or distance(typo, found[1]) > distance(typo, name):
            missed.append(f"{typo} for {name}: {text[:80]}")
    return 1 - len(missed) / count, missed


def test_names_of_definitions():
    registries = {kind: registry for kind, registry in (
        ("activation", ACTIVATIONS), ("initialiser", INITIALIZERS), ("layer", LAYERS), ("loss", LOSSES),
        ("metric", METRICS), ("optimizer", OPTIMIZERS), ("schedule", SCHEDULES),
    )}  # fmt: skip
    for registry in registries.values():

        def message(typo, registry=registry):
            with pytest.raises(ClearpropError) as caught:
                registry[typo]
            return str(caught.value)

        found, missed = share(registry, message, TYPOS)
        assert found >= SHARE, missed


def test_a_misspelt_column_is_told_the_nearest(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text(",".join(COLUMNS) + "\n" + ",".join("12345678") + "\n")
    table = read_table(path)

    def message(typo):
        with pytest.raises(ClearpropError) as caught:
            table.cell(typo)
        return str(caught.value)

    found, missed = share(COLUMNS, message, TYPOS)
    assert found >= SHARE, missed


def test_options_of_the_command_line(capsys):
    def message(typo):
        with pytest.raises(SystemExit):
            main(["train", "moons", typo, "1"])
        return capsys.readouterr().err

    found, missed = share(OPTIONS, message, TYPOS // 4)
    assert found >= SHARE, missed
