"""Stages: what a model's layers are to the native engine, one kind a file."""

from clearprop.engine.native.stages.base import STAGES, Stage, stage_of
from clearprop.engine.native.stages.column import ColumnStage
from clearprop.engine.native.stages.dense import DenseStage
from clearprop.engine.native.stages.embedding import EmbeddingStage
from clearprop.engine.native.stages.row import DropoutStage, RowStage
from clearprop.engine.native.stages.sparse import SparseStage

__all__ = [
    "STAGES",
    "ColumnStage",
    "DenseStage",
    "DropoutStage",
    "EmbeddingStage",
    "RowStage",
    "SparseStage",
    "Stage",
    "stage_of",
]
