"""A training job that any engine can do, and how far two gradients or two ends of training are apart."""

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from clearprop.data import Dataset
from clearprop.data.arrays import is_sparse
from clearprop.engine import ENGINES, GradientOptions, initial_state
from clearprop.layers import Activation, Dense, Dropout, LayerNorm
from clearprop.losses import MSE, Loss
from clearprop.model import Sequential
from clearprop.ops import ACTIVATIONS
from clearprop.optim import SGD
from clearprop.train.orders import epoch_batches
from examples import DATA_OF_LOSS, LOSS_EXAMPLES, OPTIMIZER_EXAMPLES

TOLERANCE = {"float64": 1e-12, "float32": 1e-5}
NO_STOP = np.zeros(1, np.uint8)


@dataclass
class Job:
    """Who trains what on which data: everything but the engine."""

    model: Sequential
    loss: Loss = field(default_factory=MSE)
    optimizer: Any = field(default_factory=lambda: SGD(0.05))
    X: Any = None
    y: Any = None
    weights: Any = None
    batch_size: int = 5
    order: Any = "shuffled"
    seed: int = 3
    options: dict[str, Any] = field(default_factory=dict)

    def program(self, engine):
        """The job's program on an engine (or the registered one of that name)."""
        engine = ENGINES[engine]() if isinstance(engine, str) else engine
        assert engine.unsupported(self.model, self.loss, self.optimizer) is None
        return engine.compile(self.model, self.loss, self.optimizer, GradientOptions(**self.options))

    def gradient(self, engine):
        return self.program(engine).loss_and_grad(self.X, self.y, self.weights)

    def data(self):
        """What `train` makes of X, y and weights."""
        k = self.model.n_out
        names = tuple(map(str, range(k))) if np.ndim(self.y) == 1 and k > 1 else ()
        X = self.X if is_sparse(self.X) else np.asarray(self.X, self.model.dtype)
        return Dataset(X, self.y, self.weights, target_names=names)

    def train(self, engine, epochs=1, stop=NO_STOP):
        """The state after each epoch, totals included."""
        program = self.program(engine) if not hasattr(engine, "run") else engine
        trainable = [s for s in self.model.segments if s.trainable]
        factors, decays = [s.learning_rate_factor for s in trainable], [s.decays for s in trainable]
        data, state, ends = self.data(), initial_state(self.model, self.optimizer, self.seed), []
        carry = state.carry
        for epoch in range(1, epochs + 1):
            batches = epoch_batches(self.order, epoch, len(data), batch_size=self.batch_size, seed=self.seed)
            state = replace(state, epoch=epoch, position=0, totals=np.zeros(3), carry=carry)
            table, carry = self.optimizer.table(state.step + 1, len(batches), factors, decays, carry)
            while state.position < len(batches):
                state = program.run(state, data, batches, table, stop)
            ends.append(state)
        return ends


def distance(model, ours, theirs):
    """The largest error of a parameter: the difference's norm against the parameter's own, or 1/1000 of the whole's."""
    whole = np.linalg.norm(theirs.astype(np.float64))
    worst = 0.0
    for mine, other in zip(model.parameters(ours).values(), model.parameters(theirs).values(), strict=True):
        gap = np.linalg.norm(mine.astype(np.float64) - other)
        scale = max(np.linalg.norm(other.astype(np.float64)), 1e-3 * whole)
        worst = np.maximum(worst, gap / scale if scale else float(gap != 0))
    return float(np.nan_to_num(worst, nan=np.inf))


def dtype_of(model):
    return np.dtype(model.dtype).name


def gradient_error(job, engine="native"):
    """How far loss and gradient are from the reference's."""
    (value, g), (expected, h) = job.gradient(engine), job.gradient("reference")
    assert g.dtype == h.dtype and g.shape == h.shape and np.isfinite(h).all() and np.isfinite(expected)
    scale = max(abs(expected), 1.0 if job.loss.reduction == "mean" else float(len(job.X)))
    return float(np.nan_to_num(np.maximum(distance(job.model, g, h), abs(value - expected) / scale), nan=np.inf))


