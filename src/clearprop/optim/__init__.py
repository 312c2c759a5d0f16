"""Optimisers, one a file, and learning-rate schedules. `SGD` is the one to read first, then `Adam`."""

from clearprop.optim.adadelta import Adadelta
from clearprop.optim.adagrad import Adagrad
from clearprop.optim.adam import Adam
from clearprop.optim.adamw import AdamW
from clearprop.optim.base import OPTIMIZERS, Optimizer
from clearprop.optim.lbfgs import LBFGS
from clearprop.optim.lion import Lion
from clearprop.optim.nadam import NAdam
from clearprop.optim.rmsprop import RMSprop
from clearprop.optim.rprop import Rprop
from clearprop.optim.schedules import (
    SCHEDULES,
    Cosine,
    ExponentialDecay,
    InverseScaling,
    OneCycle,
    Schedule,
    StepDecay,
    Warmup,
)
from clearprop.optim.sgd import SGD

__all__ = [
    "LBFGS",
    "OPTIMIZERS",
    "SCHEDULES",
    "SGD",
    "Adadelta",
    "Adagrad",
    "Adam",
    "AdamW",
    "Cosine",
    "ExponentialDecay",
    "InverseScaling",
    "Lion",
    "NAdam",
    "OneCycle",
    "Optimizer",
    "RMSprop",
    "Rprop",
    "Schedule",
    "StepDecay",
    "Warmup",
]
