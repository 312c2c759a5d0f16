"""Layers: parameters and an operation, one kind a file."""

from clearprop.layers.activation import Activation
from clearprop.layers.base import LAYERS, Layer
from clearprop.layers.dense import Dense
from clearprop.layers.dropout import Dropout
from clearprop.layers.normalization import BatchNorm, LayerNorm

__all__ = ["LAYERS", "Activation", "BatchNorm", "Dense", "Dropout", "Layer", "LayerNorm"]
