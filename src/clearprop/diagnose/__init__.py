"""Is this network in good health, and is it better than a constant, than a linear model?"""

from clearprop.diagnose.diagnosis import Diagnosis, Finding, LayerState
from clearprop.diagnose.examination import diagnose, spread

__all__ = ["Diagnosis", "Finding", "LayerState", "diagnose", "spread"]
