"""The same numbers as scikit-learn's: coefficients, loss curves, predictions, whatever the solver and activation."""

import warnings

import numpy as np
import pytest
import sklearn.neural_network as theirs
from scipy.sparse import csr_array
from sklearn.datasets import load_diabetes, load_digits, load_iris, make_multilabel_classification
from sklearn.exceptions import ConvergenceWarning
from sklearn.preprocessing import scale

from clearprop import estimators as ours

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

IRIS = scale(load_iris().data), load_iris().target
DIGITS = load_digits().data[:300] / 16.0, load_digits().target[:300]
DIABETES = scale(load_diabetes().data), scale(load_diabetes().target)
SOLVERS = {
    "plain": {"solver": "sgd", "momentum": 0.0, "learning_rate_init": 0.05},
    "momentum": {"solver": "sgd", "nesterovs_momentum": False, "learning_rate_init": 0.02},
    "nesterov": {"solver": "sgd", "learning_rate_init": 0.02},
    "adam": {"solver": "adam", "learning_rate_init": 0.005},
}


def both(name, X, y, fit=None, **settings):
    settings = {"hidden_layer_sizes": (13, 7), "random_state": 3, "max_iter": 50, "batch_size": 32} | settings
    found = [getattr(library, name)(**settings).fit(X, y, **(fit or {})) for library in (ours, theirs)]
    return found


def assert_equal(mine, other, X, rtol=1e-10, curves=True):
    assert mine.n_iter_ == other.n_iter_ and mine.t_ == other.t_
    for a, b in zip(mine.coefs_ + mine.intercepts_, other.coefs_ + other.intercepts_, strict=True):
        assert a.shape == b.shape and a.dtype == b.dtype
        assert np.linalg.norm(a - b) <= rtol * max(np.linalg.norm(b), 1.0)
    np.testing.assert_allclose(mine._predictions(X), other._forward_pass_fast(X), rtol=100 * rtol, atol=rtol)
    if hasattr(other, "classes_") and not hasattr(other.predict(X), "nnz"):
        np.testing.assert_array_equal(mine.predict(X), other.predict(X))
    if curves:
        np.testing.assert_allclose(mine.loss_curve_, other.loss_curve_, rtol=10 * rtol, atol=1e-12)
        if other.early_stopping:
            np.testing.assert_allclose(mine.validation_scores_, other.validation_scores_, rtol=1e-9, atol=1e-12)
        else:
            assert mine.validation_scores_ is None


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("activation", ["relu", "tanh", "logistic", "identity"])
def test_fifty_epochs(activation, solver):
    for name, (X, y) in (("MLPClassifier", IRIS), ("MLPRegressor", DIABETES)):
        mine, other = both(name, X, y, activation=activation, n_iter_no_change=np.inf, **SOLVERS[solver])
        assert mine.n_iter_ == 50
        assert_equal(mine, other, X)


@pytest.mark.parametrize(
    "settings",
    [
        {"solver": "sgd", "learning_rate": "invscaling", "learning_rate_init": 0.1, "power_t": 0.2},
        {"solver": "sgd", "learning_rate": "adaptive", "learning_rate_init": 0.2, "tol": 1e-3, "n_iter_no_change": 2},
        {"early_stopping": True, "n_iter_no_change": 5, "max_iter": 80},
        {"shuffle": False},
        {"batch_size": "auto"},
        {"batch_size": 7, "alpha": 0.5},
        {"hidden_layer_sizes": ()},
        {"solver": "sgd", "momentum": 1.0, "learning_rate_init": 1e-4, "max_iter": 10},
        {"max_iter": 400, "tol": 1e-3},
    ],
    ids=str,
)
def test_other_settings(settings):
    for name, (X, y) in (("MLPClassifier", IRIS), ("MLPRegressor", DIABETES)):
        assert_equal(*both(name, X, y, **settings), X, rtol=1e-9)


def test_adaptive_rates_fall_as_theirs_do():
    settings = {"solver": "sgd", "learning_rate": "adaptive", "learning_rate_init": 0.5, "max_iter": 500, "tol": 0.01}
    mine, other = both("MLPClassifier", *IRIS, **settings)
    assert mine._optimizer.learning_rate == other._optimizer.learning_rate < 1e-6
    assert_equal(mine, other, IRIS[0], rtol=1e-8)


def test_two_classes_and_text_labels():
    X, y = IRIS[0][:100], np.array(["setosa", "versicolor"])[IRIS[1][:100]]
    mine, other = both("MLPClassifier", X, y, early_stopping=True)
    assert_equal(mine, other, X)
    np.testing.assert_allclose(mine.predict_proba(X), other.predict_proba(X), rtol=1e-9, atol=1e-12)
    assert mine.predict(X).dtype == other.predict(X).dtype


def test_several_labels_for_each_row():
    X, Y = make_multilabel_classification(n_samples=120, random_state=1)
    mine, other = both("MLPClassifier", X, Y)
    assert_equal(mine, other, X)
    for early in (False, True):
        mine, other = both("MLPClassifier", X, csr_array(Y), early_stopping=early)
        assert (mine.predict(X) != other.predict(X)).nnz == 0


def test_several_targets():
    X = DIABETES[0]
    Y = np.stack([DIABETES[1], X[:, 2] * X[:, 3]], axis=1)
    assert_equal(*both("MLPRegressor", X, Y), X)


def test_poisson():
    X, y = DIABETES[0], np.round(load_diabetes().target / 50.0)
    assert_equal(*both("MLPRegressor", X, y, loss="poisson", learning_rate_init=0.01), X)


