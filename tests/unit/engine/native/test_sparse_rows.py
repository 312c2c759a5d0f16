"""The kernels that meet only a sparse matrix's numbers: the bits of the dense rows, whatever is trained and by whom."""

from dataclasses import replace

import numpy as np
import pytest
import scipy.sparse as sp

from clearprop import MLP, Activation, BatchNorm, Dense, LayerNorm, Sequential
from clearprop.engine import NativeEngine
from clearprop.engine.native.sparse import SparseRows
from clearprop.engine.native.tuning import Tuning
from clearprop.errors import DivergenceError
from clearprop.losses import CrossEntropy
from clearprop.optim import SGD
from examples import OPTIMIZER_EXAMPLES
from jobs import Job, random_job
from processors import HOST, OTHERS

pytestmark = pytest.mark.skipif(HOST is None, reason="the native engine does not run here")
SEEDS = [range(12), pytest.param(range(12, 200), marks=pytest.mark.nightly)]
THIN = Tuning.thin
every_seed = pytest.mark.parametrize("seeds", SEEDS, ids=len)


def thinned(rng, X, density):
    """X with few numbers, many empty columns, and rows that are empty or full."""
    X = X * (rng.uniform(size=X.shape) < density)
    X[:, rng.uniform(size=X.shape[1]) < 0.3] = 0.0
    X[rng.uniform(size=len(X)) < 0.2] = 0.0
    X[rng.integers(len(X))] = density > 0.0
    return X


def sparse_jobs(seeds):
    """Random jobs on dense data that has few numbers; some of several blocks of 256 rows."""
    for seed in seeds:
        rng = np.random.default_rng([seed, 5])
        job = random_job(rng, ["float64", "float32"][seed % 2])
        n = 700 if seed % 3 == 0 else max(len(job.X), 2)  # one row alone takes the kernels for single samples
        rows = rng.integers(0, len(job.X), n)
        X = rng.normal(size=(n, job.X.shape[1])).astype(job.X.dtype)
        weights = None if job.weights is None else job.weights[rows] + (np.arange(n) == 0)
        batch_size = int(rng.choice([2, 64, 256, 257, 300, n])) if n == 700 else max(job.batch_size, 2)
        X = thinned(rng, X, rng.choice([0.0, 0.05, 0.2]))
        yield seed, replace(job, X=X, y=job.y[rows], weights=weights, batch_size=batch_size)


def results(job, engine, *, skips=None):
    """Everything after each epoch, gradient and predictions; `skips`: whether zeros are really skipped."""
    program = job.program(engine)
    try:
        found = [(s.w, s.slots, s.buffers, s.totals) for s in job.train(program, 2)]
    except DivergenceError:
        found = []
    value, gradient = program.loss_and_grad(job.X, job.y, job.weights)
    found.append((np.array(value), gradient, program.predict(job.X)))
    if skips is not None:
        assert {trainer.net.skips_zeros for trainer in program._trainers.values()} == {skips}
    return [array.tobytes() for arrays in found for array in arrays]


def as_sparse(job):
    return replace(job, X=sp.csr_array(job.X))


def reads_dense(job):
    """Whether a dense layer reads the rows; dropout of nothing is left out."""
    first = next(layer for layer in job.model.layers if getattr(layer, "rate", 1.0) > 0.0)
    return isinstance(first, Dense)


@every_seed
def test_random_jobs_give_the_bits_of_dense_rows(seeds, threads):
    skipped = 0
    for seed, job in sparse_jobs(seeds):
        threads(1)
        expected = results(job, NativeEngine())
        skips = SparseRows(sp.csr_array(job.X), float).filled <= THIN and reads_dense(job)
        skipped += skips
        for number in (1, 2, 3, 4):
            threads(number)
            assert results(as_sparse(job), NativeEngine(), skips=skips) == expected, (seed, number)
    assert skipped >= len(seeds) // 3


