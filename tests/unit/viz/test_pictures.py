"""Pictures: they show what they claim, leave the caller's settings alone, and no text is too odd for them."""

import io
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from dataclasses import replace

import matplotlib
import numpy as np
import pytest
from matplotlib import image
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.font_manager import fontManager

from clearprop import viz
from clearprop.data import Dataset, load_dataset
from clearprop.errors import ConfigurationError, DataError, OutputError, ShapeError, UnknownNameError
from clearprop.judge.calibration import calibration
from clearprop.layers import Activation, BatchNorm, Dense, Dropout
from clearprop.losses import LOSSES, BinaryCrossEntropy, CrossEntropy, Huber
from clearprop.model import MLP, Sequential
from clearprop.ops import ACTIVATIONS
from clearprop.train import History
from clearprop.viz.figure import COLOURS, DARK, LIGHT

EPOCHS = np.arange(1.0, 31.0)
SIDE = np.linspace(-2.0, 2.0, 41)

pytestmark = pytest.mark.filterwarnings("error")


@pytest.fixture(autouse=True)
def nothing_global_changes(caplog):
    settings, installed = dict(matplotlib.rcParams), list(fontManager.ttflist)
    yield
    assert dict(matplotlib.rcParams) == settings and fontManager.ttflist == installed
    assert not [record for record in caplog.records if record.name.startswith("matplotlib")]


def columns(**more):
    return {"epoch": EPOCHS, "loss": np.exp(-EPOCHS / 9), "learning_rate": EPOCHS, "seconds": EPOCHS} | more


def bowl(x, y):
    return x * x + 2.0 * y * y


def moons():
    return load_dataset("moons", n_samples=60)


def halves(points):
    """Class 0 where x < 0, the surer the farther."""
    p = 1.0 / (1.0 + np.exp(3.0 * points[:, :1]))
    return np.hstack([p, 1.0 - p])


def drawings():
    """Every kind of picture, as a function of keyword arguments."""
    model = MLP([2, 3, 1], activation="tanh")
    found = calibration(np.array([0, 1, 1]), np.array([[0.9, 0.1], [0.1, 0.9], [0.6, 0.4]]))
    return {
        "scatter": lambda **k: viz.scatter(moons(), **k),
        "curves": lambda **k: viz.curves(columns(accuracy=EPOCHS / 30), **k),
        "boundary": lambda **k: viz.boundary(halves, moons(), **k),
        "network": lambda **k: viz.network(model, **k),
        "histograms": lambda **k: viz.histograms(
            model, np.ones((3, 2)) * [[0.0], [1.0], [2.0]], EPOCHS[:3], "mse", **k
        ),
        "loss_functions": lambda **k: viz.loss_functions(["mse", "huber"], **k),
        "activation_functions": lambda **k: viz.activation_functions(["relu", "softmax"], **k),
        "surface": lambda **k: viz.surface(bowl, SIDE, SIDE, paths=[[(1, 1), (0, 0)]], **k),
        "contour": lambda **k: viz.contour(bowl, SIDE, SIDE, paths=[[(1, 1), (0, 0)]], **k),
        "confusion": lambda **k: viz.confusion([[3, 1], [0, 2]], ("no", "yes"), **k),
        "importance": lambda **k: viz.importance(["a", "b"], [0.2, 0.1], [0.01, 0.02], unit="r2", **k),
        "reliability": lambda **k: viz.reliability(found, **k),
        "residuals": lambda **k: viz.residuals(EPOCHS, EPOCHS + 0.5, **k),
    }


FIGURES = {"curves", "histograms", "activation_functions", "residuals"}
every_picture = pytest.mark.parametrize("name", drawings())


# --- what holds for all -----------------------------------------------------------------------------------------------


@every_picture
def test_every_picture_is_written_and_the_same_again(tmp_path, name):
    written = []
    for ending in ("png", "svg", "svg"):
        viz.save(drawings()[name](), tmp_path / f"a.{ending}")
        written.append((tmp_path / f"a.{ending}").read_bytes())
    assert image.imread(io.BytesIO(written[0]))[:, :, :3].std() > 0.01
    assert ElementTree.fromstring(written[1]).tag.endswith("svg") and b"<dc:date>" not in written[1]
    assert written[1] == written[2]


