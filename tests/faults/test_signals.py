"""Ctrl-C and SIGTERM save within two seconds, a second Ctrl-C ends at once, and one process at a time has a folder."""

import os
import random
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from interrupted import data, network, newest, train

from clearprop import Adam, CrossEntropy, fit
from clearprop.cli import entry
from clearprop.errors import OutputError
from clearprop.files.lock import LOCK, claimed
from clearprop.train import Checkpoint

pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
ENVIRONMENT = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}


def command(*arguments):
    return subprocess.Popen(
        [sys.executable, "-m", "clearprop", *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=ENVIRONMENT,
        preexec_fn=lambda: signal.signal(
            signal.SIGINT, signal.default_int_handler
        ),  # tests in the background ignore it
    )


def begun(process):
    """Once it trains."""
    line = process.stderr.readline()
    assert line.startswith("epoch 1/"), line + process.communicate()[1]
    return process


def assert_same_runs(one, other):
    """Byte by byte; but not the times."""
    assert sorted(path.name for path in one.iterdir()) == sorted(path.name for path in other.iterdir())
    for path in one.iterdir():
        ours, theirs = path.read_text("latin-1").splitlines(), (other / path.name).read_text("latin-1").splitlines()
        if path.name == "history.csv":
            ours, theirs = ([line.split(",")[:-2] for line in lines] for lines in (ours, theirs))
        if path.name == "report.json":
            ours, theirs = ([line for line in lines if '"seconds"' not in line] for lines in (ours, theirs))
        assert ours == theirs, path.name


TRAIN = ("train", "moons", "--epochs", "1500", "--early-stopping", "500", "--dropout", "0.1", "--schedule", "cosine")


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole") / "run"
    process = command(*TRAIN, "--out", folder)
    assert process.wait() == 0
    return folder


@pytest.mark.parametrize(
    ("times", "seed"), [(1, 0), *(pytest.param(20, seed, marks=pytest.mark.nightly) for seed in range(1, 6))]
)
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_the_command_saves_ends_and_goes_on_to_the_same_folder(number, code, times, seed, whole, tmp_path):
    rng, seconds, folder, runs = random.Random(code + seed), [], tmp_path / "run", 0
    while len(seconds) < times:
        process, enough = command(*TRAIN, "--out", folder), len(seconds) + 3
        while process.stderr.readline().startswith("epoch"):  # it trains
            if len(seconds) < enough:
                time.sleep(rng.uniform(0.0, 0.5))
                process.send_signal(number)
            sent = time.perf_counter()
            _, err = process.communicate(timeout=60)
            assert "Traceback" not in err
            if process.returncode == 0:
                break
            seconds.append(time.perf_counter() - sent)
            assert process.returncode == code, err
            assert f"clearprop train --resume {folder}" in err
            process = command("train", "--resume", folder)
        assert process.wait() == 0
        assert_same_runs(folder, whole)
        shutil.rmtree(folder)
        runs += 1
    print(f"{len(seconds)} times in {runs} runs, median {np.median(seconds):.3f} s, worst {max(seconds):.3f} s")
    assert max(seconds) < 2.0


def test_options_that_contradict_are_refused(tmp_path):
    process = begun(command(*TRAIN[:3], "10000000", *TRAIN[4:], "--seed", "2", "--out", tmp_path / "run"))
    process.terminate()
    assert process.wait() == 143
    for option, words in [
        (("--seed", "3"), "--seed was 2 in this run, not 3; leave it out, or start a new run"),
        (("iris",), "DATA was moons in this run, not iris"),
        (("--drop", "x1"), "--drop was not given in this run, not x1"),
        (("--out", "elsewhere"), "--out: the run goes on in its own folder"),
    ]:
        refused = command("train", *option, "--resume", tmp_path / "run")
        assert words in refused.communicate()[1] and refused.returncode == 2
    other = command("train", "moons", "--out", tmp_path / "run")
    assert "was interrupted; go on with it (--resume" in other.communicate()[1] and other.returncode == 6
    nothing = command("train", "--resume", tmp_path)
    assert "no run in this folder" in nothing.communicate()[1] and nothing.returncode == 4


def test_another_table_is_refused(tmp_path):
    rows = np.random.default_rng(0).normal(size=(60, 3)).round(3).tolist()
    table = tmp_path / "t.csv"

    def write():
        table.write_text("\n".join(["a,b,c", *(",".join(map(str, row)) for row in rows)]))

    write()
    process = begun(command("train", table, "--target", "c", "--epochs", "10000000", "--early-stopping", "0",
                            "--out", tmp_path / "run"))  # fmt: skip
    process.terminate()
    assert process.wait() == 143
    rows[40][1] += 0.001
    write()
    refused = command("train", "--resume", tmp_path / "run")
    assert "is of other data" in refused.communicate()[1] or "is of another training" in refused.communicate()[1]
    assert refused.returncode == 4
    assert newest(tmp_path / "run" / "checkpoint" / "seed-0") is not None  # nothing was lost


@pytest.mark.parametrize("times", [1, *(pytest.param(25, marks=pytest.mark.nightly, id=str(i)) for i in range(4))])
def test_a_second_ctrl_c_ends_at_once(times, tmp_path):
    code = f"""
import os, sys, time
from clearprop.train import checkpoint
sys.path[:0] = {sys.path!r}
from interrupted import train
saves, write = [], checkpoint.atomic_write
def slow(path, content):
    saves.append(path)
    if len(saves) > 1:
        print("saving", flush=True)
        time.sleep(60)
    write(path, content)
checkpoint.atomic_write = slow
train(sys.argv[1], every="3600s", epochs=10**6)
"""
    seconds = []
    for time_ in range(times):
        folder = tmp_path / str(time_)
        process = subprocess.Popen(
            [sys.executable, "-c", code, str(folder)], stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True, env=ENVIRONMENT,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
        )  # fmt: skip
        try:
            while newest(folder) is None:
                assert process.poll() is None, process.stderr.read()
                time.sleep(0.02)
            time.sleep(0.3)
            process.send_signal(signal.SIGINT)
            assert process.stdout.readline() == "saving\n"
            process.send_signal(signal.SIGINT)
            sent = time.perf_counter()
            process.communicate(timeout=30)
            seconds.append(time.perf_counter() - sent)
        finally:
            process.kill()  # should the test fail, it would train for ever
        assert process.returncode == -signal.SIGINT
        assert newest(folder).state.step == 0 and not list(folder.glob(".*.tmp"))
    print(f"{times} times, median {np.median(seconds):.3f} s, worst {max(seconds):.3f} s")
    assert max(seconds) < 2.0


class Sender:
    """A callback that sends a signal to this process while the given epoch is reported."""

    def __init__(self, epoch, number):
        self.epoch, self.number = epoch, number

    def __call__(self, epoch):
        if epoch.number == self.epoch:
            os.kill(os.getpid(), self.number)
            time.sleep(0.01)


def interrupt(folder, **options):
    """Until it is."""
    with pytest.raises(KeyboardInterrupt):
        train(folder, every="3600s", epochs=12, **options)
    return newest(folder)


@pytest.mark.parametrize("engine", ["native", "reference"])
@pytest.mark.parametrize("epoch", [1, 5, 11, 12])
def test_a_signal_during_a_callback_waits_until_all_have_been_called(engine, epoch, tmp_path):
    expected = train(tmp_path / "whole", epochs=12, engine=engine)
    saved = interrupt(tmp_path / "run", engine=engine, callbacks=[Sender(epoch, signal.SIGINT)])
    assert (len(saved.history), saved.state.epoch, saved.state.position) == (epoch, epoch + 1, 0)
    assert train(tmp_path / "run", epochs=12, engine=engine, resume=saved) == expected
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_handler_that_lets_training_go_on(tmp_path):
    heard = []
    former = signal.signal(signal.SIGTERM, lambda number, frame: heard.append(number))
    try:
        senders = [Sender(3, signal.SIGTERM), Sender(5, signal.SIGTERM)]
        assert train(tmp_path / "run", epochs=6, callbacks=senders) == train(tmp_path / "whole", epochs=6)
        assert heard == [signal.SIGTERM] * 2 and signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL
    finally:
        signal.signal(signal.SIGTERM, former)


def test_a_signal_when_training_has_been_stopped_is_not_lost(tmp_path):
    class Last(Sender):
        def __call__(self, epoch):
            super().__call__(epoch)
            return epoch.number == self.epoch

    with pytest.raises(KeyboardInterrupt):
        fit(
            network(),
            data(),
            "crossentropy",
            Adam(),
            epochs=9,
            callbacks=[Checkpoint(tmp_path), Last(3, signal.SIGINT)],
        )
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler and not (tmp_path / LOCK).exists()


# --- one process at a time --------------------------------------------------------------------------------------------


def test_the_second_process_is_told_the_first_ones_number(tmp_path):
    folder = tmp_path / "run"
    first = begun(command("train", "moons", "--epochs", "10000000", "--early-stopping", "0", "--out", folder))
    for arguments in (("moons", "--out", folder), ("moons", "--out", folder, "--force"), ("--resume", folder)):
        second = command("train", *arguments)
        assert f"process {first.pid} is training here" in second.communicate()[1] and second.returncode == 6
    with pytest.raises(OutputError, match=f"process {first.pid} is training here"):
        train(folder / "checkpoint" / "seed-0")
    first.kill()
    first.communicate()
    assert (folder / LOCK).read_text() == f"{first.pid}\n"  # it is there, and holds nobody up
    with claimed(folder):
        assert (folder / LOCK).read_text() == f"{os.getpid()}\n"
    assert not (folder / LOCK).exists()


def test_many_at_once_and_one_has_it(tmp_path):
    code = f"""
import sys, time
sys.path[:0] = {sys.path!r}
from pathlib import Path
from clearprop.errors import OutputError
from clearprop.files.lock import claimed
folder, times = Path({str(tmp_path)!r}), 0
end = time.time() + 2
while time.time() < end:
    try:
        with claimed(folder):
            (folder / "one").touch(exist_ok=False)
            time.sleep(0.001)
            (folder / "one").unlink()
            times += 1
    except OutputError as error:
        assert "is training here" in str(error), error
print(times)
"""
    several = [subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) for _ in range(5)]
    assert sum(int(process.communicate()[0]) for process in several) > 50
    assert [process.returncode for process in several] == [0] * 5


