"""The folder of a run: claimed before training, never overwritten by chance, and all that is worth keeping in it."""

import itertools
import json
import math
import os
import re
import shutil
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from clearprop._versions import versions
from clearprop.data import Dataset
from clearprop.errors import CheckpointError, ClearpropWarning, DivergenceError, OutputError
from clearprop.files.atomic import atomic_write, output_error
from clearprop.files.lock import claimed
from clearprop.formats.modelfile import FILE_NAME, SavedModel, save
from clearprop.judge.answers import predictions, preparation_of
from clearprop.judge.calibration import Calibration
from clearprop.runs.training import Run
from clearprop.train import SavedTraining, load_checkpoint

HISTORY, REPORT, CURVES = "history.csv", "report.json", "curves.png"
CONFUSION, RESIDUALS, RELIABILITY = "confusion.png", "residuals.png", "calibration.png"
IMPORTANCE, BOUNDARY, EVALUATION = "importance.png", "boundary.png", "evaluation.json"
CHECKPOINTS = "checkpoint"
_JUDGEMENT = (CONFUSION, RESIDUALS, RELIABILITY)
_FILES = (FILE_NAME, HISTORY, REPORT, CURVES, *_JUDGEMENT, IMPORTANCE, BOUNDARY)


@contextmanager
def run_folder(
    name: str, folder: str | os.PathLike[str] | None = None, *, force: bool = False, resume: bool = False
) -> Iterator[Path]:
    """Claim a folder for a run before it starts, so that a long training cannot end with nowhere to write.

    Without `folder` it is ``runs/<name>-<n>``, with the next free number. One process at a time may have it. A run that
    ends well loses its checkpoints; so does one that diverged, as it would again. If nothing was written, the folder is
    removed again.

    Raises
    ------
    OutputError
        Another process has the folder, it holds a run already (and neither `force` nor `resume` is set), or it cannot
        be made.
    """
    if folder is None:
        path = _next_folder(Path("runs"), re.sub(r"[^\w.-]+", "-", Path(name).stem).strip("-.") or "run")
    else:
        path = Path(folder)
        _make(path, exist_ok=True)
    try:
        with claimed(path):
            _refuse(path, (*_FILES, CHECKPOINTS), force or resume)
            if not resume:
                _forget_checkpoints(path)
            try:
                yield path
            except DivergenceError:
                _forget_checkpoints(path)
                raise
            _forget_checkpoints(path)
    finally:
        if path.is_dir() and not any(path.iterdir()):
            path.rmdir()


def _forget_checkpoints(path: Path) -> None:
    try:
        if (path / CHECKPOINTS).exists():
            shutil.rmtree(path / CHECKPOINTS)
    except OSError as error:
        raise output_error(path / CHECKPOINTS, error) from None


def unfinished(folder: str | os.PathLike[str]) -> SavedTraining:
    """A checkpoint of a run that was interrupted, with the run's settings; of several runs, the first one's.

    Raises
    ------
    CheckpointError
        There is none.
    """
    path = Path(folder)
    first = min((path / CHECKPOINTS).glob("*/*.safetensors"), default=None)
    if first is None:
        why = "this run is finished" if (path / REPORT).exists() else "there is no run in this folder that could go on"
        raise CheckpointError(f"{path}: {why}; start a new one, or name the folder of one that was interrupted")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ClearpropWarning)  # it comes when the run itself goes on
        return load_checkpoint(first.parent)


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


def _refuse(path: Path, names: Sequence[str], force: bool) -> None:
    """Nobody should lose a run, or any file, because of its name."""
    present = [] if force else [name for name in names if (path / name).exists()]
    if present:
        reason = (
            "there is a run in this folder" if {FILE_NAME, REPORT} & set(present) else f"it holds a file {present[0]}"
        )
        if CHECKPOINTS in present:
            raise OutputError(
                f"{path}: a run in this folder was interrupted; go on with it (--resume {path}), choose another "
                "folder, or overwrite it with force (--force)"
            )
        raise OutputError(f"{path}: {reason} already; choose another folder, or overwrite it with force (--force)")


def write_run(
    run: Run, folder: str | os.PathLike[str], *, repeats: Sequence[Run] = (), force: bool = False
) -> list[Path]:
    """Write the run into `folder`; returns the files.

    ``model.safetensors``, ``history.csv``, ``report.json``, ``curves.png``, ``importance.png``;
    ``confusion.png`` and ``calibration.png``, or ``residuals.png``; for two features, ``boundary.png``.

    Parameters
    ----------
    run : Run
        What `train_run` gives.
    folder : path
        Made if need be.
    repeats : sequence of Run
        All runs, if `run` is the best of several.
    force : bool
        Overwrite a run that is in the folder.

    Raises
    ------
    OutputError
        There is a run in the folder and `force` is not set, or a file cannot be written.
    """
    from clearprop import viz

    path = Path(folder)
    _refuse(path, _FILES, force)
    _make(path, exist_ok=True)
    for name in _FILES:  # of an overwritten run; of its pictures this one may have fewer
        (path / name).unlink(missing_ok=True)
    save(run.saved.model, path / FILE_NAME, preparation=run.saved.preparation, link=run.saved.link)
    atomic_write(path / HISTORY, run.history.to_csv().encode())
    write_json(path / REPORT, report(run, repeats))
    viz.save(viz.curves(run.history), path / CURVES)
    write_judgement(run.saved, run.test, run.scores, path)
    worth = run.importances
    columns, means, spreads = zip(*((one.column, one.mean, one.spread) for one in worth), strict=True)
    viz.save(viz.importance(columns, means, spreads, unit=run.importance_metric), path / IMPORTANCE)
    if run.data.n_features == 2:
        plane = viz.boundary(lambda X: predictions(run.saved, X)[:, : run.data.n_outputs], run.data)
        viz.save(plane, path / BOUNDARY)
    return [path / name for name in _FILES if (path / name).exists()]


