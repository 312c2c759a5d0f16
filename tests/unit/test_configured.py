"""Objects that are their arguments: repr, config, equality."""

from clearprop._configured import Configured


class Cake(Configured):
    """An example."""

    def __init__(self, size, layers=2, *, icing=None):
        self.size, self.layers, self.icing = size, layers, icing


class Pie(Cake):
    """Another kind with the same arguments."""


def test_repr_shows_what_differs_from_the_defaults():
    assert repr(Cake(3)) == "Cake(3)"
    assert repr(Cake(3, 4, icing="lemon")) == "Cake(3, layers=4, icing='lemon')"
    assert repr(Pie(Cake(1))) == "Pie(Cake(1))"


def test_config_has_every_argument():
    assert Cake(3, icing="lemon").config() == {"size": 3, "layers": 2, "icing": "lemon"}


def test_equal_means_same_kind_and_same_arguments():
    assert Cake(3) == Cake(3, 2) and hash(Cake(3)) == hash(Cake(3, 2))
    assert Cake(3) != Cake(4) and Cake(3) != Pie(3) and Cake(3) != "Cake(3)"
