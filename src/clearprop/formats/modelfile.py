"""A trained model in one file: numbers, architecture, and how to prepare new rows.

It is a `container` with the tensors ``w`` and ``buffers`` and a document that describes the rest. Nothing in it is
executed, no name in it is imported: layers, activations and initialisers are looked up among those that exist,
and every argument must have the type that its constructor expects.
"""

import inspect
import math
import os
from collections.abc import Mapping
from typing import Any

import numpy as np

from clearprop._registry import listed
from clearprop._types import Array
from clearprop.data.preparation import Preparation
from clearprop.ensemble import Ensemble, Model, networks
from clearprop.errors import ClearpropError, ConfigurationError, ModelFileError
from clearprop.files.atomic import atomic_write
from clearprop.files.container import DocumentKind, opened, sealed
from clearprop.formats.saved import SavedModel as SavedModel
from clearprop.initializers import CLASSES, Initializer, as_initializer
from clearprop.layers import LAYERS, Dense
from clearprop.losses import check_link, links
from clearprop.model import Sequential, model_from_config
from clearprop.ops import ACTIVATIONS

MOST_LAYERS = 1_000
"""More are no network that anybody trained."""

FILE_NAME = "model.safetensors"
"""What the model file in a run's folder is called."""

MODEL = DocumentKind(
    name="model file",
    format=1,
    fields=frozenset({"architecture", "preparation", "link"}),
    tensors=frozenset({"w", "buffers"}),
    error=ModelFileError,
    make="train one with `clearprop train`",
    remedy="use another copy or train again",
)


def save(
    model: Model,
    path: str | os.PathLike[str],
    *,
    preparation: Preparation | None = None,
    link: str = "identity",
) -> None:
    """Write `model` to `path`, entirely or not at all.

    Parameters
    ----------
    model : Sequential or Ensemble
    path : path
        The file; by custom it ends in ``.safetensors``.
    preparation : Preparation, optional
        Saved along, so that predictions need nothing else.
    link : str
        ``"identity"``, ``"softmax"``, ``"sigmoid"`` or ``"exp"``; a loss has it as ``loss.link``.

    Raises
    ------
    ConfigurationError
        An unknown link, weights that are not finite, a preparation for another network, or one that is too long: some
        20,000 columns are always possible, 40,000 with 32 hidden units.
    OutputError
        The file cannot be written.
    """
    atomic_write(path, packed(model, preparation=preparation, link=link))


def packed(model: Model, *, preparation: Preparation | None, link: str) -> bytes:
    """What `save` writes; it raises all that `save` does, but for the file."""
    check_link(link)
    members = networks(model)
    w, buffers = (np.concatenate([getattr(one, name) for one in members]) for name in ("w", "buffers"))
    for name, vector in (("weights", w), ("running statistics", buffers)):
        if not np.isfinite(vector).all():
            raise ConfigurationError(f"the model has {name} that are NaN or infinite; train it again before saving")
    layers = sum(len(one.layers) for one in members)
    if layers > MOST_LAYERS:
        raise ConfigurationError(f"the model has {layers} layers; at most {MOST_LAYERS} can be saved")
    _check_preparation(model, preparation)
    document = {
        "architecture": model.config(),
        "preparation": None if preparation is None else preparation.config(),
        "link": link,
    }
    return sealed(MODEL, document, {"w": w, "buffers": buffers})


