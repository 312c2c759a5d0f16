"""Initialisers: what is refused and what is saved (the distributions are in the conformance tests)."""

import numpy as np
import pytest

from clearprop.errors import ConfigurationError, ShapeError
from clearprop.initializers import (
    INITIALIZERS,
    Constant,
    Initializer,
    Normal,
    Orthogonal,
    Uniform,
    VarianceScaling,
    as_initializer,
    decode_initializer,
    encode_initializer,
)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Uniform(1.0, 1.0), "low < high"),
        (lambda: Uniform(float("nan"), 1.0), "low < high"),
        (lambda: Normal(std=-1.0), "std >= 0"),
        (lambda: VarianceScaling(fan="sideways"), "fan is 'in', 'out' or 'average', not 'sideways'"),
        (lambda: VarianceScaling(distribution="cauchy"), "distribution is 'normal' or 'uniform'"),
        (lambda: VarianceScaling(scale=0.0), "scale > 0"),
    ],
)
def test_settings_out_of_range_are_refused(make, message):
    with pytest.raises(ConfigurationError, match=message):
        make()


@pytest.mark.parametrize(("fan", "variance"), [("in", 1 / 1000), ("out", 1 / 200), ("average", 1 / 600)])
def test_the_variance_is_that_of_the_fan(fan, variance, rng):
    for distribution in ("normal", "uniform"):
        w = VarianceScaling(1.0, fan, distribution)((1000, 200), rng)
        assert w.var() == pytest.approx(variance, rel=0.02)
        assert distribution == "normal" or np.abs(w).max() <= np.sqrt(3 * variance)


def test_orthogonal_is_for_matrices(rng):
    with pytest.raises(ShapeError, match="Orthogonal draws matrices, not shape"):
        Orthogonal()((5,), rng)


def test_orthogonal_matrices_favour_no_direction(rng):
    drawn = np.array([Orthogonal()((3, 3), rng) for _ in range(1000)])
    np.testing.assert_allclose(drawn.mean(axis=0), 0.0, atol=5 * np.sqrt(1 / 3 / 1000))


def test_a_vector_has_a_fan_too(rng):
    assert INITIALIZERS["glorot_uniform"]((7,), rng).shape == (7,)


def test_names_and_objects_are_both_initializers():
    assert as_initializer("zeros") == Constant(0.0)
    assert as_initializer(Uniform(0, 1)) == Uniform(0, 1)
    with pytest.raises(KeyError, match="no initialiser 'he_norma'; did you mean 'he_normal'"):
        as_initializer("he_norma")


def test_only_known_kinds_are_saved():
    class Mine(Initializer):
        def __call__(self, shape, rng):
            return np.ones(shape)

    with pytest.raises(ConfigurationError, match="cannot be saved; use one of Constant"):
        encode_initializer(Mine())
    assert decode_initializer(encode_initializer(Uniform(-1.0, 2.0))) == Uniform(-1.0, 2.0)
