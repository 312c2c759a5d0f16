"""The reference trajectories in tests/golden/posts, and the data and models they start from."""

import json
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from clearprop import MLP, Dataset
from clearprop.posts import POSTS
from clearprop.posts.base import Replays

GOLDEN = Path(__file__).parent / "golden" / "posts"


@cache
def replays(key: str) -> Replays:
    """Both runs of a post, for all tests that look at them."""
    return POSTS[key].replays()


@cache
def read(name: str) -> Any:
    return json.loads((GOLDEN / f"{name}.json").read_text())


def array(matrix: Any) -> Any:
    return np.array(matrix["data"]).reshape(matrix["shape"])


def moons(name: str) -> tuple[Dataset, Dataset]:
    """Train and test set of a post, in the post's order."""
    data = read(name)
    whole = Dataset(array(data["X"]), data["y"], target_names=("0", "1"))
    return whole.take(data["train_index"]), whole.take(data["test_index"])


def model_000(recording: Any, trainable: tuple[str, ...]) -> MLP:
    """The model of posts 000 and 004, with the recorded initial weights."""
    model = MLP([2, 25, 50, 25, 2], "sigmoid", output_activation="sigmoid", trainable=trainable)
    weights = zip(recording["init"]["W"], recording["init"]["b"], strict=True)
    for layer, (W, b) in zip((0, 2, 4, 6), weights, strict=True):
        model.parameters()[f"{layer}.weight"][...] = array(W)
        model.parameters()[f"{layer}.bias"][...] = array(b)
    return model
