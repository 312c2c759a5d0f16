"""Sparse features: the same results as with the dense array, to the last bit, and no memory but for one batch."""

import subprocess
import sys
import tracemalloc

import numpy as np
import pytest
import scipy.sparse as sp

from clearprop.data import Dataset, Preparation, as_dataset
from clearprop.engine import ENGINES, GradientOptions
from clearprop.errors import DataError, DataWarning, ShapeError
from clearprop.judge.baselines import baselines
from clearprop.layers import Activation, BatchNorm, Dense, Dropout, LayerNorm
from clearprop.losses import LOSSES
from clearprop.model import MLP, Sequential
from clearprop.optim import LBFGS, OPTIMIZERS
from clearprop.train import fit, predict, train
from clearprop.viz.boundary import boundary

ROWS, COLUMNS = 97, 21
NATIVE = ENGINES["native"]().unsupported(MLP([1, 1]), LOSSES["mse"](), OPTIMIZERS["sgd"]())
needs_native = pytest.mark.skipif(NATIVE is not None, reason=NATIVE or "")
both_engines = pytest.mark.parametrize("engine", ["reference", pytest.param("native", marks=needs_native)])


def random_csr(rng, dtype=np.float64, index=np.int32, shape=(ROWS, COLUMNS)):
    """CSR with empty rows, empty columns and a full row."""
    X = rng.normal(size=shape) * (rng.uniform(size=shape) < 0.15)
    X[::7] = 0.0
    X[:, 3::5] = 0.0
    X[5] = 1.5
    sparse = sp.csr_array(X.astype(dtype))
    sparse.indices, sparse.indptr = sparse.indices.astype(index), sparse.indptr.astype(index)
    return sparse


def untidy(X):
    """The same matrix with columns out of order, some of them twice, and with zeros and minus zeros stored."""
    columns, values, starts = [], [], [0]
    for row in range(X.shape[0]):
        part = slice(X.indptr[row], X.indptr[row + 1])
        for column, value in zip(X.indices[part][::-1], X.data[part][::-1], strict=True):
            columns += [column, column]
            values += [value / 2, value / 2]
        columns += [1, 4] if row % 2 else []
        values += [0.0, -0.0] if row % 2 else []
        starts.append(len(columns))
    return sp.csr_array((np.array(values, X.dtype), columns, starts), shape=X.shape)


def contents(X):
    """All that a sparse matrix holds."""
    return {
        name: (value.tobytes(), value.dtype) if isinstance(value, np.ndarray) else repr(value)
        for name, value in vars(X).items()
        if name in ("data", "indices", "indptr", "row", "col", "rows", "offsets", "_dict", "coords", "_shape")
    }


# -- the data set ------------------------------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore:Constructing a DIA matrix")
@pytest.mark.parametrize("kind", ["array", "matrix"])
@pytest.mark.parametrize("form", ["csr", "csc", "coo", "lil", "dok", "bsr", "dia"])
def test_any_format_is_kept_as_csr(form, kind, rng):
    X = random_csr(rng)
    given = getattr(sp, f"{form}_{kind}")(X)
    before = contents(given)
    data = Dataset(given, np.zeros(ROWS), name="any")
    assert type(data.X) is sp.csr_array and data.X.has_canonical_format and data.X.nnz == X.nnz
    np.testing.assert_array_equal(data.X.toarray(), X.toarray())
    assert (len(data), data.n_features, data.feature_names[:2]) == (ROWS, COLUMNS, ("x1", "x2"))
    assert contents(given) == before and type(given).__name__ == f"{form}_{kind}"


@pytest.mark.parametrize("index", [np.int32, np.int64])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_what_fits_already_is_shared(dtype, index, rng):
    X = random_csr(rng, dtype, index)
    data = Dataset(X, np.zeros(ROWS))
    assert data.X.dtype == dtype
    assert np.shares_memory(data.X.data, X.data) and np.shares_memory(data.X.indices, X.indices)


def test_what_is_untidy_is_tidied_in_a_copy(rng):
    X = untidy(random_csr(rng))
    before = contents(X)
    data = Dataset(X, np.zeros(ROWS))
    np.testing.assert_array_equal(data.X.toarray(), X.toarray())
    assert data.X.has_canonical_format and data.X.data.all()
    assert contents(X) == before and not X.has_sorted_indices


