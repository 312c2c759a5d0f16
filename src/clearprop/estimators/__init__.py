"""scikit-learn's multi-layer perceptrons, replaced: one import line changes, and nothing breaks."""

from clearprop.estimators.classifier import MLPClassifier
from clearprop.estimators.regressor import MLPRegressor

__all__ = ["MLPClassifier", "MLPRegressor"]
