"""scikit-learn's MLPClassifier; several networks as processes of joblib."""

import warnings
from typing import Any

import numpy as np
from joblib import Parallel, delayed
from sklearn.neural_network import MLPClassifier

from benchmarks.peers import Timed, Variants, threads_here
from benchmarks.workloads import Data, Workload


def variants(work: Workload, data: Data) -> Variants:
    warnings.simplefilter("ignore")  # "did not converge": it is not meant to
    if work.kind == "post":
        return {}
    if work.kind == "prediction":
        return {"predict_proba": lambda: _prediction(work, data)}
    return {"MLPClassifier": lambda: _training(work, data)}


def _started(work: Workload, number: int = 0) -> MLPClassifier:
    """A classifier with the common start weights, where its network can have them."""
    rate = float(work.learning_rates()[number])
    model = MLPClassifier(
        work.widths[1:-1],
        activation="logistic" if work.recipe == "sigmoid" else "relu",
        solver="sgd" if work.recipe == "sigmoid" else "adam",
        learning_rate_init=rate,
        momentum=0.0,
        nesterovs_momentum=False,
        alpha=0.0,
        batch_size=work.batch_size,
        max_iter=1,
        shuffle=work.shuffled,
        random_state=number,
        warm_start=True,  # the first fit makes the arrays, the timed one starts from what is put into them
        tol=0.0,
        n_iter_no_change=10**9,
    )
    classes = work.widths[-1]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.fit(np.zeros((classes, work.widths[0]), work.dtype), np.arange(classes))
    if work.recipe == "relu":  # two classes are one output and log-loss here, so the posts' network is not available
        weights = work.start(number)
        model.coefs_, model.intercepts_ = [W for W, _ in weights], [b for _, b in weights]
    model.max_iter = work.epochs
    return model


def _fit(model: MLPClassifier, data: Data) -> MLPClassifier:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return model.fit(data.X, data.y)


def _training(work: Workload, data: Data) -> Timed:
    def run(models: list[MLPClassifier]) -> Any:
        if len(models) == 1:
            return [_fit(models[0], data)]
        return Parallel(n_jobs=threads_here())(delayed(_fit)(model, data) for model in models)

    def loss(models: list[MLPClassifier]) -> float:
        if work.recipe == "sigmoid":
            return float("nan")
        weights = [list(zip(model.coefs_, model.intercepts_, strict=True)) for model in models]
        return float(np.mean([work.loss(of_one, data) for of_one in weights]))

    return Timed(lambda: [_started(work, number) for number in range(work.networks)], run, loss)


def _prediction(work: Workload, data: Data) -> Timed:
    model = _started(work)
    return Timed(
        start=lambda: None,
        run=lambda _: model.predict_proba(data.X),
        loss=lambda outputs: work.loss_of_outputs(np.log(outputs), data),
    )
