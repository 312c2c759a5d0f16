"""A table with columns of every kind, as large as asked for: what reading, preparing and training is measured on.

``python tests/mixed_table.py ROWS FILE`` writes it as CSV, or as Parquet if FILE ends so, and prints what
reading it takes beside DuckDB alone.
"""

import csv
import os
import sys
import time

import numpy as np

HEADER = (*("编号", "年龄", "income", "城市", "会员", "when", "score", "grade", "postcode", "visits", "备注", "购买"),)
CITIES = ("北京", "上海", "广州", "深圳", "成都", "杭州", "武汉", "西安", "Lhasa, Tibet", 'the "old" town')


def mixed_columns(rows: int, *, seed: int = 0, gaps: float = 0.01) -> dict[str, np.ndarray]:
    """The columns as text; about `gaps` of the cells are empty, those of target and identifier never."""
    rng = np.random.default_rng(seed)
    age = rng.integers(18, 90, rows)
    income = rng.lognormal(10.0, 0.6, rows).round(2)
    city = rng.choice(len(CITIES), rows, p=np.array([30, 25, 15, 10, 8, 5, 4, 2, 0.9, 0.1]) / 100)
    member = rng.random(rows) < 0.4
    day = rng.integers(0, 3650, rows)
    score = rng.normal(size=rows)
    season = np.sin(2 * np.pi * day / 365.25)
    signal = 0.05 * (age - 50) + 0.8 * (np.log(income) - 10) + 0.4 * (city < 2) + 0.9 * member + season + 0.7 * score
    bought = signal + rng.logistic(size=rows) > 0.8
    columns = {
        "编号": np.array([f"K{number:08d}" for number in rng.permutation(rows)]),
        "年龄": age.astype(str),
        "income": income.astype(str),
        "城市": np.array(CITIES)[city],
        "会员": np.where(member, "是", "否"),
        "when": (np.datetime64("2015-01-01") + day).astype(str),
        "score": score.astype(str),
        "grade": np.array(["A", "B", "C", "D"])[rng.integers(0, 4, rows)],
        "postcode": np.array([f"{code:05d}" for code in rng.integers(0, 300, rows)]),
        "visits": rng.poisson(3.0, rows).astype(str),
        "备注": np.full(rows, "无"),
        "购买": np.where(bought, "买", "不买"),
    }
    for name in ("年龄", "income", "城市", "会员", "when", "score", "grade", "visits"):
        columns[name] = np.where(rng.random(rows) < gaps * 12 / 8, "", columns[name])
    return columns


def write_mixed_csv(path: str | os.PathLike[str], rows: int, *, seed: int = 0, gaps: float = 0.01) -> None:
    """Write the table, in pieces if it is large."""
    with open(path, "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(HEADER)
        for start in range(0, rows, 200_000):
            columns = mixed_columns(min(200_000, rows - start), seed=seed + start, gaps=gaps)
            writer.writerows(zip(*columns.values(), strict=True))


def main() -> None:
    """Write, read, and print seconds."""
    import duckdb

    from clearprop import Preparation, read_table

    rows, path = int(sys.argv[1]), sys.argv[2]
    if not os.path.exists(path):
        write_mixed_csv(path, rows)
    for _ in range(2):
        started = time.perf_counter()
        table = read_table(path)
        ours = time.perf_counter() - started
        started = time.perf_counter()
        plan = Preparation.fit(table, "购买", dates="expand", missing="median")
        fitted = time.perf_counter() - started
        started = time.perf_counter()
        data = plan.dataset(table)
        prepared = time.perf_counter() - started
        started = time.perf_counter()
        with duckdb.connect() as connection:
            connection.execute("CREATE TABLE t AS SELECT * FROM read_csv(?, all_varchar = true)", [path])
        alone = time.perf_counter() - started
        print(
            f"read {ours:.2f} s ({len(table) / ours:,.0f} rows/s), "
            f"DuckDB alone {alone:.2f} s ({ours / alone:.1f} times); "
            f"plan {fitted:.2f} s, matrix {data.X.shape} {prepared:.2f} s"
        )
    for row in plan.describe():
        print(*row, sep=" | ")


if __name__ == "__main__":
    main()
