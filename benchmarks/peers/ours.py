"""clearprop as its users call it: `fit` on arrays, with all its checks, shuffling and reports inside the timer."""

import os
import warnings
from typing import Any

import numpy as np

from benchmarks.peers import Timed, Variants
from benchmarks.workloads import Data, Weights, Workload
from clearprop import MLP, MSE, SGD, Adam, CrossEntropy, Member, fit, predict, train, train_population
from clearprop.engine import GradientOptions, Program, choose_engine
from clearprop.errors import SaturationWarning
from clearprop.metrics import accuracy, mse

ENGINE = os.environ.get("CLEARPROP_BENCHMARK_ENGINE", "auto")


def variants(work: Workload, data: Data) -> Variants:
    warnings.simplefilter("ignore", SaturationWarning)
    kinds = {"training": _training, "prediction": _prediction, "post": _post, "population": _population}
    return {"fit" if work.kind != "prediction" else "Program.predict": lambda: kinds[work.kind](work, data)}


def model_of(work: Workload, seed: int = 0) -> MLP:
    """A fresh network with the common start weights."""
    model = MLP(
        work.widths,
        work.recipe,
        output_activation="sigmoid" if work.recipe == "sigmoid" else None,
        trainable=("weight",) if work.kind == "post" else ("weight", "bias"),
        dtype=work.dtype,
    )
    for values, (W, b) in zip(_dense(model), work.start(seed), strict=True):
        values["weight"][...], values["bias"][...] = W, b
    return model


def program_of(work: Workload, model: MLP) -> tuple[str, Program]:
    """The engine's name, and the compiled network."""
    loss, optimizer, _ = _recipe(work, 0)
    engine = choose_engine(ENGINE, model, loss, optimizer)[0]
    return engine.name, engine.compile(model, loss, optimizer, GradientOptions())


def _dense(model: MLP) -> list[dict[str, Any]]:
    return [values for values in model.parameter_views(model.w) if values]


def _weights(model: MLP) -> Weights:
    return [(values["weight"], values["bias"]) for values in _dense(model)]


def _recipe(work: Workload, number: int) -> tuple[Any, Any, dict[str, Any]]:
    rate = float(work.learning_rates()[number])
    loss, optimizer = (MSE(), SGD(rate)) if work.recipe == "sigmoid" else (CrossEntropy(), Adam(rate))
    order = "shuffled" if work.shuffled else "sequential"
    options = {"epochs": work.epochs, "batch_size": work.batch_size, "order": order, "seed": number, "engine": ENGINE}
    return loss, optimizer, options


def _train(work: Workload, data: Data, model: MLP) -> MLP:
    loss, optimizer, options = _recipe(work, 0)
    fit(model, (data.X, data.y), loss, optimizer, **options)
    return model


def _training(work: Workload, data: Data) -> Timed:
    return Timed(
        start=lambda: model_of(work),
        run=lambda model: _train(work, data, model),
        loss=lambda model: work.loss(_weights(model), data),
    )


def _population(work: Workload, data: Data) -> Timed:
    def run(models: list[MLP]) -> list[MLP]:
        members = []
        for number, model in enumerate(models):
            loss, optimizer, options = _recipe(work, number)
            members.append(Member(model, loss, optimizer, options.pop("epochs"), options=options))
        train_population(members, (data.X, data.y))
        return models

    return Timed(
        start=lambda: [model_of(work, seed) for seed in range(work.networks)],
        run=run,
        loss=lambda models: float(np.mean([work.loss(_weights(model), data) for model in models])),
    )


def _post(work: Workload, data: Data) -> Timed:
    def run(model: MLP) -> MLP:
        loss, optimizer, options = _recipe(work, 0)
        for epoch in train(model, (data.X, data.y), loss, optimizer, **options):
            if (epoch.number - 1) % work.evaluate_every == 0:
                for X, y in ((data.X, data.y), (data.X_test, data.y_test)):
                    outputs = predict(model, X, engine=ENGINE)
                    mse(y, outputs), accuracy(y, outputs)
        return model

    return Timed(lambda: model_of(work), run, lambda model: work.loss(_weights(model), data))


def _prediction(work: Workload, data: Data) -> Timed:
    _, program = program_of(work, model_of(work))
    out = np.empty((work.rows, work.widths[-1]), work.dtype)
    return Timed(
        start=lambda: None,
        run=lambda _: program.predict(data.X, out),
        loss=lambda outputs: work.loss_of_outputs(outputs, data),
    )
