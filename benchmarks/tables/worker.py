"""One method on one table: a process of its own, which prints a line of JSON for each fold it is asked for."""

import argparse
import json
import time

import pandas as pd

from benchmarks.tables.catalogue import GROUPS
from benchmarks.tables.methods import METHODS
from benchmarks.tables.scores import folds, scores


def main() -> None:
    """Fit and predict."""
    parser = argparse.ArgumentParser()
    parser.add_argument("table")
    parser.add_argument("method")
    parser.add_argument("folds", nargs="+", type=int)
    options = parser.parse_args()
    table = next(table for group in GROUPS.values() for table in group if table.name == options.table)
    X, y = table.load()
    if table.task == "classification":
        y = pd.Series(pd.factorize(y, sort=True)[0])
    divided = folds(X, y, table.task)
    for fold in options.folds:
        if fold >= len(divided):
            break
        train, test = (rows for rows in divided[fold])
        rows, answers = X.iloc[train].reset_index(drop=True), y.iloc[train].reset_index(drop=True)
        unseen = X.iloc[test].reset_index(drop=True)
        began, cpu = time.perf_counter(), time.process_time()
        predict = METHODS[options.method].fit(rows, answers, table.task, fold)
        found = {"seconds": time.perf_counter() - began, "cpu": time.process_time() - cpu}
        began = time.perf_counter()
        predicted = predict(unseen)
        found |= {"seconds_of_prediction": time.perf_counter() - began, "rows": len(X), "task": table.task}
        found |= scores(table.task, y.iloc[test], predicted)
        print(json.dumps({"table": table.name, "method": options.method, "fold": fold, **found}), flush=True)


if __name__ == "__main__":
    main()
