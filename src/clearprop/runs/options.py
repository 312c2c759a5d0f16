"""How to train, in plain words and numbers, and the objects those words stand for.

Every name is looked up in its registry, so a misspelt one is answered with the nearest, and whatever is
registered can be used on the command line without another line of code.
"""

import inspect
import itertools
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from clearprop._registry import did_you_mean
from clearprop.data.dataset import Task
from clearprop.data.kinds import Kind
from clearprop.data.numbers import check_marks
from clearprop.data.splits import check_split
from clearprop.errors import ConfigurationError
from clearprop.files.memory import free_memory
from clearprop.judge.scores import METRIC_OF_TASK, check_metric
from clearprop.losses import LOSSES, Loss
from clearprop.model import MLP
from clearprop.optim import OPTIMIZERS, SCHEDULES
from clearprop.train.orders import batch_ends

_COPIES = 5  # of the parameters: themselves, gradient, two slots of Adam, the best so far


@dataclass(frozen=True)
class RunOptions:
    """How to train.

    Attributes
    ----------
    hidden : tuple of int
        Units of each hidden layer; empty for a linear model.
    activation : str or tuple of str
        Of the hidden layers: one for all, or one for each.
    dropout : float
        Rate of dropout after each hidden activation.
    normalization : {None, "batch", "layer"}
        Before each hidden activation.
    loss : str or None
        None takes cross-entropy for classes and the squared error for quantities.
    optimizer : str
        Its name.
    learning_rate : float or None
        None takes 0.005 for Adam and its relatives, and for others their own default.
    schedule : str or None
        ``cosine``, ``one_cycle``, ``exponential``, ``step``, ``inverse`` or ``warmup``, over all epochs (see
        `Schedule.over`); None keeps the learning rate.
    weight_decay : float or None
        Decoupled, for optimisers that have it; None takes 10 features/rows, at most 1, for AdamW (few rows
        for each feature are easily learnt by heart), and for others their own default.
    l2 : float
        Adds l2/2 times the sum of squared weights to the loss.
    epochs : int
        At most.
    batch_size : int
        Rows for each step.
    validation, test : float
        Fractions of the rows to put aside; `validation` is of what `test` leaves, and may be 0.
    early_stopping : int
        Stop when the validation loss has not fallen for so many epochs, and take the best weights; 0 trains
        all epochs and takes the last.
    class_weight : {None, "balanced"}
        Rows of rare classes count for more, so that each class counts the same.
    metric : str or None
        What the network and its rivals are judged by: ``accuracy``, ``balanced_accuracy``, ``f1_macro``, ``log_loss``
        or ``roc_auc``; ``r2``, ``rmse`` or ``mae``. None takes accuracy (balanced accuracy, if classes are to count
        the same) and r2.
    split : str or None
        ``time:COLUMN`` puts the last rows in time aside, for validation and for the test, ``group:COLUMN`` whole
        groups; None draws rows at random, with each class's share. For tables.
    dtype : {"float64", "float32"}
        Of all calculation.
    seed : int
        Of the splits, the first weights and the order of rows.
    dates, missing, drop, kinds, decimal, thousands, day_first
        How columns are read: see `Preparation.settle`.
    """

    hidden: tuple[int, ...] = (32, 32)
    activation: str | tuple[str, ...] = "tanh"
    dropout: float = 0.0
    normalization: str | None = None
    loss: str | None = None
    optimizer: str = "adamw"
    learning_rate: float | None = None
    schedule: str | None = None
    weight_decay: float | None = None
    l2: float = 0.0
    epochs: int = 200
    batch_size: int = 32
    validation: float = 0.2
    test: float = 0.2
    early_stopping: int = 20
    class_weight: str | None = None
    metric: str | None = None
    split: str | None = None
    dtype: str = "float64"
    seed: int = 0
    dates: Literal["refuse", "expand"] = "expand"
    missing: Literal["refuse", "median"] = "median"
    drop: tuple[str, ...] = ()
    kinds: Mapping[str, Kind] = field(default_factory=dict)
    decimal: Literal[".", ","] | None = None
    thousands: str | None = None
    day_first: bool | None = None

    def __post_init__(self) -> None:
        if not 0.0 < self.test < 1.0:
            raise ConfigurationError(f"test={self.test} must lie between 0 and 1; take 0.2")
        if not 0.0 <= self.validation < 1.0:
            raise ConfigurationError(f"validation={self.validation} must be at least 0 and below 1; take 0.2")
        if self.early_stopping < 0:
            raise ConfigurationError(
                f"early_stopping={self.early_stopping} is a number of epochs, for example 20; 0 turns it off"
            )
        check_split(self.split)
        if self.metric is not None:
            check_metric(self.metric)
        for what, value, known in (
            ("normalization", self.normalization, (None, "batch", "layer")),
            ("class_weight", self.class_weight, (None, "balanced")),
            ("schedule", self.schedule, (None, *SCHEDULES)),
            ("dtype", self.dtype, ("float64", "float32")),
            ("dates", self.dates, ("refuse", "expand")),
            ("missing", self.missing, ("refuse", "median")),
        ):
            if value not in known:
                raise ConfigurationError(
                    f"{what} cannot be {value!r}; {did_you_mean(str(value), [k for k in known if k])}"
                )
        check_marks(self.decimal, self.thousands)


