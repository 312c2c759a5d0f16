"""The methods: each is fitted to features and target, and then predicts; all with their defaults, on one thread."""

import logging
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.tables.catalogue import Task

Predict = Callable[[pd.DataFrame], Any]
"""Probabilities of the classes, or quantities, of new rows."""
Fit = Callable[[pd.DataFrame, pd.Series, Task, int], Predict]
"""``fit(X, y, task, seed)``: classes are 0, 1, ..., numbers are float64, words are text or None."""


@dataclass(frozen=True)
class Method:
    """A method, and the package it is in."""

    title: str
    package: str
    fit: Fit

    @property
    def installed(self) -> bool:
        return find_spec(self.package) is not None


def word_columns(X: pd.DataFrame) -> list[str]:
    """The names of the columns that hold words."""
    return [name for name in X if not pd.api.types.is_numeric_dtype(X[name])]


def _answer(model: Any, task: Task) -> Predict:
    return model.predict_proba if task == "classification" else lambda X: np.ravel(model.predict(X))


# --- ours -------------------------------------------------------------------------------------------------------------


def _clearprop(X: pd.DataFrame, y: pd.Series, task: Task, seed: int) -> Predict:
    """The way of `clearprop train`: all these rows are for training and validation."""
    from clearprop import read_table
    from clearprop.runs.options import RunOptions
    from clearprop.runs.training import train_run

    words, target = set(word_columns(X)), "the target"
    labels = y.map("class {:04}".format) if task == "classification" else y
    kinds = {name: "category" if name in words else "number" for name in X}
    options = RunOptions(seed=seed, missing="median", kinds=kinds)
    saved = train_run(read_table(X.assign(**{target: labels})), options, target=target, task=task).saved
    return saved.predict_proba if task == "classification" else saved.predict


# --- scikit-learn -----------------------------------------------------------------------------------------------------


def _encoded(X: pd.DataFrame) -> Any:
    """Gaps as the median and an indicator, standardised numbers, words one-hot."""
    from sklearn.compose import ColumnTransformer
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler

    words = word_columns(X)
    gaps = FunctionTransformer(lambda columns: columns.fillna("missing"))
    one_hot = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
    numbers = make_pipeline(SimpleImputer(strategy="median", add_indicator=True), StandardScaler())
    return ColumnTransformer(
        [
            ("numbers", numbers, [name for name in X if name not in words]),
            ("words", make_pipeline(gaps, one_hot), words),
        ]
    )


def _linear(X: pd.DataFrame, y: pd.Series, task: Task, seed: int) -> Predict:
    from sklearn.linear_model import LogisticRegression, RidgeCV
    from sklearn.pipeline import make_pipeline

    last = LogisticRegression(max_iter=2000) if task == "classification" else RidgeCV()
    return _answer(make_pipeline(_encoded(X), last).fit(X, y), task)


def _sklearn_mlp(X: pd.DataFrame, y: pd.Series, task: Task, seed: int) -> Predict:
    from sklearn.compose import TransformedTargetRegressor
    from sklearn.neural_network import MLPClassifier, MLPRegressor
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    if task == "classification":
        return _answer(make_pipeline(_encoded(X), MLPClassifier(random_state=seed)).fit(X, y), task)
    model = make_pipeline(_encoded(X), MLPRegressor(random_state=seed))
    return _answer(TransformedTargetRegressor(model, transformer=StandardScaler()).fit(X, y), task)


# --- boosted trees ----------------------------------------------------------------------------------------------------


class _Categories:
    """Words as pandas' categories, of the training rows; names that no library objects to."""

    def __init__(self, X: pd.DataFrame) -> None:
        self.levels = {name: sorted(set(X[name].dropna())) for name in word_columns(X)}

    def __call__(self, X: pd.DataFrame) -> pd.DataFrame:
        X = X.assign(**{name: pd.Categorical(X[name], levels) for name, levels in self.levels.items()})
        return X.set_axis([f"f{i}" for i in range(X.shape[1])], axis=1)


def _hist_gradient_boosting(X: pd.DataFrame, y: pd.Series, task: Task, seed: int) -> Predict:
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

    codes = {name: {w: i for i, w in enumerate(sorted(set(X[name].dropna())))} for name in word_columns(X)}
    codes = {name: known for name, known in codes.items() if len(known) >= 250}  # it takes no more categories

    def numbered(rows: pd.DataFrame) -> pd.DataFrame:
        return rows.assign(**{name: rows[name].map(known).astype(float) for name, known in codes.items()})

    categories = _Categories(numbered(X))
    kind = HistGradientBoostingClassifier if task == "classification" else HistGradientBoostingRegressor
    model = kind(random_state=seed, categorical_features="from_dtype").fit(categories(numbered(X)), y)
    answer = _answer(model, task)
    return lambda rows: answer(categories(numbered(rows)))


