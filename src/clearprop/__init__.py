"""clearprop: neural networks trained by back-propagation, readable like a textbook.

Importing it loads NumPy and nothing else; SciPy, scikit-learn, matplotlib, DuckDB and llvmlite wait until needed.
"""

import importlib
import importlib.util
from typing import TYPE_CHECKING, Any

from clearprop._versions import __version__ as __version__
from clearprop.compare import Comparison, compare
from clearprop.data import Dataset, Preparation, load_dataset, read_table
from clearprop.diagnose import Diagnosis, diagnose
from clearprop.engine import ENGINES
from clearprop.ensemble import Ensemble
from clearprop.explain import Explanation, explain
from clearprop.formats import load, save
from clearprop.gradients.check import check_gradients
from clearprop.initializers import INITIALIZERS, Constant, Normal, Orthogonal, Uniform, VarianceScaling
from clearprop.layers import LAYERS, Activation, BatchNorm, Dense, Dropout, LayerNorm, NumericEmbedding, Scale
from clearprop.losses import (
    LOSSES,
    MAE,
    MSE,
    BinaryCrossEntropy,
    CrossEntropy,
    HalfSquaredError,
    Hinge,
    Huber,
    LogCosh,
    Loss,
    Poisson,
    PoissonDeviance,
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
from clearprop.train import (
    Checkpoint,
    CSVLog,
    EarlyStopping,
    Epoch,
    History,
    Member,
    Progress,
    SavedTraining,
    fit,
    load_checkpoint,
    predict,
    train,
    train_population,
)

if TYPE_CHECKING:
    from clearprop.estimators import MLPClassifier, MLPRegressor

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
    "Checkpoint",
    "Comparison",
    "Constant",
    "Cosine",
    "CrossEntropy",
    "Dataset",
    "Dense",
    "Diagnosis",
    "Dropout",
    "EarlyStopping",
    "Ensemble",
    "Epoch",
    "Explanation",
    "ExponentialDecay",
    "GradientTape",
    "HalfSquaredError",
    "Hinge",
    "History",
    "Huber",
    "InverseScaling",
    "LayerNorm",
    "Lion",
    "LogCosh",
    "Loss",
    "MLPClassifier",
    "MLPRegressor",
    "Member",
    "NAdam",
    "Normal",
    "NumericEmbedding",
    "OneCycle",
    "Op",
    "Optimizer",
    "Orthogonal",
    "Poisson",
    "PoissonDeviance",
    "Preparation",
    "Progress",
    "Quantile",
    "RMSprop",
    "Rprop",
    "SavedTraining",
    "Scale",
    "Sequential",
    "SquaredHinge",
    "StepDecay",
    "Tensor",
    "Uniform",
    "VarianceScaling",
    "Warmup",
    "check_gradients",
    "compare",
    "diagnose",
    "explain",
    "fit",
    "load",
    "load_checkpoint",
    "load_dataset",
    "predict",
    "read_table",
    "save",
    "train",
    "train_population",
]


def __getattr__(name: str) -> Any:
    if name in ("MLPClassifier", "MLPRegressor"):  # they need scikit-learn
        from clearprop import estimators

        return getattr(estimators, name)
    if not name.startswith("_") and importlib.util.find_spec(f"clearprop.{name}") is not None:
        return importlib.import_module(f"clearprop.{name}")  # clearprop.viz, without an import of its own
    raise AttributeError(f"module 'clearprop' has no attribute {name!r}")
