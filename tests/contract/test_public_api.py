"""What `from clearprop import ...` promises."""

import inspect

import pytest

import clearprop


def test_the_public_names_are_sorted_and_exist():
    constants_first = sorted(clearprop.__all__, key=lambda name: (not name.isupper(), name.islower(), name))
    assert clearprop.__all__ == constants_first
    assert all(hasattr(clearprop, name) for name in clearprop.__all__)


@pytest.mark.parametrize("name", [n for n in clearprop.__all__ if callable(getattr(clearprop, n))])
def test_every_public_name_is_documented(name):
    assert inspect.getdoc(getattr(clearprop, name))
