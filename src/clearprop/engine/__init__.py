"""Engines: what runs a model.  The reference engine is NumPy; faster ones must equal it."""

from clearprop.engine.base import (
    ENGINES,
    Batches,
    Engine,
    GradientOptions,
    Program,
    State,
    choose_engine,
    initial_state,
    penalties,
)
from clearprop.engine.reference import ReferenceEngine

__all__ = [
    "ENGINES",
    "Batches",
    "Engine",
    "GradientOptions",
    "Program",
    "ReferenceEngine",
    "State",
    "choose_engine",
    "initial_state",
    "penalties",
]
