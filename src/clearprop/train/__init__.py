"""Training: the loop, what it records, and what may be done after each epoch."""

from clearprop.train.callbacks import CSVLog, EarlyStopping, Progress
from clearprop.train.checkpoint import Checkpoint, load_checkpoint
from clearprop.train.course import Epoch
from clearprop.train.history import History
from clearprop.train.loop import fit, train
from clearprop.train.orders import epoch_batches
from clearprop.train.population import Member, PopulationProgress, train_population
from clearprop.train.prediction import predict
from clearprop.train.saved import SavedTraining
from clearprop.train.training import Training

__all__ = [
    "CSVLog",
    "Checkpoint",
    "EarlyStopping",
    "Epoch",
    "History",
    "Member",
    "PopulationProgress",
    "Progress",
    "SavedTraining",
    "Training",
    "epoch_batches",
    "fit",
    "load_checkpoint",
    "predict",
    "train",
    "train_population",
]