def test_same_picture_same_bytes(tmp_path):
    for name in ("a.png", "b.png"):
        viz.save(viz.boundary(halves, moons()), tmp_path / name)
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


def test_large_pictures_are_small_svg_files(tmp_path):
    """Where thousands of patches would be written, the file holds an image of them, and texts and lines as such."""
    many = np.linspace(-2.0, 2.0, 201)
    viz.save(viz.surface(bowl, many, many), tmp_path / "a.svg")
    assert (tmp_path / "a.svg").stat().st_size < 500_000 and b"<image" in (tmp_path / "a.svg").read_bytes()


@every_picture
def test_every_picture_is_axes_of_the_caller_or_a_figure(name):
    draw = drawings()[name]
    if name in FIGURES:
        assert isinstance(draw(), Figure)
        return
    assert isinstance(draw(), Axes)
    given = Figure().add_subplot(projection="3d" if name == "surface" else None)
    assert draw(ax=given) is given and given.has_data()


@every_picture
def test_every_picture_in_the_dark(name):
    drawn = drawings()[name](dark=True)
    figure = drawn if name in FIGURES else drawn.figure
    for part in [figure, *figure.axes]:
        if part is figure or part.get_label() != "<colorbar>":
            np.testing.assert_allclose(part.get_facecolor()[:3], to_rgb(DARK.ground))
    title = figure.axes[0].title
    assert to_rgb(title.get_color()) == to_rgb(DARK.ink)


def test_pyplot_is_never_imported(tmp_path):
    code = """
import sys, numpy as np
from clearprop import viz
from clearprop.data import load_dataset
viz.save(viz.surface(lambda x, y: x * y, np.arange(3.0), np.arange(3.0)), sys.argv[1])
viz.boundary(lambda X: X[:, :1] * 0.0, load_dataset("moons", n_samples=9))
print("matplotlib.pyplot" in sys.modules)
"""
    run = [sys.executable, "-c", code, str(tmp_path / "surface.svg")]
    assert subprocess.run(run, capture_output=True, text=True, check=True).stdout == "False\n"


def test_save_refuses(tmp_path):
    picture = viz.curves(columns())
    with pytest.raises(ConfigurationError, match=r"a picture is a \.png or an \.svg file"):
        viz.save(picture, tmp_path / "c.jpg")
    with pytest.raises(OutputError, match="its folder does not exist"):
        viz.save(picture, tmp_path / "no" / "c.png")


def test_save_takes_axes_of_a_part_of_a_figure(tmp_path):
    whole = Figure(layout="constrained")
    left, _ = whole.subfigures(1, 2)
    viz.save(viz.contour(bowl, SIDE, SIDE, ax=left.add_subplot()), tmp_path / "c.png")
    assert image.imread(tmp_path / "c.png").shape[1] == pytest.approx(960, abs=2)


def test_a_notebook_shows_a_figure():
    assert viz.curves(columns())._repr_png_().startswith(b"\x89PNG")
    assert viz.scatter(moons()).figure._repr_png_().startswith(b"\x89PNG")


def test_colours_differ_for_readers_who_do_not_tell_red_from_green():
    """Lightness and the colour-difference ΔE of each pair, as three kinds of colour blindness see them."""
    seen_by = {  # Machado, Oliveira, Fernandes 2009, severity 1, on linear RGB
        "protanopia": [[0.152, 1.053, -0.205], [0.115, 0.786, 0.099], [-0.004, -0.048, 1.052]],
        "deuteranopia": [[0.367, 0.861, -0.228], [0.280, 0.673, 0.047], [-0.012, 0.043, 0.969]],
        "tritanopia": [[1.256, -0.077, -0.179], [-0.078, 0.931, 0.148], [0.005, 0.691, 0.304]],
    }
    to_xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])

    def lab(colour, eye):
        c = np.array(to_rgb(colour))
        linear = np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4)
        x, y, z = np.cbrt(to_xyz @ np.clip(eye @ linear, 0.0, 1.0) / [0.9505, 1.0, 1.089])
        return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])

    for eye in seen_by.values():
        for palette in (LIGHT, DARK):
            seen = [lab(colour, np.array(eye)) for colour in palette.colours]
            apart = [np.linalg.norm(a - b) for i, a in enumerate(seen[:5]) for b in seen[:i]]
            assert min(apart) > 11.0
    assert len(set(COLOURS)) == len(set(DARK.colours)) == 10