def load(path: str | os.PathLike[str]) -> SavedModel:
    """The model that `save` wrote, or that is in the folder of a run, ready to predict.

    Reading takes twice the file's size of memory: the file's numbers, and the model's.

    Parameters
    ----------
    path : path
        A model file, or the folder that `clearprop train` or `write_run` wrote.

    Raises
    ------
    ModelFileError
        No such file, another kind of file, a damaged one, or one that a newer version wrote; a folder without a model.

    >>> import tempfile
    >>> from clearprop.model import MLP
    >>> file = os.path.join(tempfile.mkdtemp(), FILE_NAME)
    >>> save(MLP([2, 3]), file, link="softmax")
    >>> load(file).predict([[0.0, 0.0]])
    array([[0.33333333, 0.33333333, 0.33333333]])
    """
    if os.path.isdir(path):
        path = _file_in(os.fspath(path))
    document, tensors = opened(path, MODEL)
    if set(tensors) != MODEL.tensors:
        raise MODEL.damaged(path, "it does not hold exactly the tensors w and buffers")
    try:
        if document["link"] not in links():
            raise ConfigurationError("its link is none that there is")
        model = _model(document["architecture"], tensors)
        plan = document["preparation"]
        preparation = None if plan is None else Preparation.from_config(plan)
        _check_preparation(model, preparation)
    except ClearpropError as error:
        raise MODEL.damaged(path, str(error)) from None
    except Exception:  # whatever a senseless description leads to, the file is to blame
        raise MODEL.damaged(path, "its architecture makes no sense") from None
    return SavedModel(model, preparation, document["link"])


def _file_in(folder: str) -> str:
    """The model file of a run's folder."""
    file = os.path.join(folder, FILE_NAME)
    if os.path.exists(file):
        return file
    runs = sorted(name for name in os.listdir(folder) if os.path.exists(os.path.join(folder, name, FILE_NAME)))
    if runs:
        shown = listed([os.path.join(folder, name) for name in runs], 4)
        raise ModelFileError(f"{folder}: this is a folder of runs; name one of them: {shown}")
    if os.path.isdir(os.path.join(folder, "checkpoint")):
        raise ModelFileError(
            f"{folder}: the run in this folder was interrupted, so it has no {FILE_NAME} yet; go on with it: "
            f"clearprop train --resume {folder}"
        )
    raise ModelFileError(f"{folder}: there is no {FILE_NAME} in this folder; name the folder of a run, or a model file")


def _check_preparation(model: Model, preparation: Preparation | None) -> None:
    """Refuse a preparation that makes another number of inputs, or of outputs, than the network has."""
    if preparation is None:
        return
    n_features, n_classes = len(preparation.feature_names), len(preparation.class_names)
    if n_features != model.n_in:
        raise ConfigurationError(
            f"the preparation makes {n_features} features, but the network has {model.n_in} inputs"
        )
    if n_classes and model.n_out != n_classes:
        raise ConfigurationError(f"the preparation has {n_classes} classes, but the network has {model.n_out} outputs")
    if not n_classes and len(preparation.target_mean) not in (1, model.n_out):
        n_targets = len(preparation.target_mean)
        raise ConfigurationError(f"the preparation has {n_targets} targets, but the network {model.n_out} outputs")


# ---------------------------------------------------------------------------------------------- the architecture


def _model(config: Any, tensors: Mapping[str, Array]) -> Model:
    """A network, or an ensemble of several, whose parameters come one after the other."""
    left = dict(tensors)
    several = isinstance(config, dict) and set(config) == {"members"}
    configs = config["members"] if several else [config]
    if not isinstance(configs, list) or not 1 <= len(configs) <= MOST_LAYERS:
        raise ConfigurationError(f"its members must be a list of 1 to {MOST_LAYERS}")
    members = [_network(one, left) for one in configs]
    for name, rest in left.items():
        if rest.size:
            found, needed = tensors[name], len(tensors[name]) - len(rest)
            raise ConfigurationError(
                f"{name} is {found.dtype}{list(found.shape)}, but the architecture needs {found.dtype}[{needed}]"
            )
    return Ensemble(members) if several else members[0]


