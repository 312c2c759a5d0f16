"""Data of two features, and what a network has learnt of them: its answer everywhere on the plane, under the points."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from clearprop._types import Array
from clearprop.data.arrays import refuse_sparse
from clearprop.data.dataset import Dataset
from clearprop.errors import ConfigurationError, DataError, ShapeError
from clearprop.viz.figure import LIGHT, Palette, axes_for, colour_bar, legend, palette_of, tidy

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colors import Colormap

GRID = 301  # points on each side of the plane
_BORDER = "border of classes"


def scatter(
    dataset: Dataset, *, features: tuple[int, int] = (0, 1), ax: "Axes | None" = None, dark: bool = False
) -> "Axes":
    """Draw two features of each row, coloured by class, or by the quantity to be predicted.

    Parameters
    ----------
    dataset : Dataset
    features : (int, int)
        Which columns, counted from 0.
    ax : Axes, optional
        Where to draw; else a new figure is made.
    dark : bool
        Light on dark.

    Raises
    ------
    ConfigurationError
        The data set has no such features.

    >>> from clearprop.data import load_dataset
    >>> scatter(load_dataset("iris"), features=(2, 3)).get_xlabel()
    'petal length (cm)'
    """
    plane = Plane(dataset, features, 2)
    palette = palette_of(dark)
    axes = axes_for(ax, palette, 6.4, 5.2)
    _points(axes, plane, palette)
    _frame(axes, plane, palette)
    return axes


def boundary(
    predict_function: Callable[[Array], Array],
    dataset: Dataset,
    *,
    features: tuple[int, int] = (0, 1),
    kind: str = "probability",
    ax: "Axes | None" = None,
    dark: bool = False,
) -> "Axes":
    """Draw predictions over the plane of two features, under the points.

    Classification: each region has the colour of its class, stronger where the network is surer; lines are where two
    classes are equally likely. Regression: colour is the predicted quantity, and the points' own colours show how
    well it fits. Features beyond the two stay at their mean.

    Parameters
    ----------
    predict_function : callable
        Features of shape (m, d), raw like the data set's, to probabilities (m, k), to the second class's
        probability (m, 1), or to quantities (m, 1). Rows that do not sum to 1 (sigmoid outputs) are divided by
        their sum.
    dataset : Dataset
        The points to show.
    features : (int, int)
        The columns that vary, counted from 0.
    kind : {"probability", "classes"}
        "classes" paints each region in one shade, however sure the network is.
    ax : Axes, optional
        Where to draw; else a new figure is made.
    dark : bool
        Light on dark.

    Raises
    ------
    ConfigurationError
        The data set has no such features; an unknown kind, or classes of a regression.
    ShapeError, DataError
        `predict_function` gives an array of the wrong shape, or a negative probability.

    >>> from clearprop.data import load_dataset
    >>> moons = load_dataset("moons", n_samples=50)
    >>> axes = boundary(lambda X: (X[:, 1:] < 0.25).astype(float), moons)
    >>> axes.get_title()
    'moons'
    """
    if kind not in ("probability", "classes"):
        raise ConfigurationError(f"kind is 'probability' or 'classes', not {kind!r}")
    if kind == "classes" and dataset.task == "regression":
        raise ConfigurationError(f"{dataset.name} has no classes; leave kind='classes' out")
    plane = Plane(dataset, features, GRID)
    answers = plane.answers(predict_function)
    palette = palette_of(dark)
    axes = axes_for(ax, palette, 6.4, 5.2)
    draw_plane(axes, plane, answers, palette, flat=kind == "classes")
    return axes


def draw_plane(axes: "Axes", plane: "Plane", answers: Array, palette: Palette, *, flat: bool = False) -> Any:
    """The answers on the plane and the points on top; returns the image of the answers."""
    (x, y), data = plane.sides, plane.dataset
    look: dict[str, Any] = {"origin": "lower", "aspect": "auto", "interpolation": "bilinear"}
    if data.task == "regression":
        look |= {"cmap": "viridis", "norm": _scale(data)}
    elif data.n_classes == 2:
        look |= {"cmap": between_classes(palette, flat=flat), "vmin": 0.0, "vmax": 1.0}
    image = axes.imshow(_picture(plane, answers, palette, flat), extent=(x[0], x[-1], y[0], y[-1]), **look)
    _borders(axes, plane, answers, palette)
    _points(axes, plane, palette)
    _frame(axes, plane, palette)
    return image


def renew_plane(image: Any, plane: "Plane", answers: Array, palette: Palette) -> None:
    """Other answers in a picture that `draw_plane` made."""
    image.set_data(_picture(plane, answers, palette, False))
    for border in [artist for artist in image.axes.collections if artist.get_gid() == _BORDER]:
        border.remove()
    _borders(image.axes, plane, answers, palette)


class Plane:
    """A grid over the points in two features; the other features are at their mean.

    Attributes
    ----------
    sides : list of two arrays
        The values of the two features along the sides.
    rows : array, shape (size², d)
        The grid's points as rows of features.
    """

    def __init__(self, dataset: Dataset, features: tuple[int, int], size: int) -> None:
        known = range(dataset.n_features)
        if len(set(features)) != 2 or not set(features) <= set(known):
            raise ConfigurationError(
                f"features={features!r} must be two different columns of {dataset.name}, which has "
                f"{dataset.n_features} (0 to {known[-1]})"
                if len(known) > 1
                else f"{dataset.name} has 1 feature; this picture needs 2"
            )
        refuse_sparse(dataset.X, "this picture")
        self.dataset, self.features, self.size = dataset, features, size
        self.points = np.asarray(dataset.X)[:, list(features)]
        low, high = self.points.min(axis=0), self.points.max(axis=0)
        margin = 0.08 * np.where(high > low, high - low, 1.0)
        self.sides = [np.linspace(a, b, size) for a, b in zip(low - margin, high + margin, strict=True)]
        self.rows = np.tile(np.asarray(dataset.X).mean(axis=0), (size**2, 1)).astype(dataset.X.dtype)
        self.rows[:, list(features)] = np.stack(np.meshgrid(*self.sides), axis=-1).reshape(-1, 2)

    def answers(self, predict_function: Callable[[Array], Array]) -> Array:
        """Predictions on the grid, of shape (size, size, k); probabilities of all classes, which sum to 1."""
        answers = predict_function(self.rows)
        outputs, size = self.dataset.n_outputs, self.size
        expected = [outputs] + [1] * (outputs == 2)
        if answers.ndim != 2 or answers.shape[0] != size**2 or answers.shape[1] not in expected:
            raise ShapeError(f"predict_function gave shape {answers.shape}, expected ({size**2}, {expected[0]})")
        if self.dataset.task == "classification":
            if answers.shape[1] == 1:
                answers = np.hstack([1.0 - answers, answers])
            if answers.min() < 0.0:
                raise DataError(
                    f"predict_function gave {answers.min():.3g} where probabilities are expected; "
                    "turn the network's outputs into probabilities, as predict(..., link='softmax') does"
                )
            answers = answers / np.maximum(answers.sum(axis=1, keepdims=True), 1e-300)
        return answers.reshape(size, size, -1)


def _picture(plane: Plane, answers: Array, palette: Palette, flat: bool) -> Array:
    """What the image holds: quantities; of two classes the second one's probability; else colours."""
    if plane.dataset.task == "regression":
        return answers[:, :, 0]
    return answers[:, :, 1] if plane.dataset.n_classes == 2 else _mixed(answers, palette, flat)


