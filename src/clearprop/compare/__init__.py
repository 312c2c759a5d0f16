"""The same network here and in other libraries: accuracy, loss, time, largest weight difference."""

from clearprop.compare.comparison import Comparison, Result, compare
from clearprop.compare.peers import PEERS

__all__ = ["PEERS", "Comparison", "Result", "compare"]
