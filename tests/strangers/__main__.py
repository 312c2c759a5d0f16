"""``python -m strangers 2000`` (with src and tests on the path): how the first files are read, counted."""

import sys
import tempfile
from collections import Counter
from pathlib import Path

from strangers.check import check
from strangers.generator import export


def main(first: int, stop: int) -> None:
    """Read the files, print each failure in full, then the counts."""
    how: Counter[str] = Counter()
    questions: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as folder:
        for number in range(first, stop):
            outcome = check(export(number), Path(folder))
            how[outcome.how] += 1
            questions.update(outcome.questions)
            if outcome.problem:
                print(f"{outcome.problem}\n{export(number)}\n")
    print(f"{stop - first} files: " + ", ".join(f"{count} {name}" for name, count in how.most_common()))
    for question, count in questions.most_common(30):
        print(f"{count:6}  {question}")


if __name__ == "__main__":
    numbers = [int(number) for number in sys.argv[1:]] or [2000]
    main(*(numbers if len(numbers) == 2 else (0, numbers[0])))
