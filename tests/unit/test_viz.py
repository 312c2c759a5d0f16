"""Pictures: they are written, they show what they claim, and no text is too odd for them."""

import warnings
from dataclasses import replace

import numpy as np
import pytest
from matplotlib import image

from clearprop.calibration import calibration
from clearprop.data import Dataset, load_dataset
from clearprop.errors import ConfigurationError, DataError, OutputError, ShapeError
from clearprop.viz import boundary, confusion, curves, fonts, importance, reliability, residuals
from clearprop.viz.figure import COLOURS

EPOCHS = np.arange(1.0, 31.0)


@pytest.fixture(autouse=True)
def strict():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


def pixels(path):
    return image.imread(path)[:, :, :3]


def columns(**more):
    return {"epoch": EPOCHS, "loss": np.exp(-EPOCHS / 9), "learning_rate": EPOCHS, "seconds": EPOCHS} | more


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
def test_curves(tmp_path, more):
    path = tmp_path / "曲线.png"
    curves(columns(**more), path)
    panels = 1 + any(name in more for name in ("accuracy", "r2"))
    height, width, _ = pixels(path).shape
    assert width == pytest.approx(780 * panels, abs=2) and height == 570


def test_curves_of_one_epoch_and_of_none(tmp_path):
    curves({"loss": np.array([1.0])}, tmp_path / "one.png")
    with pytest.raises(DataError, match="no epochs"):
        curves({"loss": np.array([])}, tmp_path / "none.png")
    with pytest.raises(OutputError, match="its folder does not exist"):
        curves(columns(), tmp_path / "no" / "c.png")


def test_boundary_colours_match_the_classes(tmp_path):
    X = np.array([[x, y] for x in (-1.0, 1.0) for y in (-1.0, -0.5, 0.5, 1.0)])
    data = Dataset(X, (X[:, 0] > 0).astype(int), target_names=("left", "right"))

    def half_planes(points):
        return np.stack([points[:, 0] <= 0, points[:, 0] > 0], axis=1).astype(float)

    path = tmp_path / "b.png"
    boundary(half_planes, data, path)
    drawn = pixels(path)
    rgb = [np.array([int(c[i : i + 2], 16) for i in (1, 3, 5)]) / 255 for c in COLOURS[:2]]
    middle = drawn.shape[0] // 2
    for side, expected in ((0.3, rgb[0]), (0.75, rgb[1])):
        shade = drawn[middle, int(side * drawn.shape[1])]
        np.testing.assert_allclose(shade, 1 + 0.45 * (expected - 1), atol=0.02)


@pytest.mark.parametrize("name", ["moons", "blobs", "regression"])
def test_boundary_of_every_kind(tmp_path, name):
    options = {"n_features": 2, "n_informative": 2} if name == "regression" else {}
    data = load_dataset(name, n_samples=60, **options)

    def answers(X):
        return np.full((len(X), data.n_outputs), 1.0 / data.n_outputs)

    boundary(answers, data, tmp_path / "b.png")
    assert pixels(tmp_path / "b.png").std() > 0.01


def test_boundary_of_one_probability_and_a_constant_feature(tmp_path):
    data = Dataset([[0.0, 1.0], [1.0, 1.0]], [0, 1], target_names=("a", "b"))
    boundary(lambda X: X[:, :1], data, tmp_path / "b.png")


def test_boundary_refuses(tmp_path):
    with pytest.raises(ConfigurationError, match="iris has 4 features; this picture needs exactly 2"):
        boundary(lambda X: X, load_dataset("iris"), tmp_path / "b.png")
    with pytest.raises(ShapeError, match="predict_function gave shape"):
        boundary(lambda X: X[:5], load_dataset("moons"), tmp_path / "b.png")


def test_odd_names(tmp_path):
    data = replace(
        load_dataset("moons", n_samples=50),
        feature_names=("$x_{", "_花瓣 100%"),
        target_names=("猫", "_hidden $\\frac{"),
        name="数据 <b>",
    )
    boundary(lambda X: np.full((len(X), 2), 0.5), data, tmp_path / "b.png")


def test_fonts(monkeypatch):
    monkeypatch.setattr(fonts, "cjk_font", lambda: "Noto Sans CJK SC")
    assert fonts.families(["petal"]) == ["DejaVu Sans"]
    assert fonts.families(["petal", "花"]) == ["DejaVu Sans", "Noto Sans CJK SC"]
    monkeypatch.setattr(fonts, "cjk_font", lambda: None)
    assert fonts.families(["花"]) == ["DejaVu Sans"]


def test_same_picture_same_bytes(tmp_path):
    for name in ("a.png", "b.png"):
        curves(columns(), tmp_path / name)
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


def test_confusion_shades_each_row_by_its_shares(tmp_path):
    """The rare class is as visible as the common one, and a swap is seen off the diagonal."""
    path = tmp_path / "c.png"
    confusion(np.array([[900, 100], [9, 1]]), ("是", "no"), path)
    drawn = pixels(path)

    def blue(text):
        return np.array([int(text[i : i + 2], 16) for i in (1, 3, 5)]) / 255

    for shade, count in ((blue("#1B4477"), 0), (blue("#F3F6FA"), 1)):
        near = np.abs(drawn - (0.9 * shade + 0.1 * blue(COLOURS[0]) if count == 0 else shade)).sum(axis=2) < 0.2
        assert near.any()


@pytest.mark.parametrize("k", [2, 12, 40])
def test_confusion_of_many_classes(tmp_path, k):
    names = [f"class {c} with quite a long name" for c in range(k)]
    confusion(np.eye(k, dtype=int) * 7, names, tmp_path / "c.png")
    assert pixels(tmp_path / "c.png").shape[0] <= 12 * 150


def test_residuals(tmp_path, rng):
    truth = rng.normal(size=6000)
    residuals(truth, truth[:, None] + 0.1, tmp_path / "many.png", target="$销量_{")
    residuals(np.array([1.0]), np.array([1.0]), tmp_path / "one.png")
    with pytest.raises(DataError, match="3 true and 2 predicted values"):
        residuals(np.zeros(3), np.zeros(2), tmp_path / "x.png")


@pytest.mark.parametrize("columns", [1, 3, 50])
def test_importance(tmp_path, columns):
    means = np.linspace(0.3, -0.01, columns)
    importance([f"列 {i} {'x' * 30}" for i in range(columns)], means, np.abs(means) / 9, tmp_path / "i.png", unit="r2")
    assert pixels(tmp_path / "i.png").shape[0] < 8 * 150


def test_reliability(tmp_path, rng):
    sure = rng.uniform(0.5, 1.0, 400)
    found = calibration((rng.random(400) > sure).astype(int), np.stack([sure, 1 - sure], axis=1))
    assert found.error < 0.08 and len(found.bins) == 5
    reliability(found, tmp_path / "r.png")
    reliability(calibration(np.array([0]), np.array([[1.0, 0.0]])), tmp_path / "one.png")


def test_calibration_error_is_the_mean_gap():
    probabilities = np.array([[0.8, 0.2]] * 10)
    found = calibration(np.array([0] * 6 + [1] * 4), probabilities)
    [(low, high, rows, sure, right)] = found.bins
    assert (low, high, rows, right) == (0.8, 0.9, 10, 0.6)
    assert sure == pytest.approx(0.8) and found.error == pytest.approx(0.2)
