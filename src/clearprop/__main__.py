"""``python -m clearprop`` is the command ``clearprop``."""

from clearprop.cli import main

main()
