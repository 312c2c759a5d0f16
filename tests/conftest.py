"""What all tests share: the source tree, a seeded generator, and Hypothesis without a clock or a database."""

import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings

# Commands that tests start run the source tree, as the tests themselves do.
os.environ["PYTHONPATH"] = str(Path(__file__).parent.parent / "src")

if os.environ.get("CLEARPROP_TEST_TILES"):
    import processors  # noqa: F401  from here on the engine works in the tiles asked for

collect_ignore = ["golden/make_polynomials.py"]  # it needs mpmath, which tests do not

settings.register_profile("repeatable", deadline=None, derandomize=True, database=None, max_examples=40)
settings.load_profile("repeatable")


@pytest.fixture
def rng() -> np.random.Generator:
    """The same random numbers for every test, whatever ran before."""
    return np.random.default_rng(20240917)