def _network(config: Any, left: dict[str, Array]) -> Sequential:
    """The network with the first of the file's parameters that are left; made only if there are as many as it needs."""
    if not isinstance(config, dict) or set(config) != {"layers", "n_in", "seed", "dtype"}:
        raise ConfigurationError("its architecture must have exactly the entries that config() gives")
    layers, n_in = config["layers"], config["n_in"]
    if not isinstance(layers, list) or not 1 <= len(layers) <= MOST_LAYERS:
        raise ConfigurationError(f"its layers must be a list of 1 to {MOST_LAYERS}")
    if type(n_in) is not int or n_in < 1 or config["dtype"] not in ("float32", "float64"):
        raise ConfigurationError("its architecture needs a number of inputs, and the dtype 'float32' or 'float64'")
    for entry in layers:
        _check_layer(entry)
    model = model_from_config({**config, "n_in": None})
    width, needed = n_in, 0
    for layer in model.layers:
        width, shapes = layer.build(width)
        needed += sum(math.prod(shape) for shape in shapes.values())
    w = _taken("w", left, model, needed)
    _build(model, n_in)
    model.w[...], model.buffers[...] = w, _taken("buffers", left, model, len(model.buffers))
    for buffers in model.buffer_views(model.buffers):
        if "variance" in buffers and buffers["variance"].min() < 0:
            raise ConfigurationError("buffers has a variance below zero")
    return model


def _taken(name: str, left: dict[str, Array], model: Sequential, needed: int) -> Array:
    """So many of the numbers that are left."""
    found = left[name]
    if found.ndim != 1 or len(found) < needed or found.dtype != model.dtype:
        raise ConfigurationError(
            f"{name} is {found.dtype}{list(found.shape)}, but the architecture needs {model.dtype}[{needed}]"
        )
    left[name] = found[needed:]
    return found[:needed]


def _check_layer(entry: Any) -> None:
    """Refuse what no layer's own description holds."""
    arguments = dict(entry)
    cls = LAYERS[arguments.pop("layer")]
    defaults = _defaults(cls)
    if "activation" in arguments:
        defaults |= ACTIVATIONS[arguments["activation"]].parameters
    for name in [name for name, value in arguments.items() if isinstance(value, dict)]:
        drawn = dict(arguments.pop(name))
        initializer = CLASSES[drawn.pop("initializer")]
        _check_types(drawn, _defaults(initializer), initializer.__name__)
    _check_types(arguments, defaults, cls.__name__)


def _defaults(cls: type[Any]) -> dict[str, Any]:
    return {name: parameter.default for name, parameter in inspect.signature(cls).parameters.items()}


def _check_types(arguments: Mapping[str, Any], defaults: Mapping[str, Any], owner: str) -> None:
    """Each value has the type of the constructor's default: True is no number, and neither is "5"."""
    for name, value in arguments.items():
        if name not in defaults:
            raise ConfigurationError(f"its {owner} has no parameter {name!r:.60}")
        default = defaults[name]
        if isinstance(default, bool) or isinstance(value, bool):
            fits = isinstance(default, bool) and isinstance(value, bool)
        elif isinstance(default, int | float):
            fits = isinstance(value, int | float)
        elif isinstance(default, tuple):
            fits = isinstance(value, list) and all(isinstance(item, str) for item in value)
        elif default is None:  # whole numbers, or lists of numbers: the layer looks closer
            fits = value is None or isinstance(value, list)
        else:
            fits = isinstance(value, str) or default is inspect.Parameter.empty
        if not fits:
            raise ConfigurationError(f"its {owner} has a {name} of the wrong type")


class _FromFile(Initializer):
    """Stands in for initial values, which the file's replace: nothing is drawn, no memory taken."""

    def __call__(self, shape: tuple[int, ...], rng: np.random.Generator) -> Array:
        return np.broadcast_to(0.0, shape)


def _build(model: Sequential, n_in: int) -> None:
    """Lay out the parameters without drawing them; that each could be drawn is tried on a single number."""
    rng = np.random.Generator(np.random.Philox(0))
    dense = [layer for layer in model.layers if isinstance(layer, Dense)]
    own = [(layer.init, layer.bias_init) for layer in dense]
    for layer in dense:
        as_initializer(layer.init)((1, 1), rng), as_initializer(layer.bias_init)((1,), rng)
        layer.init = layer.bias_init = _FromFile()
    model.build(n_in)
    for layer, (init, bias_init) in zip(dense, own, strict=True):
        layer.init, layer.bias_init = init, bias_init