@every_seed
def test_any_processor_gives_the_same_bits(seeds):
    for seed, job in sparse_jobs(seeds):
        job = replace(job, options={"l1": 0.01, "l2": 0.1, "penalty_in_sum": True} | job.options)
        for data in (job, as_sparse(job)):
            expected = results(job, NativeEngine())
            assert all(results(data, NativeEngine(other)) == expected for other in OTHERS), seed


@pytest.mark.parametrize("options", [{}, {"clip_norm": 0.01, "l2": 0.01}, {"clip_value": 1e-4, "l1": 0.01}], ids=str)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("optimizer", OPTIMIZER_EXAMPLES, ids=repr)
def test_every_rule(optimizer, dtype, options, rng):
    X, y = thinned(rng, rng.normal(size=(300, 37)).astype(dtype), 0.1), rng.integers(0, 3, 300)
    layers = [Dense(19), Activation("tanh"), Dense(3)]
    for batch_size in (64, 300):
        model = Sequential(layers, 37, dtype=dtype, seed=1)
        job = Job(model, CrossEntropy(), optimizer, X, y, batch_size=batch_size, options=options)
        assert results(as_sparse(job), "native", skips=True) == results(job, "native", skips=False)


FIRST = {
    "frozen": [Dense(9, trainable=())],
    "frozen bias": [Dense(9, trainable=("weight",))],
    "frozen weight": [Dense(9, trainable=("bias",))],
    "no bias": [Dense(9, use_bias=False), BatchNorm()],
    "one unit": [Dense(1)],
    "wide": [Dense(300)],
}


@pytest.mark.parametrize("first", FIRST)
def test_every_first_layer(first, rng):
    X, y = thinned(rng, rng.normal(size=(270, 33)), 0.1), rng.integers(0, 3, 270)
    model = Sequential([*FIRST[first], Activation("gelu"), LayerNorm(), Dense(3)], 33, seed=1)
    job = Job(model, CrossEntropy(), SGD(0.05, momentum=0.9), X, y, batch_size=265)
    assert results(as_sparse(job), "native", skips=True) == results(job, "native", skips=False)


def test_the_only_layer(rng):
    X, y = thinned(rng, rng.normal(size=(270, 33)), 0.1), rng.normal(size=(270, 1))
    job = Job(MLP([33, 1]), X=X, y=y, batch_size=100)
    assert results(as_sparse(job), "native", skips=True) == results(job, "native", skips=False)


def test_full_matrices_and_single_samples_are_made_dense(rng):
    X, y = rng.normal(size=(40, 8)), rng.normal(size=(40, 1))
    full = Job(MLP([8, 4, 1]), X=X, y=y, batch_size=10)
    assert results(as_sparse(full), "native", skips=False) == results(full, "native")
    X[:, 2:] = 0.0  # as many numbers as are thin, and no more
    assert (X != 0.0).mean() == THIN
    thin = replace(full, X=X)
    assert results(as_sparse(thin), "native", skips=True) == results(thin, "native")
    program, sample = replace(as_sparse(thin), batch_size=1).program("native"), replace(thin, batch_size=1)
    (mine,), (other,) = as_sparse(sample).train(program), sample.train("native")
    assert mine.w.tobytes() == other.w.tobytes()
    assert [trainer.net.skips_zeros for trainer in program._trainers.values()] == [False]


def test_batches_of_the_next_epoch_may_have_many_more_numbers(rng):
    X = np.zeros((64, 50))
    X[:8] = 1.0
    y = rng.normal(size=(64, 1))
    orders = [np.arange(64).reshape(8, 8).T.ravel(), np.arange(64)]  # one full row in each batch, or all in the first
    job = Job(MLP([50, 4, 1]), X=X, y=y, batch_size=8, order=lambda epoch: orders[epoch - 1])
    assert results(as_sparse(job), "native", skips=True) == results(job, "native")
