"""Checkpoints: what is kept, what is refused, and that reading one gives back what was written."""

import json
import os
import shutil
import threading
import warnings
from types import SimpleNamespace

import numpy as np
import pytest

from clearprop import MLP, SGD, Adam, Cosine, CSVLog, EarlyStopping, NAdam, fit, train
from clearprop.data import Dataset
from clearprop.errors import CheckpointError, ClearpropWarning, ConfigurationError, OutputError
from clearprop.files.container import opened, sealed
from clearprop.optim import LBFGS
from clearprop.train import Checkpoint, job, load_checkpoint
from clearprop.train import checkpoint as module
from clearprop.train.checkpoint import CHECKPOINT
from clearprop.train.saved import describe_order, fingerprint

RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 2))
Y = (X[:, 0] > X[:, 1]).astype(int)
OTHER = X + 0.1, Y


def run(folder, *callbacks, model=None, data=(X, Y), optimizer=None, every=1, epochs=6, settings=None, **options):
    model = model or MLP([2, 5, 2], "tanh", seed=1)
    options = {"batch_size": 16, "validation": OTHER, "metrics": ["accuracy"], "engine": "native"} | options
    callbacks = [*callbacks, Checkpoint(folder, every, settings)]
    history = fit(model, data, "crossentropy", optimizer or Adam(), epochs=epochs, callbacks=callbacks, **options)
    return model, history


def untimed(history):
    return [{k: v for k, v in row.items() if k not in ("seconds", "rows_per_second")} for row in history]


def names(folder):
    return sorted(path.name for path in folder.iterdir())


class Stop:
    """Fails at an epoch, as a machine may."""

    def __init__(self, epoch):
        self.epoch = epoch

    def __call__(self, epoch):
        if epoch.number == self.epoch:
            raise ZeroDivisionError


def broken_off(folder, at, *callbacks, **options):
    with pytest.raises(ZeroDivisionError):
        run(folder, Stop(at), *callbacks, **options)
    return load_checkpoint(folder)


# --- what is kept -----------------------------------------------------------------------------------------------------


def test_checkpoints_change_nothing(tmp_path):
    model, history = run(tmp_path)
    plain = MLP([2, 5, 2], "tanh", seed=1)
    options = {"batch_size": 16, "validation": OTHER, "metrics": ["accuracy"], "engine": "native"}
    expected = fit(plain, (X, Y), "crossentropy", Adam(), epochs=6, **options)
    assert model.w.tobytes() == plain.w.tobytes() and untimed(history) == untimed(expected)


def test_the_two_newest_and_the_best_are_kept(tmp_path):
    for epochs in (1, 2, 6):
        run(tmp_path / str(epochs), epochs=epochs)
    assert names(tmp_path / "1") == [
        "best.safetensors",
        "step-000000000000.safetensors",
        "step-000000000004.safetensors",
    ]
    assert names(tmp_path / "6")[1:] == ["step-000000000020.safetensors", "step-000000000024.safetensors"]


def test_what_a_killed_save_has_not_removed_is_removed_later(tmp_path):
    saved = broken_off(tmp_path, 4)
    older = tmp_path / "step-000000000004.safetensors"
    older.write_bytes(b"")
    with pytest.raises(ZeroDivisionError):  # before anything is saved
        run(tmp_path, Stop(4), every=9, resume=saved)
    assert names(tmp_path)[1:] == ["step-000000000008.safetensors", "step-000000000012.safetensors"]


def test_the_best_has_the_weights_of_the_lowest_validation_loss(tmp_path):
    # learning makes it worse
    model, weights = MLP([2, 5, 2], "tanh", seed=1), []
    options = {"optimizer": SGD(2.0), "epochs": 20, "validation": (X, 1 - Y)}
    _, history = run(tmp_path, lambda epoch: weights.append(model.w.tobytes()), model=model, **options)
    best = load_checkpoint(tmp_path / "best.safetensors")
    lowest = int(np.argmin(history["validation_loss"]))
    assert lowest < 19 and best.state.w.tobytes() == weights[lowest] and best.state.epoch == lowest + 2


@pytest.mark.parametrize(
    ("every", "steps"), [(1, [0, 4, 8, 12, 16, 20, 24]), ("2", [0, 8, 16, 24]), ("3600s", [0, 24]), ("0s", None)]
)
def test_how_often(every, steps, tmp_path, monkeypatch):
    written = []
    original = Checkpoint._save
    monkeypatch.setattr(Checkpoint, "_save", lambda self, t: (written.append(t.state.step), original(self, t)))
    run(tmp_path, every=every)
    assert written == steps if steps else set(written) == {0, 4, 8, 12, 16, 20, 24}