def training_error(job, epochs=1, engine="native"):
    """How far weights and totals are from the reference's after each epoch, against what training changed."""
    worst = 0.0
    for ours, theirs in zip(job.train(engine, epochs), job.train("reference", epochs), strict=True):
        assert (ours.step, ours.position, ours.epoch) == (theirs.step, theirs.position, theirs.epoch)
        w = job.model.w
        worst = max(worst, distance(job.model, ours.w - w, theirs.w - w))
        gaps = np.abs(ours.totals - theirs.totals) / np.maximum(np.abs(theirs.totals), 1.0)
        worst = max(worst, float(gaps.max()) if np.isfinite(gaps).all() else np.inf)
    return worst


def targets_for(loss, rng, n, k, *, labels=False):
    """Targets that the loss accepts: class numbers where it and `labels` have them."""
    y = DATA_OF_LOSS[type(loss)](loss, rng, n, k)[0]
    return rng.integers(0, k, n) if labels and k > 1 and loss.target_range[0] == 0.0 else y


def outputs_for(loss):
    """The layer that brings outputs to where the loss wants them."""
    if getattr(loss, "from_logits", True):
        return []
    return [Activation("softmax" if loss.kind == "row" else "sigmoid")]


# --- random jobs ------------------------------------------------------------------------------------------------------

WIDTHS = [1, 2, 3, 5, 7, 8, 9, 15, 16, 17, 24, 25, 31, 32, 33, 40, 65, 100, 130]
UNBOUNDED = [name for name, op in ACTIVATIONS.items() if op.domain == (-np.inf, np.inf) and op.kind != "array"]


def random_job(rng, dtype, *, activations=UNBOUNDED, optimizers=OPTIMIZER_EXAMPLES):
    """Any network of the layers that all engines have, on any data, in any geometry."""
    loss = LOSS_EXAMPLES[rng.integers(len(LOSS_EXAMPLES))]
    n, n_in, k = int(rng.integers(1, 41)), int(rng.choice(WIDTHS[:14])), int(rng.choice(WIDTHS))
    k = max(k, 2) if loss.kind == "row" else k
    layers = []
    for _ in range(rng.integers(0, 4)):
        kind = rng.choice(["dense", "dense", "dense", "activation", "layer norm", "dropout"])
        if kind == "dense":
            layers.append(random_dense(rng, int(rng.choice(WIDTHS[:17]))))
            layers += [Activation(str(rng.choice(activations)))] * rng.choice([0, 1, 1, 1, 2])
        elif kind == "activation":
            layers.append(Activation(str(rng.choice(activations))))
        elif kind == "layer norm":
            layers.append(LayerNorm(trainable=[("gamma", "beta"), ("beta",), ()][rng.integers(3)]))
        else:
            layers.append(Dropout(float(rng.choice([0.0, 0.1, 0.5]))))
    layers += [random_dense(rng, k, trainable=("weight", "bias")), *outputs_for(loss)]
    model = Sequential(layers, n_in, seed=int(rng.integers(2**31)), dtype=dtype)
    model.w += 0.1 * rng.normal(size=len(model.w)).astype(dtype)
    weights = np.append(1.0, rng.choice([0.0, 0.5, 1.0, 3.0], n - 1)) if rng.integers(2) else None
    some = {"l1": 0.01, "l2": 0.1, "clip_value": 0.1, "clip_norm": float(rng.choice([0.1, 100.0]))}
    some["penalty_in_sum"] = True
    return Job(
        model,
        loss,
        optimizers[rng.integers(len(optimizers))],
        rng.normal(size=(n, n_in)).astype(dtype),
        targets_for(loss, rng, n, k, labels=bool(rng.integers(2))),
        weights,
        int(rng.integers(1, n + 4)) if rng.integers(3) else 1,
        str(rng.choice(["shuffled", "sequential", "bootstrap", "full"])),
        int(rng.integers(2**62)),
        {name: value for name, value in some.items() if rng.random() < 0.2},
    )


def random_dense(rng, units, trainable=None):
    choices = [("weight", "bias"), ("weight", "bias"), ("weight", "bias"), ("weight",), ("bias",), ()]
    return Dense(
        units,
        use_bias=bool(rng.random() < 0.8),
        trainable=trainable or choices[rng.integers(len(choices))],
        learning_rate_factor=float(rng.choice([1.0, 1.0, 0.5])),
    )
