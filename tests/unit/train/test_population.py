"""Populations: each member comes to the bits of its solo run, whatever the threads, interruptions and resumes."""

import os
import signal
import subprocess
import sys
import threading
import time
import tracemalloc

import numpy as np
import pytest

from clearprop import MLP, Dataset, EarlyStopping, fit, load_dataset
from clearprop.engine.native import scheduler
from clearprop.errors import ConfigurationError, DataError, DivergenceError
from clearprop.optim import SGD, AdamW
from clearprop.train import Member, train_population

RNG = np.random.default_rng(5)
DATA = load_dataset("moons", n_samples=120)


def members(number=6, epochs=7):
    """Of two architectures and precisions, each with its own rows, rate, regularisation and stopping."""
    made = []
    for i in range(number):
        rows = np.random.default_rng(i).permutation(len(DATA))
        model = MLP([2, 6 + i % 2, 2], "tanh", dropout=0.1 * (i % 3), seed=i, dtype="float32" if i % 2 else "float64")
        made.append(
            Member(
                model,
                "crossentropy",
                AdamW(0.01 * (1 + i), weight_decay=0.01 * i),
                epochs=epochs + i,
                rows=rows[24:],
                validation=rows[:24],
                callbacks=[EarlyStopping(patience=3 + i)],
                options={"seed": i, "batch_size": 16 + i, "l2": 0.001 * i},
            )
        )
    return made


def alone(member):
    """The weights and the history of a member trained by itself, on copies of its rows."""
    history = fit(
        member.model,
        DATA.take(member.rows),
        member.loss,
        member.optimizer,
        epochs=member.epochs,
        validation=DATA.take(member.validation),
        callbacks=member.callbacks,
        **member.options,
    )
    return member.model.w.tobytes(), bare(history)


def bare(history):
    """What does not depend on the clock."""
    return [{k: v for k, v in row.items() if k not in ("seconds", "rows_per_second")} for row in history]


@pytest.mark.parametrize("threads", [None, 1, 2, 3, 8])
def test_each_member_is_as_if_it_were_trained_alone(threads):
    expected = [alone(member) for member in members()]
    population = members()
    histories = train_population(population, DATA, threads=threads)
    found = [(m.model.w.tobytes(), bare(h)) for m, h in zip(population, histories, strict=True)]
    assert found == expected


def test_a_member_uses_no_thread_but_its_own():
    seen = []

    class Look:
        def __call__(self, epoch):
            seen.append((threading.current_thread().name, scheduler.usable_threads()))

    one = Member(MLP([2, 3, 2]), "crossentropy", epochs=2, callbacks=[Look()])
    before = scheduler.usable_threads()
    train_population([one], DATA, threads=2)
    assert len(seen) == 2 and all(name.startswith("clearprop-member") and n == 1 for name, n in seen)
    assert scheduler.usable_threads() == before


def test_progress_counts_members_and_tells_the_time_left():
    seen = []
    train_population(members(4, 2), DATA, progress=seen.append)
    first, last = seen[0], seen[-1]
    assert (first.done, first.members, first.left) == (0, 4, float("inf"))
    assert (last.done, last.members, last.left) == (4, 4, 0.0)
    assert [p.done for p in seen] == sorted({p.done for p in seen})


@pytest.mark.parametrize("after", [1, 4, 9, 20])
def test_an_interrupted_population_goes_on_to_the_same_bits(after, tmp_path):
    expected = [alone(member) for member in members()]
    epochs = 0

    def interrupt(epoch):
        nonlocal epochs
        epochs += 1
        if epochs == after:
            raise KeyboardInterrupt

    population = members()
    interrupted = [Member(**{**vars(m), "callbacks": [*m.callbacks, interrupt]}) for m in population]
    with pytest.raises(KeyboardInterrupt):
        train_population(interrupted, DATA, threads=2, folder=tmp_path, every=1)
    population = members()
    histories = train_population(population, DATA, threads=2, folder=tmp_path, every=1)
    assert [(m.model.w.tobytes(), bare(h)) for m, h in zip(population, histories, strict=True)] == expected
    # and what is trained already is only read
    again = members()
    train_population(again, DATA, folder=tmp_path)
    assert [m.model.w.tobytes() for m in again] == [w for w, _ in expected]