def write_judgement(saved: SavedModel, data: Dataset, scores: dict[str, Any], folder: Path) -> list[Path]:
    """The pictures of how good the model is on `data`, whose `scores` are known; returns them."""
    from clearprop import viz

    if data.task == "classification":
        viz.save(viz.confusion(np.array(scores["confusion"]), data.target_names), folder / CONFUSION)
        bins = tuple(tuple(row.values()) for row in scores["reliability"])
        viz.save(viz.reliability(Calibration(bins, scores["calibration_error"])), folder / RELIABILITY)
    elif data.n_outputs == 1:
        misses = viz.residuals(data.y, predictions(saved, data.X), target=preparation_of(saved).target)
        viz.save(misses, folder / RESIDUALS)
    return [folder / name for name in _JUDGEMENT if (folder / name).exists()]


def write_evaluation(
    saved: SavedModel, data: Dataset, scores: dict[str, Any], folder: str | os.PathLike[str], *, force: bool = False
) -> list[Path]:
    """Write ``evaluation.json`` and the pictures of `write_judgement` into `folder`; returns the files.

    Raises
    ------
    OutputError
        One of these files is there already and `force` is not set, or it cannot be written.
    """
    path = Path(folder)
    files = (EVALUATION, *_JUDGEMENT)
    _refuse(path, files, force)
    _make(path, exist_ok=True)
    for name in files:
        (path / name).unlink(missing_ok=True)
    write_json(path / EVALUATION, {"data": data.name, "rows": len(data), "task": data.task, **scores})
    return [path / EVALUATION, *write_judgement(saved, data, scores, path)]


def write_json(path: Path, document: dict[str, Any]) -> None:
    """A JSON document that people can read too."""
    text = json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False)
    atomic_write(path, (text + "\n").encode())


def report(run: Run, repeats: Sequence[Run] = ()) -> dict[str, Any]:
    """Everything about the run that is worth keeping, as JSON can hold it."""
    plan = preparation_of(run.saved)
    document = {
        "data": run.data.name,
        "task": run.data.task,
        "target": plan.target,
        "rows": run.rows,
        "split": run.split,
        "columns": [dict(zip(("name", "role", "treatment"), row, strict=True)) for row in plan.describe()],
        "notes": list(plan.notes),
        "options": asdict(run.options),
        "model": repr(run.saved.model),
        "loss": run.loss,
        "optimizer": run.optimizer,
        "parameters": run.saved.model.n_parameters,
        "epochs": len(run.history),
        "best_epoch": run.best_epoch,
        "seconds": round(run.seconds, 3),
        "metric": run.metric,
        "test": run.scores,
        "baselines": run.baselines,
        "baseline_scores": run.rivals,
        "verdict": run.verdict,
        "judgement": run.judgement.to_dict(),
        "warnings": [*run.cautions, *(leak.about(plan.target) for leak in run.leaks)],
        "diagnosis": run.diagnosis.to_dict()["findings"],
        "importance": [asdict(one) for one in run.importances],
        "versions": versions("numpy", "scikit-learn"),
    }
    if len(repeats) > 1:
        document["repeats"] = [
            {
                "seed": one.options.seed,
                one.metric: one.score,
                "decision": one.judgement.decision,
                "rival": one.judgement.decisive.rival,
                "kept_loss": one.kept_loss,
                "best_epoch": one.best_epoch,
            }
            for one in repeats
        ]
        document["mean"], document["spread"] = mean_and_spread(repeats)
    plain: dict[str, Any] = _finite(document)
    return plain


def _finite(document: Any) -> Any:
    """The document with null for what is no finite number, which JSON has no word for."""
    if isinstance(document, dict):
        return {name: _finite(value) for name, value in document.items()}
    if isinstance(document, list | tuple):
        return [_finite(value) for value in document]
    return None if isinstance(document, float) and not math.isfinite(document) else document


def judged_by(model: str | os.PathLike[str]) -> tuple[str | None, bool]:
    """Of a run's folder the metric that the run was judged by, and whether rare classes counted for more in it."""
    try:
        document = json.loads((Path(model) / REPORT).read_text(encoding="utf-8"))
        return document["metric"], document["options"]["class_weight"] == "balanced"
    except (OSError, ValueError, KeyError, TypeError):  # a model file, or a folder without a (readable) report
        return None, False


def mean_and_spread(runs: Sequence[Run]) -> tuple[float, float]:
    """Mean and standard deviation (of a sample) of the runs' scores."""
    scores = [run.score for run in runs]
    return float(np.mean(scores)), float(np.std(scores, ddof=1))
