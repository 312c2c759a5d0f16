"""Derivatives against numerical witnesses: `check_gradients` for one definition, `checks` for all registered ones."""

from clearprop.gradients.check import GradientReport, InputComparison, check_gradients
from clearprop.gradients.registered import checks

__all__ = ["GradientReport", "InputComparison", "check_gradients", "checks"]