@pytest.mark.parametrize("dtype", ["int8", "uint16", "int64", "bool", "longdouble", ">f4", ">f8"])
def test_other_numbers_become_float(dtype, rng):
    X = sp.csr_array(rng.integers(0, 2, (6, 4)))
    X.data = X.data.astype(dtype)  # scipy's constructors refuse the other byte order, but this way it comes in
    data = Dataset(X, np.zeros(6))
    assert data.X.dtype == (np.float32 if dtype == ">f4" else np.float64) and data.X.dtype.isnative
    np.testing.assert_array_equal(data.X.data, X.data.astype(float))


def test_whole_numbers_too_large_for_float64_are_reported():
    X = sp.csr_array(np.array([[0, 0], [0, 2**53 + 1]]))
    with pytest.warns(DataWarning, match=r"9007199254740993 at row 1, column 1 \('b'\)"):
        Dataset(X, np.zeros(2), feature_names=("a", "b"))


def test_take_and_split(rng):
    X = random_csr(rng)
    y = rng.integers(0, 2, ROWS)
    sparse, dense = (Dataset(A, y, np.arange(1.0, ROWS + 1), (), ("a", "b")) for A in (X, X.toarray()))
    for indices in ([4, 0, 4], y == 1, [-1], np.arange(ROWS)[::-1]):
        mine, theirs = sparse.take(indices), dense.take(indices)
        assert type(mine.X) is sp.csr_array
        np.testing.assert_array_equal(mine.X.toarray(), theirs.X)
        np.testing.assert_array_equal(mine.y, theirs.y)
    for mine, theirs in zip(sparse.split(0.3, seed=1), dense.split(0.3, seed=1), strict=True):
        np.testing.assert_array_equal(mine.X.toarray(), theirs.X)


def damaged(**parts):
    X = sp.csr_array(np.eye(3))
    for name, value in parts.items():
        setattr(X, name, np.array(value, np.int32))
    return X


@pytest.mark.parametrize(
    ("X", "error", "message"),
    [
        (sp.csr_array([[0, 1.0], [np.nan, 0]]), DataError, r"X contains NaN at row 1, column 0 \('a'\); fill"),
        (sp.csr_array([[0, np.inf], [np.nan, 0]]), DataError, r"infinity at row 0, column 1 \('b'\) \(2 such values"),
        (sp.csr_array([[0, 1j], [1, 0]]), DataError, "X holds complex numbers"),
        (sp.coo_array([1.0, 2.0]), ShapeError, r"X has shape \(2,\), expected \(rows, features\)"),
        (sp.csr_array((0, 2)), DataError, "no rows"),
        (sp.csr_array((2, 0)), DataError, "no columns"),
        (sp.csr_array((3, 2)), DataError, "X has 3 rows but y has 2"),
        (sp.csr_array((2, 3)), ShapeError, "X has 3 columns but feature_names has 2"),
        (damaged(indices=[0, 3, 1]), DataError, "damaged sparse matrix: it has a value in column 3, .* 0 to 2"),
        (damaged(indices=[0, -1, 1]), DataError, "damaged sparse matrix: it has a value in column -1"),
        (damaged(indptr=[0, 2, 1, 3]), DataError, "damaged sparse matrix: indptr does not cut its 3 values into 3"),
        (damaged(indptr=[0, 9, 0, 0]), DataError, "damaged sparse matrix: indptr"),
        (damaged(indptr=[0, 1, 2, 4]), DataError, "damaged sparse matrix"),
        (damaged(indptr=[1, 1, 2, 3]), DataError, "damaged sparse matrix"),
        (damaged(indptr=[0, 3]), DataError, "damaged sparse matrix"),
    ],
)
def test_what_is_no_sparse_matrix_of_numbers_is_refused(X, error, message):
    with pytest.raises(error, match=message):
        Dataset(X, np.zeros(2), feature_names=("a", "b") if X.shape != (3, 3) else ())


def test_values_too_large_for_the_model_are_named():
    X = sp.csr_array(np.array([[0.0, 1.0], [0.0, 1e39]]))
    message = r"X is 1e\+39 at row 1, column 1.*, too large for float32"
    with pytest.raises(DataError, match=message):
        fit(MLP([2, 1], dtype="float32"), (X, np.zeros(2)), "mse", epochs=1)
    with pytest.raises(DataError, match=message):
        predict(MLP([2, 1], dtype="float32"), X)


def test_targets_and_weights_are_arrays(rng):
    column = sp.csr_array(np.ones((4, 1)))
    with pytest.raises(DataError, match=r"pass y\.toarray\(\)"):
        Dataset(np.eye(4), column)
    with pytest.raises(DataError, match=r"pass y\.toarray\(\)"):
        as_dataset((np.eye(4), column))
    with pytest.raises(DataError, match=r"pass sample_weight\.toarray\(\)"):
        Dataset(np.eye(4), np.zeros(4), column)