@pytest.mark.parametrize("every", [0, -1, True, "s", "-1s", "nans", "5 minutes", 1.5, "infs"])
def test_an_interval_that_is_none(every):
    with pytest.raises(ConfigurationError, match="every is a number of epochs, 1 or more, or of seconds as in '30s'"):
        Checkpoint("x", every)


def test_orphans_are_removed_and_other_files_stay(tmp_path):
    for name in (".0123456789abcdef.tmp", ".notes.tmp", "notes.txt"):
        (tmp_path / name).write_text("x")
    run(tmp_path)
    assert names(tmp_path)[:3] == [".notes.tmp", "best.safetensors", "notes.txt"] and len(names(tmp_path)) == 5


def test_within_long_epochs(tmp_path, monkeypatch):
    """By seconds, in the middle of an epoch too: here each slice is a batch that takes a second."""
    clock, places = iter(range(10**6)), []
    monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: next(clock)))
    original = Checkpoint._watch

    def watch(self, ended):
        original(self, ended)
        self._training.rest()

    save = Checkpoint._save
    monkeypatch.setattr(Checkpoint, "_watch", watch)
    monkeypatch.setattr(Checkpoint, "_save", lambda self, t: (places.append(t.place), save(self, t)))
    expected, _ = run(tmp_path / "a", every="3s", epochs=3)
    assert any(position for _, position in places) and any(not position for _, position in places[1:])
    saved = load_checkpoint(sorted((tmp_path / "a").glob("step-*"))[0])
    monkeypatch.undo()
    assert saved.state.position
    shutil.copytree(tmp_path / "a", tmp_path / "b")
    resumed, _ = run(
        tmp_path / "b", epochs=3, every="3s", resume=load_checkpoint(tmp_path / "b" / os.path.basename(saved.path))
    )
    assert resumed.w.tobytes() == expected.w.tobytes()


# --- going on ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("engine", ["native", "reference"])
def test_history_and_early_stopping_go_on(engine, tmp_path):
    def stopping():
        return EarlyStopping("validation_accuracy", patience=5)

    options = {"epochs": 40, "optimizer": NAdam(Cosine(0.02, 160)), "engine": engine, "validation": (X, 1 - Y)}
    expected, history = run(tmp_path / "whole", stopping(), **options)
    assert len(history) < 40
    for at in (1, 2, len(history)):
        folder, again = tmp_path / str(at), stopping()
        saved = broken_off(folder, at, stopping(), **options)
        assert len(saved.history) == at - 1
        model, resumed = run(folder, again, resume=saved, **options)
        assert model.w.tobytes() == expected.w.tobytes() and untimed(resumed) == untimed(history)
        assert resumed.stopped_by == history.stopped_by and all(type(row["epoch"]) is int for row in resumed)


def test_a_finished_run_can_be_continued(tmp_path):
    expected, history = run(tmp_path / "whole", epochs=9)
    run(tmp_path / "run", epochs=5)
    model, resumed = run(tmp_path / "run", epochs=9, resume=load_checkpoint(tmp_path / "run"))
    assert model.w.tobytes() == expected.w.tobytes() and untimed(resumed) == untimed(history)
    model, resumed = run(tmp_path / "run", epochs=9, resume=load_checkpoint(tmp_path / "run"))  # nothing is left to do
    assert model.w.tobytes() == expected.w.tobytes() and untimed(resumed) == untimed(history)


def test_a_log_has_the_epochs_before_too(tmp_path):
    saved = broken_off(tmp_path / "run", 4, CSVLog(tmp_path / "log.csv"))
    _, history = run(tmp_path / "run", CSVLog(tmp_path / "log.csv"), resume=saved)
    assert (tmp_path / "log.csv").read_text() == history.to_csv()


def test_train_resumes_it_too(tmp_path):
    expected, _ = run(tmp_path / "whole")
    saved = broken_off(tmp_path / "run", 4)
    model = MLP([2, 5, 2], "tanh", seed=1)
    options = {"batch_size": 16, "validation": OTHER, "metrics": ["accuracy"], "engine": "native"}
    numbers = [
        epoch.number for epoch in train(model, (X, Y), "crossentropy", Adam(), epochs=6, resume=saved, **options)
    ]
    assert numbers == [4, 5, 6] and model.w.tobytes() == expected.w.tobytes()