# --- data and what was learnt -----------------------------------------------------------------------------------------


def test_scatter_shows_the_chosen_features_in_class_colours():
    iris = load_dataset("iris")
    axes = viz.scatter(iris, features=(3, 1))
    drawn = axes.collections[0]
    order = np.lexsort(drawn.get_offsets().T)
    expected = np.lexsort(iris.X[:, [3, 1]].T)
    np.testing.assert_array_equal(drawn.get_offsets()[order], iris.X[:, [3, 1]][expected])
    colours = {tuple(np.round(c[:3], 6)) for c in drawn.get_facecolors()}
    assert colours == {tuple(np.round(to_rgb(COLOURS[c]), 6)) for c in range(3)}
    assert (axes.get_xlabel(), axes.get_ylabel()) == (iris.feature_names[3], iris.feature_names[1])
    assert [text.get_text() for text in axes.get_legend().get_texts()] == list(iris.target_names)


def test_scatter_of_quantities_has_a_scale():
    data = load_dataset("regression", n_samples=30, n_features=2, n_informative=2)
    axes = viz.scatter(data)
    np.testing.assert_array_equal(axes.collections[0].get_array(), data.y)
    assert len(axes.figure.axes) == 2


def square():
    X = np.array([[x, y] for x in (-1.0, 1.0) for y in (-1.0, -0.5, 0.5, 1.0)])
    return Dataset(X, (X[:, 0] > 0).astype(int), target_names=("left", "right"))


def shade(colour, strength):
    return 1.0 + strength * (np.array(to_rgb(colour)) - 1.0)


@pytest.mark.parametrize("outputs", [2, 1])
def test_boundary_colours_match_the_classes(outputs):
    def half_planes(points):
        right = (points[:, 0] > 0).astype(float)
        return np.stack([1.0 - right, right], axis=1)[:, 2 - outputs :]

    [drawn] = viz.boundary(half_planes, square()).images
    rgb = drawn.to_rgba(drawn.get_array())[:, :, :3]
    np.testing.assert_allclose(rgb[:, 10], np.tile(shade(COLOURS[0], 0.45), (301, 1)), atol=0.01)
    np.testing.assert_allclose(rgb[:, -10], np.tile(shade(COLOURS[1], 0.45), (301, 1)), atol=0.01)


def test_boundary_is_pale_where_the_network_is_unsure_and_flat_for_classes():
    [drawn] = viz.boundary(halves, square()).images
    colours = drawn.to_rgba(np.array([0.0, 0.49, 0.51, 1.0]))[:, :3]
    assert np.all(colours[1] > colours[0]) and np.all(colours[2] > colours[3])
    [flat] = viz.boundary(halves, square(), kind="classes").images
    colours = flat.to_rgba(np.array([0.0, 0.49, 0.51, 1.0]))[:, :3]
    np.testing.assert_allclose(colours, [shade(COLOURS[c], 0.45) for c in (0, 0, 1, 1)], atol=0.003)


def test_boundary_line_is_where_classes_are_equally_likely():
    axes = viz.boundary(halves, square())
    line = np.concatenate([path.vertices for path in axes.collections[0].get_paths()])
    np.testing.assert_allclose(line[:, 0], 0.0, atol=1e-12)


def test_boundary_of_three_classes_mixes_their_colours():
    blobs = load_dataset("blobs", n_samples=60)

    def strips(X):
        third = np.digitize(X[:, 0], np.quantile(blobs.X[:, 0], [1 / 3, 2 / 3]))
        return np.eye(3)[third]

    [drawn] = viz.boundary(strips, blobs, kind="classes").images
    seen = {tuple(c) for c in np.unique(np.round(drawn.get_array(), 6).reshape(-1, 3), axis=0)}
    assert seen == {tuple(np.round(shade(COLOURS[c], 0.45), 6)) for c in range(3)}


def test_boundary_of_many_features_keeps_the_others_at_their_mean():
    iris, asked = load_dataset("iris"), []

    def answers(X):
        asked.append(X)
        return np.full((len(X), 3), 1 / 3)

    axes = viz.boundary(answers, iris, features=(2, 0))
    [X] = asked
    np.testing.assert_allclose(X[:, [1, 3]], np.tile(iris.X[:, [1, 3]].mean(axis=0), (len(X), 1)))
    assert X[:, 2].min() < iris.X[:, 2].min() and X[:, 0].max() > iris.X[:, 0].max()
    assert axes.get_xlabel() == iris.feature_names[2]


