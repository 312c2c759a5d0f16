"""Built-in data sets: each can be made, repeats itself, and says what options it has."""

import numpy as np
import pytest

from clearprop.data.sources import DATASETS, load_dataset
from clearprop.errors import ConfigurationError, UnknownNameError

BUNDLED = {"iris", "wine", "breast_cancer", "digits", "diabetes", "linnerud"}


@pytest.mark.parametrize("name", list(DATASETS))
def test_every_data_set(name):
    data = load_dataset(name)
    assert data.name == name
    assert DATASETS[name].__doc__
    again = load_dataset(name)
    np.testing.assert_array_equal(data.X, again.X)
    np.testing.assert_array_equal(data.y, again.y)
    if name not in BUNDLED:
        assert len(data) == 1000
        assert len(load_dataset(name, n_samples=50)) == 50
        assert not np.array_equal(data.X, load_dataset(name, random_state=1).X)
    if data.task == "classification":
        assert set(data.y.tolist()) == set(range(data.n_classes))


def test_names_of_real_data():
    assert load_dataset("digits").target_names == tuple("0123456789")
    assert load_dataset("breast_cancer").feature_names[0] == "mean radius"
    assert load_dataset("linnerud").y.shape == (20, 3)


def test_global_generator_is_left_alone():
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    for name in DATASETS:
        load_dataset(name)
    np.testing.assert_array_equal(np.random.get_state()[1], before)  # noqa: NPY002


def test_mistakes_get_suggestions():
    with pytest.raises(UnknownNameError, match="did you mean 'moons'"):
        load_dataset("mons")
    with pytest.raises(ConfigurationError, match="no option 'nose'; did you mean 'noise'"):
        load_dataset("moons", nose=0.1)
    with pytest.raises(ConfigurationError, match="it has no options"):
        load_dataset("iris", noise=0.1)
    with pytest.raises(ConfigurationError, match="'noise' parameter"):
        load_dataset("moons", noise=-1.0)
    with pytest.raises(ConfigurationError, match="at least 2"):
        load_dataset("xor", n_samples=0)
