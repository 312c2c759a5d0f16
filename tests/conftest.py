"""What all tests share: a seeded generator, and Hypothesis without a clock or a database."""

import numpy as np
import pytest
from hypothesis import settings

settings.register_profile("repeatable", deadline=None, derandomize=True, database=None, max_examples=40)
settings.load_profile("repeatable")


@pytest.fixture
def rng() -> np.random.Generator:
    """The same random numbers for every test, whatever ran before."""
    return np.random.default_rng(20240917)