def test_boundary_of_quantities_shows_them():
    data = load_dataset("regression", n_samples=30, n_features=2, n_informative=2)
    axes = viz.boundary(lambda X: X[:, :1] + X[:, 1:], data)
    corner = axes.images[0].get_array()[0, 0]
    assert corner == pytest.approx(axes.get_xlim()[0] + axes.get_ylim()[0])


def test_boundary_of_scores_that_do_not_sum_to_one_follows_the_greatest():
    """Two sigmoid outputs, as in post 000: (0.9, 0.8) is class 0, though the second is above a half."""
    [drawn] = viz.boundary(lambda X: np.tile([0.9, 0.8], (len(X), 1)), square()).images
    np.testing.assert_allclose(drawn.get_array(), 0.8 / 1.7)


def test_boundary_of_a_constant_feature():
    viz.boundary(
        lambda X: np.clip(X[:, :1], 0.0, 1.0), Dataset([[0.0, 1.0], [1.0, 1.0]], [0, 1], target_names=("a", "b"))
    )


def test_boundary_refuses():
    iris = load_dataset("iris")
    with pytest.raises(ConfigurationError, match=r"features=\(1, 7\) must be two different columns of iris"):
        viz.boundary(lambda X: X, iris, features=(1, 7))
    with pytest.raises(ConfigurationError, match="has 1 feature; this picture needs 2"):
        viz.scatter(Dataset([[1.0], [2.0]], [0.0, 1.0]))
    with pytest.raises(ShapeError, match="predict_function gave shape"):
        viz.boundary(lambda X: X[:5], moons())
    with pytest.raises(DataError, match="gave -3 where probabilities are expected"):
        viz.boundary(lambda X: np.full((len(X), 2), -3.0), moons())
    with pytest.raises(ConfigurationError, match="kind is 'probability' or 'classes'"):
        viz.boundary(halves, moons(), kind="lines")
    with pytest.raises(ConfigurationError, match="has no classes"):
        viz.boundary(halves, load_dataset("regression", n_samples=9, n_features=2, n_informative=2), kind="classes")


def test_odd_names(tmp_path):
    data = replace(
        load_dataset("moons", n_samples=50),
        feature_names=("$x_{", "_花瓣 100%"),
        target_names=("猫", "_hidden $\\frac{"),
        name="数据 <b>",
    )
    viz.save(viz.boundary(lambda X: np.full((len(X), 2), 0.5), data), tmp_path / "b.png")
    viz.save(viz.confusion(np.eye(2, dtype=int), data.target_names), tmp_path / "c.svg")


# --- learning curves --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"validation_loss": 1 + (EPOCHS - 12) ** 2},
        {"accuracy": EPOCHS / 30, "validation_accuracy": EPOCHS / 40, "validation_loss": EPOCHS + np.nan},
        {"validation_loss": np.where(EPOCHS % 5 == 0, 1.0, np.nan), "r2": -EPOCHS},
    ],
    ids=["loss only", "validation", "metric and NaN", "sparse"],
)
def test_curves_show_the_recorded_numbers(more):
    recorded = columns(**more)
    figure = viz.curves(recorded)
    names = ["loss", *(name for name in ("accuracy", "r2") if name in more)]
    assert [axes.get_title() for axes in figure.axes] == names
    for axes, name in zip(figure.axes, names, strict=True):
        lines = {line.get_label(): line for line in axes.lines}
        np.testing.assert_array_equal(lines["training"].get_ydata(), recorded[name])
        held_out = recorded.get(f"validation_{name}", np.array([np.nan]))
        if np.isfinite(held_out).any():
            np.testing.assert_array_equal(lines["validation"].get_ydata(), held_out[np.isfinite(held_out)])


def test_curves_mark_the_best_epoch():
    [axes] = viz.curves(columns(validation_loss=1 + (EPOCHS - 12) ** 2)).axes
    assert [line.get_label() for line in axes.lines] == ["training", "validation", "best: epoch 12"]