def _borders(axes: "Axes", plane: Plane, answers: Array, palette: Palette) -> None:
    """Lines where two classes are equally likely."""
    n_classes = plane.dataset.n_classes
    for c in range(n_classes if n_classes > 2 else n_classes // 2):
        lead = answers[:, :, c] - np.delete(answers, c, axis=-1).max(axis=-1)
        if lead.min() < 0 < lead.max():
            axes.contour(*plane.sides, lead, levels=[0.0], colors=[palette.ink], linewidths=1.1).set_gid(_BORDER)


def between_classes(palette: Palette, *, flat: bool = False) -> "Colormap":
    """Colours for the probability of the second of two classes: 0 and 1 are the classes, ½ almost the ground."""
    from matplotlib.colors import ListedColormap

    second = np.linspace(0.0, 1.0, 256)
    both = np.stack([1.0 - second, second], axis=-1)[None]
    return ListedColormap(list(_mixed(both, palette, flat)[0]))


def _mixed(probability: Array, palette: Palette, flat: bool) -> Array:
    """The colour of the likeliest class, mixed with the ground the more, the less sure it is."""
    from matplotlib.colors import to_rgb

    n_classes = probability.shape[-1]
    ground = np.array(to_rgb(palette.ground))
    colours = np.array([to_rgb(palette.colour(c)) for c in range(n_classes)])
    sure = (probability.max(axis=-1) - 1.0 / n_classes) / (1.0 - 1.0 / n_classes)  # 0 = no idea, 1 = certain
    strength = np.full_like(sure, 0.45) if flat else 0.08 + 0.37 * np.clip(sure, 0.0, 1.0)
    picture: Array = ground + strength[..., None] * (colours[probability.argmax(axis=-1)] - ground)
    return picture


def _frame(axes: "Axes", plane: Plane, palette: Palette) -> None:
    data, (first, second) = plane.dataset, plane.features
    tidy(axes, palette, data.name, data.feature_names[first], data.feature_names[second])
    axes.grid(visible=False)
    axes.set_xlim(plane.sides[0][0], plane.sides[0][-1])
    axes.set_ylim(plane.sides[1][0], plane.sides[1][-1])


def _scale(dataset: Dataset) -> Any:
    from matplotlib.colors import Normalize

    y = _first_target(dataset)
    return Normalize(float(y.min()), float(y.max()))


def _first_target(dataset: Dataset) -> Array:
    return dataset.y if dataset.y.ndim == 1 else dataset.y[:, 0]


def _points(axes: "Axes", plane: Plane, palette: Palette) -> None:
    dataset, (x, y) = plane.dataset, plane.points.T
    size = float(np.clip(6000 / len(dataset), 8, 45))
    if dataset.task == "regression":
        look: dict[str, Any] = {"cmap": "viridis", "norm": _scale(dataset), "linewidths": 0.7}
        target = _first_target(dataset)
        drawn = axes.scatter(x, y, c=target, s=max(size, 20), edgecolors=LIGHT.ground, zorder=3, **look)
        colour_bar(drawn, axes, palette)
        return
    # In random order, so that no class hides the others.
    order = np.random.default_rng(0).permutation(len(dataset))
    colours = [palette.colour(int(c)) for c in dataset.y[order]]
    axes.scatter(x[order], y[order], s=size, c=colours, edgecolors=palette.ground, linewidths=0.5, zorder=3)
    classes = range(dataset.n_classes)
    dots = [axes.scatter([], [], s=40, color=palette.colour(c), edgecolors=palette.ground) for c in classes]
    legend(axes, palette, dots, dataset.target_names, loc="best")