def test_l_bfgs_goes_on_and_says_what_it_forgets(tmp_path):
    saved = broken_off(tmp_path, 4, optimizer=LBFGS())
    with pytest.warns(ClearpropWarning, match="without the curvature it had seen"):
        _, history = run(tmp_path, optimizer=LBFGS(), resume=saved)
    assert [row["epoch"] for row in history] == [1, 2, 3, 4, 5, 6]
    assert history[5]["loss"] < history[2]["loss"]


def test_another_engine_goes_on_with_a_warning(tmp_path):
    expected, _ = run(tmp_path / "whole", engine="reference")
    saved = broken_off(tmp_path / "run", 4, engine="native")
    with pytest.warns(ClearpropWarning, match="is of the engine native, and reference goes on: .* not to the bit"):
        model, _ = run(tmp_path / "run", engine="reference", resume=saved)
    np.testing.assert_allclose(model.w, expected.w, rtol=1e-9)


def test_in_another_thread_signals_are_left_alone(tmp_path):
    thread = threading.Thread(target=run, args=(tmp_path,))
    thread.start()
    thread.join()
    assert load_checkpoint(tmp_path).state.step == 24


def test_infinite_numbers_in_the_history(tmp_path):
    class Spoil:
        def __call__(self, epoch):
            epoch.record["validation_loss"] = np.inf

    run(tmp_path, Spoil(), epochs=2)
    assert not (tmp_path / "best.safetensors").exists()

    def infinite(data):
        return {**data, "validation_loss": np.inf, "validation_accuracy": -np.inf}

    saved = load_checkpoint(tmp_path)
    training = train(MLP([2, 5, 2], "tanh", seed=1), (X, Y), "crossentropy", epochs=1)
    training.history.rows.extend([infinite(row) for row in saved.history])
    checkpoint = Checkpoint(tmp_path / "two")
    checkpoint.start(training)
    list(training)
    checkpoint.finish(training, training.history)
    assert load_checkpoint(tmp_path / "two").history.rows == training.history.rows


def test_a_memory_that_is_not_finite_is_not_saved(tmp_path):
    class Spoil:
        def __call__(self, epoch):
            training._course.state.slots[1, 0] = np.inf

    checkpoint = Checkpoint(tmp_path, every=1)
    training = train(MLP([2, 5, 2], "tanh", seed=1), (X, Y), "crossentropy", Adam(), epochs=3)
    checkpoint.start(training)
    with pytest.warns(ClearpropWarning, match="step .* is not saved: the optimizer's memory is no longer finite"):
        for epoch in training:
            checkpoint(epoch)
            Spoil()(epoch)
    checkpoint.finish(training, training.history)
    assert load_checkpoint(tmp_path).state.step == 0


# --- what is refused --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"model": MLP([2, 6, 2], "tanh", seed=1)}, r"model is MLP\(\[2, 5, 2\].*, not MLP\(\[2, 6, 2\]"),
        ({"optimizer": SGD()}, r"optimizer is Adam\(\), not SGD\(\)"),
        ({"optimizer": Adam(0.5)}, r"optimizer is Adam\(\), not Adam\(learning_rate=0.5\)"),
        ({"batch_size": 8}, "batch_size is 16, not 8"),
        ({"order": "bootstrap"}, "order is shuffled, not bootstrap"),
        ({"order": np.arange(60)}, "order is shuffled, not row numbers"),
        ({"data": (X + 1e-12, Y)}, "other training rows;"),
        ({"data": (X, 1 - Y)}, "other training rows;"),
        ({"data": (X, Y, np.ones(60))}, "other training rows;"),
        ({"validation": (X, Y)}, "other validation rows;"),
        ({"validation": None}, "other validation rows;"),
        ({"l2": 0.1}, "gradient is"),
        ({"metrics": []}, r"metrics is \['accuracy'\], not \[\]"),
        ({"record": "step"}, "record is epoch, not step"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else None,
)
def test_another_training_is_refused(changed, message, tmp_path):
    saved = broken_off(tmp_path, 3)
    with pytest.raises(CheckpointError, match=f"is of another training: (its )?{message}"):
        run(tmp_path, resume=saved, **changed)


def test_other_callbacks_are_refused(tmp_path):
    saved = broken_off(tmp_path, 3, EarlyStopping())
    with pytest.raises(CheckpointError, match="of the callbacks EarlyStopping, Checkpoint, and given are Checkpoint;"):
        run(tmp_path, resume=saved)
    with pytest.raises(CheckpointError, match=r"EarlyStopping had patience=20 .* and now has 3; give what it had"):
        run(tmp_path, EarlyStopping(patience=3), resume=saved)


