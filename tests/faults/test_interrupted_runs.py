"""Runs of `clearprop train` that break off, and go on to the folder they would have written."""

import shutil

import pytest
from test_signals import assert_same_runs

import clearprop.cli.entry as cli
from clearprop.runs.folder import CHECKPOINTS, unfinished
from clearprop.train import Progress

TRAIN = ("train", "moons", "--epochs", "12", "--early-stopping", "5", "--checkpoint-every", "1", "--dropout", "0.1")


class Crash(BaseException):
    """As if the process had been killed."""


@pytest.fixture
def run(capsys, tmp_path, monkeypatch):
    """Run a command, which may crash in an epoch of a seed's run; returns exit code and stderr."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments, crash=None):
        seen = []

        def watch(self, epoch):
            seen.append(epoch.number)
            if crash is not None and len([n for n in seen if n == 1]) == crash[0] and epoch.number == crash[1]:
                raise Crash

        monkeypatch.setattr(Progress, "__call__", watch)
        with pytest.raises((SystemExit, Crash)) as end:
            cli.main([str(argument) for argument in arguments])
        err = capsys.readouterr().err
        assert "Traceback" not in err
        return getattr(end.value, "code", None) or 0, err

    return run


def test_of_several_runs_each_goes_on(run, tmp_path):
    run(*TRAIN, "--repeats", "3", "--out", "whole")
    for place in ((1, 1), (1, 7), (2, 1), (3, 4)):
        run(*TRAIN, "--repeats", "3", "--out", "cut", crash=place)
        assert len(list((tmp_path / "cut" / CHECKPOINTS).iterdir())) == place[0]
        code, _ = run("train", "--resume", "cut")
        assert code == 0
        assert_same_runs(tmp_path / "cut", tmp_path / "whole")
        shutil.rmtree(tmp_path / "cut")


def test_a_damaged_newest_checkpoint(run, tmp_path):
    run(*TRAIN, "--out", "whole")
    run(*TRAIN, "--out", "cut", crash=(1, 9))
    newest = max((tmp_path / "cut").rglob("step-*"))
    newest.write_bytes(newest.read_bytes()[:-1])
    code, err = run("train", "--resume", "cut", "--strict")
    assert code == 4 and "the checkpoint is damaged" in err and newest.exists()
    code, err = run("train", "--resume", "cut")
    assert code == 0 and err.count("Taken instead: step-") == 1
    assert_same_runs(tmp_path / "cut", tmp_path / "whole")


def test_broken_off_while_the_results_are_written(run, tmp_path, monkeypatch):
    run(*TRAIN, "--out", "whole")
    with monkeypatch.context() as patch:
        patch.setattr("clearprop.viz.curves", lambda *arguments, **options: (_ for _ in ()).throw(Crash))
        run(*TRAIN, "--out", "cut")
    assert (tmp_path / "cut" / "model.safetensors").exists() and unfinished(tmp_path / "cut").state.step > 0
    code, err = run(*TRAIN, "--out", "cut")
    assert code == 6 and "was interrupted; go on with it (--resume cut)" in err
    assert run("train", "--resume", "cut")[0] == 0
    assert_same_runs(tmp_path / "cut", tmp_path / "whole")


def test_a_new_run_in_the_same_folder_by_force(run, tmp_path):
    run(*TRAIN, "--out", "whole")
    run("train", "iris", "--epochs", "9", "--out", "cut", crash=(1, 3))
    assert run(*TRAIN, "--out", "cut", "--force")[0] == 0
    assert_same_runs(tmp_path / "cut", tmp_path / "whole")


def test_without_checkpoints(run, tmp_path):
    run(*TRAIN, "--checkpoint-every", "0", "--out", "cut", crash=(1, 3))
    assert not (tmp_path / "cut").exists()
    code, err = run(*TRAIN, "--checkpoint-every", "often")
    assert code == 2 and "every is a number of epochs" in err


def test_a_run_that_diverges_leaves_nothing_to_resume(run, tmp_path):
    code, err = run("train", "diabetes", "--optimizer", "sgd", "--learning-rate", "1e30", "--out", "cut")
    assert code == 5 and "go on with" not in err and not (tmp_path / "cut").exists()
