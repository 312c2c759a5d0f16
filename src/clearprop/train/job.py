"""What is to be trained, on what and how: the arguments of `train`, checked."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from clearprop.data import Dataset, as_dataset
from clearprop.engine import Batches, Engine, GradientOptions, State, choose_engine, initial_state
from clearprop.errors import ConfigurationError
from clearprop.losses import LOSSES, Loss
from clearprop.metrics import METRICS
from clearprop.model import Sequential
from clearprop.optim import LBFGS, OPTIMIZERS, Optimizer
from clearprop.randomness import ORDERS, generator
from clearprop.train.checks import check_labels, check_rows, for_model, split
from clearprop.train.orders import Order, epoch_batches
from clearprop.train.rows import TrainingRows
from clearprop.train.saved import describe_order, fingerprint


@dataclass(frozen=True, eq=False)
class Job:
    """A training run's settings, of which `train` tells the meaning.

    Attributes
    ----------
    rows : TrainingRows
        To train on, in the model's precision.
    held_out : Dataset or None
        To report on.
    """

    model: Sequential
    rows: TrainingRows
    held_out: Dataset | None
    loss: Loss
    optimizer: "Optimizer | LBFGS"
    options: GradientOptions
    epochs: int
    batch_size: int
    order: Order
    steps_per_epoch: int | None
    record: str
    metrics: tuple[str, ...]
    seed: int
    engine: Engine

    def batches(self, epoch: int) -> Batches:
        """The batches of an epoch."""
        batches = epoch_batches(
            self.order,
            epoch,
            len(self.rows),
            batch_size=self.batch_size,
            steps_per_epoch=self.steps_per_epoch,
            seed=self.seed,
            least_rows=self.model.least_rows,
        )
        return self.rows.batches(batches)

    def table(self, state: State, batches: Batches) -> Any:
        """The optimiser's table for these batches, of which `state.position` are done, and its carry after them."""
        assert isinstance(self.optimizer, Optimizer)
        trainable = [s for s in self.model.segments if s.trainable]
        factors, decays = [s.learning_rate_factor for s in trainable], [s.decays for s in trainable]
        return self.optimizer.table(state.step - state.position + 1, len(batches), factors, decays, state.carry)

    def rate(self, step: int) -> float:
        """The learning rate of that step."""
        assert isinstance(self.optimizer, Optimizer)
        return self.optimizer.rate(step)

    def first_state(self) -> State:
        """Where the run begins."""
        return first_state(self.model, self.optimizer, self.seed)

    def check_batches(self, epoch: int) -> None:
        """Refuse batches of fewer rows than a layer needs now, not when their epoch comes."""
        if (
            self.batch_size < self.model.least_rows
            and not isinstance(self.optimizer, LBFGS)
            and not callable(self.order)
        ):
            self.batches(epoch)  # of a list of larger batches there is nothing to refuse

    def check_position(self, state: State, batches: Batches) -> None:
        """Refuse to go on in an epoch that has not so many batches."""
        if state.position > len(batches):
            raise ConfigurationError(
                f"the state to resume has done {state.position} batches of epoch {state.epoch}, which has "
                f"{len(batches)}; give train the data and the batch_size of that run"
            )

    def configuration(self) -> dict[str, Any]:
        """What a run that resumes this one must have too."""
        return self._configuration

    @cached_property
    def _configuration(self) -> dict[str, Any]:
        return {
            "model": repr(self.model),
            "loss": repr(self.loss),
            "optimizer": repr(self.optimizer),
            "gradient": repr(self.options),
            "batch_size": int(self.batch_size),
            "order": describe_order(self.order),
            "steps_per_epoch": None if self.steps_per_epoch is None else int(self.steps_per_epoch),
            "record": self.record,
            "metrics": list(self.metrics),
            "training rows": fingerprint(self.rows.whole()),
            "validation rows": None if self.held_out is None else fingerprint(self.held_out),
            "engine": self.engine.name,
        }


def checked_job(
    model: Sequential,
    data: Any,
    loss: str | Loss,
    optimizer: "str | Optimizer | LBFGS",
    *,
    rows: Any,
    validation: Any,
    engine: str,
    **settings: Any,
) -> Job:
    """The job that these arguments of `train` describe.

    Raises
    ------
    UnknownNameError, ConfigurationError, ShapeError, DataError
        As `train` raises them.
    """
    _check_numbers(**settings)
    loss = LOSSES[loss]() if isinstance(loss, str) else loss
    optimizer = OPTIMIZERS[optimizer]() if isinstance(optimizer, str) else optimizer
    everything, numbers, held_out = split(as_dataset(data), rows, validation, settings["seed"])
    if not model.built:
        model.build(everything.n_features)
    check_labels(everything)
    training = TrainingRows(for_model(everything, model, loss), numbers)
    check_rows(training, model)
    held_out = None if held_out is None else for_model(held_out, model, loss)
    chosen = choose_engine(engine, model, loss, optimizer)[0]
    settings["metrics"] = tuple(settings["metrics"])
    return Job(model, training, held_out, loss, optimizer, engine=chosen, **settings)


def _check_numbers(
    *,
    epochs: int,
    batch_size: int,
    steps_per_epoch: int | None,
    record: str,
    metrics: Sequence[str],
    seed: int,
    **_: Any,
) -> None:
    if record not in ("epoch", "step"):
        raise ConfigurationError(f"record is 'epoch' or 'step', not {record!r}")
    for name, value, least in (("epochs", epochs, 0), ("batch_size", batch_size, 1)):
        if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:
            raise ConfigurationError(f"{name} is a whole number, {least} or more, not {value!r}")
    if steps_per_epoch is not None and steps_per_epoch < 1:
        raise ConfigurationError(f"steps_per_epoch is a whole number, 1 or more, not {steps_per_epoch!r}")
    generator(seed, ORDERS)
    for name in metrics:
        METRICS[name]


def first_state(model: Sequential, optimizer: "Optimizer | LBFGS", seed: int) -> State:
    """The state before the first step; a minimiser, which takes no steps, has none in the optimiser's slots."""
    return initial_state(model, optimizer if isinstance(optimizer, Optimizer) else OPTIMIZERS["sgd"](), seed)
