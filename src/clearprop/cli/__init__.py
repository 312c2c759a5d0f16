"""The command line: one file for each command, which parses and prints; the work is done elsewhere."""

from clearprop.cli.entry import app, main, run

__all__ = ["app", "main", "run"]