def test_who_needs_an_array_says_so(rng):
    data = as_dataset((sp.csr_array(rng.normal(size=(20, 2))), np.arange(20) % 2))
    with pytest.raises(DataError, match=r"standardisation needs an array, but X is .* pass X\.toarray\(\)"):
        Preparation.of(data)
    with pytest.raises(DataError, match="standardisation needs an array"):
        Preparation.of(Dataset(data.X.toarray(), data.y)).transform(data)
    with pytest.raises(DataError, match="this picture needs an array"):
        boundary(lambda X: X, data)
    assert set(baselines(data, data, "accuracy")) == {"constant", "linear"}  # scikit-learn does not mind


def test_scipy_is_not_imported_for_the_question():
    code = "import sys, clearprop; from clearprop.data import Dataset; Dataset([[1.0]], [1.0]); print(*sys.modules)"
    modules = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert "clearprop.data.dataset" in modules and not any(name.startswith("scipy") for name in modules)


# -- training ----------------------------------------------------------------------------------------------------------


def layers_of(name):
    """Layers behind X; the first of them is what reads it."""
    first = {
        "dense": [Dense(12), Activation("tanh")],
        "activation": [Activation("tanh"), Dense(9)],
        "rows": [Activation("softmax"), Dense(9)],
        "norm": [LayerNorm(), Dense(9), BatchNorm(), Activation("relu")],
        "dropout": [Dropout(0.3), Dense(9), Activation("gelu")],
    }
    return [*first[name], Dense(3)]


def outcome(X, y, weight, engine, *, layers="dense", dtype="float64", loss="crossentropy", **options):
    """Everything that training leaves behind."""
    model = Sequential(layers_of(layers), COLUMNS, seed=3, dtype=dtype)
    names = ("a", "b", "c") if loss == "crossentropy" else ()
    data = Dataset(X, y, weight, (), names)
    metrics = ["accuracy"] if names else ["r2"]
    history = fit(model, data, loss, epochs=3, engine=engine, metrics=metrics, validation=0.2, seed=4, **options)
    record = [value for name, value in sorted(history[-1].items()) if name not in ("seconds", "rows_per_second")]
    return model.w.copy(), model.buffers.copy(), np.array(record), predict(model, X, engine=engine)


def assert_equal_bits(mine, theirs):
    for a, b in zip(mine, theirs, strict=True):
        assert a.dtype == b.dtype and a.tobytes() == b.tobytes()


@both_engines
@pytest.mark.parametrize("tidy", [True, False])
@pytest.mark.parametrize("index", [np.int32, np.int64])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("batch_size", [1, 7, 200])
def test_training_equals_dense(batch_size, dtype, index, tidy, engine, rng):
    X = random_csr(rng, dtype, index)
    X = X if tidy else untidy(X)
    y, weight = rng.integers(0, 3, ROWS), rng.uniform(0.5, 2.0, ROWS)
    options = {"dtype": dtype, "batch_size": batch_size}
    assert_equal_bits(outcome(X, y, weight, engine, **options), outcome(X.toarray(), y, weight, engine, **options))


@both_engines
@pytest.mark.parametrize(
    "options",
    [
        {"layers": "activation"},
        {"layers": "rows"},
        {"layers": "norm"},
        {"layers": "dropout"},
        {"order": "bootstrap", "batch_size": 16},
        {"order": "sequential", "steps_per_epoch": 2},
        {"clip_norm": 0.1, "l2": 1e-3, "batch_size": 1},
        {"optimizer": "sgd", "loss": "mse"},
        {"optimizer": LBFGS()},
        {"dtype": "float32"},  # than which the data is finer
    ],
    ids=str,
)
def test_every_way_of_training_equals_dense(options, engine, rng):
    X = random_csr(rng)
    y = rng.normal(size=(ROWS, 3)) if options.get("loss") == "mse" else rng.integers(0, 3, ROWS)
    mine = outcome(sp.coo_matrix(X), y, None, engine, **options)
    assert_equal_bits(mine, outcome(X.toarray(), y, None, engine, **options))


@both_engines
def test_a_matrix_of_zeros(engine, rng):
    X, y = sp.csr_array((ROWS, COLUMNS)), rng.integers(0, 3, ROWS)
    assert_equal_bits(outcome(X, y, None, engine), outcome(X.toarray(), y, None, engine))


