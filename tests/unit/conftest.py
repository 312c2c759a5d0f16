"""What several unit tests share."""

import pytest


@pytest.fixture
def threads(monkeypatch):
    """Says how many threads work from now on, however little there is to do."""
    from clearprop.engine.native import program, tuning
    from processors import tuned

    monkeypatch.setattr(tuning, "TABLE", tuned(worth_sharing=1e-3))

    def set_number(number):
        monkeypatch.setattr(program, "usable_threads", lambda: number)

    return set_number
