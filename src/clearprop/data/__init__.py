"""Data: built-in sets, tables from files, and the preparation that turns columns into numbers.

The only package that imports scikit-learn for data, splits and scores, and only inside functions.
"""

from clearprop.data.dataset import Dataset, as_dataset
from clearprop.data.preparation import Preparation
from clearprop.data.sources import DATASETS, load_dataset
from clearprop.data.table import Table
from clearprop.data.tables import read_table

__all__ = ["DATASETS", "Dataset", "Preparation", "Table", "as_dataset", "load_dataset", "read_table"]