@both_engines
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_loss_and_gradient_and_predictions_of_a_program(dtype, engine, rng):
    model, X = Sequential(layers_of("dense"), COLUMNS, dtype=dtype), untidy(random_csr(rng))
    program = ENGINES[engine]().compile(model, LOSSES["mse"](), OPTIMIZERS["sgd"](), GradientOptions(l2=1e-2))
    y = rng.normal(size=(ROWS, 3))
    for form in (X, sp.csc_array(X), sp.coo_matrix(X)):
        mine, theirs = (program.loss_and_grad(A, y) for A in (form, X.toarray()))
        assert mine[0] == theirs[0] and mine[1].tobytes() == theirs[1].tobytes()
        assert program.predict(form).tobytes() == program.predict(X.toarray()).tobytes()
    for n in (0, 1, 31, 32, 33, 4095, 4096, 4097, 9000):
        rows = X[rng.integers(0, ROWS, n)]
        expected = program.predict(rows.toarray())
        assert program.predict(rows).tobytes() == expected.tobytes()
        out = np.empty((n, 3), dtype)
        assert program.predict(rows, out) is out and out.tobytes() == expected.tobytes()


@both_engines
def test_wrong_shapes_are_named(engine, rng):
    model, X = MLP([COLUMNS + 1, 2]), random_csr(rng)
    program = ENGINES[engine]().compile(model, LOSSES["mse"](), OPTIMIZERS["sgd"](), GradientOptions())
    for call in (lambda: program.predict(X), lambda: program.loss_and_grad(X, np.zeros((ROWS, 2)))):
        with pytest.raises(ShapeError, match=rf"shape \(n, {COLUMNS + 1}\), not \({ROWS}, {COLUMNS}\)"):
            call()
    with pytest.raises(ShapeError, match=f"{COLUMNS} columns, but the model takes {COLUMNS + 1}"):
        fit(model, (X, np.zeros((ROWS, 2))), "mse", epochs=1)


@needs_native
def test_native_refuses_an_out_of_another_shape(rng):
    program = ENGINES["native"]().compile(MLP([COLUMNS, 2]), LOSSES["mse"](), OPTIMIZERS["sgd"](), GradientOptions())
    with pytest.raises(ShapeError, match=r"out has shape \(98, 2\), the predictions \(97, 2\)"):
        program.predict(random_csr(rng), np.empty((ROWS + 1, 2)))


@both_engines
def test_a_program_looks_at_the_matrix_itself(engine):
    """Whoever calls it without a data set, or has changed the data set's arrays since."""
    model = MLP([3, 2])
    program = ENGINES[engine]().compile(model, LOSSES["mse"](), OPTIMIZERS["sgd"](), GradientOptions())
    for X in (damaged(indices=[0, 10**9, 1]), damaged(indices=[-(10**9), 0, 1]), damaged(indptr=[0, 10**9, 0, 3])):
        with pytest.raises(DataError, match="damaged"):
            program.predict(X)
        with pytest.raises(DataError, match="damaged"):
            program.loss_and_grad(X, np.zeros((3, 2)))


@needs_native
@pytest.mark.parametrize("index", [np.int32, np.int64])
def test_native_is_safe_from_changes_after_the_check(index, rng):
    X, y = random_csr(rng, index=index), rng.normal(size=ROWS)
    expected = MLP([COLUMNS, 4, 1])
    fit(expected, (X.copy(), y), "mse", epochs=3, engine="native")
    model = MLP([COLUMNS, 4, 1])
    for epoch in train(model, (X, y), "mse", epochs=3, engine="native"):
        X.indices[...] = 10**9
        X.indptr[1:-1] = 10**9
        assert epoch.number
    np.testing.assert_array_equal(model.w, expected.w)


@both_engines
def test_divergence_is_reported(engine, rng):
    from clearprop.errors import DivergenceError

    X = random_csr(rng) * 1e200
    with pytest.raises(DivergenceError, match=r"layer 0|the loss"):
        fit(MLP([COLUMNS, 4, 1]), (X, rng.normal(size=ROWS)), "mse", epochs=3, engine=engine)


@both_engines
def test_memory_is_for_one_batch(engine, rng):
    n, d = 20_000, 500
    X = sp.random_array((n, d), density=0.01, format="csr", rng=rng)
    y = rng.integers(0, 2, n)
    model = MLP([d, 8, 2])
    options = {"epochs": 1, "batch_size": 100, "engine": engine, "metrics": ["accuracy"]}
    fit(model, (X[:100], y[:100]), "crossentropy", **options)  # compiles, which takes memory too
    tracemalloc.start()
    fit(model, (X, y), "crossentropy", **options)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < n * d * 8 / 2
