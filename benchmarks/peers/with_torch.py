"""PyTorch, eager: the optimiser's implementation, and for predictions the form of the model, whichever is faster."""

from typing import Any

import torch
from torch import nn
from torch.nn import functional

from benchmarks.peers import Timed, Variants, threads_here
from benchmarks.workloads import Data, Weights, Workload


def variants(work: Workload, data: Data) -> Variants:
    torch.set_num_threads(threads_here())
    if work.kind == "prediction":
        return {
            "inference_mode": lambda: _prediction(work, data, frozen=False),
            "traced and frozen": lambda: _prediction(work, data, frozen=True),
        }
    if work.kind != "training":
        return {}
    ways = {"fused": {"fused": True}, "foreach": {"foreach": True}, "for-loop": {"foreach": False}}
    return {name: (lambda way=way: _training(work, data, way)) for name, way in ways.items()}


def model_of(work: Workload) -> nn.Sequential:
    """The network with the common start weights."""
    layers: list[nn.Module] = []
    for number, (W, b) in enumerate(work.start(), start=1):
        layer = nn.Linear(*W.shape, dtype=getattr(torch, work.dtype))
        with torch.no_grad():
            layer.weight.copy_(torch.tensor(W.T)), layer.bias.copy_(torch.tensor(b))
        layers.append(layer)
        if work.recipe == "sigmoid" or number < len(work.widths) - 1:
            layers.append(nn.Sigmoid() if work.recipe == "sigmoid" else nn.ReLU())
    return nn.Sequential(*layers)


def weights_of(values: list[Any]) -> Weights:
    """From weight, bias, weight, bias, ... as PyTorch lays them out."""
    arrays = [value.detach().numpy() for value in values]
    return [(W.T, b) for W, b in zip(arrays[::2], arrays[1::2], strict=True)]


def batches_of(work: Workload) -> list[Any]:
    """Row numbers of every step, prepared beforehand."""
    return [batch for order in torch.tensor(work.orders()).long() for batch in order.split(work.batch_size)]


def targets_of(work: Workload, data: Data) -> tuple[Any, Any]:
    """What the loss takes, and the loss."""
    if work.recipe == "sigmoid":
        return torch.tensor(work.one_hot(data.y)), functional.mse_loss
    return torch.tensor(data.y), functional.cross_entropy


def _training(work: Workload, data: Data, way: dict[str, bool]) -> Timed:
    X, (y, loss_function) = torch.tensor(data.X), targets_of(work, data)
    single = work.batch_size == 1
    steps = [int(i) for i in work.orders().ravel()] if single else batches_of(work)
    xs, ys = (X.split(1), y.split(1)) if single else (X, y)  # rows cut beforehand: indexing a tuple costs nothing

    def start() -> tuple[nn.Sequential, torch.optim.Optimizer]:
        model = model_of(work)
        if work.recipe == "sigmoid":
            return model, torch.optim.SGD(model.parameters(), lr=work.learning_rate, **way)
        return model, torch.optim.Adam(model.parameters(), lr=work.learning_rate, **way)

    def run(state: tuple[nn.Sequential, torch.optim.Optimizer]) -> nn.Sequential:
        model, optimizer = state
        for rows in steps:
            optimizer.zero_grad(set_to_none=True)
            loss_function(model(xs[rows]), ys[rows]).backward()
            optimizer.step()
        return model

    return Timed(start, run, lambda model: work.loss(weights_of(list(model.parameters())), data))


def _prediction(work: Workload, data: Data, frozen: bool) -> Timed:
    model, X = model_of(work).eval(), torch.from_numpy(data.X)
    with torch.inference_mode():
        if frozen:
            model = torch.jit.freeze(torch.jit.trace(model, X[:1]))
            for _ in range(3):  # the tracing executor optimises in its first calls
                model(X)

    def run(_: None) -> Any:
        with torch.inference_mode():
            return model(X)

    return Timed(lambda: None, run, lambda outputs: work.loss_of_outputs(outputs.numpy(), data))
