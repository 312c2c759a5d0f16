"""The rows about `MLPClassifier` and `MLPRegressor`: C their parameters, D prediction and going on.

As in `cases`; `code` finds both classes too, and a classifier `fitted` to (X, y). Errors and warnings may be
scikit-learn's own, where its conventions prescribe the words; `expected` is their class or a base of it.
"""

from cases import Case, code

C = [
    code("C1", "no units", "MLPClassifier(0).fit(X, y)", "ValueError",
         r"hidden_layer_sizes must be > 0, got 0: \[0\] is 0, not a whole number, 1 or more"),
    code("C1b", "negative units", "MLPClassifier((8, -5)).fit(X, y)", "ValueError", r"\[1\] is -5, not a whole number"),
    code("C2", "units with a fraction", "MLPClassifier(5.5).fit(X, y)", "ValueError",
         r"\[0\] is 5.5, not a whole number"),
    code("C3", "units as text", "MLPClassifier('10').fit(X, y)", "ValueError", r"not the text '10'; did you mean 10\?"),
    code("C4", "a misspelt activation", "MLPClassifier(4, 'rleu').fit(X, y)", "ValueError",
         r"no activation 'rleu'; did you mean 'relu'\?"),
    code("C4b", "a misspelt solver", "MLPClassifier(4, solver='adma').fit(X, y)", "ValueError",
         r"solver cannot be 'adma'; did you mean 'adam'\?"),
    *(code(f"C5{letter}", f"the learning rate {rate}", f"MLPClassifier(4, learning_rate_init={text}).fit(X, y)",
           "ValueError", "learning_rate_init must be a number in .*; the default is 0.001")
      for letter, rate, text in (("", "0", "0"), ("b", "-1", "-1"), ("c", "NaN", "np.nan"), ("d", "infinity", "np.inf"),
                                 ("e", "'0.1'", "'0.1'"))),
    code("C6", "a learning rate far too large",
         "MLPRegressor(hidden_layer_sizes=8, solver='sgd', learning_rate_init=1e6).fit(X, t)", "ValueError",
         r"diverged in epoch \d+.*; .*lower the learning rate"),
    code("C7", "the learning rate 1e200",
         "MLPRegressor(hidden_layer_sizes=8, solver='sgd', learning_rate_init=1e200).fit(X, t)", "ValueError",
         r"diverged in epoch \d+.*lower the learning rate"),
    code("C8", "batches of no rows", "MLPClassifier(4, batch_size=0).fit(X, y)", "ValueError",
         r"batch_size must be a whole number in \[1, inf\), not 0; the default is 'auto'"),
    code("C8b", "batches larger than the data", "MLPClassifier(4, batch_size=99, max_iter=1).fit(X, y)", "UserWarning",
         "Got `batch_size` less than 1 or larger than sample size. It is going to be clipped"),
    code("C9", "no epochs", "MLPClassifier(4, max_iter=0).fit(X, y)", "ValueError",
         r"max_iter must be a whole number in \[1, inf\), not 0; the default is 200"),
    code("C9b", "epochs with a fraction", "MLPClassifier(4, max_iter=2.5).fit(X, y)", "ValueError",
         "not 2.5; the default"),
    code("C10", "a momentum of 1.5", "MLPClassifier(4, momentum=1.5).fit(X, y)", "ValueError",
         r"momentum must be a number in \[0, 1\], not 1.5; the default is 0.9"),
    code("C10b", "beta_1 = 1", "MLPClassifier(4, beta_1=1).fit(X, y)", "ValueError",
         r"beta_1 must be a number in \[0, 1\), not 1; the default is 0.9"),
    code("C11", "a negative random state", "MLPClassifier(4, random_state=-1).fit(X, y)", "ValueError",
         "between 0 and"),
    code("C11b", "a random state that is text", "MLPClassifier(4, random_state='abc').fit(X, y)", "ValueError",
         "'abc' cannot be used to seed"),
    code("C12", "an unknown argument", "MLPClassifier(hidden_layers=4)", "TypeError",
         "unexpected keyword argument 'hidden_layers'"),
    code("C13", "a wrong value set later", "MLPClassifier(4).set_params(alpha=-1).fit(X, y)", "ValueError",
         r"alpha must be a number in \[0, inf\), not -1; the default is 0.0001"),
    code("C13b", "an unknown parameter set later", "MLPClassifier(4).set_params(aplha=1)", "ValueError",
         "Invalid parameter 'aplha' for estimator"),
    code("C14", "10^12 weights", "MLPClassifier((10**6, 10**6)).fit(X, y)", "ValueError",
         "GiB to train, and .* GiB are free; use smaller hidden_layer_sizes"),
    Case("C15", "a number of threads", why_not="the estimators have no such parameter: threads never change a result"),
]  # fmt: skip

