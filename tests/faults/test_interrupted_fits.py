"""An estimator's `fit` that is interrupted and called again ends with the bits of an undisturbed one."""

import os
import pickle
import random
import signal
from pathlib import Path

import numpy as np
import pytest
from interrupted import POINTS, data, train
from interrupted_fit import FITS, digest, fit
from sklearn.base import clone
from test_kills import ended, started

from clearprop import MLPClassifier, MLPRegressor
from clearprop.errors import CheckpointError, ClearpropWarning, ConfigurationError, OutputError
from clearprop.files.lock import claimed
from clearprop.train import Checkpoint
from fuzz.forged import forged

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
nightly = pytest.mark.nightly
ENGINES = ["native", "reference"]
posix = pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")


@pytest.fixture(scope="module")
def undisturbed():
    """The digest of a fit that writes no checkpoints."""
    found = {}

    def undisturbed(name, engine, max_iter=250):
        key = name, engine, max_iter
        if key not in found:
            found[key] = digest(fit(None, name, engine, max_iter=max_iter))
        return found[key]

    return undisturbed


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("name", FITS)
def test_after_each_step(name, engine, undisturbed, tmp_path, monkeypatch):
    """Ctrl-C after each batch; `fit` takes it as scikit-learn's does."""

    begun, start, watch = [], Checkpoint.start, Checkpoint._watch

    def started(self, training):
        begun.append(training.state.step)
        start(self, training)

    def watched(self, ended):
        if self._training.state.step > begun[-1]:
            self._heard(signal.SIGINT, None)
        watch(self, ended)
        self._training.rest()  # so that a slice is one batch

    monkeypatch.setattr(Checkpoint, "start", started)
    monkeypatch.setattr(Checkpoint, "_watch", watched)
    expected, steps = undisturbed(name, engine, 12), 0
    with pytest.warns(UserWarning, match="Training interrupted by user"):
        while True:
            fitted = fit(tmp_path, name, engine, every="3600s", max_iter=12)
            if fitted._state.step == steps:
                break
            steps += 1
            assert fitted._state.step == steps
    assert digest(fitted) == expected and steps >= 60


@posix
@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(("kills", "seed"), [(4, 0), *(pytest.param(25, seed, marks=nightly) for seed in range(1, 5))])
def test_killed_at_any_moment(engine, kills, seed, undisturbed, tmp_path):
    rng, done, runs, names = random.Random(seed), 0, 0, list(FITS)
    while done < kills:
        name = names[(seed + runs) % len(names)]
        while (result := killed_fit(tmp_path / str(runs), rng.uniform(0.0, 1.0), name=name, engine=engine)) is None:
            done += 1
        assert result == undisturbed(name, engine), f"{name}, run {runs}, after {done} kills"
        runs += 1


def killed_fit(folder, seconds=None, **options):
    """The digest, or None if it was killed, after these seconds at the latest."""
    return ended(started(folder, "interrupted_fit.py", **options), seconds)


@posix
@pytest.mark.parametrize("point", POINTS)
@pytest.mark.parametrize("times", [1, pytest.param(10, marks=nightly)])
def test_killed_within_a_save(point, times, undisturbed, tmp_path):
    rng, names = random.Random(f"{point} {times}"), list(FITS)
    for time_ in range(times):
        number = POINTS.index(point) + time_
        options = {"name": names[number % len(names)], "engine": ENGINES[number % 2], "max_iter": 30}
        folder = tmp_path / str(time_)
        assert killed_fit(folder, point=point, count=rng.randint(1, 25), **options) is None, "nothing was killed"
        assert killed_fit(folder, **options) == undisturbed(**options)


# --- called again -----------------------------------------------------------------------------------------------------

X, Y = data()


def small(folder, **settings):
    settings = {"hidden_layer_sizes": 5, "max_iter": 8, "random_state": 0, "early_stopping": True} | settings
    return MLPClassifier(checkpoint=folder, **settings)