def _lightgbm(X: pd.DataFrame, y: pd.Series, task: Task, seed: int) -> Predict:
    import lightgbm

    categories = _Categories(X)
    kind = lightgbm.LGBMClassifier if task == "classification" else lightgbm.LGBMRegressor
    answer = _answer(kind(n_jobs=1, verbose=-1, random_state=seed).fit(categories(X), y), task)
    return lambda rows: answer(categories(rows))


def _xgboost(X: pd.DataFrame, y: pd.Series, task: Task, seed: int) -> Predict:
    import xgboost

    categories = _Categories(X)
    kind = xgboost.XGBClassifier if task == "classification" else xgboost.XGBRegressor
    answer = _answer(kind(n_jobs=1, enable_categorical=True, random_state=seed).fit(categories(X), y), task)
    return lambda rows: answer(categories(rows))


def _catboost(X: pd.DataFrame, y: pd.Series, task: Task, seed: int) -> Predict:
    import catboost

    words = word_columns(X)

    def filled(rows: pd.DataFrame) -> pd.DataFrame:
        return rows.assign(**{name: rows[name].fillna("missing").astype(str) for name in words})

    kind = catboost.CatBoostClassifier if task == "classification" else catboost.CatBoostRegressor
    model = kind(thread_count=1, verbose=0, random_seed=seed, allow_writing_files=False, cat_features=words)
    answer = _answer(model.fit(filled(X), y), task)
    return lambda rows: answer(filled(rows))


# --- other networks ---------------------------------------------------------------------------------------------------


def _pytabkit(kind: str, **for_classes: Any) -> Fit:
    """A model of pytabkit; it takes no gaps: numbers get the median and an indicator."""

    def fit(X: pd.DataFrame, y: pd.Series, task: Task, seed: int) -> Predict:
        import pytabkit
        import torch

        torch.set_num_threads(1)
        for name in ("lightning.pytorch", "lightning", "pytorch_lightning", "lightning.fabric"):
            logging.getLogger(name).setLevel(logging.ERROR)
        words = word_columns(X)
        medians = {name: X[name].median() for name in X if name not in words and X[name].isna().any()}
        levels = {name: sorted(set(X[name].dropna())) for name in words}

        def filled(rows: pd.DataFrame) -> pd.DataFrame:
            gaps = {f"{name} is missing": rows[name].isna().astype(float) for name in medians}
            numbers = {name: rows[name].fillna(median) for name, median in medians.items()}
            return rows.assign(**gaps, **numbers, **{n: pd.Categorical(rows[n], known) for n, known in levels.items()})

        suffix = "Classifier" if task == "classification" else "Regressor"
        settings = for_classes if task == "classification" else {}
        model = getattr(pytabkit, f"{kind}_{suffix}")(device="cpu", n_threads=1, random_state=seed, **settings)
        answer = _answer(model.fit(filled(X), y.to_numpy(), cat_col_names=words), task)
        return lambda rows: answer(filled(rows))

    return fit


METHODS = {
    "clearprop": Method("clearprop", "clearprop", _clearprop),
    "linear": Method("linear", "sklearn", _linear),
    "sklearn_mlp": Method("scikit-learn MLP", "sklearn", _sklearn_mlp),
    "hist_gradient_boosting": Method("HistGradientBoosting", "sklearn", _hist_gradient_boosting),
    "lightgbm": Method("LightGBM", "lightgbm", _lightgbm),
    "xgboost": Method("XGBoost", "xgboost", _xgboost),
    "catboost": Method("CatBoost", "catboost", _catboost),
    "realmlp_td_s": Method("RealMLP-TD-S", "pytabkit", _pytabkit("RealMLP_TD_S")),
    "realmlp_td": Method("RealMLP-TD", "pytabkit", _pytabkit("RealMLP_TD")),
    "realmlp_td_log_loss": Method(
        *("RealMLP-TD for log-loss", "pytabkit"),
        _pytabkit("RealMLP_TD", use_ls=False, val_metric_name="cross_entropy"),
    ),
    "tabm_d": Method("TabM-D", "pytabkit", _pytabkit("TabM_D")),
}
TREES = ("hist_gradient_boosting", "lightgbm", "xgboost", "catboost")
warnings.filterwarnings("ignore", module="sklearn|lightgbm|xgboost|pytabkit")
