"""clearprop: neural networks trained by back-propagation, readable like a textbook.

Importing it loads NumPy and nothing else; SciPy, scikit-learn, matplotlib, DuckDB and llvmlite wait until needed.
"""

from clearprop._versions import __version__ as __version__
from clearprop.data import Dataset, Preparation, load_dataset, read_table
from clearprop.engine import ENGINES
from clearprop.formats import load, save
from clearprop.gradcheck import check_gradients
from clearprop.initializers import INITIALIZERS, Constant, Normal, Orthogonal, Uniform, VarianceScaling
from clearprop.layers import LAYERS, Activation, BatchNorm, Dense, Dropout, LayerNorm
from clearprop.losses import (
    LOSSES,
    MAE,
    MSE,
    BinaryCrossEntropy,
    CrossEntropy,
    Hinge,
    Huber,
    LogCosh,
    Loss,
    Poisson,
    Quantile,
    SquaredHinge,
)
from clearprop.metrics import METRICS
from clearprop.model import MLP, Sequential
from clearprop.ops import ACTIVATIONS, Op
from clearprop.optim import (
    LBFGS,
    OPTIMIZERS,
    SCHEDULES,
    SGD,
    Adadelta,
    Adagrad,
    Adam,
    AdamW,
    Cosine,
    ExponentialDecay,
    InverseScaling,
    Lion,
    NAdam,
    OneCycle,
    Optimizer,
    RMSprop,
    Rprop,
    StepDecay,
    Warmup,
)
from clearprop.tape import GradientTape, Tensor
from clearprop.train import CSVLog, EarlyStopping, Epoch, History, Progress, fit, predict, train

__all__ = [
    "ACTIVATIONS",
    "ENGINES",
    "INITIALIZERS",
    "LAYERS",
    "LBFGS",
    "LOSSES",
    "MAE",
    "METRICS",
    "MLP",
    "MSE",
    "OPTIMIZERS",
    "SCHEDULES",
    "SGD",
    "Activation",
    "Adadelta",
    "Adagrad",
    "Adam",
    "AdamW",
    "BatchNorm",
    "BinaryCrossEntropy",
    "CSVLog",
    "Constant",
    "Cosine",
    "CrossEntropy",
    "Dataset",
    "Dense",
    "Dropout",
    "EarlyStopping",
    "Epoch",
    "ExponentialDecay",
    "GradientTape",
    "Hinge",
    "History",
    "Huber",
    "InverseScaling",
    "LayerNorm",
    "Lion",
    "LogCosh",
    "Loss",
    "NAdam",
    "Normal",
    "OneCycle",
    "Op",
    "Optimizer",
    "Orthogonal",
    "Poisson",
    "Preparation",
    "Progress",
    "Quantile",
    "RMSprop",
    "Rprop",
    "Sequential",
    "SquaredHinge",
    "StepDecay",
    "Tensor",
    "Uniform",
    "VarianceScaling",
    "Warmup",
    "check_gradients",
    "fit",
    "load",
    "load_dataset",
    "predict",
    "read_table",
    "save",
    "train",
]
