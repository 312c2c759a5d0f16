"""The folder of a run: claimed before training, never overwritten by chance, and all that is worth keeping in it."""

import itertools
import json
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from clearprop._versions import versions
from clearprop.answers import MODEL, predictions, preparation_of
from clearprop.errors import OutputError
from clearprop.formats.modelfile import save
from clearprop.store import atomic_write, output_error
from clearprop.workflow import Run

HISTORY, REPORT, CURVES, BOUNDARY = "history.csv", "report.json", "curves.png", "boundary.png"


@contextmanager
def run_folder(name: str, folder: str | os.PathLike[str] | None = None, *, force: bool = False) -> Iterator[Path]:
    """Claim a folder for a run before it starts, so that a long training cannot end with nowhere to write.

    Without `folder` it is ``runs/<name>-<n>``, with the next free number. If the run fails and nothing was
    written, the folder is removed again.

    Raises
    ------
    OutputError
        The folder holds a run already and `force` is not set, or it cannot be made.
    """
    if folder is None:
        path = _next_folder(Path("runs"), re.sub(r"[^\w.-]+", "-", Path(name).stem).strip("-.") or "run")
    else:
        path = Path(folder)
        _refuse_run(path, force)
        _make(path, exist_ok=True)
    try:
        yield path
    finally:
        if path.is_dir() and not any(path.iterdir()):
            path.rmdir()


def _next_folder(root: Path, name: str) -> Path:
    _make(root, exist_ok=True)
    for number in itertools.count(1):
        path = root / f"{name}-{number}"
        if not path.exists():
            try:
                path.mkdir()
                return path
            except FileExistsError:  # another run was faster
                continue
            except OSError as error:
                raise output_error(path, error) from None
    raise AssertionError("unreachable")


def _make(path: Path, *, exist_ok: bool) -> None:
    try:
        path.mkdir(parents=True, exist_ok=exist_ok)
    except OSError as error:
        raise output_error(path, error) from None


def _refuse_run(path: Path, force: bool) -> None:
    if not force and ((path / REPORT).exists() or (path / MODEL).exists()):
        raise OutputError(
            f"{path}: there is a run in this folder; choose another one, or overwrite it with force (--force)"
        )


def write_run(run: Run, folder: str | os.PathLike[str], *, force: bool = False) -> list[Path]:
    """Write the run into `folder`; returns the files.

    ``model.safetensors``, ``history.csv``, ``report.json``, ``curves.png`` and, for two features,
    ``boundary.png``.

    Raises
    ------
    OutputError
        There is a run in the folder and `force` is not set, or a file cannot be written.
    """
    from clearprop.viz import boundary, curves

    path = Path(folder)
    _refuse_run(path, force)
    _make(path, exist_ok=True)
    files = [path / name for name in (MODEL, HISTORY, REPORT, CURVES)]
    save(run.saved.model, files[0], preparation=run.saved.preparation, link=run.saved.link)
    atomic_write(files[1], run.history.to_csv().encode())
    report_text = json.dumps(report(run), indent=2, ensure_ascii=False, allow_nan=False)
    atomic_write(files[2], (report_text + "\n").encode())
    curves(run.history.columns(), files[3])
    if run.data.n_features == 2:
        files.append(path / BOUNDARY)
        boundary(lambda X: predictions(run.saved, X)[:, : run.data.n_outputs], run.data, files[4])
    else:
        (path / BOUNDARY).unlink(missing_ok=True)  # of an overwritten run
    return files


def report(run: Run) -> dict[str, Any]:
    """Everything about the run that is worth keeping, as JSON can hold it."""
    plan = preparation_of(run.saved)
    return {
        "data": run.data.name,
        "task": run.data.task,
        "rows": run.rows,
        "columns": [dict(zip(("name", "role", "treatment"), row, strict=True)) for row in plan.describe()],
        "options": asdict(run.options),
        "parameters": run.saved.model.n_parameters,
        "epochs": len(run.history),
        "best_epoch": run.best_epoch,
        "seconds": round(run.seconds, 3),
        "metric": run.metric,
        "test": run.scores,
        "baselines": run.baselines,
        "verdict": run.verdict,
        "versions": versions("numpy", "scikit-learn"),
    }
