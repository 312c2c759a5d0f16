"""What the tests of all bridges share: networks of every kind, tables of every kind, models trained on them."""

import csv
import itertools
import warnings

import numpy as np

from clearprop.data import Preparation, load_dataset, read_table
from clearprop.errors import DataWarning
from clearprop.formats import SavedModel
from clearprop.judge.answers import predictions_for
from clearprop.layers import Activation, BatchNorm, Dense, Dropout, LayerNorm
from clearprop.losses import MSE, CrossEntropy
from clearprop.model import MLP, Sequential
from clearprop.ops import ACTIVATIONS
from clearprop.optim import Adam
from clearprop.train import fit

NORMALISATIONS = {"none": None, "batch": BatchNorm, "layer": LayerNorm}

CASES = [
    (name, norm, dtype) for name, norm, dtype in itertools.product(ACTIVATIONS, NORMALISATIONS, ("float64", "float32"))
]


def network(activation, norm, dtype, n_out=3):
    """Every kind of layer, with weights, biases and statistics that are not the initial ones."""
    norm = NORMALISATIONS[norm]
    middle = [Activation("softplus"), Activation("log")] if activation == "log" else [Activation(activation)]
    layers = [
        Dense(6),
        *([norm()] if norm else []),
        *middle,
        Dropout(0.3),
        Dense(5, use_bias=False),
        Activation("tanh"),
    ]
    model = Sequential([*layers, Dense(n_out)], n_in=4, dtype=dtype)
    rng = np.random.default_rng(len(activation))
    model.w[:] += rng.normal(size=len(model.w)) * 0.3
    model.buffers[:] = rng.uniform(0.2, 2.0, len(model.buffers))
    return model


def inputs(activation, dtype, rng):
    """Ordinary rows and extreme ones."""
    scales = np.array([1.0] * 40 + [0.0, 1e-30, 1e-5, 30.0, 1e3, 1e6, 1e15])
    if activation in ("exp", "log"):  # which are not finite far out
        scales = scales[:40]
    return (rng.normal(size=(len(scales), 4)) * scales[:, None]).astype(dtype)


def write_rows(path, columns):
    """A CSV file of these columns."""
    with open(path, "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        writer.writerows(zip(*columns.values(), strict=True))


def mixed_rows(n=240, seed=0):
    """Numbers, yes/no and categories, with gaps and rare words, as text; and two targets."""
    rng = np.random.default_rng(seed)
    age, height = rng.integers(18, 80, n), rng.normal(170.0, 10.0, n).round(2)
    words = ["北京", "Lhasa, Tibet", 'the "old" town', "O'Hara"]
    city = np.array(words)[rng.choice(4, n, p=[0.4, 0.3, 0.2, 0.1])]
    member = rng.choice(["yes", "no"], n)
    cells = {"age": age.astype(str), "height in cm": height.astype(str), "city": city, "member": member}
    for name in cells:
        cells[name] = np.where(rng.random(n) < 0.08, "", cells[name].astype(object))
    cells["city"][:2] = "rare1", "rare2"
    cells["age"][2] = "NA"
    cells["grade"] = np.array(["A", "B", "C"])[rng.integers(0, 3, n)].astype(object)
    cells["grade"][:2] = "E", "F"
    cells["label"] = np.where(age + 20 * (city == "北京") > 55, "买", np.where(height > 168, "不买", "later"))
    cells["cost"] = (age * 3.5 + height).round(3).astype(str)
    return {name: values.tolist() for name, values in cells.items()}


def trained(table, target, *, missing="median", dtype="float64", drop=(), activation="relu", dates="refuse"):
    """A model with its preparation, briefly trained."""
    plan = Preparation.fit(table, target, missing=missing, drop=drop, dates=dates)
    data = plan.transform(plan.dataset(table))
    loss = CrossEntropy() if plan.class_names else MSE()
    model = MLP([data.n_features, 8, data.n_outputs], activation, dtype=dtype)
    fit(model, data, loss, Adam(0.01), epochs=5)
    return SavedModel(model, plan, loss.link)


def iris(dtype="float64"):
    """A model of the built-in table, and the columns as a table has them."""
    data = load_dataset("iris")
    plan = Preparation.of(data)
    model = MLP([4, 8, 3], "tanh", dtype=dtype)
    fit(model, plan.transform(data), CrossEntropy(), Adam(0.01), epochs=5)
    return SavedModel(model, plan, "softmax"), data


def expected(saved, path):
    """clearprop's own answers for a file, which may have words that training never saw."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DataWarning)
        return predictions_for(saved, read_table(path))


def new_rows(path):
    """Gaps and unseen words, as cells of Python; and, in the file, as text."""
    rows = {
        "age": [30.0, np.nan, np.nan],
        "height in cm": [170.5, 160.0, np.nan],
        "city": ["Atlantis", np.nan, "北京"],
        "member": ["yes", np.nan, "no"],
        "grade": ["A", np.nan, "D"],
    }
    write_rows(path, {name: ["" if cell != cell else cell for cell in cells] for name, cells in rows.items()})
    return rows
