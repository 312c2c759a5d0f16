"""A figure that grows while a network trains."""

import importlib
import os
import sys
import time
from typing import TYPE_CHECKING, Any

from clearprop._types import Array
from clearprop.data import as_dataset
from clearprop.layers import Activation
from clearprop.model import Sequential
from clearprop.ops import ACTIVATIONS
from clearprop.train.course import Epoch
from clearprop.train.history import History
from clearprop.viz.boundary import Plane, draw_plane, renew_plane
from clearprop.viz.curves import draw_curve, panels
from clearprop.viz.figure import axes_for, colour_bar, new_figure, palette_of, save

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_GRID = 101  # points on each side of the plane: fewer than a picture for print has
_PAUSE = 0.1  # seconds between two redraws, at least
_SHARE = 0.05  # of the training time may go into drawing


class LiveFigure:
    """A callback that shows how training goes: loss and metrics above, below them what the network answers.

    In a notebook it renews one output; with a `figure` of a window it redraws that; with a `path` it writes the
    picture now and then. The first epoch and the last are always drawn. Between them it redraws at most 10 times a
    second, and only as often as this, whose time it measures, takes less than 5 % of the training time.

    Parameters
    ----------
    data : Dataset or (X, y), optional
        Points to show with the network's answers around them; without it there are only curves.
    path : path, optional
        A PNG or SVG file.
    figure : Figure, optional
        Where to draw, e.g. ``plt.figure()``; it is cleared first.
    features : (int, int)
        Which two features of `data` to show; the others are at their mean.
    link : str, optional
        What turns outputs into probabilities or quantities. Default: for classes "softmax" (of one output "sigmoid"),
        unless the last layer is an activation that gives probabilities; for quantities none.
    dark : bool
        Light on dark.

    Attributes
    ----------
    figure : Figure
    redraws : int
        How often it was drawn between the first and the last picture.
    drawing_seconds : float
        How long that took.

    >>> from clearprop.data import load_dataset
    >>> from clearprop.model import MLP
    >>> from clearprop.train import fit
    >>> moons = load_dataset("moons", n_samples=100)
    >>> live = LiveFigure(moons)
    >>> history = fit(MLP([2, 4, 2]), moons, "crossentropy", epochs=5, metrics=["accuracy"], callbacks=[live])
    >>> [axes.get_title() for axes in live.figure.axes][:3]
    ['loss', 'accuracy', 'moons']
    """

    def __init__(
        self,
        data: Any = None,
        *,
        path: str | os.PathLike[str] | None = None,
        figure: "Figure | None" = None,
        features: tuple[int, int] = (0, 1),
        link: str | None = None,
        dark: bool = False,
    ) -> None:
        self.path, self.link, self.palette = path, link, palette_of(dark)
        self._plane = None if data is None else Plane(as_dataset(data), features, _GRID)
        self.figure = figure or new_figure(9.6, 8.0 if self._plane else 3.8, self.palette)
        self._callers = figure is not None
        self._forget()

    def _forget(self) -> None:
        self.history = History()
        self.redraws, self.drawing_seconds = 0, 0.0
        self._began = self._ended = time.perf_counter()  # the first picture's end, and the last one's
        self._cost = 0.0
        self._drawn_rows = 0
        self._panels: dict[str, Any] = {}
        self._handle: Any = None

    def start(self, training: Any) -> None:
        """Before the first epoch: forget an earlier run."""
        self._forget()

    def __call__(self, epoch: Epoch) -> None:
        """After an epoch (or a step): keep its numbers, and redraw if it is time."""
        self.history.append(epoch.record)
        if epoch.number == epoch.epochs and "step" not in epoch.record:
            self._whole(epoch.model)
        elif not self._panels:
            self._cost = self._whole(epoch.model)
            self._began = self._ended
        elif self._may_redraw(time.perf_counter()):
            begin = time.perf_counter()
            self._renew(epoch.model)
            self._show()
            self._cost = self._ended - begin
            self.drawing_seconds += self._cost
            self.redraws += 1

    def finish(self, training: Any, history: History) -> None:
        """After the last epoch: draw the end, if it was not drawn yet."""
        if len(self.history) > self._drawn_rows:
            self._whole(training.model)

    def _may_redraw(self, now: float) -> bool:
        training = now - self._began - self.drawing_seconds
        return now - self._ended >= _PAUSE and self.drawing_seconds + self._cost <= _SHARE * training

    def _whole(self, model: Sequential) -> float:
        """The first picture or the last; returns the seconds it takes to show, without those to compose it."""
        self._compose(model)
        begin = time.perf_counter()
        self._show()
        return self._ended - begin

    def _compose(self, model: Sequential) -> None:
        """The whole figure, from nothing."""
        names, figure, plane = panels(self.history.columns()), self.figure, self._plane
        figure.clear()
        figure.set_facecolor(self.palette.ground)
        rows = figure.add_gridspec(1 if plane is None else 2, 1, height_ratios=None if plane is None else [1, 1.7])
        top = rows[0].subgridspec(1, len(names))
        self._panels = {name: figure.add_subplot(top[number]) for number, name in enumerate(names)}
        self._curves()
        if plane is not None:
            axes = axes_for(figure.add_subplot(rows[1]), self.palette)
            self._image = draw_plane(axes, plane, self._answers(model), self.palette)
            if plane.dataset.n_classes == 2:  # more classes' colours have no one scale
                colour_bar(self._image, axes, self.palette, f"probability of {plane.dataset.target_names[1]}")
        if not self._callers:  # arranging takes as long as drawing, so nothing moves until the last picture
            figure.set_layout_engine("constrained")
            figure.draw_without_rendering()
            figure.set_layout_engine("none")

    def _renew(self, model: Sequential) -> None:
        """What changes from one picture to the next: the curves, and the answers under the points."""
        for axes in self._panels.values():
            axes.clear()
        self._curves()
        if self._plane is not None:
            renew_plane(self._image, self._plane, self._answers(model), self.palette)

    def _curves(self) -> None:
        columns = self.history.columns()
        for name, axes in self._panels.items():
            draw_curve(axes_for(axes, self.palette), columns, name, self.palette)

    def _answers(self, model: Sequential) -> Array:
        assert self._plane is not None
        link = ACTIVATIONS[self.link or self._usual_link(model)]
        return self._plane.answers(lambda X: link.forward(model.forward(X.astype(model.dtype, copy=False))[0]))

    def _usual_link(self, model: Sequential) -> str:
        last = model.layers[-1]
        assert self._plane is not None
        if self._plane.dataset.task == "regression":
            return "identity"
        if isinstance(last, Activation) and last.name in ("softmax", "sigmoid"):
            return "identity"
        return "sigmoid" if model.n_out == 1 else "softmax"

    def _show(self) -> None:
        if self.path is not None:
            save(self.figure, self.path)
        if self._callers:
            self.figure.canvas.draw()
            self.figure.canvas.flush_events()
        elif _in_notebook():
            from clearprop.viz.mpl import png

            picture = {"image/png": png(self.figure)}
            if self._handle is None:
                self._handle = importlib.import_module("IPython.display").DisplayHandle()
                self._handle.display(picture, raw=True)
            else:
                self._handle.update(picture, raw=True)
        self._drawn_rows, self._ended = len(self.history), time.perf_counter()


def _in_notebook() -> bool:
    """Whether this runs in IPython with a front end that shows pictures; a terminal does not."""
    shell = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
    return hasattr(shell, "kernel")
