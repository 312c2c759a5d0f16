"""Wrote the model files of format 1 that lie beside it, with clearprop 0.1.0. They are never written again: what
counts is that every later version reads these bytes. A new format gets a script and files of its own.

Each comes with a table, and what the model predicted for its rows.
"""

import json
from pathlib import Path

import numpy as np

from clearprop import Adam, Sequential, fit, load_dataset
from clearprop.data import Dataset, Preparation, read_table
from clearprop.formats import SavedModel, save
from clearprop.initializers import VarianceScaling
from clearprop.judge.answers import predictions_for
from clearprop.layers import Activation, BatchNorm, Dense, Dropout, LayerNorm
from clearprop.model import MLP

HERE = Path(__file__).parent

MIXED = "size,colour,garden,sold,price\n" + "".join(
    f"{40 + 7 * i % 90 if i % 9 else ''},{('red', 'blue', 'green', 'red')[i % 4]},{('yes', 'no')[i % 3 % 2]},"
    f"20{10 + i % 5}-0{1 + i % 9}-1{i % 10},{100 + 13 * i % 77}.5\n"
    for i in range(60)
)


def table(data: Dataset, target: str) -> str:
    lines = [",".join((*data.feature_names, target))]
    for row, y in zip(data.X, data.y, strict=True):
        word = data.target_names[int(y)] if data.target_names else repr(float(y))
        lines.append(",".join([*(repr(float(value)) for value in row), word]))
    return "\n".join(lines) + "\n"


def write(name: str, model: Sequential, text: str, target: str, link: str, **options: object) -> None:
    file = HERE / "table.csv"
    file.write_text(text)
    rows = read_table(file)
    plan = Preparation.fit(rows, target, **options)
    data = plan.transform(plan.dataset(rows))
    loss = {"softmax": "crossentropy", "exp": "poisson", "identity": "mse"}[link]
    if link == "exp":
        data = plan.dataset(rows)
        plan = Preparation.from_config({**plan.config(), "target_mean": [0.0], "target_scale": [1.0]})
        data = Dataset(plan.standardise(data.X), data.y)
    fit(model, data, loss, Adam(0.01), epochs=20, batch_size=16, engine="reference")
    answers = predictions_for(SavedModel(model, plan, link), rows)
    save(model, HERE / f"format1-{name}.safetensors", preparation=plan, link=link)
    shown = {"table": text, "predictions": answers.astype(float).tolist()}
    (HERE / f"format1-{name}.json").write_text(json.dumps(shown, separators=(",", ":")) + "\n")
    file.unlink()


def main() -> None:
    iris = load_dataset("iris")
    iris = Dataset(iris.X[::5], iris.y[::5], None, iris.feature_names, iris.target_names)
    write("iris", MLP([4, 8, 3], activation="tanh", seed=1), table(iris, "kind"), "kind", "softmax")
    write("iris-float32", MLP([4, 8, 3], dtype="float32", seed=2), table(iris, "kind"), "kind", "softmax")
    diabetes = load_dataset("diabetes")
    diabetes = Dataset(diabetes.X[::15], diabetes.y[::15], None, diabetes.feature_names)
    normed = [
        Dense(6, init=VarianceScaling(2.0, "in", "uniform"), use_bias=False),
        BatchNorm(momentum=0.8),
        Activation("leaky_relu", slope=0.2),
        Dropout(0.25),
        Dense(5, trainable=("weight",), learning_rate_factor=0.5),
        LayerNorm(),
        Activation("gelu"),
        Dense(1),
    ]
    n_in = diabetes.X.shape[1]
    write("normalised", Sequential(normed, n_in, seed=3), table(diabetes, "progress"), "progress", "identity")
    counts = Dataset(diabetes.X[:, :2], np.round(diabetes.y / 50), None, diabetes.feature_names[:2])
    write("poisson", MLP([2, 4, 1], seed=4), table(counts, "count"), "count", "exp", task="regression")
    mixed = MLP([12, 6, 1], activation="silu", seed=5)
    write("mixed", mixed, MIXED, "price", "identity", dates="expand", missing="median")


if __name__ == "__main__":
    main()
