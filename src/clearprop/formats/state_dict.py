"""The weights of a PyTorch network of Linear layers."""

import os
import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from clearprop._types import Array
from clearprop.errors import ConfigurationError, ModelFileError
from clearprop.model import MLP
from clearprop.ops import Op


def from_state_dict(
    source: "str | os.PathLike[str] | Mapping[str, Any]",
    activation: "str | Op | Sequence[str | Op]" = "relu",
    *,
    output_activation: "str | Op | None" = None,
) -> MLP:
    """An `MLP` with the weights of PyTorch's Linear layers, which a `state_dict` names but whose activations it lacks.

    PyTorch keeps a layer's weights as (outputs, inputs); here they are (inputs, outputs).

    Parameters
    ----------
    source : path or mapping
        A safetensors file, or what `state_dict()` gives: "0.weight", "0.bias", "2.weight", ..., under any prefix.
        The numbers in the names tell the layers' order; a mapping of names without numbers is in order itself.
    activation : str, Op, or a sequence of one per hidden layer
    output_activation : str or Op, optional

    Raises
    ------
    ModelFileError
        The file cannot be read.
    ConfigurationError
        There are other tensors than weights and biases of Linear layers, or the layers do not fit one another.

    >>> from_state_dict({"0.weight": [[1.0, 2.0]], "0.bias": [0.5], "2.weight": [[3.0]]}, "tanh").w
    array([1. , 2. , 3. , 0.5, 0. ])
    """
    in_order = isinstance(source, Mapping)
    tensors = dict(source) if isinstance(source, Mapping) else _read(os.fspath(source))
    layers = _layers({name: _numbers(name, tensor) for name, tensor in tensors.items()}, in_order)
    widths = [layers[0][1].shape[1], *(len(weight) for _, weight, _ in layers)]
    for i, (name, weight, bias) in enumerate(layers):
        if weight.shape[1] != widths[i]:
            raise ConfigurationError(
                f"{name!r} takes {weight.shape[1]} inputs, but the layer before it has {widths[i]} outputs; number the "
                "layers in their names, or give a mapping in their order"
            )
        if bias is not None and bias.shape != (len(weight),):
            raise ConfigurationError(f"the bias of {name!r} has shape {bias.shape}, not ({len(weight)},); correct it")
    dtype = "float64" if any(weight.dtype == np.float64 for _, weight, _ in layers) else "float32"
    model = MLP(widths, activation, output_activation=output_activation, dtype=dtype)
    dense = [views for views in model.parameter_views(model.w) if views]
    for views, (_, weight, bias) in zip(dense, layers, strict=True):
        views["weight"][...], views["bias"][...] = weight.T, 0.0 if bias is None else bias
    return model


def _read(name: str) -> dict[str, Array]:
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    try:
        return dict(load_file(name))
    except FileNotFoundError:
        raise ModelFileError(f"{name}: there is no such file; check the path") from None
    except OSError as error:
        raise ModelFileError(f"{name}: cannot be read ({error.strerror}); check the path") from None
    except (SafetensorError, ValueError, KeyError, TypeError):
        raise ModelFileError(
            f"{name}: this is not a safetensors file of ordinary numbers; write it with safetensors.torch.save_file"
        ) from None


def _numbers(name: str, tensor: Any) -> Array:
    try:
        values = np.asarray(tensor)
    except (TypeError, RuntimeError, ValueError):  # on a graphics card, or watched by autograd
        raise ConfigurationError(f"{name!r} is not an array; give tensor.detach().cpu().float()") from None
    if values.dtype.kind != "f" or not np.isfinite(values).all():
        raise ConfigurationError(f"{name!r} must hold finite floating-point numbers; it is of type {values.dtype}")
    return values


def _layers(tensors: Mapping[str, Array], in_order: bool) -> list[tuple[str, Array, Array | None]]:
    """Name, weight and bias of each layer, in order."""
    names = []
    for name, tensor in tensors.items():
        layer, _, part = name.rpartition(".")
        if part not in ("weight", "bias") or tensor.ndim != (2 if part == "weight" else 1):
            raise ConfigurationError(
                f"{name!r} with shape {tensor.shape} is no weight or bias of a Linear layer; only those can be read"
            )
        if part == "weight":
            names.append(layer)
        elif f"{layer}.weight".lstrip(".") not in tensors:
            raise ConfigurationError(f"there is {name!r}, but no weight of that layer; add it")
    if not names:
        raise ConfigurationError('there are no weights; a layer has "0.weight" and perhaps "0.bias"')
    if len({tuple(_digits(name)) for name in names}) < len(names) and not in_order:
        raise ConfigurationError(
            f"the names {', '.join(map(repr, names))} do not tell the layers' order, and a file has none; number the "
            "layers, or give a mapping in their order"
        )
    names.sort(key=_digits)
    return [(name, tensors[f"{name}.weight".lstrip(".")], tensors.get(f"{name}.bias".lstrip("."))) for name in names]


def _digits(name: str) -> list[int]:
    return [int(digits) for digits in re.findall(r"\d+", name)]
