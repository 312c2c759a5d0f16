"""Training: the loop, what it records, and what may be done after each epoch."""

from clearprop.train.callbacks import CSVLog, EarlyStopping, Progress
from clearprop.train.history import History
from clearprop.train.loop import Epoch, Training, fit, predict, train
from clearprop.train.orders import epoch_batches

__all__ = [
    "CSVLog",
    "EarlyStopping",
    "Epoch",
    "History",
    "Progress",
    "Training",
    "epoch_batches",
    "fit",
    "predict",
    "train",
]
