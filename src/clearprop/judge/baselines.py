"""What a network has to beat: a constant and a linear model, on the same rows."""

import warnings
from typing import Any

import numpy as np

from clearprop._types import Array
from clearprop.data.dataset import Dataset
from clearprop.judge.scores import score


def rivals(train: Dataset, X: Array, metric: str) -> dict[str, Array]:
    """Answers for the rows `X` of the two simplest models of `train`, weighted as its rows are.

    ``"constant"`` always gives the classes' shares, so decides for the most frequent one; of quantities the mean (for
    the mean absolute error the median). ``"linear"`` is logistic regression, or ridge regression, with scikit-learn's
    default penalties on the data as given (so standardise first).

    Parameters
    ----------
    train : Dataset
        Rows to fit.
    X : array
        Features of the rows to answer for.
    metric : str
        What they will be judged by.

    Returns
    -------
    dict
        Probabilities of the classes, shape (n, k), or quantities.
    """
    from sklearn.dummy import DummyClassifier, DummyRegressor
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression, Ridge

    models: dict[str, Any]
    if train.task == "classification":
        models = {"constant": DummyClassifier(strategy="prior")}
        # Logistic regression needs two classes; with one, the constant is also the best linear model.
        several = np.unique(train.y).size > 1
        models["linear"] = LogisticRegression(max_iter=1000) if several else models["constant"]
    else:
        models = {"constant": DummyRegressor(strategy="median" if metric == "mae" else "mean"), "linear": Ridge()}
    answers = {}
    for name, model in models.items():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # 1000 iterations are close enough here
            model.fit(train.X, train.y, sample_weight=train.sample_weight)
        if train.task == "regression":
            answers[name] = np.asarray(model.predict(X))
        else:
            answers[name] = np.zeros((X.shape[0], train.n_classes))
            answers[name][:, model.classes_] = model.predict_proba(X)
    return answers


def baselines(train: Dataset, test: Dataset, metric: str) -> dict[str, float]:
    """The scores on `test` of the `rivals` that were fitted on `train`.

    >>> X = [[0.0], [1.0], [2.0], [3.0]]
    >>> data = Dataset(X, [0, 0, 1, 1], target_names=("low", "high"))
    >>> baselines(data, data, "accuracy")
    {'constant': 0.5, 'linear': 1.0}
    """
    answers = rivals(train, test.X, metric)
    return {name: score(metric, test.y, given, test.sample_weight) for name, given in answers.items()}
