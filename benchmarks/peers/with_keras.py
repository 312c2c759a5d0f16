"""Keras on JAX: `fit`, one step or several in one call of the compiled function; tracing is not timed."""

from typing import Any

import jax
import keras
import numpy as np

from benchmarks.peers import Timed, Variants
from benchmarks.workloads import Data, Workload


def variants(work: Workload, data: Data) -> Variants:
    jax.config.update("jax_enable_x64", work.dtype == "float64")
    keras.config.set_floatx(work.dtype)
    if work.kind != "training":
        return {}
    return {
        "fit": lambda: _training(work, data, 1),
        "fit, 16 steps per execution": lambda: _training(work, data, 16),
    }


def _training(work: Workload, data: Data, steps: int) -> Timed:
    sigmoid = work.recipe == "sigmoid"
    layers: list[Any] = [keras.Input((work.widths[0],))]
    layers += [keras.layers.Dense(units, activation=work.recipe) for units in work.widths[1:-1]]
    model = keras.Sequential([*layers, keras.layers.Dense(work.widths[-1], activation="sigmoid" if sigmoid else None)])
    if sigmoid:
        targets, loss, optimizer = work.one_hot(data.y), "mse", keras.optimizers.SGD(work.learning_rate)
    else:
        targets, loss = data.y, keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        optimizer = keras.optimizers.Adam(work.learning_rate, epsilon=1e-8)
    model.compile(optimizer, loss, steps_per_execution=steps)
    optimizer.build(model.trainable_variables)
    initial = [np.array(variable) for variable in optimizer.variables]

    def fit(X: Any, T: Any, epochs: int) -> None:
        model.fit(X, T, batch_size=work.batch_size, epochs=epochs, shuffle=work.shuffled, verbose=0)

    few = work.rows if steps > 1 else min(work.rows, 2 * work.batch_size + work.rows % work.batch_size)
    fit(data.X[:few], targets[:few], 1)  # traces the step for full batches and for the last, smaller one

    def start() -> None:
        model.set_weights([values for layer in work.start() for values in layer])
        for variable, value in zip(optimizer.variables, initial, strict=True):
            variable.assign(value)

    def result(_: None) -> float:
        values = model.get_weights()
        return work.loss(list(zip(values[::2], values[1::2], strict=True)), data)

    return Timed(start, lambda _: fit(data.X, targets, work.epochs), result)
