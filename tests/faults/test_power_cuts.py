"""The power fails at any moment, and whatever was not yet on the disk is lost or torn: a whole checkpoint is there."""

import os
import random
import warnings

import pytest
from disk import Recorder, after_power_cut
from interrupted import newest, train

from clearprop.errors import CheckpointError, ClearpropWarning
from clearprop.train import load_checkpoint


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    folder = tmp_path_factory.mktemp("recorded") / "run"
    with Recorder(folder).watched() as recorder:
        train(folder, epochs=8)
    return folder, recorder.events


def durable(events):
    """The steps of the newest checkpoint that is on the disk for certain; -1 if there is none."""
    done, waiting = -1, -1
    for name, _, other, _ in events:
        if name == "replace" and "step-" in other:
            waiting = int(other[-24:].removesuffix(".safetensors"))
        elif name == "sync folder":
            done = max(done, waiting)
    return done


def laid_out(folder, files):
    folder.mkdir()
    for path, content in files.items():
        (folder / os.path.basename(path)).write_bytes(content)
    return folder


@pytest.mark.parametrize("times", [6, pytest.param(110, marks=pytest.mark.nightly)])
def test_the_last_whole_checkpoint_or_a_newer_one_is_there(times, recorded, tmp_path):
    rng, crashes, found = random.Random(times), 0, set()
    events = recorded[1]
    for length in range(len(events) + 1):
        least = durable(events[:length])
        for _ in range(times):
            folder = laid_out(tmp_path / str(crashes), after_power_cut(events[:length], rng))
            with warnings.catch_warnings():
                warnings.simplefilter("error", ClearpropWarning)  # not even the newest is damaged
                saved = newest(folder)
            step = -1 if saved is None else saved.state.step
            assert step >= least, f"after {length} calls: {step}, not {least}"
            found.add(step)
            crashes += 1
    assert found == {-1, *range(0, 49, 6)} and crashes > 90 * times


def test_what_is_left_can_go_on(recorded, tmp_path):
    rng, events = random.Random(0), recorded[1]
    expected = train(tmp_path / "whole", epochs=8)
    for length in range(0, len(events), 9):
        folder = laid_out(tmp_path / str(length), after_power_cut(events[:length], rng))
        assert train(folder, epochs=8, resume=newest(folder)) == expected
        assert len(list(folder.iterdir())) == 3


def test_without_syncing_this_test_finds_damage(recorded, tmp_path):
    """So it can find it."""
    rng, events = random.Random(1), [event for event in recorded[1] if event[0] != "fsync"]
    damaged = 0
    for number in range(300):
        folder = laid_out(tmp_path / str(number), after_power_cut(events[: rng.randrange(len(events))], rng))
        try:
            if any(folder.glob("step-*")):
                load_checkpoint(folder, strict=True)
        except CheckpointError:
            damaged += 1
    assert damaged > 100
