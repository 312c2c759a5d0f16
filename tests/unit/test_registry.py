"""The registry: a mapping that cannot be overwritten and helps with misspelt names."""

import pytest

from clearprop._registry import Registry
from clearprop.errors import ClearpropError, ConfigurationError, UnknownNameError


@pytest.fixture
def fruit():
    registry = Registry("fruit")
    registry.register("apple", 1)
    registry.register("pear", 2)
    return registry


def test_it_is_a_mapping_in_order_of_registration(fruit):
    assert dict(fruit) == {"apple": 1, "pear": 2} and len(fruit) == 2
    assert list(fruit) == ["apple", "pear"] and fruit.get("plum") is None


def test_membership_never_raises(fruit):
    assert "pear" in fruit and "plum" not in fruit and None not in fruit


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("aple", "no fruit 'aple'; did you mean 'apple'? Known: apple, pear"),
        ("PEAR", "no fruit 'PEAR'; did you mean 'pear'? Known: apple, pear"),
        ("quince", "no fruit 'quince'; Known: apple, pear"),
        (3, "no fruit 3; Known: apple, pear"),
    ],
)
def test_an_unknown_name_is_answered_with_the_nearest(fruit, name, message):
    with pytest.raises(UnknownNameError) as raised:
        fruit[name]
    assert str(raised.value) == message
    assert isinstance(raised.value, KeyError) and isinstance(raised.value, ClearpropError)


def test_a_name_is_given_once(fruit):
    with pytest.raises(ConfigurationError, match="there is a fruit 'apple' already"):
        fruit.register("apple", 3)
    assert fruit["apple"] == 1


def test_register_returns_what_it_registers(fruit):
    definition = object()
    assert fruit.register("plum", definition) is definition


def test_an_error_without_a_message_prints_nothing():
    assert str(UnknownNameError()) == ""
