"""One row through a network, every number beside its formula: the chain rule to look at."""

from clearprop.explain.explanation import Explanation, Group, Number
from clearprop.explain.steps import explain

__all__ = ["Explanation", "Group", "Number", "explain"]