def test_sparse_rows():
    X, y = DIGITS
    for matrix in (csr_array(X), csr_array(X).tocsc()):
        mine, other = both("MLPClassifier", matrix, y, max_iter=20)
        assert_equal(mine, other, matrix)


def test_sample_weights():
    X, y = DIABETES
    weight = np.random.default_rng(0).uniform(0.1, 3.0, len(y))
    mine, other = both("MLPRegressor", X, y, fit={"sample_weight": weight}, tol=0.0)
    assert_equal(mine, other, X, curves=False)
    mine, other = both("MLPRegressor", X, y, fit={"sample_weight": weight}, tol=0.0, batch_size=len(y))
    assert_equal(mine, other, X)  # with one batch the curves are the same, too


def test_one_class():
    X, y = IRIS[0][:50], IRIS[1][:50]
    mine, other = both("MLPClassifier", X, y)
    assert_equal(mine, other, X)
    assert mine.predict(X).tolist() == y.tolist()


def test_a_random_state_object_and_the_global_one():
    for seed in (lambda: np.random.RandomState(5), lambda: np.random.seed(5)):  # noqa: NPY002
        fitted = []
        for library in (ours, theirs):
            state = seed()
            fitted.append(library.MLPClassifier(5, max_iter=5, batch_size=20, random_state=state).fit(*IRIS))
        assert_equal(*fitted, IRIS[0])


@pytest.mark.parametrize("name", ["MLPClassifier", "MLPRegressor"])
def test_partial_fit(name):
    X, y = IRIS if name == "MLPClassifier" else DIABETES
    settings = {"hidden_layer_sizes": (6,), "random_state": 4, "batch_size": 16, "learning_rate_init": 0.01}
    mine, other = (getattr(library, name)(**settings) for library in (ours, theirs))
    first = {"classes": [0, 1, 2]} if name == "MLPClassifier" else {}
    for part in np.array_split(np.random.default_rng(0).permutation(len(y)), 7):
        for estimator in (mine, other):
            estimator.partial_fit(X[part], y[part], **first)
        first = {}
    assert_equal(mine, other, X)


def test_partial_fit_after_fit_goes_on_with_the_optimizer():
    fitted = both("MLPClassifier", *IRIS, solver="sgd", max_iter=10)
    for estimator in fitted:
        estimator.partial_fit(*IRIS)
    assert_equal(*fitted, IRIS[0])


@pytest.mark.parametrize("activation", ["relu", "tanh", "logistic", "identity"])
@pytest.mark.parametrize("name", ["MLPClassifier", "MLPRegressor"])
def test_lbfgs_finds_the_same_optimum(name, activation):
    X, y = IRIS if name == "MLPClassifier" else DIABETES
    settings = {"solver": "lbfgs", "activation": activation, "alpha": 1.0, "hidden_layer_sizes": (4,), "tol": 1e-8}
    mine, other = both(name, X, y, max_iter=3000, max_fun=10**5, **settings)
    # a ReLU network has many optima
    assert abs(mine.loss_ - other.loss_) <= (0.05 if activation == "relu" else 1e-5) * other.loss_
    few = both(name, X, y, max_iter=8, **settings)
    assert few[0].n_iter_ == few[1].n_iter_
    np.testing.assert_allclose(few[0].loss_, few[1].loss_, rtol=1e-8)
    np.testing.assert_allclose(few[0]._predictions(X), few[1]._forward_pass_fast(X), rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_types(dtype):
    X, y = IRIS
    mine, other = both("MLPClassifier", X.astype(dtype), y, max_iter=20)
    assert_equal(mine, other, X.astype(dtype), rtol=1e-10 if dtype is np.float64 else 1e-4)
    assert mine.predict_proba(X.astype(dtype)).dtype == other.predict_proba(X.astype(dtype)).dtype


def attributes(estimator):
    return {name for name in vars(estimator) if name.endswith("_") and not name.startswith("_")}


@pytest.mark.parametrize("solver", ["sgd", "adam", "lbfgs"])
@pytest.mark.parametrize("name", ["MLPClassifier", "MLPRegressor"])
def test_parameters_attributes_and_methods(name, solver):
    mine, other = both(name, *IRIS, solver=solver)
    assert attributes(other) <= attributes(mine)
    for attribute in ("n_layers_", "n_outputs_", "out_activation_", "n_features_in_", "best_loss_"):
        if attribute != "best_loss_" or solver != "lbfgs":
            expected = getattr(other, attribute)
            expected = expected if isinstance(expected, str) else pytest.approx(expected, rel=1e-4)
            assert getattr(mine, attribute) == expected
    public = [method for method in dir(other) if not method.startswith("_")]
    missing = {method for method in public if not hasattr(mine, method)}
    assert missing <= ({"partial_fit"} if solver == "lbfgs" else set())  # theirs has it by mistake in the regressor
    defaults = getattr(theirs, name)().get_params()
    shared = {key: value for key, value in getattr(ours, name)().get_params().items() if key in defaults}
    assert list(shared) == list(defaults) and shared == defaults


def test_positional_arguments_stand_where_theirs_do():
    assert ours.MLPClassifier((3,), "tanh").activation == theirs.MLPClassifier((3,), "tanh").activation
    assert ours.MLPRegressor("poisson", (3,), "tanh").loss == theirs.MLPRegressor("poisson", (3,), "tanh").loss
    with pytest.raises(TypeError):
        ours.MLPClassifier((3,), "tanh", "sgd")


def test_warnings_are_theirs():
    messages = []
    for library in (ours, theirs):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            library.MLPClassifier(4, max_iter=2, batch_size=500).fit(*IRIS)
        messages.append([(one.category, str(one.message)) for one in caught])
    assert messages[0] == messages[1] and messages[0][1][0] is ConvergenceWarning
