"""One small descent, run by every optimiser here and in PyTorch: the function, the start, the settings of both.

The gradient uses + - * only, so it is the same to the last bit everywhere; what differs is the optimisers' own.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from clearprop.optim import (
    SGD,
    Adadelta,
    Adagrad,
    Adam,
    AdamW,
    NAdam,
    Optimizer,
    RMSprop,
    Rprop,
)

CURVATURE = np.array([0.5, 2.0, 6.0, 15.0])
START = np.array([1.0, -2.0, 0.5, 3.0])
STEPS = 200


def gradient(w: Any) -> Any:
    """∂/∂w of Σ ½ c w² + ¼ (Σ w - 1)⁴: an ill-conditioned bowl with a coupling that is not quadratic."""
    off = w[0] + w[1] + w[2] + w[3] - 1.0
    return CURVATURE * w + off * off * off


def trajectory(optimizer: Optimizer, gradient: Callable[[Any], Any], start: Any, steps: int, decays: bool) -> Any:
    """w after each step, of shape (steps, len(start)), in the precision of `start`."""
    w = np.array(start)
    slots = optimizer.initial_slots(len(w), w.dtype)
    table, _ = optimizer.table(1, steps, [1.0], [decays], optimizer.initial_carry)
    found = []
    for row in table[:, 0].tolist():
        optimizer.apply(w, gradient(w), slots, row)
        found.append(w.copy())
    return np.array(found)


# Name: our optimiser, PyTorch's name for it, its arguments there.
PAIRS: dict[str, tuple[Optimizer, str, dict[str, Any]]] = {
    "sgd": (SGD(0.01), "SGD", {"lr": 0.01}),
    "momentum": (SGD(0.005, momentum=0.9), "SGD", {"lr": 0.005, "momentum": 0.9}),
    "nesterov": (SGD(0.005, 0.9, nesterov=True), "SGD", {"lr": 0.005, "momentum": 0.9, "nesterov": True}),
    "adagrad": (Adagrad(0.3), "Adagrad", {"lr": 0.3}),
    "adadelta": (Adadelta(1.0), "Adadelta", {"lr": 1.0}),
    "rmsprop": (RMSprop(0.01), "RMSprop", {"lr": 0.01}),
    "adam": (Adam(0.05), "Adam", {"lr": 0.05}),
    "adam_other_betas": (Adam(0.05, 0.8, 0.95, 1e-4), "Adam", {"lr": 0.05, "betas": (0.8, 0.95), "eps": 1e-4}),
    "adamw": (AdamW(0.05, weight_decay=0.1), "AdamW", {"lr": 0.05, "weight_decay": 0.1}),
    "nadam": (NAdam(0.02), "NAdam", {"lr": 0.02}),
    "rprop": (Rprop(0.02), "Rprop", {"lr": 0.02}),
}


def ours(name: str) -> Any:
    """Our trajectory; decay, where there is any, acts on all of w, as in PyTorch."""
    return trajectory(PAIRS[name][0], gradient, START, STEPS, decays=True)


def theirs(name: str) -> Any:
    """PyTorch's trajectory, in float64 (the default type matters: NAdam keeps a product of its own in it)."""
    import torch

    usual = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        return _descend(torch, *PAIRS[name][1:])
    finally:
        torch.set_default_dtype(usual)


def _descend(torch: Any, kind: str, arguments: dict[str, Any]) -> Any:
    w = torch.tensor(START, dtype=torch.float64, requires_grad=True)
    optimizer = getattr(torch.optim, kind)([w], **arguments)
    found = []
    for _ in range(STEPS):
        w.grad = torch.from_numpy(gradient(w.detach().numpy()))
        optimizer.step()
        found.append(w.detach().numpy().copy())
    return np.array(found)
