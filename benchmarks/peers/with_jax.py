"""JAX: the whole training as one compiled scan over epochs and batches; compiling is not timed."""

from functools import partial
from typing import Any

import jax
import numpy as np
from jax import lax
from jax import numpy as jnp

from benchmarks.peers import Timed, Variants
from benchmarks.workloads import Data, Workload


def variants(work: Workload, data: Data) -> Variants:
    jax.config.update("jax_enable_x64", work.dtype == "float64")
    if work.kind == "prediction":
        return {
            "arrays on the device": lambda: _prediction(work, data, jnp.asarray),
            "NumPy arrays": lambda: _prediction(work, data, np.asarray),
        }
    if work.kind == "population":
        return {"vmap": lambda: _training(work, data, together=True), "one by one": lambda: _training(work, data)}
    if work.kind == "post":
        return {}
    found: Variants = {"scan": lambda: _training(work, data)}
    if work.flops / work.epochs / work.rows * work.batch_size < 2e6:  # only small steps can gain from it
        found["scan, unrolled"] = lambda: _training(work, data, unroll=8)
    return found


def _forward(work: Workload, weights: Any, x: Any) -> Any:
    for number, (W, b) in enumerate(weights, start=1):
        x = x @ W + b
        if work.recipe == "sigmoid":
            x = jax.nn.sigmoid(x)
        elif number < len(weights):
            x = jax.nn.relu(x)
    return x


def _loss(work: Workload, weights: Any, x: Any, t: Any) -> Any:
    outputs = _forward(work, weights, x)
    if work.recipe == "sigmoid":
        return jnp.mean((outputs - t) ** 2)
    return -jnp.mean(jnp.take_along_axis(jax.nn.log_softmax(outputs), t[:, None], 1))


def _train(work: Workload, unroll: int, weights: Any, X: Any, T: Any, orders: Any, rate: Any) -> Any:
    """All steps; the last batch of an epoch, if smaller, is a step of its own after the scan over full ones."""
    size = work.batch_size
    full = work.rows // size * size

    def gradient_descent(w: Any, rows: Any) -> tuple[Any, None]:
        g = jax.grad(partial(_loss, work))(w, X[rows], T[rows])
        return jax.tree.map(lambda p, q: p - rate * q, w, g), None

    def adam(carry: Any, rows: Any) -> tuple[Any, None]:
        w, m, v, count = carry
        count += 1
        g = jax.grad(partial(_loss, work))(w, X[rows], T[rows])
        m = jax.tree.map(lambda m, q: 0.9 * m + 0.1 * q, m, g)
        v = jax.tree.map(lambda v, q: 0.999 * v + 0.001 * q * q, v, g)
        first, second = rate / (1 - 0.9**count), 1 / jnp.sqrt(1 - 0.999**count)
        w = jax.tree.map(lambda p, m, v: p - first * m / (jnp.sqrt(v) * second + 1e-8), w, m, v)
        return (w, m, v, count), None

    step = gradient_descent if work.recipe == "sigmoid" else adam

    def epoch(carry: Any, order: Any) -> tuple[Any, None]:
        batches = order if size == 1 else order[:full].reshape(-1, size)  # a scalar index keeps one sample a vector
        carry, _ = lax.scan(step, carry, batches, unroll=unroll)
        return (carry if full == work.rows else step(carry, order[full:])[0]), None

    zeros = jax.tree.map(jnp.zeros_like, weights)
    carry = weights if work.recipe == "sigmoid" else (weights, zeros, zeros, jnp.zeros((), weights[0][0].dtype))
    carry, _ = lax.scan(epoch, carry, orders)
    return carry if work.recipe == "sigmoid" else carry[0]


def _training(work: Workload, data: Data, unroll: int = 1, together: bool = False) -> Timed:
    targets = work.one_hot(data.y) if work.recipe == "sigmoid" else data.y.astype(np.int32)
    X, T = jnp.asarray(data.X), jnp.asarray(targets)
    rates = [jnp.asarray(rate, work.dtype) for rate in work.learning_rates()]
    starts = [jax.tree.map(jnp.asarray, work.start(seed)) for seed in range(work.networks)]
    orders = [jnp.asarray(work.orders(seed)) for seed in range(work.networks)]
    train = partial(_train, work, unroll)
    if together:
        train = jax.vmap(train, in_axes=(0, None, None, 0, 0))
        starts = [jax.tree.map(lambda *values: jnp.stack(values), *starts)]
        orders, rates = [jnp.stack(orders)], [jnp.stack(rates)]
    compiled = jax.jit(train).lower(starts[0], X, T, orders[0], rates[0]).compile()

    def run(_: None) -> Any:
        trained = [compiled(w, X, T, order, rate) for w, order, rate in zip(starts, orders, rates, strict=True)]
        return jax.block_until_ready(trained)

    def loss(trained: Any) -> float:
        if together:
            trained = [jax.tree.map(lambda values, i=i: values[i], trained[0]) for i in range(work.networks)]
        return float(np.mean([work.loss(weights, data) for weights in trained]))

    return Timed(lambda: None, run, loss)


def _prediction(work: Workload, data: Data, convert: Any) -> Timed:
    weights, X = jax.tree.map(jnp.asarray, work.start()), convert(data.X)
    compiled = jax.jit(partial(_forward, work))
    jax.block_until_ready(compiled(weights, X))
    return Timed(
        start=lambda: None,
        run=lambda _: jax.block_until_ready(compiled(weights, X)),
        loss=lambda outputs: work.loss_of_outputs(np.asarray(outputs), data),
    )
