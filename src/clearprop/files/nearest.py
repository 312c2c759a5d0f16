"""Which file was meant, when there is none of that name."""

import difflib
import os


def nearest_file(path: str) -> str:
    """The half sentence that helps after a misspelt file name; empty if nothing is similar.

    >>> nearest_file("/nowhere/at/all.csv")
    ''
    """
    folder, name = os.path.split(path)
    try:
        neighbours = os.listdir(folder or ".")
    except OSError:
        return ""
    close = difflib.get_close_matches(name, neighbours, n=1, cutoff=0.6)
    return f"did you mean {os.path.join(folder, close[0])!r}?" if close else ""
