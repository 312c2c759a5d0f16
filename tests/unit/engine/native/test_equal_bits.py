"""The native engine's results are the same to the last bit, whoever computes them and in whatever portions.

Threads, slices, repeats, the processor's vector width and a prediction's company leave no trace in the bits.
"""

import hashlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest

from clearprop.data import Dataset
from clearprop.engine import GradientOptions, NativeEngine
from clearprop.engine.native import training, tuning
from clearprop.errors import DivergenceError
from clearprop.layers import Activation, Dense, Dropout, LayerNorm, NumericEmbedding
from clearprop.losses import MSE, CrossEntropy
from clearprop.model import MLP, Sequential
from clearprop.optim import SGD, Adam
from clearprop.train import train
from jobs import TOLERANCE, Job, gradient_error, random_job, training_error
from processors import HOST, OTHERS, tuned
from witnesses import same_bits

pytestmark = pytest.mark.skipif(HOST is None, reason="the native engine does not run here")
every_dtype = pytest.mark.parametrize("dtype", ["float64", "float32"])
SEEDS = [range(10), pytest.param(range(10, 110), marks=pytest.mark.nightly)]
every_seed = pytest.mark.parametrize("seeds", SEEDS, ids=len)
EPOCHS = 2


def digest(states):
    """Of weights, slots, totals and counters after each epoch."""
    sha = hashlib.sha256()
    for state in states:
        for array in (state.w, state.slots, state.buffers, state.totals, np.array([state.step, state.position])):
            sha.update(array.tobytes())
    return sha.hexdigest()


def outcome(job, engine=None, **options):
    """The digest of a job's training; of its message where it diverges."""
    try:
        return digest(job.train(engine or NativeEngine(), EPOCHS, **options))
    except DivergenceError as error:
        return str(error)


def jobs(seeds):
    """Random ones, small and large, in both precisions."""
    for seed in seeds:
        rng = np.random.default_rng([seed, 77])
        job = random_job(rng, ["float64", "float32"][seed % 2])
        if seed % 3 == 0:  # several blocks of 256 rows, and work for many threads
            job = many_rows(job, rng)
        yield seed, job


def many_rows(job, rng):
    rows = rng.integers(0, len(job.X), 700)
    X = job.X[rows] + 0.1 * rng.normal(size=(700, job.X.shape[1])).astype(job.X.dtype)
    weights = None if job.weights is None else job.weights[rows] + (rows == 0)
    return replace(job, X=X, y=job.y[rows], weights=weights, batch_size=int(rng.choice([1, 64, 300, 700])))


# --- training ---------------------------------------------------------------------------------------------------------


@every_seed
def test_any_number_of_threads_trains_the_same(seeds, threads):
    for seed, job in jobs(seeds):
        digests = {}
        for number in (1, 2, 3, 4, 8):
            threads(number)
            digests[number] = outcome(job)
        assert len(set(digests.values())) == 1, (seed, digests)


def test_threads_are_really_used(threads, monkeypatch):
    used, share = [], training.share_record

    def note(function, record, kept, number, *others, **options):
        used.append(number)
        share(function, record, kept, number, *others, **options)

    monkeypatch.setattr(training, "share_record", note)
    threads(3)
    job = Job(MLP([4, 8, 2]), X=np.zeros((10, 4)), y=np.zeros((10, 2)))
    job.train("native")
    assert used == [3]


@every_seed
def test_repeats_and_slices_train_the_same(seeds, monkeypatch):
    for seed, job in jobs(seeds):
        expected, program = outcome(job), job.program("native")
        assert {outcome(job, program) for _ in range(2)} == {expected}, seed
        assert outcome(job, stop=np.ones(1, np.uint8)) == expected, seed
        with monkeypatch.context() as patch:
            for seconds in (1e-9, 1e-5):
                patch.setattr(tuning, "TABLE", tuned(slice=seconds))
                program = job.program("native")
                assert [outcome(job, program) for _ in range(2)] == [expected, expected], seed


@every_seed
def test_any_processor_trains_the_same(seeds):
    for seed, job in jobs(seeds):
        assert {outcome(job, NativeEngine(other)) for other in OTHERS} == {outcome(job)}, seed


COPIED = {"avx512": [True, False, False], "avx2": [True, True, False], "neon": [True, True, False]}