def losses_of(task: Task) -> tuple[str, ...]:
    """The losses that suit the task, the default first.

    >>> losses_of("classification")
    ('crossentropy', 'binary_crossentropy', 'hinge', 'squared_hinge')
    """
    return tuple(name for name, loss in LOSSES.items() if task in loss.tasks)


def make_loss(options: RunOptions, task: Task) -> Loss:
    """The loss, which must suit the task.

    >>> make_loss(RunOptions(), "classification")
    CrossEntropy()
    """
    known = losses_of(task)
    name = options.loss or known[0]
    loss: Loss = LOSSES[name]()
    if name not in known:
        raise ConfigurationError(f"loss {name!r} does not suit {task}; use one of {', '.join(known)}")
    return loss


def metric_of(options: RunOptions, task: Task) -> str:
    """What is judged by, which must suit the task.

    >>> metric_of(RunOptions(), "regression"), metric_of(RunOptions(class_weight="balanced"), "classification")
    ('r2', 'balanced_accuracy')
    """
    if options.metric is not None:
        return check_metric(options.metric, task)
    return "balanced_accuracy" if options.class_weight == "balanced" else METRIC_OF_TASK[task]


def make_model(options: RunOptions, n_in: int, n_out: int) -> MLP:
    """The network with its initial weights, if this machine can hold it.

    >>> make_model(RunOptions(hidden=(8,)), 4, 3)
    MLP([4, 8, 3], activation='tanh')
    """
    widths = [n_in, *options.hidden, n_out]
    _check_size(widths)
    activation = options.activation
    return MLP(
        widths,
        activation if isinstance(activation, str) else activation[0] if len(activation) == 1 else list(activation),
        dropout=options.dropout,
        normalization=options.normalization,
        seed=options.seed,
        dtype=options.dtype,
    )


def make_optimizer(options: RunOptions, rows: int, features: int, least_rows: int = 1) -> Any:
    """The optimiser for a table of that size, which the default weight decay and a schedule's length depend on.

    `least_rows` is the model's: it decides how many batches an epoch has.

    >>> make_optimizer(RunOptions(), 1000, 10)
    AdamW(learning_rate=0.005, weight_decay=0.1)
    >>> make_optimizer(RunOptions(optimizer="sgd", schedule="cosine", epochs=10), 320, 10)
    SGD(learning_rate=Cosine(0.01, 100))
    """
    name = options.optimizer
    make = OPTIMIZERS[name]
    defaults = {key: p.default for key, p in inspect.signature(make).parameters.items()}
    rate, decay = options.learning_rate, options.weight_decay
    if "learning_rate" not in defaults and not (rate is None and options.schedule is None):
        raise ConfigurationError(f"optimizer {name!r} has no learning rate; leave learning_rate and schedule out")
    if "weight_decay" not in defaults and decay is not None:
        raise ConfigurationError(f"optimizer {name!r} has no weight decay; use adamw, or l2 (--l2)")
    settings: dict[str, Any] = make.for_table(rows, features)
    settings |= {key: value for key, value in (("learning_rate", rate), ("weight_decay", decay)) if value is not None}
    if options.schedule is not None:
        highest = settings.get("learning_rate", defaults["learning_rate"])
        steps = options.epochs * (len(batch_ends(rows, options.batch_size, least_rows)) - 1)
        settings["learning_rate"] = SCHEDULES[options.schedule].over(highest, steps)
    return make(**settings)


def _check_size(widths: list[int]) -> None:
    """Refuse a network that memory cannot hold, before it is made."""
    n_parameters = sum((n_in + 1) * n_out for n_in, n_out in itertools.pairwise(widths))
    needed = _COPIES * 8 * n_parameters
    free = free_memory()
    if needed > free:
        raise ConfigurationError(
            f"a network of widths {widths} has {n_parameters:.3g} parameters; training it takes "
            f"{needed / 2**30:,.1f} GiB, and {free / 2**30:,.1f} GiB are free; use fewer hidden units"
        )