@pytest.mark.parametrize("name", FITS)
def test_a_finished_fit_returns_at_once_and_trains_on_for_more_epochs(name, undisturbed, tmp_path):
    for max_iter in (5, 5, 20, 20):
        assert digest(fit(tmp_path, name, "native", max_iter=max_iter)) == undisturbed(name, "native", max_iter)
    before = {path.name: path.stat().st_mtime_ns for path in tmp_path.glob("step-*")}
    with pytest.raises(CheckpointError, match="has begun 20 epochs, and max_iter is 19; raise it, or start a new fit"):
        fit(tmp_path, name, "native", max_iter=19)
    assert {path.name: path.stat().st_mtime_ns for path in tmp_path.glob("step-*")} == before


def test_what_has_stopped_stays_so(undisturbed, tmp_path):
    once = fit(tmp_path, "early stopping", "native", n_iter_no_change=2)
    again = fit(tmp_path, "early stopping", "native", n_iter_no_change=2, max_iter=1000)
    assert once.n_iter_ < 250 and once.converged_ and digest(again) == digest(once)


class Stopping:
    """A callback of scikit-learn that stops the third epoch it is told of."""

    def __init__(self):
        self.epochs = []

    def setup(self, estimator, context):
        pass

    def teardown(self, estimator, context):
        pass

    def on_fit_task_begin(self, estimator, context):
        pass

    def on_fit_task_end(self, estimator, context):
        self.epochs += [estimator.n_iter_] if context.task_name == "epoch" else []
        return len(self.epochs) == 3


def test_callbacks_are_told_of_the_epochs_that_are_left(tmp_path):
    small(tmp_path, max_iter=4).fit(X, Y)
    callback = Stopping()
    stopped = small(tmp_path, max_iter=20).set_callbacks(callback).fit(X, Y)
    assert callback.epochs == [5, 6, 7] and stopped.n_iter_ == 7
    assert digest(small(tmp_path, max_iter=20).fit(X, Y)) == digest(stopped)
    assert digest(small(None, max_iter=7).fit(X, Y)) == digest(stopped)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"tol": 0.5}, r"its tol is 0.0001, not 0.5; give what that run had, or start a new one in another folder"),
        ({"random_state": 1}, "its random_state is 0, not 1"),
        ({"random_state": None}, "its random_state is 0, not None"),
        ({"early_stopping": False}, "its early_stopping is True, not False"),
        ({"hidden_layer_sizes": (5, 5)}, r"its hidden_layer_sizes is 5, not \[5, 5\]"),
        ({"class_weight": {0: 2.0}}, r"its class_weight is None, not {0: 2.0}"),
        ({"scoring": "f1"}, "its scoring is None, not f1"),
        ({"solver": "sgd"}, "its solver is adam, not sgd"),
    ],
)
def test_other_parameters_are_refused(changes, words, tmp_path):
    small(tmp_path).fit(X, Y)
    with pytest.raises(CheckpointError, match=words):
        small(tmp_path, **changes).fit(X, Y)
    small(tmp_path).fit(X, Y)


def test_other_data_are_refused(tmp_path):
    held = {"X_val": X[:9], "y_val": Y[:9]}
    small(tmp_path).fit(X, Y, **held)
    for rows, others, words in [
        ((X + 0.001, Y), held, "other training rows"),
        ((X, 1 - Y), held, "other training rows"),
        ((X, Y, np.linspace(1, 2, 96)), held, "other training rows"),
        ((X, Y), held | {"y_val": 1 - Y[:9]}, "other validation rows"),
        ((X, Y), {}, "other validation rows"),
    ]:
        with pytest.raises(CheckpointError, match=f"is of another training: {words}; give what that run had"):
            small(tmp_path).fit(*rows, **others)
    small(tmp_path).fit(X, Y, **held)
    with pytest.raises(CheckpointError, match="its estimator is MLPClassifier, not MLPRegressor"):
        MLPRegressor(early_stopping=True, checkpoint=tmp_path).fit(X, X[:, 0])


