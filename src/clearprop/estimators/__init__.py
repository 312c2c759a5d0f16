"""scikit-learn's multi-layer perceptrons, replaced: one import line changes, and nothing breaks.

``skl2onnx.to_onnx(pipeline, X)`` exports pipelines that end in one of them.
"""

from clearprop.estimators.classifier import MLPClassifier
from clearprop.estimators.regressor import MLPRegressor
from clearprop.estimators.skl2onnx import teach_skl2onnx

__all__ = ["MLPClassifier", "MLPRegressor"]

teach_skl2onnx(MLPClassifier, MLPRegressor)
