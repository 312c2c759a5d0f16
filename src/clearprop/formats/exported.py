"""What every bridge to another program needs to know of a model: its networks, and what their outputs mean."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from clearprop.data.preparation import Preparation
from clearprop.ensemble import Model, networks
from clearprop.errors import ConfigurationError
from clearprop.formats.saved import SavedModel
from clearprop.layers import Activation
from clearprop.losses import check_link


@dataclass(frozen=True)
class Exported:
    """A network, or an ensemble of several, ready to be written for another program.

    Attributes
    ----------
    model : Sequential or Ensemble
    link : str
        What turns outputs into predictions.
    classes : tuple or None
        The labels, strings or whole numbers; None for quantities.
    multilabel : bool
        Whether a row may belong to several classes, or to none.
    preparation : Preparation or None
        How columns become inputs; None if the inputs are the network's own.
    """

    model: Model
    link: str
    classes: tuple[Any, ...] | None
    multilabel: bool
    preparation: Preparation | None

    @property
    def one_output(self) -> bool:
        """Whether one output is the probability of the second of two classes."""
        return self.classes is not None and self.model.n_out == 1 and not self.multilabel

    @property
    def proportional(self) -> bool:
        """Whether each class has a yes or no of its own, of which the probabilities are the proportions."""
        return self.classes is not None and not self.multilabel and not self.one_output and self.link != "softmax"


def exported(
    model: Model | SavedModel,
    link: str | None = None,
    classes: Sequence[Any] | None = None,
    multilabel: bool = False,
) -> Exported:
    """`model` and the meaning of its outputs, checked.

    Raises
    ------
    ConfigurationError
        The network has no parameters yet or infinite ones, the link is unknown, or the classes do not fit the outputs.
    """
    preparation = None
    if isinstance(model, SavedModel):
        if link is not None:
            raise ConfigurationError(f"a saved model has its link, {model.link!r}; leave link out")
        if classes is not None and model.preparation is not None:
            raise ConfigurationError("a saved model's preparation names its classes; leave classes out")
        preparation, link = model.preparation, model.link
        if preparation is not None and preparation.class_names:
            classes = preparation.class_names
    network = model.model if isinstance(model, SavedModel) else model
    link = "identity" if link is None else link
    check_link(link)
    if not network.built:
        raise ConfigurationError("the model has no parameters yet; call model.build(n_in), or fit it to data")
    if not all(np.isfinite(one.w).all() and np.isfinite(one.buffers).all() for one in networks(network)):
        raise ConfigurationError("the model has weights that are NaN or infinite; train it again before exporting")
    labels = None if classes is None else _labels(classes)
    if labels is not None:
        _check_outputs(labels, network, link, multilabel)
    elif multilabel:
        raise ConfigurationError("multilabel=True needs classes, one for each output")
    return Exported(network, link, labels, multilabel, preparation)


def _labels(classes: Sequence[Any]) -> tuple[Any, ...]:
    """Python's own strings or whole numbers."""
    values = np.asarray(classes)
    labels = tuple(values.tolist())
    if values.ndim != 1 or not (all(type(v) is str for v in labels) or all(type(v) in (int, bool) for v in labels)):
        raise ConfigurationError(f"classes are texts or whole numbers, one for each, not {classes!r}")
    if len(set(labels)) != len(labels):
        raise ConfigurationError(f"a class is named twice: {classes!r}")
    return labels


def _check_outputs(labels: tuple[Any, ...], model: Model, link: str, multilabel: bool) -> None:
    ends = {last.name if isinstance(last := network.layers[-1], Activation) else "" for network in networks(model)}
    if link == "identity" and len(ends) == 1:
        link = ends.pop()  # the outputs are probabilities already
    if link not in ("softmax", "sigmoid") or (multilabel and link != "sigmoid"):
        needed = "'sigmoid'" if multilabel else "'softmax' or 'sigmoid'"
        raise ConfigurationError(f"link={link!r} gives no probabilities of classes; use {needed}, or leave classes out")
    if multilabel and model.n_out == 1:
        raise ConfigurationError("one output tells two classes apart; leave multilabel out, and name both")
    if link == "sigmoid" and model.n_out == 1:
        if len(labels) != 2:
            raise ConfigurationError(f"one output tells two classes apart, not {len(labels)}; name two")
    elif len(labels) != model.n_out:
        raise ConfigurationError(f"there are {len(labels)} classes for {model.n_out} outputs; name one for each")
