"""Layers: parameters and an operation, one kind a file."""

from clearprop.layers.activation import Activation
from clearprop.layers.base import LAYERS, PREDICTION, Context, Layer, OpLayer, Parameters
from clearprop.layers.dense import Dense
from clearprop.layers.dropout import Dropout
from clearprop.layers.embedding import NumericEmbedding
from clearprop.layers.normalization import BatchNorm, LayerNorm
from clearprop.layers.scale import Scale

__all__ = [
    "LAYERS",
    "PREDICTION",
    "Activation",
    "BatchNorm",
    "Context",
    "Dense",
    "Dropout",
    "Layer",
    "LayerNorm",
    "NumericEmbedding",
    "OpLayer",
    "Parameters",
    "Scale",
]
