"""PyTorch, compiled: gather, loss, gradient and optimiser of one step in one graph."""

from typing import Any

import torch
from torch.func import functional_call, grad

from benchmarks.peers import Timed, Variants, threads_here
from benchmarks.peers.with_torch import batches_of, model_of, targets_of, weights_of
from benchmarks.workloads import Data, Workload


def variants(work: Workload, data: Data) -> Variants:
    torch.set_num_threads(threads_here())
    return {"whole step": lambda: _training(work, data)} if work.kind == "training" else {}


def _training(work: Workload, data: Data) -> Timed:
    X, (y, loss_function) = torch.tensor(data.X), targets_of(work, data)
    model, batches = model_of(work), batches_of(work)
    names = [name for name, _ in model.named_parameters()]

    def loss(values: list[Any], x: Any, t: Any) -> Any:
        return loss_function(functional_call(model, dict(zip(names, values, strict=True)), (x,)), t)

    def step(w: list[Any], m: list[Any], v: list[Any], rows: Any, first: Any, second: Any) -> None:
        gradients = grad(loss)(w, X[rows], y[rows])
        if work.recipe == "sigmoid":
            for value, g in zip(w, gradients, strict=True):
                value.sub_(g, alpha=work.learning_rate)
            return
        for value, mean, square, g in zip(w, m, v, gradients, strict=True):
            mean.mul_(0.9).add_(g, alpha=0.1)
            square.mul_(0.999).addcmul_(g, g, value=0.001)
            value.sub_(first * mean / (square.sqrt() * second + 1e-8))

    def start() -> tuple[list[Any], list[Any], list[Any]]:
        w = [p.detach().clone() for p in model.parameters()]
        m, v = ([torch.zeros_like(p) for p in w] for _ in range(2))
        return w, m, v

    # Adam's corrections are prepared too: as powers in the graph they come out as NaN in float64 (PyTorch 2.13)
    count = torch.arange(1, len(batches) + 1, dtype=torch.float64)
    corrections = [work.learning_rate / (1 - 0.9**count), (1 - 0.999**count) ** -0.5]
    steps = list(zip(batches, *(c.to(X.dtype).unbind() for c in corrections), strict=True))

    compiled = torch.compile(step, dynamic=False)
    for prepared in {len(rows): (rows, *rest) for rows, *rest in steps}.values():  # a graph for each size of batch
        compiled(*start(), *prepared)
        compiled(*start(), *prepared)

    def run(state: tuple[list[Any], list[Any], list[Any]]) -> list[Any]:
        for prepared in steps:
            compiled(*state, *prepared)
        return state[0]

    return Timed(start, run, lambda w: work.loss(weights_of(w), data))
