"""Model files and other programs' formats."""

from clearprop.formats.modelfile import load, save
from clearprop.formats.saved import SavedModel

__all__ = ["SavedModel", "load", "save"]
