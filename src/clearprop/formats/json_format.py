"""A model as plain JSON, which any programming language reads.

The document has these entries:

``format``, ``version``
    ``"clearprop network"`` and 1.
``architecture``
    ``layers``: for each its name, as in ``"Dense"``, and its arguments; ``n_in``, ``seed``, ``dtype``.
``weights``, ``buffers``
    Arrays as nested lists under the layer's number and the parameter's name: ``"0.weight"`` of shape
    (inputs, outputs), ``"0.bias"``, ``"1.gamma"`` ...; buffers are running statistics: ``"1.mean"``, ``"1.variance"``.
    Of an ensemble ``architecture`` is a list, and so are these: one for each network.
``link``
    What turns outputs into predictions: ``"identity"``, ``"softmax"``, ``"sigmoid"`` or ``"exp"``.
``preparation``
    How columns become inputs, or null: under ``columns`` each with its ``name``, in the inputs' order.  A document
    checks nothing: who computes with it must find a table's columns by these names.
"""

import json
from typing import Any

import numpy as np

from clearprop._types import Array
from clearprop.data.preparation import Preparation
from clearprop.ensemble import Ensemble, Model, networks
from clearprop.errors import ModelFileError
from clearprop.formats.exported import exported
from clearprop.formats.saved import SavedModel
from clearprop.losses import links
from clearprop.model import Sequential, model_from_config

FORMAT, VERSION = "clearprop network", 1

_OF_NETWORK = ("architecture", "weights", "buffers")
_ENTRIES = {"format", "version", "architecture", "weights", "buffers", "link", "preparation"}


def to_json(model: Model | SavedModel, *, link: str | None = None) -> str:
    """The model as a JSON document; `from_json` gives it back bit for bit.

    Raises
    ------
    ConfigurationError
        The network has no parameters yet or infinite ones, an unknown link, or an activation of your own that is not
        registered.

    >>> from clearprop import MLP
    >>> document = json.loads(to_json(MLP([2, 1]), link="sigmoid"))
    >>> document["architecture"]["layers"][0]["layer"], document["weights"]["0.bias"], document["link"]
    ('Dense', [0.0], 'sigmoid')
    """
    what = exported(model, link)
    found = [
        {
            "architecture": network.config(),
            "weights": {name: value.tolist() for name, value in network.parameters().items()},
            "buffers": {name: value.tolist() for name, value in _buffers(network).items()},
        }
        for network in networks(what.model)
    ]
    several = isinstance(what.model, Ensemble)
    document = {
        "format": FORMAT,
        "version": VERSION,
        **{name: [one[name] for one in found] if several else found[0][name] for name in _OF_NETWORK},
        "link": what.link,
        "preparation": None if what.preparation is None else what.preparation.config(),
    }
    return json.dumps(document, ensure_ascii=False, allow_nan=False) + "\n"


def from_json(text: str) -> SavedModel:
    """The model that `to_json` wrote; nothing in the text is executed.

    Raises
    ------
    ModelFileError
        It is not such a document, or a newer version's, or its parts do not fit together.
    """
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise ModelFileError("this is no JSON document that clearprop wrote; use another copy")
    if document.get("version") != VERSION:
        raise ModelFileError(f"version {document.get('version')!r} of the document is not {VERSION}; upgrade clearprop")
    if set(document) != _ENTRIES or document["link"] not in links():
        raise _damaged("its entries are not those that clearprop writes")
    try:
        parts = [document[name] for name in _OF_NETWORK]
        model: Model
        if isinstance(document["architecture"], list):
            model = Ensemble([_network(*one) for one in zip(*parts, strict=True)])
        else:
            model = _network(*parts)
        plan = document["preparation"]
        preparation = None if plan is None else Preparation.from_config(plan)
        saved = SavedModel(model, preparation, document["link"])
        exported(saved)
    except ModelFileError:
        raise
    except Exception as error:  # whatever a senseless description leads to, the text is to blame
        raise _damaged(f"it makes no sense ({type(error).__name__})") from None
    return saved


def _network(config: dict[str, Any], weights: dict[str, Any], buffers: dict[str, Any]) -> Sequential:
    """One network of the document."""
    model = model_from_config({**config, "n_in": None})
    width = config["n_in"]
    shapes: dict[str, tuple[int, ...]] = {}
    for i, layer in enumerate(model.layers):  # before memory is taken for it
        width, of_layer = layer.build(width)
        shapes |= {f"{i}.{name}": shape for name, shape in of_layer.items()}
    found = {name: np.asarray(value, dtype=model.dtype) for name, value in weights.items()}
    if {name: value.shape for name, value in found.items()} != shapes:
        raise _damaged("its weights are not those of its architecture")
    model.build(config["n_in"])
    for name, view in model.parameters().items():
        view[...] = found[name]
    views = _buffers(model)
    if set(views) != set(buffers):
        raise _damaged("its buffers are not those of its architecture")
    for name, view in views.items():
        view[...] = np.asarray(buffers[name], dtype=model.dtype).reshape(view.shape)
    return model


def _buffers(model: Sequential) -> dict[str, Array]:
    """The buffers by layer and name, as views."""
    views = model.buffer_views(model.buffers)
    return {f"{i}.{name}": value for i, layer in enumerate(views) for name, value in layer.items()}


def _damaged(what: str) -> ModelFileError:
    return ModelFileError(f"the JSON document is damaged: {what}; use another copy")
