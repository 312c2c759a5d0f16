"""Small networks with layers for tables, trained for 200 steps of Adam here and in PyTorch, where the layers' formulas
are written out.

Data and initial weights are fractions made of whole numbers, the same to the last bit everywhere.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from clearprop.layers import Activation, Dense, Layer, NumericEmbedding, Scale
from clearprop.model import Sequential
from clearprop.optim import Adam
from clearprop.train import train

STEPS, RATE, ROWS, COLUMNS = 200, 0.01, 40, 3
EDGES = [[-1.0, -0.25, 0.0, 0.75, 1.25], [-0.5, 0.125, 0.625]]

LAYERS: dict[str, Layer] = {
    "scale": Scale(),
    "waves": NumericEmbedding(4, columns=[0, 2]),
    "waves without the input": NumericEmbedding(3, keep_input=False, frequencies=5, learning_rate_factor=1.0),
    "ramps": NumericEmbedding(3, columns=[2, 0], edges=EDGES),
    "ramps without the input": NumericEmbedding(2, columns=[0, 1], edges=EDGES, keep_input=False),
}


def fractions(*shape: int, size: float = 1.0) -> Any:
    """Numbers from -size to size, without a pattern that matters."""
    numbers = np.arange(1, np.prod(shape) + 1) * 7919 % 1009
    return (size * (numbers / 504.0 - 1.0)).reshape(shape)


def network(name: str) -> Sequential:
    """The network of that name, at its start; the ramps are where the edges have them."""
    model = Sequential([LAYERS[name], Dense(5), Activation("tanh"), Dense(2)], COLUMNS)
    for parameter, values in model.parameters().items():
        if parameter.partition(".")[2] not in ("start", "slope"):
            values[...] = fractions(*values.shape, size=0.5) + (parameter == "0.scale")
    return model


def ours(name: str, engine: str) -> dict[str, Any]:
    """The loss before each step, and the parameters after the last."""
    model, losses = network(name), []
    data = fractions(ROWS, COLUMNS, size=1.5), fractions(2, ROWS).T.copy()
    for epoch in train(model, data, "mse", Adam(RATE), epochs=STEPS, order="full", engine=engine):
        losses.append(epoch["loss"])
    return {"loss": losses, **{key: value.copy() for key, value in model.parameters().items()}}


def theirs(name: str) -> dict[str, Any]:
    """The same by PyTorch, in float64."""
    import torch

    layer = LAYERS[name]
    start = {key: torch.tensor(value, dtype=torch.float64) for key, value in network(name).parameters().items()}
    frozen = {"0.start", "0.slope"}
    x, y = torch.tensor(fractions(ROWS, COLUMNS, size=1.5)), torch.tensor(fractions(2, ROWS).T.copy())
    for key, value in start.items():
        value.requires_grad_(key not in frozen)
    groups = [
        {"params": [value], "lr": RATE * (layer.learning_rate_factor if key.startswith("0.") else 1.0)}
        for key, value in start.items()
        if key not in frozen
    ]
    optimizer, losses = torch.optim.Adam(groups), []
    first: Callable[[Any], Any] = _scale(start) if isinstance(layer, Scale) else _embedding(torch, layer, start)
    for _ in range(STEPS):
        hidden = torch.tanh(first(x) @ start["1.weight"] + start["1.bias"])
        loss = torch.nn.functional.mse_loss(hidden @ start["3.weight"] + start["3.bias"], y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return {"loss": losses, **{key: value.detach().numpy() for key, value in start.items()}}


def _scale(w: dict[str, Any]) -> Callable[[Any], Any]:
    return lambda x: x * w["0.scale"]


def _embedding(torch: Any, layer: Any, w: dict[str, Any]) -> Callable[[Any], Any]:
    """Column by column, as the papers have it: cos(2π (f x + b)) or (x - edge) / (next edge - edge), then a Linear."""
    columns = list(range(COLUMNS)) if layer.columns is None else list(layer.columns)

    def functions(x: Any, i: int) -> Any:
        if layer.edges is None:
            return torch.cos(2.0 * torch.pi * (x[:, None] * w["0.frequency"][i] + w["0.phase"][i]))
        edges = torch.tensor(layer.edges[i], dtype=torch.float64)
        bins = torch.clamp((x[:, None] - edges[:-1]) / (edges[1:] - edges[:-1]), 0.0, 1.0)
        missing = w["0.start"].shape[1] - bins.shape[1]
        return torch.nn.functional.pad(bins, (0, missing))

    def forward(x: Any) -> Any:
        linear = torch.nn.functional.linear
        parts = [linear(functions(x[:, c], i), w["0.weight"][i], w["0.bias"][i]) for i, c in enumerate(columns)]
        others = [x[:, c, None] for c in range(COLUMNS) if layer.keep_input or c not in columns]
        return torch.cat([*parts, *others], dim=1)

    return forward
