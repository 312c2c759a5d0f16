"""A reproduction: the posts run, compared, and written down."""

import json
import math
import os
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from clearprop._versions import versions
from clearprop.errors import OutputError
from clearprop.files.atomic import atomic_write, output_error
from clearprop.posts.base import Finding, Post, Replays, Row

REPORT = "report.json"


@dataclass(frozen=True)
class Reproduction:
    """One post, run."""

    post: Post
    rows: list[Row]
    findings: list[Finding]
    replays: Replays
    seconds: float

    @property
    def printed(self) -> int:
        """How many numbers the post prints."""
        return sum(bool(row.post) for row in self.rows)

    @property
    def agreeing(self) -> int:
        """How many of them ours meet in every digit."""
        return sum(row.agrees is True for row in self.rows)

    @property
    def wrong(self) -> list[Row]:
        """Numbers that should be met and are not."""
        return [row for row in self.rows if row.wrong]


def reproduce(posts: Iterable[Post], *, full: bool = False) -> Iterator[Reproduction]:
    """Run the posts, one after the other."""
    for post in posts:
        started, replays = time.perf_counter(), post.replays()
        rows, findings = post.rows(replays), post.findings(full, replays)
        yield Reproduction(post, rows, findings, replays, time.perf_counter() - started)


def claim(folder: str | os.PathLike[str], posts: Sequence[Post], *, force: bool = False) -> Path:
    """Make the folder, before anything is run.

    Raises
    ------
    OutputError
        It holds a reproduction already and `force` is not set, or it cannot be made.
    """
    path = Path(folder)
    if not force and ((path / REPORT).exists() or any((path / post.key).exists() for post in posts)):
        raise OutputError(
            f"{path}: there is a report in this folder already; choose another, or overwrite with --force"
        )
    try:
        for post in posts:
            (path / post.key).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise output_error(path, error) from None
    return path


def write_pictures(one: Reproduction, folder: Path, language: str) -> list[Path]:
    """Each picture of the post as PNG and SVG; returns the files."""
    from clearprop.viz import save

    files = []
    for name, figure in one.post.pictures(language, one.replays).items():
        for suffix in (".png", ".svg"):
            files.append(folder / one.post.key / f"{name}{suffix}")
            save(figure, files[-1])
    return files


def document(done: Sequence[Reproduction], language: str) -> dict[str, Any]:
    """All rows and findings as plain values, texts in one language."""
    return {
        "versions": versions("numpy", "scikit-learn", "matplotlib"),
        "posts": {one.post.key: _post(one, language) for one in done},
    }


def _post(one: Reproduction, language: str) -> dict[str, Any]:
    return {
        "title": one.post.title(language),
        "claim": one.post.claim(language),
        "verdict": one.post.verdict(language),
        "printed": one.printed,
        "agreeing": one.agreeing,
        "wrong": len(one.wrong),
        "seconds": round(one.seconds, 2),
        "numbers": [
            {
                "name": row.name(language),
                "post": row.post or None,
                "as_published": row.published,
                "corrected": row.corrected or None,
                "agrees": row.agrees,
                "must_agree": row.binding and bool(row.post),
            }
            for row in one.rows
        ],
        "findings": [
            {
                "key": found.key,
                "text": found.text(language),
                "numbers": _plain(found.numbers),
                "measured": found.measured or "now",
            }
            for found in one.findings
        ],
    }


def _plain(numbers: Mapping[str, Any]) -> dict[str, Any]:
    """Numbers as JSON can hold them: infinity becomes text."""
    plain = {key: value if isinstance(value, int | str) else float(value) for key, value in numbers.items()}
    return {k: str(v) if isinstance(v, float) and not math.isfinite(v) else v for k, v in plain.items()}


def write_report(done: Sequence[Reproduction], folder: Path, language: str) -> Path:
    """``report.json``; returns the file."""
    path = folder / REPORT
    text = json.dumps(document(done, language), indent=2, ensure_ascii=False, allow_nan=False)
    atomic_write(path, (text + "\n").encode())
    return path
