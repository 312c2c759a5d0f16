"""An argument that an estimator does not have is refused with the name it has here, or the nearest."""

import inspect

import pytest
from sklearn.base import clone
from sklearn.utils.estimator_checks import (
    check_do_not_raise_errors_in_init_or_set_params,
    check_parameters_default_constructible,
)

from clearprop.errors import UnknownOptionError
from clearprop.estimators import MLPClassifier, MLPRegressor, habits

BOTH = pytest.mark.parametrize("Estimator", [MLPClassifier, MLPRegressor])


@BOTH
@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("hiden_layer_sizes", "did you mean 'hidden_layer_sizes'"),
        ("max_iters", "did you mean 'max_iter'"),
        ("lr", "it is called learning_rate_init"),
        ("epochs", "it is called max_iter"),
        ("seed", "it is called random_state"),
        ("unknown", "Known: "),
    ],
)
def test_the_constructor_names_what_was_meant(Estimator, given, said):
    with pytest.raises(UnknownOptionError, match=f"{Estimator.__name__} has no parameter '{given}'; .*{said}"):
        Estimator(5 if Estimator is MLPClassifier else "poisson", **{given: 1})


@BOTH
def test_every_name_it_points_to_exists(Estimator):
    parameters = Estimator().get_params()
    for name, hint in habits._OF_CONSTRUCTORS.items():
        assert name not in parameters
        if "it is called " in hint:
            assert hint.partition("it is called ")[2].partition(";")[0] in parameters


@BOTH
@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_methods_name_what_was_meant(Estimator, method):
    for given, said in (("sample_weights", "did you mean 'sample_weight'"), ("eval_set", "pass X_val=X, y_val=y")):
        with pytest.raises(UnknownOptionError, match=f"^{method} has no option '{given}'; {said}"):
            getattr(Estimator(), method)([[0.0]], [0.0], **{given: 1})


@BOTH
def test_the_signature_stays_what_scikit_learn_reads(Estimator):
    parameters = inspect.signature(Estimator).parameters
    assert {p.kind for p in parameters.values()} == {
        inspect.Parameter.POSITIONAL_OR_KEYWORD,
        inspect.Parameter.KEYWORD_ONLY,
    }
    assert sorted(parameters) == list(Estimator().get_params())
    assert clone(Estimator(alpha=0.25)).alpha == 0.25
    check_parameters_default_constructible(Estimator.__name__, Estimator())
    check_do_not_raise_errors_in_init_or_set_params(Estimator.__name__, Estimator())


def test_a_subclass_is_named_itself():
    class Mine(MLPClassifier):
        def __init__(self, alpha=0.1, **others):
            super().__init__(alpha=alpha, **others)

    with pytest.raises(UnknownOptionError, match="Mine has no parameter 'solvr'; did you mean 'solver'"):
        Mine(solvr="sgd")