# -- processes forked meanwhile, and the handlers afterwards -----------------------------------------------------------


def ends_when_terminated():
    """The exit code of a process forked now, which waits, and is terminated: of one whose handler raises it is 1."""
    reads, writes = os.pipe()
    child = os.fork()
    if not child:
        try:
            os.write(writes, b"!")
            time.sleep(5)
        finally:
            os._exit(1)
    os.read(reads, 1)  # what is sent before the child's Python is ready, Python forgets
    os.close(reads)
    os.close(writes)
    os.kill(child, signal.SIGTERM)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_what_a_callback_forks_dies_when_it_is_terminated(tmp_path):
    codes, handlers = [], [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]

    def fork(epoch):
        codes.append(ends_when_terminated())

    fit(network(), data(), CrossEntropy(), Adam(), epochs=2, callbacks=[Checkpoint(tmp_path / "c", every=1), fork])
    assert codes == [-signal.SIGTERM] * 2
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == handlers


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_what_a_command_forks_dies_when_it_is_terminated_and_its_handler_ends_with_it(monkeypatch, capsys):
    codes, former = [], signal.getsignal(signal.SIGTERM)
    monkeypatch.setattr(entry, "app", lambda **_: codes.append(ends_when_terminated()))
    with pytest.raises(SystemExit) as ended:
        entry.main([])
    assert (ended.value.code, codes) == (0, [-signal.SIGTERM])
    assert signal.getsignal(signal.SIGTERM) is former
