"""The defaults of `clearprop train` are no worse than a linear model, on files and through the command's code."""

import runpy
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[3] / "benchmarks" / "cross_validation.py"
pytestmark = pytest.mark.skipif(not SCRIPT.exists(), reason="benchmarks are not part of this copy")


@pytest.fixture(scope="module")
def script():
    return runpy.run_path(str(SCRIPT))


@pytest.mark.parametrize("name", ["iris", "breast_cancer", "diabetes"])
def test_one_seed(script, tmp_path, name):
    found = script["compare"](name, tmp_path, seeds=[0])
    assert len(found.network) == 5 and found.good, found.difference


def test_parquet_gives_the_same(script, tmp_path):
    csv, parquet = (script["compare"]("wine", tmp_path, seeds=[0], ending=e) for e in (".csv", ".parquet"))
    assert csv.network == parquet.network and csv.good
    assert "| wine | .parquet | accuracy |" in script["markdown"]([parquet])


@pytest.mark.nightly
@pytest.mark.parametrize("ending", [".csv", ".parquet"])
@pytest.mark.parametrize("name", ["iris", "wine", "breast_cancer", "digits", "diabetes"])
def test_five_seeds(script, tmp_path, name, ending):
    found = script["compare"](name, tmp_path, ending=ending)
    assert len(found.network) == 25 and found.good, found.difference
