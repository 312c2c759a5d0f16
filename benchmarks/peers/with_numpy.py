"""NumPy by hand: what a careful programmer writes without a library, and the posts' own loops transcribed."""

from dataclasses import replace
from typing import Any

import numpy as np

from benchmarks.peers import Timed, Variants
from benchmarks.workloads import Data, Weights, Workload


def variants(work: Workload, data: Data) -> Variants:
    if work.kind == "population":
        return {"one by one": lambda: _population(work, data)}
    if work.kind == "prediction":
        return {"expression": lambda: _prediction(work, data)}
    if work.kind == "post":
        return {"as in the post": lambda: _training(work, data, _post)}
    return {"loop": lambda: _training(work, data, _samples if work.batch_size == 1 else _batches)}


def _training(work: Workload, data: Data, loop: Any) -> Timed:
    orders = work.orders()
    return Timed(
        start=lambda: [(W.copy(), b.copy()) for W, b in work.start()],
        run=lambda weights: loop(work, data, weights, orders),
        loss=lambda weights: work.loss(weights, data),
    )


def _population(work: Workload, data: Data) -> Timed:
    networks = [replace(work, learning_rate=float(rate)) for rate in work.learning_rates()]
    orders = [work.orders(seed) for seed in range(work.networks)]

    def run(_: None) -> list[Weights]:
        return [_batches(one, data, one.start(seed), orders[seed]) for seed, one in enumerate(networks)]

    return Timed(lambda: None, run, lambda found: float(np.mean([work.loss(weights, data) for weights in found])))


def _prediction(work: Workload, data: Data) -> Timed:
    *hidden, (W_last, b_last) = work.start()

    def run(_: None) -> Any:
        a = data.X
        for W, b in hidden:
            a = a @ W
            a += b
            np.maximum(a, 0, out=a)
        return a @ W_last + b_last

    return Timed(lambda: None, run, lambda outputs: work.loss_of_outputs(outputs, data))


def _samples(work: Workload, data: Data, weights: Weights, orders: Any) -> Weights:
    """Single samples: sigmoids, mean squared error, gradient descent."""
    X, T, last = data.X, work.one_hot(data.y), len(weights) - 1
    rate = work.learning_rate * 2 / work.widths[-1]  # the mean over the outputs, and the square's 2
    for order in orders:
        for i in order:
            a = [X[i]]
            for W, b in weights:
                a.append(1 / (1 + np.exp(-(a[-1] @ W + b))))
            y = a[-1]
            delta = rate * (y - T[i]) * y * (1 - y)
            for number in range(last, -1, -1):
                W, b = weights[number]
                x, gradient = a[number], delta
                if number:
                    delta = (W @ gradient) * x * (1 - x)
                W -= x[:, None] * gradient
                b -= gradient
    return weights


def _batches(work: Workload, data: Data, weights: Weights, orders: Any) -> Weights:
    """Mini-batches: relu, softmax cross-entropy, and Adam on all parameters as one vector, without temporaries."""
    sizes = [values.size for layer in weights for values in layer]
    starts = np.cumsum([0, *sizes])
    w, g, m, v, t = np.concatenate([values.ravel() for layer in weights for values in layer]), *_like(sum(sizes), work)

    def views(vector: Any) -> Weights:
        flat = [vector[start : start + size] for start, size in zip(starts, sizes, strict=False)]
        return [(flat[2 * i].reshape(W.shape), flat[2 * i + 1]) for i, (W, _) in enumerate(weights)]

    weights, gradients, last, step = views(w), views(g), len(weights) - 1, 0
    X, y, everyone = data.X, data.y, np.arange(work.batch_size)
    for order in orders:
        for begin in range(0, work.rows, work.batch_size):
            rows = order[begin : begin + work.batch_size]
            a, n, step = [X[rows]], len(rows), step + 1
            for number, (W, b) in enumerate(weights):
                z = a[-1] @ W
                z += b
                a.append(np.maximum(z, 0, out=z) if number < last else z)
            z -= z.max(1, keepdims=True)
            np.exp(z, out=z)
            z /= z.sum(1, keepdims=True)
            z[everyone[:n], y[rows]] -= 1
            z /= n
            delta = z
            for number in range(last, -1, -1):
                W_gradient, b_gradient = gradients[number]
                np.matmul(a[number].T, delta, out=W_gradient)
                delta.sum(0, out=b_gradient)
                if number:
                    delta = delta @ weights[number][0].T
                    delta *= a[number] > 0
            m *= 0.9
            m += np.multiply(g, 0.1, out=t)
            v *= 0.999
            np.multiply(g, g, out=t)
            t *= 0.001
            v += t
            np.sqrt(v, out=t)
            t *= (1 - 0.999**step) ** -0.5
            t += 1e-8
            np.divide(m, t, out=t)
            t *= work.learning_rate / (1 - 0.9**step)
            w -= t
    return weights


def _like(size: int, work: Workload) -> list[Any]:
    return [np.zeros(size, work.dtype) for _ in range(4)]


def _post(work: Workload, data: Data, weights: Weights, orders: Any) -> Weights:
    """Posts 000 and 004: one sample at a time, layer objects, biases never updated, whole-set evaluations."""
    layers = [_Layer(W, b) for W, b in weights]

    def forward(X: Any) -> Any:
        for layer in layers:
            X = layer.activate(X)
        return X

    T, T_test = work.one_hot(data.y), work.one_hot(data.y_test)
    for epoch, order in enumerate(orders):
        for i in order:
            output = forward(data.X[i])
            for number in reversed(range(len(layers))):
                layer = layers[number]
                if number == len(layers) - 1:
                    layer.error = T[i] - output
                else:
                    layer.error = np.dot(layers[number + 1].weights, layers[number + 1].delta)
                layer.delta = layer.error * layer.slope(layer.last)
            for number, layer in enumerate(layers):
                x = np.atleast_2d(data.X[i] if number == 0 else layers[number - 1].last)
                layer.weights += layer.delta * x.T * work.learning_rate
        if epoch % work.evaluate_every == 0:
            for X, y, t in ((data.X, data.y, T), (data.X_test, data.y_test, T_test)):
                outputs = forward(X)
                np.mean(np.square(t - outputs)), np.mean(np.argmax(outputs, 1) == y)
    return weights  # which the layers have changed in place


class _Layer:
    """A layer as the posts have it."""

    def __init__(self, weights: Any, bias: Any) -> None:
        self.weights, self.bias = weights, bias
        self.last = self.error = self.delta = None

    def activate(self, X: Any) -> Any:
        self.last = 1 / (1 + np.exp(-(np.dot(X, self.weights) + self.bias)))
        return self.last

    def slope(self, output: Any) -> Any:
        return output * (1 - output)
