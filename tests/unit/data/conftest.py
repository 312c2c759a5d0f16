"""What tests of tables in files have in common."""

import pytest


@pytest.fixture
def write(tmp_path, monkeypatch):
    """Writes a file into a folder of its own, which is the current one, and gives its name."""
    monkeypatch.chdir(tmp_path)

    def write(content, name="t.csv"):
        (tmp_path / name).write_bytes(content if isinstance(content, bytes) else content.encode())
        return name

    return write