def test_curves_of_a_history_by_steps_and_of_a_wide_range():
    history = History()
    for step in range(1, 5):
        history.append({"epoch": 1, "step": step, "loss": 10.0**-step})
    [axes] = viz.curves(history).axes
    assert axes.get_xlabel() == "step" and axes.get_yscale() == "log"
    np.testing.assert_array_equal(axes.lines[0].get_xdata(), [1, 2, 3, 4])


def test_curves_of_one_epoch_and_of_none():
    [axes] = viz.curves({"loss": np.array([1.0])}).axes
    assert axes.lines[0].get_marker() == "o"
    with pytest.raises(DataError, match="no epochs"):
        viz.curves({"loss": np.array([])})


# --- networks ---------------------------------------------------------------------------------------------------------


def test_network_shows_every_weight_by_sign_and_size():
    model = MLP([2, 3, 1], activation="tanh")
    W = model.parameters()["0.weight"]
    W[...] = [[1.0, -2.0, 0.5], [0.0, 4.0, -1.0]]
    model.parameters()["0.bias"][...] = [0.0, 2.0, -1.0]
    axes = viz.network(model)
    lines = axes.collections[0]
    positive, negative = to_rgb(COLOURS[0]), to_rgb(COLOURS[1])
    expected = [positive if w >= 0 else negative for w in W.ravel()]
    np.testing.assert_allclose(lines.get_colors()[:, :3], expected)
    widths = np.array(lines.get_linewidths())
    np.testing.assert_allclose(widths, 0.3 + 3.2 * np.abs(W.ravel()) / 4.0)
    texts = [text.get_text() for text in axes.texts]
    assert {"1", "−2", "0.5", "0", "4", "−1"} <= set(texts) and texts[-3:] == ["inputs", "Dense(3)\ntanh", "Dense(1)"]
    [hidden] = [c for c in axes.collections if len(c.get_offsets()) == 3]
    np.testing.assert_allclose(hidden.get_facecolors()[0, :3], 1.0)
    np.testing.assert_allclose(hidden.get_facecolors()[1, :3], shade(COLOURS[0], 0.85))
    np.testing.assert_allclose(hidden.get_facecolors()[2, :3], shade(COLOURS[1], 0.425))
    assert axes.get_title() == "2-3-1: 13 parameters"


def test_network_folds_wide_layers():
    model = MLP([2, 11, 10, 2], normalization="batch", dropout=0.5)
    axes = viz.network(model)
    assert [len(c.get_segments()) for c in axes.collections if hasattr(c, "get_segments")] == [18, 90, 20]
    texts = [text.get_text() for text in axes.texts]
    assert texts[0] == "⋮\n2 more" and "Dense(11)\nBatchNorm\nrelu\nDropout" in texts
    viz.network(Sequential([BatchNorm(), Dense(2, use_bias=False)], n_in=3))
    with pytest.raises(ConfigurationError, match="no parameters yet"):
        viz.network(Sequential([Dense(2)]))


def test_histograms_count_activations_and_gradients():
    """The counts are those of the activations and of ∂L/∂z, found here by the tape."""
    from clearprop.tape import GradientTape

    rng = np.random.default_rng(3)
    model = Sequential([Dense(5), Activation("tanh"), Dropout(0.5), Dense(3)], n_in=4)
    X, y = rng.normal(size=(20, 4)), rng.integers(0, 3, 20)
    figure = viz.histograms(model, X, y, "crossentropy")
    W, b, V, c = (model.parameters()[name] for name in ("0.weight", "0.bias", "3.weight", "3.bias"))
    with GradientTape() as tape:
        z = tape.watch(X @ W + b)
        a = ACTIVATIONS["tanh"](z)
        out = a @ V + c
        loss = CrossEntropy()(y, out)
    dz, dout = tape.gradient(loss, [z, out])
    expected = [np.tanh(X @ W + b), np.tanh(X @ W + b) @ V + c, dz, dout]
    for axes, values in zip(figure.axes, expected, strict=True):
        counts = [patch.get_height() for patch in axes.patches]
        np.testing.assert_array_equal(counts, np.histogram(np.asarray(values), bins=40)[0])


