"""Engines: what runs a model.  The reference engine is NumPy; faster ones must equal it."""

from clearprop.engine.base import (
    ENGINES,
    Batches,
    Engine,
    GradientOptions,
    Program,
    State,
    added_up,
    choose_engine,
    divergence,
    initial_state,
    penalties,
)
from clearprop.engine.native import NativeEngine  # before the reference: `auto` takes the first that can
from clearprop.engine.reference import ReferenceEngine

__all__ = [
    "ENGINES",
    "Batches",
    "Engine",
    "GradientOptions",
    "NativeEngine",
    "Program",
    "ReferenceEngine",
    "State",
    "added_up",
    "choose_engine",
    "divergence",
    "initial_state",
    "penalties",
]
