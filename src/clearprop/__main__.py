"""``python -m clearprop`` is the command ``clearprop``."""

from clearprop.cli import run

run()