KILLED = """
import sys
sys.path.insert(0, {tests!r})
from unit.train.test_population import DATA, members
from clearprop.train import train_population
print("ready", flush=True)
train_population(members(8, 400), DATA, folder={folder!r}, every=3)
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="POSIX signals")
def test_a_killed_population_goes_on_to_the_same_bits(tmp_path):
    tests, folder = str(__import__("pathlib").Path(__file__).parents[2]), str(tmp_path / "population")
    for seconds in (0.05, 0.3, 0.6):
        program = KILLED.format(tests=tests, folder=folder)
        process = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True, env=os.environ)
        process.stdout.readline()
        time.sleep(seconds)
        process.kill()
        process.wait()
    killed, whole = members(8, 400), members(8, 400)
    train_population(killed, DATA, folder=folder, every=3)
    train_population(whole, DATA)
    assert [m.model.w.tobytes() for m in killed] == [m.model.w.tobytes() for m in whole]


def test_the_error_of_a_member_ends_the_others_and_is_raised():
    bad = Member(MLP([2, 4, 2]), "crossentropy", SGD(1e30), epochs=50)
    long = [Member(MLP([2, 4, 2], seed=i), "crossentropy", epochs=10**9) for i in range(3)]
    with pytest.raises(DivergenceError, match="diverged"):
        train_population([*long, bad], DATA, threads=4)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"rows": [0, 200]}, DataError, "rows name row 200 of moons, but its rows are 0 to 119"),
        ({"rows": np.array([], int)}, DataError, "rows name no row"),
        ({"rows": np.ones(120, bool)}, ConfigurationError, r"np.flatnonzero\(mask\)"),
        ({"validation": np.array([-1])}, DataError, "validation name row -1"),
    ],
)
def test_rows_that_are_not_there_are_refused(options, error, message):
    with pytest.raises(error, match=message):
        train_population([Member(MLP([2, 3, 2]), "crossentropy", epochs=1, **options)], DATA)


def test_a_population_needs_members_and_each_its_own_network():
    with pytest.raises(ConfigurationError, match="one member or more"):
        train_population([], DATA)
    model = MLP([2, 3, 2])
    with pytest.raises(ConfigurationError, match="members 0 and 1 are the same network"):
        train_population([Member(model, "crossentropy", epochs=1)] * 2, DATA)


def test_the_data_is_not_copied_for_each_member():
    X = RNG.normal(size=(20_000, 20))
    data = Dataset(X, (X[:, 0] > 0).astype(int))
    rows = [np.random.default_rng(i).permutation(len(X)) for i in range(12)]

    def peak(number):
        population = [
            Member(MLP([20, 4, 2], seed=i), "crossentropy", epochs=1, rows=rows[i][4000:], validation=rows[i][:4000])
            for i in range(number)
        ]
        tracemalloc.start()
        try:
            train_population(population, data, threads=1)
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    peak(1)
    assert peak(12) < peak(1) + 0.2 * X.nbytes


def test_training_on_rows_is_training_on_a_copy_of_them():
    rows = RNG.permutation(len(DATA))[:50]
    for options in ({}, {"record": "step"}, {"metrics": ["accuracy"]}, {"order": "bootstrap"}, {"validation": 0.2}):
        a, b = MLP([2, 5, 2]), MLP([2, 5, 2])
        one = fit(a, DATA, "crossentropy", epochs=3, rows=rows, **options)
        other = fit(b, DATA.take(rows), "crossentropy", epochs=3, **options)
        assert (a.w.tobytes(), bare(one)) == (b.w.tobytes(), bare(other)), options
    a, b = MLP([2, 5, 2]), MLP([2, 5, 2])
    fit(a, DATA, "crossentropy", "lbfgs", epochs=5, rows=rows)
    fit(b, DATA.take(rows), "crossentropy", "lbfgs", epochs=5)
    assert a.w.tobytes() == b.w.tobytes()
