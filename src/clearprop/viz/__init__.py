"""Pictures, drawn with matplotlib.

Each function draws into the caller's axes (``ax=``) or a figure of its own and returns the Axes, or the Figure where
there are several panels; `save` writes it. No window is opened, and nothing global is read or changed.
"""

from clearprop.viz.boundary import boundary, scatter
from clearprop.viz.curves import curves
from clearprop.viz.figure import save
from clearprop.viz.functions import activation_functions, contour, loss_functions, surface
from clearprop.viz.judgement import confusion, importance, reliability, residuals
from clearprop.viz.live import LiveFigure
from clearprop.viz.network import histograms, network

__all__ = [
    "LiveFigure",
    "activation_functions",
    "boundary",
    "confusion",
    "contour",
    "curves",
    "histograms",
    "importance",
    "loss_functions",
    "network",
    "reliability",
    "residuals",
    "save",
    "scatter",
    "surface",
]