def test_a_new_training_leaves_old_checkpoints_alone(tmp_path):
    run(tmp_path / "one")
    run(tmp_path / "two", epochs=2)
    before = names(tmp_path / "one")
    for options in ({}, {"resume": load_checkpoint(tmp_path / "two")}):
        with pytest.raises(OutputError, match="there are checkpoints of another training; resume it with fit"):
            run(tmp_path / "one", **options)
    assert names(tmp_path / "one") == before


def test_a_file_in_the_way(tmp_path):
    (tmp_path / "run").write_text("x")
    with pytest.raises(OutputError, match="run: cannot be written: something of that name exists"):
        run(tmp_path / "run")


# --- reading ----------------------------------------------------------------------------------------------------------


def test_what_is_read_is_what_was_written(tmp_path):
    settings = {"why": "because", "numbers": [1, 2.5, None]}
    stopping = EarlyStopping()
    model, history = run(tmp_path, stopping, settings=settings, optimizer=NAdam(Cosine(0.1, 24)))
    saved = load_checkpoint(tmp_path)
    assert saved.settings == settings and saved.history.rows == history.rows
    assert (saved.state.step, saved.state.epoch, saved.state.position, saved.state.seed) == (24, 7, 0, 0)
    assert len(saved.state.carry) == 1 and saved.path == str(tmp_path / "step-000000000024.safetensors")
    (name, state), _ = saved.callbacks
    assert name == "EarlyStopping" and state["best_epoch"] == stopping.best_epoch
    assert state["w"].tobytes() == model.w.tobytes()


def test_a_damaged_newest_gives_way_to_the_one_before(tmp_path):
    run(tmp_path)
    newest = tmp_path / "step-000000000024.safetensors"
    content = bytearray(newest.read_bytes())
    content[-100] ^= 1
    newest.write_bytes(content)
    with pytest.warns(
        ClearpropWarning, match=r"24.safetensors: the checkpoint is damaged: .* Taken instead: step-0+20"
    ):
        saved = load_checkpoint(tmp_path)
    assert saved.state.step == 20
    with pytest.raises(CheckpointError, match=r"24.safetensors: the checkpoint is damaged"):
        load_checkpoint(tmp_path, strict=True)
    model, _ = run(tmp_path, resume=saved)
    assert load_checkpoint(tmp_path, strict=True).state.w.tobytes() == model.w.tobytes()
    for path in tmp_path.glob("step-*"):
        path.write_bytes(b"")
    with pytest.warns(ClearpropWarning, match="Taken instead: best"):
        load_checkpoint(tmp_path)
    (tmp_path / "best.safetensors").unlink()
    with pytest.raises(CheckpointError, match=r"24.safetensors: .* ends after 0 bytes"):
        load_checkpoint(tmp_path)


def test_nothing_there(tmp_path):
    with pytest.raises(CheckpointError, match="there is no checkpoint in this folder"):
        load_checkpoint(tmp_path)
    with pytest.raises(CheckpointError, match="there is no such checkpoint"):
        load_checkpoint(tmp_path / "nowhere")


def resealed(folder, change):
    """The newest checkpoint with something else in it, and a right digest."""
    run(folder, EarlyStopping(), epochs=2)
    path = folder / "step-000000000008.safetensors"
    document, tensors = opened(path, CHECKPOINT)
    document = json.loads(json.dumps(document))
    change(document, tensors)
    path.write_bytes(sealed(CHECKPOINT, document, tensors))
    return path


CRAFTED = {
    "a negative step": lambda d, t: d["place"].update(step=-1),
    "a step that is text": lambda d, t: d["place"].update(step="8"),
    "a step that is true": lambda d, t: d["place"].update(step=True),
    "epoch 0": lambda d, t: d["place"].update(epoch=0),
    "more batches than steps": lambda d, t: d["place"].update(position=9),
    "a seed too large": lambda d, t: d["place"].update(seed=2**64),
    "no seed": lambda d, t: d["place"].pop("seed"),
    "one more place": lambda d, t: d["place"].update(else_=1),
    "no weights": lambda d, t: t.pop("w"),
    "weights in a table": lambda d, t: t.update(w=t["w"][None]),
    "whole weights": lambda d, t: t.update(w=np.ones(27, np.int64)),
    "slots of another type": lambda d, t: t.update(slots=t["slots"].astype(np.float32)),
    "slots in a row": lambda d, t: t.update(slots=t["slots"].ravel()),
    "two totals": lambda d, t: t.update(totals=np.zeros(2)),
    "carry in a table": lambda d, t: t.update(carry=np.zeros((1, 1))),
    "a narrow history": lambda d, t: t.update(history=t["history"][:, 1:]),
    "a history of floats": lambda d, t: t.update(history=t["history"].astype(np.float64)),
    "a column without a type": lambda d, t: d["history"].__setitem__(0, ["epoch"]),
    "a column that is a number": lambda d, t: d["history"].__setitem__(0, [1, True]),
    "best weights of another shape": lambda d, t: t.update(callback0_w=t["callback0_w"][1:]),
    "weights of no callback": lambda d, t: t.update(callback7_w=t["w"]),
    "a callback without a state": lambda d, t: d["callbacks"].__setitem__(0, ["EarlyStopping"]),
    "callbacks that are text": lambda d, t: d.update(callbacks="EarlyStopping"),
    "a configuration that is a list": lambda d, t: d.update(configuration=[]),
    "settings that are text": lambda d, t: d.update(settings="x"),
}