def test_histograms_refuse():
    model = MLP([2, 1])
    with pytest.raises(ShapeError, match="expects an array of shape"):
        viz.histograms(model, np.ones((3, 4)), np.ones(3), "mse")
    with pytest.raises(UnknownNameError):
        viz.histograms(model, np.ones((3, 2)), np.ones(3), "mze")


# --- functions --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", list(LOSSES))
def test_loss_functions_are_the_librarys_own(name):
    """The curves are what `forward` and `backward` of the loss give, one prediction at a time."""
    loss = LOSSES[name](reduction="sum")
    axes = viz.loss_functions({name: loss})
    value, slope = axes.lines[:2]
    for k in (0, 250, 300, 420):
        x = float(value.get_xdata()[k])
        if name == "crossentropy":
            y, t = np.array([[x, 0.0]]), np.array([[1.0, 0.0]])
        else:
            y, t = np.array([[x]]), np.array([[0.0 if axes.get_xlabel() == "error y − t" else 1.0]])
        L, cache = loss.forward(t, y)
        assert value.get_ydata()[k] == pytest.approx(float(L))
        assert slope.get_ydata()[k] == pytest.approx(float(loss.backward(cache)[0, 0]))


def test_loss_functions_of_probabilities_names_and_functions():
    axes = viz.loss_functions([BinaryCrossEntropy(from_logits=False), CrossEntropy(from_logits=False)])
    for value in axes.lines[0], axes.lines[2]:
        np.testing.assert_allclose(value.get_ydata(), -np.log(value.get_xdata()))
    assert axes.get_xlabel() == "probability p of the true class"
    zero_one = {"0-1": lambda x: np.where(x > 0.5, 0.0, 1.0), "huber": Huber(2.0)}
    axes = viz.loss_functions(zero_one, span=(0.0, 1.0))
    assert axes.get_legend_handles_labels()[1] == ["0-1", "huber", "huber, derivative"]
    assert axes.lines[0].get_ydata()[0] == 1.0 and axes.lines[0].get_ydata()[-1] == 0.0
    with pytest.raises(UnknownNameError):
        viz.loss_functions(["mze"])


@pytest.mark.parametrize("name", list(ACTIVATIONS))
def test_activation_functions_are_the_librarys_own(name):
    [axes] = viz.activation_functions([name]).axes
    op = ACTIVATIONS[name]
    value, slope = axes.lines[:2]
    x = value.get_xdata()
    inputs = np.stack([x, 0.0 * x], axis=1) if op.kind == "row" else x[:, None]
    y = op.forward(inputs)
    dy = np.zeros_like(y)
    dy[:, 0] = 1.0
    np.testing.assert_array_equal(value.get_ydata(), y[:, 0])
    drawn, expected = slope.get_ydata(), np.array(op.vjp(dy, y, inputs))[:, 0]
    np.testing.assert_array_equal(drawn[np.isfinite(drawn)], expected[np.isfinite(drawn)])
    kinks = [kink for kink in op.kinks if abs(kink) < 4]
    assert np.count_nonzero(np.isnan(drawn)) == len(kinks)
    if kinks:
        np.testing.assert_array_equal(axes.lines[2].get_xdata(), kinks)
        at_kinks = np.array(kinks)[:, None]
        shown = op.vjp(np.ones_like(at_kinks), op.forward(at_kinks), at_kinks)[:, 0]
        np.testing.assert_array_equal(axes.lines[2].get_ydata(), shown)


def test_activation_functions_of_all_and_of_a_parameter():
    assert len(viz.activation_functions().axes) == len(ACTIVATIONS)
    [axes] = viz.activation_functions([ACTIVATIONS["leaky_relu"].bind(slope=0.2)]).axes
    assert axes.get_title() == "leaky_relu(slope=0.2)" and axes.lines[1].get_ydata()[0] == 0.2
    with pytest.raises(UnknownNameError):
        viz.activation_functions(["rely"])


def test_surface_and_contour_show_the_paths():
    path = np.array([(1.0, 1.0), (0.5, 0.25), (0.0, 0.0)])
    space = viz.surface(bowl, SIDE, SIDE, paths=[path, path[:1]])
    x, y, z = space.lines[0].get_data_3d()
    np.testing.assert_array_equal(np.stack([x, y], axis=1), path)
    np.testing.assert_array_equal(z, bowl(*path.T))
    plan = viz.contour(bowl, SIDE, SIDE, paths=[path, path[:1]])
    np.testing.assert_array_equal(plan.lines[0].get_xydata(), path)
    assert plan.get_xlim() == (-2.0, 2.0)


