"""What a network has learnt of two features: its answer everywhere on the plane, under the points."""

import os
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from clearprop._types import Array
from clearprop.data.arrays import refuse_sparse
from clearprop.data.dataset import Dataset
from clearprop.errors import ConfigurationError, ShapeError
from clearprop.viz.figure import INK, MUTED, colour, new_figure, tidy, write_png

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_GRID = 301  # points on each side of the plane
_WHITE = np.ones(3)


def boundary(predict_function: Callable[[Array], Array], dataset: Dataset, path: str | os.PathLike[str]) -> None:
    """Draw predictions over the plane of two features, and write a PNG file.

    Classification: each region has the colour of its class, stronger where the network is surer; dark
    lines are where two classes are equally likely. Regression: colour is the predicted quantity, and the
    points' own colours show how well it fits.

    Parameters
    ----------
    predict_function : callable
        Features of shape (m, 2), raw like the data set's, to probabilities (m, k), to the second class's
        probability (m, 1), or to quantities (m, 1).
    dataset : Dataset
        The points to show; two features.
    path : path
        The PNG file.

    Raises
    ------
    ConfigurationError
        The data set does not have exactly two features.
    ShapeError
        `predict_function` gives an array of the wrong shape.
    OutputError
        The file cannot be written.
    """
    if dataset.n_features != 2:
        raise ConfigurationError(f"{dataset.name} has {dataset.n_features} features; this picture needs exactly 2")
    refuse_sparse(dataset.X, "this picture")
    low, high = dataset.X.min(axis=0), dataset.X.max(axis=0)
    margin = 0.08 * np.where(high > low, high - low, 1.0)
    side = [np.linspace(a, b, _GRID) for a, b in zip(low - margin, high + margin, strict=True)]
    plane = np.stack(np.meshgrid(*side), axis=-1)
    answers = predict_function(plane.reshape(-1, 2).astype(dataset.X.dtype))
    expected = [dataset.n_outputs] + [1] * (dataset.n_outputs == 2)
    if answers.ndim != 2 or answers.shape[0] != _GRID**2 or answers.shape[1] not in expected:
        raise ShapeError(f"predict_function gave shape {answers.shape}, expected ({_GRID**2}, {expected[0]})")
    figure, axes = new_figure(6.4, 5.2)
    if dataset.task == "classification":
        if answers.shape[1] == 1:
            answers = np.hstack([1.0 - answers, answers])
        _regions(axes, side, answers.reshape(_GRID, _GRID, -1))
        _class_points(axes, dataset)
    else:
        _quantities(axes, side, answers.reshape(_GRID, _GRID, -1)[:, :, 0], dataset)
    tidy(axes, dataset.name, *dataset.feature_names)
    axes.grid(visible=False)
    axes.set_xlim(side[0][0], side[0][-1])
    axes.set_ylim(side[1][0], side[1][-1])
    write_png(figure, path)


def _regions(axes: "Axes", side: list[Array], probability: Array) -> None:
    from matplotlib.colors import to_rgb

    n_classes = probability.shape[-1]
    colours = np.array([to_rgb(colour(c)) for c in range(n_classes)])
    sure = (probability.max(axis=-1) - 1.0 / n_classes) / (1.0 - 1.0 / n_classes)  # 0 = no idea, 1 = certain
    strength = (0.08 + 0.37 * np.clip(sure, 0.0, 1.0))[:, :, None]
    picture = _WHITE + strength * (colours[probability.argmax(axis=-1)] - _WHITE)
    extent = (side[0][0], side[0][-1], side[1][0], side[1][-1])
    axes.imshow(picture, origin="lower", extent=extent, aspect="auto", interpolation="bilinear")
    for c in range(n_classes if n_classes > 2 else 1):
        others = np.delete(probability, c, axis=-1).max(axis=-1)
        lead = probability[:, :, c] - others
        if lead.min() < 0 < lead.max():
            axes.contour(*side, lead, levels=[0.0], colors=[INK], linewidths=1.1)


def _class_points(axes: "Axes", dataset: Dataset) -> None:
    size = float(np.clip(6000 / len(dataset), 8, 45))
    # In random order, so that no class hides the others.
    order = np.random.default_rng(0).permutation(len(dataset))
    axes.scatter(
        dataset.X[order, 0],
        dataset.X[order, 1],
        s=size,
        c=[colour(int(c)) for c in dataset.y[order]],
        edgecolors="white",
        linewidths=0.5,
        zorder=3,
    )
    dots = [axes.scatter([], [], s=40, color=colour(c), edgecolors="white") for c in range(dataset.n_classes)]
    axes.legend(
        dots,
        dataset.target_names,
        frameon=True,
        framealpha=0.9,
        edgecolor="none",
        labelcolor=INK,
        fontsize=9,
        loc="best",
    )


def _quantities(axes: "Axes", side: list[Array], predicted: Array, dataset: Dataset) -> None:
    from matplotlib.colors import Normalize

    y = dataset.y if dataset.y.ndim == 1 else dataset.y[:, 0]
    scale = Normalize(float(y.min()), float(y.max()))
    axes.pcolormesh(*side, predicted, shading="auto", cmap="viridis", norm=scale)
    points = axes.scatter(
        dataset.X[:, 0],
        dataset.X[:, 1],
        c=y,
        s=30,
        cmap="viridis",
        norm=scale,
        edgecolors="white",
        linewidths=0.7,
        zorder=3,
    )
    bar = axes.figure.colorbar(points, ax=axes, pad=0.02)
    bar.ax.tick_params(colors=MUTED, length=0)
    bar.outline.set_visible(False)