@pytest.mark.parametrize("change", CRAFTED.values(), ids=CRAFTED)
def test_a_crafted_file_is_refused_when_read(change, tmp_path):
    path = resealed(tmp_path, change)
    with pytest.raises(CheckpointError, match="the checkpoint is damaged: ") as error:
        load_checkpoint(path)
    assert error.value.__suppress_context__ and error.value.exit_code == 4


CRAFTED_TO_RESUME = {
    "best that is text": lambda d, t: d["callbacks"][0][1].update(best="good"),
    "best that is a number": lambda d, t: d["callbacks"][0][1].update(best=1),
    "no best epoch": lambda d, t: d["callbacks"][0][1].pop("best_epoch"),
    "no patience": lambda d, t: d["callbacks"][0][1].pop("patience"),
    "no configuration": lambda d, t: d.update(configuration={}),
    "fewer weights": lambda d, t: t.update(w=t["w"][1:], callback0_w=t["w"][1:]),
    "fewer slots": lambda d, t: t.update(slots=t["slots"][1:]),
    "a carry too many": lambda d, t: t.update(carry=np.ones(1)),
    "more batches than there are": lambda d, t: d["place"].update(position=5, epoch=2),
}


@pytest.mark.parametrize("change", CRAFTED_TO_RESUME.values(), ids=CRAFTED_TO_RESUME)
def test_a_crafted_file_is_refused_when_resumed(change, tmp_path):
    saved = load_checkpoint(resealed(tmp_path, change))
    with pytest.raises((CheckpointError, ConfigurationError)):
        run(tmp_path, EarlyStopping(), resume=saved, epochs=4)


# --- fingerprints -----------------------------------------------------------------------------------------------------


def test_fingerprints_tell_data_apart():
    from scipy.sparse import csr_array

    y = Y.astype(float)
    sets = [
        Dataset(X, y),
        Dataset(X.astype(np.float32), y),
        Dataset(X, y, np.ones(60)),
        Dataset(X, Y, target_names=("a", "b")),
        Dataset(X, Y, target_names=("a", "c")),
        Dataset(X, y, feature_names=("a", "b")),
        Dataset(X[:, ::-1], y),
        Dataset(X.ravel()[:60].reshape(30, 2), y[:30]),
        Dataset(csr_array(X), y),
        Dataset(csr_array(X * (X > 0)), y),
    ]
    assert len({fingerprint(data) for data in sets}) == len(sets)
    assert fingerprint(Dataset(np.asfortranarray(X), y)) == fingerprint(sets[0])
    large = RNG.normal(size=(9000, 2))
    changed = large.copy()
    changed[8999, 1] += 1e-9
    assert fingerprint(Dataset(large, large[:, 0])) != fingerprint(Dataset(changed, large[:, 0]))


def test_orders_in_words():
    rows = np.arange(6)
    orders = ["full", rows, rows[::-1], [rows[:3], rows[3:]], [rows[:2], rows[2:]], np.stack([rows, rows])]
    assert len({describe_order(order) for order in orders}) == 6
    assert describe_order(lambda epoch: rows) == "a function" and describe_order(rows) == describe_order(rows.copy())


def test_no_fingerprint_is_taken_where_none_is_needed(monkeypatch):
    def refuse(data):
        raise AssertionError

    monkeypatch.setattr(job, "fingerprint", refuse)
    fit(MLP([2, 2]), (X, Y), "crossentropy", epochs=1)


def test_a_checkpoint_leaves_no_circle(tmp_path):
    import gc
    import weakref

    with warnings.catch_warnings():
        gc.collect()
        gc.disable()
        try:
            model = MLP([2, 5, 2], seed=1)
            alive = weakref.ref(model)
            run(tmp_path, model=model)
            del model
            assert alive() is None
        finally:
            gc.enable()