def test_contour_bands_cover_equal_shares():
    axes = viz.contour(bowl, SIDE, SIDE)
    levels = axes.collections[0].levels
    shares = np.histogram(bowl(*np.meshgrid(SIDE, SIDE)), bins=levels)[0] / SIDE.size**2
    assert shares.max() < 0.07 and shares.sum() == 1.0
    viz.contour(lambda x, y: 0.0 * x, SIDE, SIDE)


def test_surface_and_contour_refuse():
    with pytest.raises(ShapeError, match="it must keep the shape"):
        viz.contour(lambda x, y: 1.0, SIDE, SIDE)
    with pytest.raises(ShapeError, match=r"a path has shape \(3,\)"):
        viz.surface(bowl, SIDE, SIDE, paths=[[1, 2, 3]])
    with pytest.raises(ConfigurationError, match="projection='3d'"):
        viz.surface(bowl, SIDE, SIDE, ax=Figure().add_subplot())


# --- judgement --------------------------------------------------------------------------------------------------------


def test_confusion_shades_each_row_by_its_shares():
    """The rare class is as visible as the common one, and a swap is seen off the diagonal."""
    axes = viz.confusion(np.array([[900, 100], [9, 1]]), ("是", "no"))
    np.testing.assert_allclose(axes.images[0].get_array(), [[0.9, 0.1], [0.9, 0.1]])
    assert [text.get_text() for text in axes.texts] == ["900", "100", "9", "1"]
    assert [text.get_text() for text in axes.get_yticklabels()] == ["是", "no"]
    assert axes.get_title() == "901 of 1,010 right"


@pytest.mark.parametrize("k", [2, 12, 40])
def test_confusion_of_many_classes(tmp_path, k):
    names = [f"class {c} with quite a long name" for c in range(k)]
    viz.save(viz.confusion(np.eye(k, dtype=int) * 7, names), tmp_path / "c.png")
    assert image.imread(tmp_path / "c.png").shape[0] <= 12 * 150


def test_residuals_are_drawn_for_at_most_5000_rows(rng):
    truth = rng.normal(size=6000)
    left, right = viz.residuals(truth, truth[:, None] + 0.1, target="$销量_{").axes
    assert len(left.collections[0].get_offsets()) == 5000
    np.testing.assert_allclose(right.collections[0].get_offsets()[:, 1], 0.1)
    viz.residuals(np.array([1.0]), np.array([1.0]))
    with pytest.raises(DataError, match="3 true and 2 predicted values"):
        viz.residuals(np.zeros(3), np.zeros(2))


@pytest.mark.parametrize("n", [1, 3, 50])
def test_importance_draws_at_most_20_columns_in_a_picture_of_finite_height(tmp_path, n):
    means = np.linspace(0.3, -0.01, n)
    axes = viz.importance([f"列 {i} {'x' * 30}" for i in range(n)], means, np.abs(means) / 9, unit="r2")
    np.testing.assert_allclose([bar.get_width() for bar in axes.patches], means[:20])
    viz.save(axes, tmp_path / "i.png")
    assert image.imread(tmp_path / "i.png").shape[0] < 8 * 150


def test_reliability_draws_the_bins_of_the_calibration(rng):
    sure = rng.uniform(0.5, 1.0, 400)
    found = calibration((rng.random(400) > sure).astype(int), np.stack([sure, 1 - sure], axis=1))
    assert found.error < 0.08 and len(found.bins) == 5
    axes = viz.reliability(found)
    expected = [(confidence, accuracy) for *_, confidence, accuracy in found.bins]
    np.testing.assert_allclose(axes.collections[1].get_offsets(), expected)
    viz.reliability(calibration(np.array([0]), np.array([[1.0, 0.0]])))


def test_calibration_error_is_the_mean_gap():
    probabilities = np.array([[0.8, 0.2]] * 10)
    found = calibration(np.array([0] * 6 + [1] * 4), probabilities)
    [(low, high, rows, sure, right)] = found.bins
    assert (low, high, rows, right) == (0.8, 0.9, 10, 0.6)
    assert sure == pytest.approx(0.8) and found.error == pytest.approx(0.2)
