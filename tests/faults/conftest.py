"""What all of these tests need."""

import signal

import pytest


@pytest.fixture(autouse=True)
def ctrl_c():
    """Ctrl-C raises, also where tests run in the background, which a shell starts deaf to it."""
    former = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, former)
