"""Model files and other programs' formats."""

from clearprop.formats.modelfile import SavedModel, load, save

__all__ = ["SavedModel", "load", "save"]
