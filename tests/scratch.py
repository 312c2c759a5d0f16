"""For each row of CONTRIBUTING's table a definition in a file of its own, and how it is used.

Each is a text: written into a file outside the package, imported from there, and used by another text, in a process of
its own, so that nothing stays registered.
"""

USES = '''
import csv
import numpy as np
import onnxruntime
from scratch import *
from clearprop import *
from clearprop.cli.entry import app, main
from clearprop.engine import ENGINES, NativeEngine
from clearprop.explain import explain
from clearprop.formats import numpy_source, onnx, python_source
from clearprop.formats.json_format import from_json, to_json
from clearprop.gradients.check import check_gradients
from clearprop.layers import LAYERS
from clearprop.optim import Adam

rng = np.random.default_rng(0)
X = rng.normal(size=(60, 3))
y = np.exp(0.3 * X[:, :1]) + 0.1 * rng.random((60, 1))
compiles = NativeEngine().unsupported(MLP([3, 1]), LOSSES["mse"](), OPTIMIZERS["sgd"]()) is None

with open("table.csv", "w", newline="") as file:
    csv.writer(file).writerows([["a", "b", "c", "y"], *np.column_stack([X, y]).round(4).tolist()])


def command(*arguments):
    """Runs `clearprop ...`, which must succeed."""
    try:
        main(arguments)
    except SystemExit as end:
        assert end.code == 0, (arguments, end.code)


def train_command(*options):
    """Trains on the command line, predicts and exports with what it wrote."""
    command("train", "table.csv", "--target", "y", "--epochs", "3", "--hidden", "4", "--out", "run", *options)
    command("predict", "run", "table.csv", "--out", "answers.csv")
    command("export", "run", "--to", "onnx", "--out", "network.onnx")
    command("explain", "run", "table.csv", "--row", "2")


def everywhere(make, loss="mse", optimizer="adam", compiled=True):
    """Trained by both engines alike, explained, saved, exported; returns the network."""
    found = []
    for engine in ["reference", "native"] if compiled and compiles else ["reference"]:
        model = make()
        fit(model, Dataset(X, y), loss, optimizer, epochs=3, engine=engine)
        found.append(model.w.copy())
    np.testing.assert_allclose(found[-1], found[0], rtol=1e-9, atol=1e-12)
    link = LOSSES[loss].link if isinstance(loss, str) else loss.link
    assert explain(model, X[0], y[0], loss, optimizer).text()
    expected = predict(model, X, link=link)
    save(model, "model.safetensors", link=link)
    python, numpy = {"__name__": "rebuilt"}, {}
    exec(python_source.to_python(model, link=link), python)
    exec(numpy_source.to_numpy(model, link=link), numpy)
    onnx.to_onnx(model, "model.onnx", link=link)
    run = onnxruntime.InferenceSession("model.onnx").run(None, {"X": X})
    for again in (load("model.safetensors").predict(X), from_json(to_json(model, link=link)).predict(X),
                  python["predict"](X), numpy["predict"](X), run[0]):
        np.testing.assert_allclose(again, expected, rtol=1e-6)
    return model
'''

ROWS: dict[str, tuple[str, str]] = {}
"""The table's first column -> the definition, and its use."""

ROWS["activation"] = (
    '''
import numpy as np
from clearprop.ops import activation

@activation(init="he_normal")
def snake(x):
    """x + sin² x"""
    return x + np.sin(x) ** 2

@snake.defvjp
def _(dy, y, x):
    return dy * (1.0 + 2.0 * np.sin(x) * np.cos(x))
''',
    """
model = everywhere(lambda: MLP([3, 4, 1], "snake"))
assert model.layers[0].init == "he_normal"
command("gradcheck", "snake")
train_command("--activation", "snake")
""",
)

ROWS["other operation"] = (
    '''
import numpy as np
from clearprop.ops import elementwise

@elementwise(2)
def softened(x, scale):
    """x / √(1 + scale² x²)"""
    return x / np.sqrt(1.0 + scale * scale * x * x)

@softened.defvjp
def _(dy, y, x, scale):
    root = np.sqrt(1.0 + scale * scale * x * x)
    return dy / (root * root * root), -dy * scale * x * x * x / (root * root * root)
''',
    """
assert check_gradients(softened).passed
command("gradcheck", "softened")
""",
)

ROWS["loss"] = (
    '''
import numpy as np
from clearprop.losses import LOSSES, Loss

class Cauchy(Loss):
    """log(1 + (y - t)²)"""

    def value(self, t, y):
        return np.log1p(np.square(y - t))

    def gradient(self, t, y):
        return 2.0 * (y - t) / (1.0 + np.square(y - t))

LOSSES.register("cauchy", Cauchy)
''',
    """
everywhere(lambda: MLP([3, 4, 1]), "cauchy")
command("gradcheck", "cauchy")
train_command("--loss", "cauchy")
""",
)

