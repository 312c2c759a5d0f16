"""Every row of `estimator_cases`."""

import importlib.util
import re
import signal
import threading
import warnings
from pathlib import Path

import numpy as np
import pytest
from cases import Case
from estimator_cases import CASES
from test_badinput import network, put

import clearprop

pytestmark = pytest.mark.skipif(not hasattr(clearprop, "MLPClassifier"), reason="there are no estimators yet")


@pytest.fixture
def names():
    """X, y and t are read-only, as the user's may be."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 2))
    given = {"X": X, "t": 1.0 + X[:, 0], "y": (X[:, 1] > 0).astype(int)}
    for value in given.values():
        value.flags.writeable = False
    fitted = clearprop.MLPClassifier(4, max_iter=20, tol=0.0, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # 20 epochs are not enough, and need not be
        fitted.fit(given["X"], given["y"])
    classes = {"MLPClassifier": clearprop.MLPClassifier, "MLPRegressor": clearprop.MLPRegressor}
    return given | classes | {"np": np, "network": network, "put": put, "fitted": fitted}


def test_the_rows_are_complete():
    ids = [case.id for case in CASES]
    assert len(set(ids)) == len(ids)
    expected = {f"{letter}{i}" for letter, n in (("C", 15), ("D", 20)) for i in range(1, n + 1)}
    assert {re.match(r"[A-Z]\d+", id)[0] for id in ids} >= expected
    for case in CASES:
        assert sum(map(bool, (case.code, case.why_not, case.tested))) == 1, case.id
        assert case.tested == "" or (Path(__file__).parents[2] / case.tested).exists()


@pytest.mark.parametrize("case", [case for case in CASES if case.code], ids=lambda case: case.id)
def test_what_the_row_says_is_raised_and_nothing_given_is_changed(case: Case, names, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    if case.needs and importlib.util.find_spec(case.needs) is None:
        pytest.skip(f"needs {case.needs}")
    before = {name: names[name].tobytes() for name in "Xty"}
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            exec(case.code, names)
        except Exception as error:
            raised = type(error)
            text = str(error)
        else:
            said = [w for w in caught if "Maximum iterations" not in str(w.message)]
            raised, text = (said[0].category, str(said[0].message)) if said else (None, "")
    found = [cls.__name__ for cls in raised.__mro__] if raised else ["accepted"]
    assert case.expected in found and re.search(case.message, text, re.DOTALL), (found, text)
    assert "Traceback" not in text and len(text) < 900
    assert {name: names[name].tobytes() for name in "Xty"} == before


def test_d19_prediction_while_another_thread_fits(names):
    """Each answer is of a network as it was at some moment: finite probabilities, never an error."""
    model, X, y = names["fitted"], names["X"], names["y"]
    model.set_params(max_iter=30, tol=0.0, n_iter_no_change=1000, warm_start=True)
    failed, enough = [], threading.Event()

    def fit():
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                while not enough.is_set():  # how long one fit takes is the machine's; it fits until all were answered
                    model.fit(X, y)
        except BaseException as error:
            failed.append(error)

    worker = threading.Thread(target=fit)
    worker.start()
    try:
        for _ in range(200):
            p = model.predict_proba(X)
            assert p.shape == (60, 2) and np.isfinite(p).all() and np.allclose(p.sum(axis=1), 1.0)
    finally:
        enough.set()
        worker.join()
    assert not failed


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="POSIX timers")
def test_d20_ctrl_c_while_it_fits(names):
    """What scikit-learn does: training stops, says so, and the network predicts."""
    model = clearprop.MLPClassifier(64, max_iter=1_000_000, tol=0.0, n_iter_no_change=10**9, random_state=0)
    ignored = signal.signal(signal.SIGINT, signal.default_int_handler)  # a test run in the background ignores it
    former = signal.signal(signal.SIGALRM, lambda number, frame: signal.raise_signal(signal.SIGINT))
    # and once more, should the first come where Python drops exceptions, as in the callback of a weak reference
    signal.setitimer(signal.ITIMER_REAL, 1.0, 1.0)
    try:
        with pytest.warns(UserWarning, match="interrupted"):
            model.fit(names["X"], names["y"])
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, former)
        signal.signal(signal.SIGINT, ignored)
    assert np.isfinite(model.predict_proba(names["X"])).all() and 0 < model.n_iter_ < 1_000_000