FRAME = """import pandas
f = pandas.DataFrame({'age': X[:, 0], 'size': X[:, 1]})
m = MLPClassifier(4, max_iter=1).fit(f, y)
"""
STEPS = "m = MLPClassifier(4)\nm.partial_fit(X, y, classes=[0, 1])\n"
WARM = "m = MLPClassifier(4, warm_start=True, max_iter=1).fit(X, y)\n"

D = [
    code("D1", "prediction before fit", "MLPClassifier().predict(X)", "NotFittedError",
         "is not fitted yet. Call 'fit'"),
    code("D2", "a feature too many", "fitted.predict(np.c_[X, X])", "ValueError",
         "X has 4 features, but MLPClassifier is expecting 2 features as input"),
    code("D2b", "a feature too few", "fitted.predict(X[:, :1])", "ValueError",
         "X has 1 features, but .* is expecting 2"),
    code("D3", "one row without brackets", "fitted.predict(X[0])", "ValueError",
         r"Reshape your data.*reshape\(1, -1\)"),
    code("D4", "no rows", "fitted.predict(X[:0])", "ValueError", r"Found array with 0 sample\(s\)"),
    code("D5", "NaN", "fitted.predict(put(X, (3, 1), np.nan))", "ValueError", "contains NaN"),
    code("D5b", "infinity", "fitted.predict(put(X, (3, 1), np.inf))", "ValueError", "contains infinity"),
    code("D6", "1e300", "assert np.isfinite(fitted.predict_proba(X * 1e300)).all()", "accepted"),
    code("D7", "columns in another order", FRAME + "m.predict(f[['size', 'age']])", "ValueError",
         "Feature names must be in the same order as they were in fit", needs="pandas"),
    code("D8", "a column renamed", FRAME + "m.predict(f.rename(columns={'size': 'siez'}))", "ValueError",
         "Feature names unseen at fit time:\n- siez\nFeature names seen at fit time, yet now missing:\n- size",
         needs="pandas"),
    code("D9", "an array after a frame", FRAME + "m.predict(X)", "UserWarning", "X does not have valid feature names",
         needs="pandas"),
    code("D10", "the first partial_fit without classes", "MLPClassifier(4).partial_fit(X, y)", "ValueError",
         "classes must be passed on the first call to partial_fit"),
    code("D11", "a label never named", STEPS + "m.partial_fit(X, y + 1)", "ValueError", "`y` has classes not in"),
    code("D12", "a label not among classes", "MLPClassifier(4).partial_fit(X, y, classes=[0, 2])", "ValueError",
         "`y` has classes not in"),
    code("D13", "other classes later", STEPS + "m.partial_fit(X, y, classes=[0, 1, 2])", "ValueError",
         "is not the same as on last call to partial_fit"),
    code("D14", "partial_fit with L-BFGS", "MLPClassifier(4, solver='lbfgs').partial_fit(X, y, classes=[0, 1])",
         "AttributeError", "has no attribute 'partial_fit'|partial_fit needs a solver that takes steps"),
    code("D15", "other features later", STEPS + "m.partial_fit(X[:, :1], y)", "ValueError", "is expecting 2 features"),
    code("D16", "an empty batch", STEPS + "m.partial_fit(X[:0], y[:0])", "ValueError",
         r"Found array with 0 sample\(s\)"),
    code("D17", "float32 after float64", "assert fitted.predict_proba(X.astype('float32')).dtype == 'float64'",
         "accepted"),
    code("D18", "a class more, with a warm start", WARM + "m.fit(X, np.arange(60) % 3)", "ValueError",
         "warm_start can only be used where `y` has the same classes as in the previous call to fit"),
    code("D18b", "a class less, with a warm start", WARM + "m.fit(X, y * 0)", "ValueError",
         "warm_start can only be used"),
    Case("D19", "prediction while another thread fits", tested="tests/badinput/test_estimators.py"),
    Case("D20", "Ctrl-C while it fits, then prediction", tested="tests/badinput/test_estimators.py"),
]  # fmt: skip

CASES = [*C, *D]