@every_dtype
def test_large_layers_train_the_same_and_as_the_reference_does(dtype, threads):
    """They have tickets of several blocks, gradients in panels, and few tickets of rows."""
    rng = np.random.default_rng(4)
    job = Job(
        MLP([600, 390, 70, 3], "tanh", dtype=dtype, seed=1),
        optimizer=Adam(0.01),
        X=rng.normal(size=(300, 600)).astype(dtype),
        y=rng.normal(size=(300, 3)).astype(dtype),
        batch_size=100,
    )
    for target in (HOST, *OTHERS):
        program = job.program(NativeEngine(target))
        job.train(program)
        (layout,) = (trainer.layout for trainer in program._trainers.values())
        assert [place.copied for place in layout.places] == COPIED[target.tiles]
    assert (layout.size + layout.transposed_size) * job.model.w.itemsize > layout.tuning.heavy
    assert 600 // layout.lanes // layout.tuning.tickets > layout.tuning.in_ticket
    digests = set()
    for target in (HOST, *OTHERS):
        for number in (1, 2, 3):
            threads(number)
            digests.add(outcome(job, NativeEngine(target)))
    assert len(digests) == 1
    assert gradient_error(job) < TOLERANCE[dtype]
    assert training_error(job, 2) < {"float64": 1e-11, "float32": 1e-3}[dtype]


@every_dtype
def test_numeric_embeddings_train_the_same(dtype, threads):
    """Their gradients are divided by columns; several blocks of rows are summed."""
    rng = np.random.default_rng(5)
    edges = [np.sort(rng.normal(size=30)) for _ in range(3)]
    ramps = NumericEmbedding(3, columns=[9, 1, 18], edges=edges, keep_input=False)
    layers = [NumericEmbedding(columns=range(1, 12)), Dense(19), Activation("tanh"), ramps, Dense(2)]
    job = Job(
        Sequential(layers, 13, dtype=dtype, seed=1),
        optimizer=Adam(0.01),
        X=rng.normal(size=(700, 13)).astype(dtype),
        y=rng.normal(size=(700, 2)).astype(dtype),
        options={"clip_norm": 0.5, "l2": 0.1, "penalty_in_sum": True},
    )
    for batch_size in (1, 60, 700):
        found = replace(job, batch_size=batch_size, X=job.X[: 40 * batch_size], y=job.y[: 40 * batch_size])
        digests = set()
        for target in (HOST, *OTHERS):
            for number in (1, 2, 3, 8):
                threads(number)
                digests.add(outcome(found, NativeEngine(target)))
        assert len(digests) == 1, batch_size


@every_seed
def test_gradients_are_the_same_bits_everywhere(seeds, threads):
    for seed, job in jobs(seeds):
        threads(1)
        value, g = job.gradient(NativeEngine())
        for target in (HOST, *OTHERS):
            for number in (1, 3, 8):
                threads(number)
                other, h = job.gradient(NativeEngine(target))
                assert value == other and same_bits(g, h), (seed, number)


def test_the_history_does_not_depend_on_threads(threads, rng):
    X, y = rng.normal(size=(300, 6)), rng.integers(0, 3, 300)
    data = Dataset(X, y, rng.uniform(0.5, 2.0, 300), target_names=("a", "b", "c"))
    histories = []
    for number in (1, 2, 4, 8):
        threads(number)
        model = MLP([6, 33, 3], "gelu", dropout=0.2, normalization="layer", dtype="float32")
        run = train(
            model,
            data,
            CrossEntropy(),
            Adam(0.01),
            epochs=3,
            batch_size=70,
            validation=0.2,
            metrics=["accuracy"],
            engine="native",
            clip_norm=0.5,
        )
        timed = ("seconds", "rows_per_second")
        histories.append([{k: v for k, v in epoch.record.items() if k not in timed} for epoch in run])
    assert histories[0] == histories[1] == histories[2] == histories[3]


def test_one_thread_after_another_may_use_a_program(threads, rng):
    job = Job(MLP([4, 20, 2], dropout=0.5), X=rng.normal(size=(30, 4)), y=rng.normal(size=(30, 2)), batch_size=7)
    program = job.program("native")
    threads(3)
    expected = outcome(job, program)
    for number in (1, 4, 2):
        program._threads = number
        assert outcome(job, program) == expected


