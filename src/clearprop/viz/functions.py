"""Functions: losses, activations with their derivatives, and surfaces with the paths of descents on them."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from clearprop._types import Array
from clearprop.errors import ShapeError
from clearprop.losses import LOSSES, BinaryCrossEntropy, CrossEntropy, Loss
from clearprop.ops import ACTIVATIONS, Op, as_activation
from clearprop.viz.figure import Palette, axes_for, colour_bar, legend, new_figure, palette_of, tidy

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_POINTS = 601
_LEVELS = 24


def loss_functions(
    losses: "Sequence[str | Loss] | Mapping[str, str | Loss | Callable[[Array], Array]]",
    *,
    span: tuple[float, float] | None = None,
    ax: "Axes | None" = None,
    dark: bool = False,
) -> "Axes":
    """Draw losses (solid) and their derivatives (dashed), as the library defines them.

    The horizontal axis is the error y - t for losses of quantities; the output z for a target of 1 for losses on
    logits and margins (for "crossentropy" the lead of the true class over one other); the probability p of the true
    class for ``from_logits=False``.

    Parameters
    ----------
    losses : sequence of names and Loss objects, or a dict of label to name, Loss or function
        A function is drawn without a derivative.
    span : (float, float), optional
        Ends of the horizontal axis; default -3 to 3, for probabilities 0.01 to 1.
    ax : Axes, optional
        Where to draw; else a new figure is made.
    dark : bool
        Light on dark.

    Raises
    ------
    UnknownNameError
        No loss of that name.

    >>> axes = loss_functions({"|x|": np.abs, "x²": np.square}, span=(-2, 2))
    >>> axes.get_legend_handles_labels()[1]
    ['|x|', 'x²']
    """
    named = losses if isinstance(losses, Mapping) else {_label(loss): loss for loss in losses}
    functions = {label: LOSSES[loss]() if isinstance(loss, str) else loss for label, loss in named.items()}
    axis_names = {_axis(loss) for loss in functions.values() if isinstance(loss, Loss)}
    low, high = span or ((0.01, 1.0) if axis_names == {_PROBABILITY} else (-3.0, 3.0))
    x = np.linspace(low, high, _POINTS)
    palette = palette_of(dark)
    axes = axes_for(ax, palette, 6.4, 4.4)
    for number, (label, loss) in enumerate(functions.items()):
        look: dict[str, Any] = {"color": palette.colour(number), "linewidth": 2}
        if isinstance(loss, Loss):
            value, slope = _along(loss, x)
            axes.plot(x, value, label=label, **look)
            axes.plot(x, slope, label=f"{label}, derivative", **look | {"linewidth": 1.4, "linestyle": (0, (4, 2))})
        else:
            axes.plot(x, loss(x), label=label, **look)
    tidy(axes, palette, "losses", axis_names.pop() if len(axis_names) == 1 else "x", "")
    _zero_lines(axes, palette)
    legend(axes, palette)
    return axes


_PROBABILITY, _ERROR, _OUTPUT = "probability p of the true class", "error y − t", "output z for the target 1"


def _label(loss: str | Loss) -> str:
    return loss if isinstance(loss, str) else repr(loss)


def _axis(loss: Loss) -> str:
    if isinstance(loss, BinaryCrossEntropy | CrossEntropy) and not loss.from_logits:
        return _PROBABILITY
    return _ERROR if loss.target_range == (-math.inf, math.inf) else _OUTPUT


def _along(loss: Loss, x: Array) -> tuple[Array, Array]:
    """Value and derivative over the error, the output or the probability, as `_axis` says."""
    if loss.kind == "row":  # two classes: the true one has x, the other what is left, or the logit 0
        other = 1.0 - x if _axis(loss) == _PROBABILITY else np.zeros_like(x)
        y, t = np.stack([x, other], axis=1), np.tile([1.0, 0.0], (len(x), 1))
        return loss.value(t, y)[:, 0], loss.gradient(t, y)[:, 0]
    t = np.full_like(x, 0.0 if _axis(loss) == _ERROR else 1.0)
    return loss.value(t, x), loss.gradient(t, x)


def activation_functions(names: "Iterable[str | Op] | None" = None, *, dark: bool = False) -> "Figure":
    """Draw activations (solid) and their derivatives (dashed), as the library defines them.

    A dot is the value that the derivative has where it jumps. An activation of a whole row is drawn for two outputs,
    x and 0.

    Parameters
    ----------
    names : names and operations, optional
        Default: every registered activation.
    dark : bool
        Light on dark.

    Raises
    ------
    UnknownNameError
        No activation of that name.

    >>> figure = activation_functions(["sigmoid", "tanh"])
    >>> float(figure.axes[0].lines[1].get_ydata().max())
    0.25
    """
    ops = [as_activation(name, {}) for name in (ACTIVATIONS if names is None else names)]
    columns = min(4, len(ops))
    rows = math.ceil(len(ops) / columns)
    palette = palette_of(dark)
    figure = new_figure(3.4 * columns, 2.9 * rows, palette)
    for number, op in enumerate(ops, start=1):
        axes = axes_for(figure.add_subplot(rows, columns, number), palette)
        _activation(axes, op, palette)
        if number == 1:
            legend(axes, palette, loc="upper left")
    return figure


def _activation(axes: "Axes", op: Op, palette: Palette) -> None:
    low, high = max(-4.0, op.domain[0]), min(4.0, op.domain[1])
    x = np.linspace(low, high, _POINTS)[op.domain[0] == low :]  # an open end of the domain is left out
    y, slope = _with_derivative(op, x)
    jumps = np.array([kink for kink in op.kinks if low < kink < high])
    slope[np.isclose(x[:, None], jumps).any(axis=1)] = np.nan  # the line breaks where the derivative jumps
    axes.plot(x, y, color=palette.colour(0), linewidth=2, label="value")
    axes.plot(x, slope, color=palette.colour(1), linewidth=1.6, linestyle=(0, (4, 2)), label="derivative")
    if jumps.size:
        axes.plot(jumps, _with_derivative(op, jumps)[1], "o", color=palette.colour(1), markersize=5)
    changed = ", ".join(f"{name}={value:g}" for name, value in op.parameters.items())
    tidy(axes, palette, f"{op.name}({changed})" if changed else op.name, "", "")
    both = np.concatenate([y, slope[np.isfinite(slope)]])
    axes.set_ylim(max(float(both.min()) - 0.2, -4.2), min(float(both.max()) + 0.2, 4.2))
    _zero_lines(axes, palette)


def _with_derivative(op: Op, x: Array) -> tuple[Array, Array]:
    if op.kind == "elementwise":
        y = op.forward(x)
        return y, np.array(op.vjp(np.ones_like(x), y, x))
    rows = np.stack([x, np.zeros_like(x)], axis=1)
    y = op.forward(rows)
    return y[:, 0], np.array(op.vjp(np.tile([1.0, 0.0], (len(x), 1)), y, rows)[:, 0])


def surface(
    function: Callable[[Array, Array], Array],
    x: Array,
    y: Array,
    *,
    paths: Sequence[Any] = (),
    ax: "Axes | None" = None,
    dark: bool = False,
) -> "Axes":
    """Draw z = f(x, y) as a surface in space, with paths on it.

    Parameters
    ----------
    function : callable
        Two arrays of one shape to an array of that shape.
    x, y : array, shape (n,) and (m,)
        The values along the two axes.
    paths : sequence of array, shape (k, 2)
        Points (x, y) that a descent went through, in order.
    ax : Axes3D, optional
        Where to draw (projection="3d"); else a new figure is made.
    dark : bool
        Light on dark.

    Raises
    ------
    ShapeError
        The function's result, or a path, has the wrong shape.
    ConfigurationError
        `ax` is not three-dimensional.

    >>> side = np.linspace(-1.0, 1.0, 21)
    >>> surface(lambda x, y: x * x + y * y, side, side, paths=[[(1.0, 1.0), (0.5, 0.5), (0.0, 0.0)]]).name
    '3d'
    """
    from clearprop.viz.mpl import LATIN

    z = _heights(function, x, y)
    palette = palette_of(dark)
    axes: Any = axes_for(ax, palette, 7.0, 5.6, projection="3d")
    look: dict[str, Any] = {"rcount": 120, "ccount": 120, "linewidth": 0, "antialiased": False}
    axes.computed_zorder = False  # matplotlib would hide the paths behind the surface they lie on
    axes.plot_surface(*np.meshgrid(x, y), z, cmap="viridis", zorder=1, **look).set_rasterized(True)
    for number, path in enumerate(_paths(paths)):
        heights = function(path[:, 0], path[:, 1])
        colour = palette.colour(number + 1)
        axes.plot(*path.T, heights, color=colour, linewidth=2, marker="o", markersize=2.5, zorder=2)
        axes.plot(*path[-1:].T, heights[-1:], marker="*", color=colour, markersize=11, zorder=3)
    tidy(axes, palette, "", "x", "y")
    for axis in (axes.xaxis, axes.yaxis, axes.zaxis):
        axis.set_pane_color(palette.ground)
        axis.line.set_color(palette.frame)
        axis._axinfo["grid"]["color"] = palette.grid
    axes.tick_params(axis="z", colors=palette.muted, labelfontfamily=LATIN)
    axes.view_init(50, -60)
    return axes  # type: ignore[no-any-return]


def contour(
    function: Callable[[Array, Array], Array],
    x: Array,
    y: Array,
    *,
    paths: Sequence[Any] = (),
    ax: "Axes | None" = None,
    dark: bool = False,
) -> "Axes":
    """Draw z = f(x, y) as a map with lines of equal height, with paths on it.

    The heights of the lines are quantiles of z: each band covers as much of the map as the next. Parameters and
    errors are those of `surface`, with plain axes.

    >>> side = np.linspace(-1.0, 1.0, 21)
    >>> axes = contour(lambda x, y: x * x + y * y, side, side, paths=[[(1.0, 1.0), (0.0, 0.0)]])
    >>> axes.lines[0].get_xydata().tolist()
    [[1.0, 1.0], [0.0, 0.0]]
    """
    from matplotlib.colors import BoundaryNorm

    z = _heights(function, x, y)
    palette = palette_of(dark)
    axes = axes_for(ax, palette, 6.6, 5.4)
    levels = np.unique(np.quantile(z, np.linspace(0.0, 1.0, _LEVELS + 1)))
    if len(levels) > 1:
        norm = BoundaryNorm(levels, 256)
        bands = axes.contourf(x, y, z, levels=levels, cmap="viridis", norm=norm)
        axes.contour(x, y, z, levels=levels, colors=[palette.ground], linewidths=0.4, alpha=0.6)
        colour_bar(bands, axes, palette)
    for number, path in enumerate(_paths(paths)):
        colour = palette.colour(number + 1)
        axes.plot(*path.T, color=colour, linewidth=2, marker="o", markersize=3)
        axes.plot(*path[0], marker="o", color=colour, markersize=8, markeredgecolor=palette.ground)
        axes.plot(*path[-1], marker="*", color=colour, markersize=14, markeredgecolor=palette.ground)
    tidy(axes, palette, "", "x", "y")
    axes.grid(visible=False)
    axes.set_xlim(float(np.min(x)), float(np.max(x)))
    axes.set_ylim(float(np.min(y)), float(np.max(y)))
    return axes


def _heights(function: Callable[[Array, Array], Array], x: Array, y: Array) -> Array:
    X, Y = np.meshgrid(x, y)
    z = np.asarray(function(X, Y), dtype=float)
    if z.shape != X.shape:
        raise ShapeError(f"the function gave shape {z.shape} for two arrays of shape {X.shape}; it must keep the shape")
    return z


def _paths(paths: Sequence[Any]) -> list[Array]:
    found = [np.asarray(path, dtype=float) for path in paths]
    for path in found:
        if path.ndim != 2 or path.shape[1] != 2 or len(path) == 0:
            raise ShapeError(f"a path has shape {path.shape}, expected (points, 2)")
    return found


def _zero_lines(axes: "Axes", palette: Palette) -> None:
    """The axes x = 0 and y = 0, where they are in the picture."""
    look: dict[str, Any] = {"color": palette.frame, "linewidth": 1, "zorder": 1}
    if axes.get_xlim()[0] < 0 < axes.get_xlim()[1]:
        axes.axvline(0.0, **look)
    if axes.get_ylim()[0] < 0 < axes.get_ylim()[1]:
        axes.axhline(0.0, **look)