ROWS["link"] = (
    '''
import numpy as np
from clearprop.losses import LOSSES, Loss
from clearprop.ops import activation

@activation()
def squareplus(x):
    """(x + √(x² + 4))/2, above 0"""
    return 0.5 * (x + np.sqrt(x * x + 4.0))

@squareplus.defvjp
def _(dy, y, x):
    return dy * 0.5 * (1.0 + x / np.sqrt(x * x + 4.0))

class LogSquared(Loss):
    """(log p - log t)² with p = squareplus(z)"""

    link = "squareplus"
    target_range = (1e-30, np.inf)

    def value(self, t, y):
        return np.square(np.log(squareplus(y)) - np.log(t))

    def gradient(self, t, y):
        return 2.0 * (np.log(squareplus(y)) - np.log(t)) / np.sqrt(y * y + 4.0)

LOSSES.register("log_squared", LogSquared)
''',
    """
everywhere(lambda: MLP([3, 4, 1], "tanh"), "log_squared")
assert check_gradients(LogSquared(), y, X[:, :1]).passed
""",
)

ROWS["optimiser"] = (
    '''
import numpy as np
from clearprop.optim import OPTIMIZERS, Optimizer

class Normed(Optimizer):
    """v ← 0.9 v + g; w ← w - η v/√(1 + v²)"""

    slots = ("velocity",)

    def __init__(self, learning_rate=0.01):
        super().__init__(learning_rate)

    def rule(self, w, g, v, eta):
        v = 0.9 * v + g
        return w - eta * v / np.sqrt(1.0 + v * v), v

OPTIMIZERS.register("normed", Normed)
''',
    """
everywhere(lambda: MLP([3, 4, 1]), optimizer="normed")
train_command("--optimizer", "normed", "--schedule", "cosine")
""",
)

ROWS["schedule"] = (
    '''
from clearprop.optim import SCHEDULES, Schedule

class Linear(Schedule):
    """η(t) = initial · (1 - (t - 1)/steps), then 0"""

    def __init__(self, initial, steps):
        self.initial, self.steps = initial, steps

    def __call__(self, t):
        return self.initial * max(0.0, 1.0 - (t - 1) / self.steps)

SCHEDULES.register("linear", Linear)
''',
    """
everywhere(lambda: MLP([3, 4, 1]), optimizer=OPTIMIZERS["sgd"](Linear(0.1, 6)))
train_command("--schedule", "linear")
""",
)

ROWS["initialiser"] = (
    """
from clearprop.initializers import INITIALIZERS, Normal

INITIALIZERS.register("tiny", Normal(0.0, 1e-3))
""",
    """
model = everywhere(lambda: MLP([3, 4, 1], init="tiny"))
assert model.config()["layers"][0]["init"] == "tiny"
""",
)

ROWS["layer"] = (
    '''
from clearprop.layers import LAYERS, OpLayer
from clearprop.ops import add

class Shift(OpLayer):
    """y = x + b"""

    initial = {"shift": 0.0}
    trainable = ("shift",)

    def operation(self):
        return add

LAYERS.register("Shift", Shift)
''',
    """
model = everywhere(lambda: Sequential([Shift(), Dense(4), Activation("tanh"), Dense(1)], n_in=3))
assert model.parameters()["0.shift"].any()
command("gradcheck", "Shift")
""",
)

ROWS["its machine code, unless it is an `OpLayer`"] = (
    '''
from clearprop.engine.native.stages import STAGES
from clearprop.layers import LAYERS, Dense

class Linear(Dense):
    """A Dense layer under another name, of which the native engine knows nothing"""

LAYERS.register("Linear", Linear)
STAGES[Linear] = STAGES[Dense]
''',
    """
everywhere(lambda: Sequential([Linear(4), Activation("tanh"), Linear(1)], n_in=3))
command("gradcheck", "Linear")
""",
)

ROWS["metric"] = (
    '''
import numpy as np
from clearprop.metrics import metric

@metric(higher_is_better=True)
def within_a_half(y_true, y_pred):
    """Share of predictions that are off by less than ½"""
    return float(np.mean(np.abs(np.reshape(y_true, y_pred.shape) - y_pred) < 0.5))
''',
    """
history = fit(MLP([3, 4, 1]), Dataset(X, y + 5.0), "mse", Adam(0.1), epochs=30, metrics=["within_a_half"])
assert 0.0 <= history[0]["within_a_half"] < history[-1]["within_a_half"] <= 1.0
stop = EarlyStopping(monitor="within_a_half", patience=1)
assert len(fit(MLP([3, 4, 1]), Dataset(X, y), "mse", epochs=90, metrics=["within_a_half"], callbacks=[stop])) < 90
""",
)

