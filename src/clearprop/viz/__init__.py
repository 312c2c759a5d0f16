"""Pictures, drawn with matplotlib and written as PNG files; no window is ever opened."""

from clearprop.viz.boundary import boundary
from clearprop.viz.curves import curves

__all__ = ["boundary", "curves"]