# --- predictions ------------------------------------------------------------------------------------------------------

NETWORKS = {
    "narrow": [Dense(3), Activation("tanh"), Dense(1)],
    "wide": [Dense(130), Activation("gelu"), Dense(67), Activation("elu"), Dense(33)],
    "normalised": [Dense(40), LayerNorm(), Activation("silu"), Dropout(0.5), Dense(19), LayerNorm(), Dense(5)],
    "rows": [Activation("softmax"), Dense(90), Activation("log_softmax"), Dense(16), Activation("softmax")],
    "no bias": [Dense(31, use_bias=False), Activation("mish"), Dense(8, use_bias=False)],
    "no dense layer": [Activation("sigmoid"), Activation("softmax")],
}


def predicting(network, dtype, target=None, n_in=11):
    model = Sequential(NETWORKS[network], n_in, dtype=dtype)
    model.w += 0.1 * np.random.default_rng(5).normal(size=len(model.w)).astype(dtype)
    return NativeEngine(target).compile(model, MSE(), SGD(), GradientOptions())


@every_dtype
@pytest.mark.parametrize("network", NETWORKS)
def test_a_row_is_predicted_alone_as_in_company(network, dtype, rng):
    program = predicting(network, dtype)
    X = rng.normal(0.0, 3.0, (10_000, 11)).astype(dtype)
    whole = program.predict(X)
    assert same_bits(np.concatenate([program.predict(X[i : i + 1]) for i in range(len(X))]), whole)
    for size in (2, 7, 31, 32, 33, 63, 64, 65, 127, 4097):
        few = X[: size * min(40, len(X) // size)]
        pieces = [program.predict(few[i : i + size]) for i in range(0, len(few), size)]
        assert same_bits(np.concatenate(pieces), whole[: len(few)]), size


@every_dtype
@pytest.mark.parametrize("network", NETWORKS)
def test_any_processor_predicts_the_same(network, dtype, rng):
    X = rng.normal(0.0, 3.0, (1_003, 11)).astype(dtype)
    expected = predicting(network, dtype).predict(X)
    for target in OTHERS:
        program = predicting(network, dtype, target)
        assert same_bits(program.predict(X), expected)
        assert same_bits(np.concatenate([program.predict(X[i : i + 1]) for i in range(1_003)]), expected)


@every_dtype
@pytest.mark.parametrize("n_in", [1, 2, 8, 16, 17, 64, 100])
def test_inputs_of_any_width_are_predicted_alone_as_in_company(n_in, dtype, rng):
    program = predicting("normalised", dtype, n_in=n_in)
    X = rng.normal(size=(70, n_in)).astype(dtype)
    assert same_bits(np.concatenate([program.predict(X[i : i + 1]) for i in range(70)]), program.predict(X))


def test_predictions_do_not_depend_on_threads(threads, rng):
    X = rng.normal(size=(5_000, 11))
    predictions = []
    for number in (1, 2, 3, 8):
        threads(number)
        predictions.append(predicting("wide", "float64").predict(X).tobytes())
    assert len(set(predictions)) == 1


@every_dtype
def test_predictions_may_replace_the_inputs(dtype, rng):
    program = Job(MLP([11, 40, 11], dtype=dtype)).program("native")
    for n in (1, 31, 32, 200):
        X = rng.normal(size=(n, 11)).astype(dtype)
        expected = program.predict(X.copy())
        assert same_bits(program.predict(X, X), expected)


@pytest.mark.parametrize("calls", [200, pytest.param(5_000, marks=pytest.mark.nightly)])
def test_many_callers_may_use_a_program_at_once(calls, rng):
    job = Job(MLP([11, 40, 3]), X=rng.normal(size=(100, 11)), y=rng.normal(size=(100, 3)))
    program, alone = job.program("native"), job.program("native")
    sizes = rng.integers(1, 100, calls)

    def ask(program, n):
        return program.predict(job.X[:n]).tobytes(), program.loss_and_grad(job.X[:n], job.y[:n])[1].tobytes()

    with ThreadPoolExecutor(16) as pool:
        together = list(pool.map(lambda n: ask(program, n), sizes))
    assert together == [ask(alone, n) for n in sizes]