ROWS["built-in data set"] = (
    '''
import numpy as np
from clearprop.data import Dataset
from clearprop.data.sources import source

@source
def parabola(n_samples=80):
    """y = x²"""
    x = np.linspace(-1.0, 1.0, n_samples)[:, None]
    return Dataset(x, x[:, 0] ** 2, name="parabola", feature_names=("x",))
''',
    """
assert len(load_dataset("parabola", n_samples=30)) == 30
command("train", "parabola", "--epochs", "3", "--out", "run")
""",
)

ROWS["engine"] = (
    '''
from clearprop.engine import ENGINES, ReferenceEngine

class Counting(ReferenceEngine):
    """The reference engine, which counts what it compiles"""

    name = "counting"
    compiled = 0

    def compile(self, *of_what):
        Counting.compiled += 1
        return super().compile(*of_what)

ENGINES.register(Counting.name, Counting)
''',
    """
fit(MLP([3, 4, 1]), Dataset(X, y), "mse", epochs=2, engine="counting")
assert Counting.compiled == 1
""",
)

ROWS["callback"] = (
    '''
def losses_seen(epoch, seen=[]):
    """Keeps each epoch's loss"""
    seen.append(epoch["loss"])
    return None
''',
    """
fit(MLP([3, 4, 1]), Dataset(X, y), "mse", epochs=4, callbacks=[losses_seen])
assert len(losses_seen.__defaults__[0]) == 4
""",
)

ROWS["command"] = (
    '''
import typer

def hello(name: str) -> None:
    """Greets."""
    typer.echo(f"Good day, {name}")
''',
    """
app.command()(hello)
command("hello", "Ada")
""",
)

ROWS["kind of column"] = (
    '''
from dataclasses import dataclass
from typing import ClassVar
from clearprop.data.columns import KINDS, Number
from clearprop.formats.column_exports import EXPORTS, NumberExport

@dataclass(frozen=True, slots=True)
class Doubled(Number):
    """A number, twice"""

    kind: ClassVar[str] = "doubled"

    @classmethod
    def read(cls, table, columns, *, fill, unseen):
        for column, values in Number.read(table, columns, fill=fill, unseen=unseen):
            yield column, values if isinstance(values, Exception) else 2.0 * values

class DoubledExport(NumberExport):
    """The same for other programs"""

    def onnx(self, graph, cell):
        return [2.0 * feature for feature in super().onnx(graph, cell)]

    def sklearn(self):
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import MaxAbsScaler

        reader, _ = super().sklearn()
        return make_pipeline(reader, MaxAbsScaler()), [0.0, 0.5]

    def numpy(self, name_of):
        return f"2.0 * {super().numpy(name_of)}"

KINDS["doubled"], EXPORTS[Doubled] = Doubled, DoubledExport
''',
    """
from clearprop.formats.saved import SavedModel
from clearprop.formats.sklearn import to_sklearn

plan = Preparation(columns=(Doubled("a"), Doubled("b")), target="y", mean=(0.1, 0.2), scale=(1.0, 2.0),
                   target_mean=(0.5,), target_scale=(2.0,))
model = MLP([2, 4, 1], "tanh")
expected = 0.5 + 2.0 * predict(model, (2.0 * X[:, :2].round(4) - [0.1, 0.2]) / [1.0, 2.0])[:, 0]
save(model, "model.safetensors", preparation=plan)
saved, table = load("model.safetensors"), read_table("table.csv")
assert isinstance(saved.preparation.columns[0], Doubled)
numpy, columns = {}, {name: X[:, i].round(4) for i, name in enumerate("abc")}
exec(numpy_source.to_numpy(saved), numpy)
onnx.to_onnx(saved, "model.onnx")
run = onnxruntime.InferenceSession("model.onnx").run(None, {name: columns[name][:, None] for name in "ab"})[0]
frame = __import__("pandas").DataFrame(columns)
for found in (saved.predict(table), numpy["predict"](columns)[:, 0], run[:, 0], to_sklearn(saved).predict(frame),
              from_json(to_json(saved)).predict(table)):
    np.testing.assert_allclose(found, expected, rtol=1e-6)
command("predict", "model.safetensors", "table.csv", "--out", "answers.csv")
""",
)
