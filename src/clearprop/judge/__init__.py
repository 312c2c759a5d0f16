"""Is the model worth having, and can its score be trusted?"""

from clearprop.judge.leaks import Leak, leaks
from clearprop.judge.verdict import Difference, Verdict, judge

__all__ = ["Difference", "Leak", "Verdict", "judge", "leaks"]
