"""What a network has to beat: a constant and a linear model, on the same rows."""

import warnings

import numpy as np

from clearprop.data.dataset import Dataset
from clearprop.data.scores import score


def baselines(train: Dataset, test: Dataset, metric: str) -> dict[str, float]:
    """Scores on `test` of the two simplest models of `train`.

    ``"constant"`` always predicts the most frequent class, or the mean. ``"linear"`` is logistic regression,
    or ridge regression, with scikit-learn's default penalties on the data as given (so standardise first).

    Parameters
    ----------
    train, test : Dataset
        Rows to fit and rows to score.
    metric : str
        ``"accuracy"`` or ``"r2"``.

    >>> X = [[0.0], [1.0], [2.0], [3.0]]
    >>> data = Dataset(X, [0, 0, 1, 1], target_names=("low", "high"))
    >>> baselines(data, data, "accuracy")
    {'constant': 0.5, 'linear': 1.0}
    """
    from sklearn.dummy import DummyClassifier, DummyRegressor
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression, Ridge

    if train.task == "classification":
        models = {"constant": DummyClassifier(strategy="most_frequent")}
        # Logistic regression needs two classes; with one, the constant is also the best linear model.
        several = np.unique(train.y).size > 1
        models["linear"] = LogisticRegression(max_iter=1000) if several else models["constant"]
    else:
        models = {"constant": DummyRegressor(strategy="mean"), "linear": Ridge()}
    scores = {}
    for name, model in models.items():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # 1000 iterations are close enough here
            model.fit(train.X, train.y, sample_weight=train.sample_weight)
        scores[name] = score(metric, test.y, model.predict(test.X), test.sample_weight)
    return scores
