"""Each post's network before its first step, and what it is trained on and by: where an explanation begins."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from clearprop._registry import Registry
from clearprop.data import Dataset
from clearprop.losses import MSE, BinaryCrossEntropy, CrossEntropy, Loss
from clearprop.model import Sequential
from clearprop.optim import SGD
from clearprop.posts import post000, post001, post002, post003


@dataclass(frozen=True)
class Start:
    """A network at its start weights.

    Attributes
    ----------
    model, loss, optimizer, training
    """

    model: Sequential
    loss: Loss
    optimizer: SGD
    training: Dataset


def _000() -> Start:
    return Start(post000.replay.start(4), MSE(), SGD(0.1), post000.replay.moons()[0])


def _001() -> Start:
    standing = post001.replay.as_published(learning_rate=0.0, iterations=50)  # steps of nothing
    return Start(standing.model, standing.loss, SGD(0.01), standing.training)


def _002() -> Start:
    random = np.random.RandomState(0)
    training, _ = post002.replay.points(random)
    for _ in range(4):  # the networks that the post draws before
        post002.replay.net(random, 2, 2)
    return Start(post002.replay.net(random, 2, 10, 2), CrossEntropy(from_logits=False), SGD(0.01), training)


def _003() -> Start:
    wrong = post003.replay.posts_sigmoid
    model = post003.replay.network(post003.replay.start(42, 1).weights, wrong, wrong)
    return Start(model, BinaryCrossEntropy(from_logits=False), SGD(0.01), post003.replay.moons()[0])


def _004() -> Start:
    return Start(post000.replay.start(0), MSE(), SGD(0.01), post000.replay.moons(2000)[0])


STARTS: Registry[Callable[[], Start]] = Registry("post")
for _key, _start in {"000": _000, "001": _001, "002": _002, "003": _003, "004": _004}.items():
    STARTS.register(_key, _start)