@pytest.mark.parametrize("random_state", [None, np.random.RandomState(7)])
def test_without_a_seed_of_the_users_it_still_goes_on(random_state, tmp_path):
    half = small(tmp_path, random_state=random_state, max_iter=4).fit(X, Y)
    whole = small(tmp_path, random_state=random_state, max_iter=9).fit(X, Y)
    assert whole.loss_curve_[:4] == half.loss_curve_ and whole.n_iter_ == 9


def test_what_cannot_be_combined(tmp_path):
    for settings, words in [
        ({"warm_start": True}, "checkpoint is for a fit from its start, not for warm_start=True; set checkpoint=None"),
        ({"solver": "lbfgs"}, "L-BFGS cannot go on from a checkpoint to the same bits"),
        ({"checkpoint": 5}, "checkpoint is a folder, a Checkpoint or None, not 5"),
    ]:
        with pytest.raises(ConfigurationError, match=words):
            small(tmp_path).set_params(**settings).fit(X, Y)
    with pytest.raises(ValueError, match="'abc' cannot be used to seed"):
        small(tmp_path, random_state="abc").fit(X, Y)
    with pytest.raises(ConfigurationError, match="not for partial_fit"):
        small(tmp_path, early_stopping=False).partial_fit(X, Y, classes=[0, 1])
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("checkpoint", ["a/folder", Path("a/folder"), Checkpoint("a/folder", every=2)])
def test_copies_have_the_same_folder(checkpoint, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    fitted = small(checkpoint).fit(X, Y)
    for copied in (clone(fitted), pickle.loads(pickle.dumps(fitted))):
        assert repr(copied.get_params()) == repr(fitted.get_params())
        assert digest(copied.fit(X, Y)) == digest(fitted)
    assert len(list((tmp_path / "a" / "folder").iterdir())) == 3


def test_one_fit_at_a_time(tmp_path):
    small(tmp_path, max_iter=3).fit(X, Y)
    with claimed(tmp_path), pytest.raises(OutputError, match="is training here; wait for it, or choose another folder"):
        small(tmp_path).fit(X, Y)
    small(tmp_path).fit(X, Y)


def test_a_damaged_checkpoint(tmp_path):
    expected = digest(small(Checkpoint(tmp_path, every=1)).fit(X, Y))
    newest, _ = sorted(tmp_path.glob("step-*"), reverse=True)
    newest.write_bytes(newest.read_bytes()[:-1])
    with pytest.warns(ClearpropWarning, match="Taken instead: step-"):
        assert digest(small(tmp_path).fit(X, Y)) == expected
    for path in tmp_path.glob("*.safetensors"):
        path.write_bytes(b"")
    with pytest.raises(CheckpointError, match="the checkpoint is damaged"):
        small(tmp_path).fit(X, Y)


@pytest.mark.parametrize(
    ("place", "value", "words"),
    [
        ("settings.seed", -1, "no estimator wrote it"),
        ("settings.seed", None, "no estimator wrote it"),
        ("settings.parameters", [], "no estimator wrote it"),
        ("settings.parameters.tol", "x" * 999, "its tol is x"),
        ("callbacks.0.1.no_improvement", None, "the state of Patience makes no sense"),
        ("callbacks.0.1.best_loss_", [], "the state of Patience makes no sense"),
        ("callbacks.0.1.no_improvement", "many", "the state of Patience makes no sense"),
        ("place.epoch", 3, "the state of Patience makes no sense"),
        ("callbacks.0.0", "os.system", "has the state of the callbacks os.system"),
    ],
)
def test_what_was_forged_is_refused(place, value, words, tmp_path):
    small(tmp_path).fit(X, Y)
    for path in tmp_path.glob("step-*"):
        path.write_bytes(forged(path.read_bytes(), {f"document.{place}": value}))
    with pytest.raises(CheckpointError, match=words) as caught:
        small(tmp_path).fit(X, Y)
    assert len(str(caught.value)) - len(str(tmp_path)) < 700


def test_a_checkpoint_of_another_kind_of_training(tmp_path):
    train(tmp_path, epochs=2)
    with pytest.raises(CheckpointError, match="no estimator wrote it; choose another folder"):
        small(tmp_path).fit(X, Y)
