"""The reference trajectories in tests/golden/posts."""

import json
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from clearprop.posts import POSTS
from clearprop.posts.base import Replays

GOLDEN = Path(__file__).parent.parent / "golden" / "posts"


@cache
def replays(key: str) -> Replays:
    """Both runs of a post, for all tests that look at them."""
    return POSTS[key].replays()


@cache
def read(name: str) -> Any:
    return json.loads((GOLDEN / f"{name}.json").read_text())


def array(matrix: Any) -> Any:
    return np.array(matrix["data"]).reshape(matrix["shape"])
