"""A network drawn: its units and weights, and how activations and gradients are spread over its layers."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from clearprop._types import Array
from clearprop.data.arrays import features, in_precision, refuse_sparse
from clearprop.layers import Dense, Layer
from clearprop.losses import LOSSES, Loss
from clearprop.model import Sequential
from clearprop.viz.figure import Palette, axes_for, legend, literally, new_figure, palette_of, tidy

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_FIRST, _LAST = 6, 3  # of a layer that is too wide, these units are drawn
_MOST_NUMBERS = 24  # so many weights have their value beside the line
_BINS = 40


@dataclass(frozen=True)
class _Stage:
    """A dense layer and what follows it, up to the next one."""

    first: int
    layers: tuple[Layer, ...]

    @property
    def name(self) -> str:
        def said(layer: Layer) -> str:
            return getattr(layer, "name", None) or repr(layer).partition("(")[0]

        dense = self.layers[0]
        units = f"Dense({dense.units})" if isinstance(dense, Dense) else said(dense)
        return ", ".join([units, *map(said, self.layers[1:])])


def _stages(model: Sequential) -> list[_Stage]:
    starts = [i for i, layer in enumerate(model.layers) if isinstance(layer, Dense) or i == 0]
    stops = [*starts[1:], len(model.layers)]
    return [_Stage(a, model.layers[a:b]) for a, b in zip(starts, stops, strict=True)]


def network(model: Sequential, *, ax: "Axes | None" = None, dark: bool = False) -> "Axes":
    """Draw the units in columns, from the inputs to the outputs, and the weights between them.

    A line's colour is the weight's sign and its width the weight's size, beside the largest of its layer; a unit's
    filling is its bias in the same way. Of a layer with more than 10 units the first 6 and the last 3 are drawn. If
    the network has at most 24 parameters, each is written down.

    Parameters
    ----------
    model : Sequential
    ax : Axes, optional
        Where to draw; else a new figure is made.
    dark : bool
        Light on dark.

    Raises
    ------
    ConfigurationError
        The model is not built.

    >>> from clearprop.model import MLP
    >>> axes = network(MLP([2, 3, 1], activation="tanh"))
    >>> [text.get_text() for text in axes.texts][-3:]
    ['inputs', 'Dense(3)\\ntanh', 'Dense(1)']
    """
    numbered = model.n_parameters <= _MOST_NUMBERS
    stages, views = _stages(model), model.parameter_views(model.w)
    widths = [model.widths[0], *(model.widths[stage.first + 1] for stage in stages)]
    columns = [_places(width) for width in widths]
    palette = palette_of(dark)
    tallest = max(map(len, columns))
    height = 1.6 + (0.75 if numbered else 0.46) * tallest
    axes = axes_for(ax, palette, 1.6 + 2.4 * len(stages), height)
    parameters = [{}, *(views[stage.first] for stage in stages)]
    for number in range(1, len(columns)):
        weight = parameters[number].get("weight")
        if weight is not None:  # a first layer that is not dense has none
            _lines(axes, palette, number, columns[number - 1 : number + 1], weight, numbered)
    for number, (width, places) in enumerate(zip(widths, columns, strict=True)):
        _units(axes, palette, number, places, parameters[number].get("bias"), numbered)
        if _GAP in places:
            more = f"⋮\n{width - len(places) + 1} more"
            literally(axes.text(number, places[_GAP], more, zorder=4, **_small(palette, palette.muted)))
    bottom = -tallest / 2 - 0.35
    captions = ["inputs", *(stage.name for stage in stages)]
    for number, caption in enumerate(captions):
        look: dict[str, Any] = {"ha": "center", "va": "top", "color": palette.muted, "fontsize": 9}
        literally(axes.text(number, bottom, caption.replace(", ", "\n"), **look))
    tidy(axes, palette, f"{'-'.join(map(str, widths))}: {model.n_parameters:,} parameters", "", "")
    positive, negative = (axes.plot([], [], color=palette.colour(c), linewidth=2.5)[0] for c in (0, 1))
    below = {"loc": "upper center", "bbox_to_anchor": (0.5, 0.0), "ncols": 2, "frameon": False}
    legend(axes, palette, [positive, negative], ["positive", "negative"], **below)
    lines = max(caption.count(",") + 1 for caption in captions)
    axes.set_xlim(-0.4, len(stages) + 0.4)
    axes.set_ylim(bottom - (0.28 if numbered else 0.4) * lines - 0.1, tallest / 2 + 0.1)
    axes.set_axis_off()
    return axes


_GAP = -1


def _places(width: int) -> dict[int, float]:
    """The height of each unit that is drawn, the first on top, and of the gap if some are not."""
    units = [*range(width)]
    if width > _FIRST + _LAST + 1:
        units = [*range(_FIRST), _GAP, *range(width - _LAST, width)]
    return {unit: (len(units) - 1) / 2 - place for place, unit in enumerate(units)}


def _lines(
    axes: "Axes", palette: Palette, number: int, columns: Sequence[dict[int, float]], weight: Array, numbered: bool
) -> None:
    from matplotlib.collections import LineCollection

    left, right = ([(unit, y) for unit, y in places.items() if unit != _GAP] for places in columns)
    pairs = [(i, j, (number - 1, y), (number, z)) for i, y in left for j, z in right]
    values = np.array([weight[i, j] for i, j, *_ in pairs])
    share = np.abs(values) / max(float(np.abs(weight).max()), 1e-300)
    colours = [palette.colour(int(value < 0)) for value in values]
    ends = [(a, b) for *_, a, b in pairs]
    axes.add_collection(LineCollection(ends, colors=colours, linewidths=0.3 + 3.2 * share, alpha=0.75, zorder=1))
    for (i, _, (x, y), (_, z)), value in zip(pairs, values, strict=True):
        if numbered:
            place = 0.35 + 0.4 * i / max(len(left) - 1, 1)  # lines that end at one unit have their numbers apart
            at = (x + place, y + place * (z - y))
            literally(axes.text(*at, _digits(value), zorder=2, **_small(palette, palette.ink)))


def _units(
    axes: "Axes", palette: Palette, number: int, places: dict[int, float], bias: Array | None, numbered: bool
) -> None:
    from matplotlib.colors import to_rgb

    units = [unit for unit in places if unit != _GAP]
    heights = [places[unit] for unit in units]
    ground = np.array(to_rgb(palette.ground))
    fills = np.tile(ground, (len(units), 1))
    if bias is not None:
        share = 0.85 * np.abs(bias) / max(float(np.abs(bias).max()), 1e-300)
        full = [to_rgb(palette.colour(int(bias[unit] < 0))) for unit in units]
        fills += share[units][:, None] * (np.array(full) - ground)
    look: dict[str, Any] = {"s": 190, "edgecolors": palette.ink, "linewidths": 1.4, "zorder": 3}
    axes.scatter([number] * len(units), heights, c=fills, **look)
    for unit, y in zip(units, heights, strict=True):
        if numbered and bias is not None:
            literally(axes.text(number, y + 0.33, _digits(float(bias[unit])), zorder=4, **_small(palette, palette.ink)))


def _digits(value: float) -> str:
    """Two digits, with the sign that print has."""
    return f"{value:.2g}".replace("-", "−")


def _small(palette: Palette, colour: str) -> dict[str, Any]:
    ground = {"boxstyle": "round,pad=0.15", "facecolor": palette.ground, "edgecolor": "none", "alpha": 0.85}
    return {"ha": "center", "va": "center", "color": colour, "fontsize": 8, "bbox": ground}


def histograms(model: Sequential, X: Any, y: Any, loss: str | Loss, *, dark: bool = False) -> "Figure":
    """Draw how the activations and the gradients of each layer are spread over the rows of X.

    A column for each dense layer. Above, what it gives on, after its activation; below, ∂L/∂z for its
    pre-activations z, on whose size its weights' gradients depend. Gradients that shrink from right to left vanish;
    activations heaped at the ends are saturated, those heaped at 0 may be dead.

    Parameters
    ----------
    model : Sequential
    X : array, shape (n, n_in)
    y : array
        Targets, as for the loss.
    loss : str or Loss
    dark : bool
        Light on dark.

    Raises
    ------
    ShapeError, DataError
        X or y does not fit the model or the loss.

    >>> from clearprop.model import MLP
    >>> figure = histograms(MLP([2, 4, 1], activation="tanh"), [[0.0, 1.0], [1.0, 0.0]], [0.0, 1.0], "mse")
    >>> [axes.get_title() for axes in figure.axes]
    ['Dense(4), tanh', 'Dense(1)', '', '']
    """
    from matplotlib.ticker import NullFormatter

    stages = _stages(model)
    X = in_precision(features(X, "X"), model.dtype, "X")
    outputs, gradients = _passes(model, X, y, LOSSES[loss]() if isinstance(loss, str) else loss)
    palette = palette_of(dark)
    figure = new_figure(max(5.2, 2.9 * len(stages)), 5.0, palette)
    ends = [outputs[stage.first + len(stage.layers) - 1] for stage in stages]
    deltas = [gradients[stage.first] for stage in stages]
    rows = [(ends, palette.colour(0), "activation"), (deltas, palette.colour(1), "∂L/∂z")]
    for row, (values, colour, name) in enumerate(rows):
        for number, stage in enumerate(stages):
            axes = axes_for(figure.add_subplot(2, len(stages), row * len(stages) + number + 1), palette)
            shown = values[number].ravel()
            axes.hist(shown, bins=_BINS, color=colour)
            mean = "" if row else f"mean {_digits(float(shown.mean()))}, "
            axes.set_yscale("log")
            axes.yaxis.set_minor_formatter(NullFormatter())
            axes.locator_params(axis="x", nbins=3)
            tidy(
                axes,
                palette,
                "" if row else stage.name,
                f"{name}: {mean}sd {_digits(float(shown.std()))}",
                "" if number else "count",
            )
    return figure


def _passes(model: Sequential, X: Any, y: Any, loss: Loss) -> tuple[list[Array], list[Array]]:
    """For each layer what it gives on, and the loss's gradient with respect to that."""
    refuse_sparse(X, "this picture")
    model.forward(X[:1])  # which checks the model and the shape
    grads = model.parameter_views(np.zeros_like(model.w))
    outputs, caches, x = [], [], X
    for layer, own, run in model.walk():
        x, cache, _ = layer.forward(x, own, run)
        outputs.append(x)
        caches.append(cache)
    dy = loss.backward(loss.forward(y, x)[1])
    gradients = []
    for _, layer, cache, grad in model.walk_back(caches, grads):
        gradients.append(dy)
        dy = layer.backward(dy, cache, grad)
    return outputs, gradients[::-1]
