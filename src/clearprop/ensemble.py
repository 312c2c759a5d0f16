"""Several networks as one model: its prediction is the mean of theirs."""

from collections.abc import Iterator, Sequence
from typing import Any

from clearprop.errors import ConfigurationError
from clearprop.model import Sequential


class Ensemble:
    """Networks that answer together: ŷ(x) = Σ_k link(f_k(x)) / K, the mean of what each predicts.

    The mean of networks that err in different ways errs less than one of them does (bagging: Breiman 1996; networks
    that differ in their initial weights are enough: Lakshminarayanan, Pritzel, Blundell 2017).

    Parameters
    ----------
    members : sequence of Sequential
        With the same inputs, outputs and precision; their layers may differ.

    Raises
    ------
    ConfigurationError
        There is no member, or they do not fit together.

    Examples
    --------
    >>> from clearprop import MLP, predict
    >>> both = Ensemble([MLP([2, 4, 3], seed=0), MLP([2, 8, 3], seed=1)])
    >>> both
    <Ensemble of 2 networks: MLP([2, 4, 3]), MLP([2, 8, 3], seed=1)>
    >>> X = [[0.5, -1.0]]
    >>> mean = (predict(both.members[0], X, link="softmax") + predict(both.members[1], X, link="softmax")) / 2.0
    >>> import numpy as np
    >>> bool(np.allclose(predict(both, X, link="softmax"), mean))
    True
    """

    def __init__(self, members: Sequence[Sequential]) -> None:
        self.members = tuple(members)
        if not self.members:
            raise ConfigurationError("an ensemble has one network or more")
        first = self.members[0]
        for number, member in enumerate(self.members):
            if not isinstance(member, Sequential):
                raise ConfigurationError(f"member {number} is no network but {type(member).__name__}")
            for name in ("n_in", "n_out", "dtype"):
                mine, others = getattr(member, name), getattr(first, name)
                if mine != others:
                    raise ConfigurationError(
                        f"member {number} has {name}={mine}, member 0 has {others}; make them equal"
                    )

    @property
    def built(self) -> bool:
        """Whether the number of inputs is known: that of networks in an ensemble always is."""
        return True

    @property
    def n_in(self) -> int:
        """Number of inputs."""
        assert self.members[0].n_in is not None
        return self.members[0].n_in

    @property
    def n_out(self) -> int:
        """Number of outputs."""
        return self.members[0].n_out

    @property
    def dtype(self) -> Any:
        """The members' precision."""
        return self.members[0].dtype

    @property
    def n_parameters(self) -> int:
        """Number of parameters of all members."""
        return sum(member.n_parameters for member in self.members)

    def config(self) -> dict[str, Any]:
        """Plain values that describe the members' architectures; weights are not part of it."""
        return {"members": [member.config() for member in self.members]}

    def __len__(self) -> int:
        return len(self.members)

    def __iter__(self) -> Iterator[Sequential]:
        return iter(self.members)

    def __repr__(self) -> str:
        if len(self) > 1 and len({repr(member.layers) for member in self.members}) == 1:
            return f"<Ensemble of {len(self)} networks like {self.members[0]!r}>"
        return f"<Ensemble of {len(self)} network{'s' * (len(self) > 1)}: {', '.join(map(repr, self.members))}>"


Model = Sequential | Ensemble
"""What predicts."""


def networks(model: Model) -> tuple[Sequential, ...]:
    """The networks that a model consists of."""
    return model.members if isinstance(model, Ensemble) else (model,)


def member(model: Model, number: int) -> Sequential:
    """The network of that number, counted from 1, of those that a model consists of.

    Raises
    ------
    ConfigurationError
        There are not so many.
    """
    found = networks(model)
    if not 1 <= number <= len(found):
        raise ConfigurationError(
            f"there is no network {number}: the model has {len(found)}, numbered from 1; choose another (--member)"
        )
    return found[number - 1]
