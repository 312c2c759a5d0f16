"""Pictures, drawn with matplotlib and written as PNG files; no window is ever opened."""

from clearprop.viz.boundary import boundary
from clearprop.viz.curves import curves
from clearprop.viz.judgement import confusion, importance, reliability, residuals

__all__ = ["boundary", "confusion", "curves", "importance", "reliability", "residuals"]
