"""The benchmark command runs, compares the same work, and says what it could not compare."""

import json
import math
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[3]
pytestmark = pytest.mark.skipif(not (ROOT / "benchmarks").exists(), reason="benchmarks are not part of this copy")


@pytest.fixture(autouse=True)
def root_on_path(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT))


@pytest.fixture(scope="module")
def quick(tmp_path_factory):
    """A run of one small workload, with one peer that is not installed."""
    folder = tmp_path_factory.mktemp("results")
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(ROOT))
        from benchmarks import __main__ as command
        from benchmarks.peers import Peer

        patch.setattr("benchmarks.measure.processors", lambda: 1)  # one process for each library is enough
        patch.setitem(command.PEERS, "absent", Peer("absent", "Absent", "absent", "no_such_package"))
        arguments = ["--quick", "--workloads", "W2-200-f64", "--engine", "reference", "--out", str(folder)]
        command.main([*arguments, "--peers", "numpy", "sklearn", "absent"])
    return folder


def test_a_quick_run_writes_three_files(quick):
    results = json.loads((quick / "results.json").read_text())
    (work,) = results["workloads"]
    assert set(work["peers"]) == {"ours", "numpy", "sklearn"} and not work["failed"]
    for name, found in work["peers"].items():
        seconds = found["seconds"]
        assert 0 < seconds["min"] <= seconds["median"] <= seconds["max"] and seconds["n"] == 2
        assert found["difference"] < (1e-12 if name != "sklearn" else 1e-5)  # whose Adam places epsilon elsewhere
        assert 0 < found["share"] < 1 and found["part"] == 1
    assert work["peers"]["ours"]["ratio"] == {"median": 1.0, "min": 1.0, "max": 1.0, "n": 2}
    assert work["peers"]["ours"]["engine"] == "reference"
    assert results["peak"]["float32"]["one"] > results["peak"]["float64"]["one"] > 1
    assert (quick / "results.png").read_bytes().startswith(b"\x89PNG")
    text = (quick / "results.md").read_text()
    assert "digits 64-100-10, batch 200, float64" in text and "quick run" in text


def test_missing_peers_are_reported(quick):
    assert json.loads((quick / "results.json").read_text())["missing"] == ["Absent"]
    assert "Not installed here, so not compared: Absent." in (quick / "results.md").read_text()


def test_summary_pairs_and_fastest_equal_those_worked_out_by_hand():
    from benchmarks.measure import fastest, paired, summary

    assert summary([4.0, 1.0, 2.0, 5.0]) == {"median": 3.0, "min": 1.0, "max": 5.0, "n": 4}
    assert paired([2.0, 9.0], [1.0, 3.0]) == [2.0, 3.0]
    assert fastest({1: [2.0, 2.0, 9.0], 2: [3.0, 1.0, 3.0]}) == 1


def test_times_and_ratios_are_written_with_three_digits():
    from benchmarks.report import ratio_text, seconds_text

    assert [seconds_text(s) for s in (0.0000123, 0.0471, 12.34)] == ["12.3 µs", "47.1 ms", "12.3 s"]
    assert [ratio_text(r) for r in (1.234, 12.34, 512.3)] == ["1.23×", "12.3×", "512×"]


def test_an_answer_that_does_not_come_is_a_failure(monkeypatch):
    from benchmarks import measure
    from benchmarks.peers import PEERS

    monkeypatch.setattr(measure, "PATIENCE", 0.01)
    runner = measure.Runner(PEERS["numpy"], 1, {})
    assert "no answer" in runner.ask("repeat")["error"]
    monkeypatch.setattr(measure, "PATIENCE", 60.0)
    assert "AssertionError" in runner.ask("repeat")["error"]  # a new process, which has not prepared anything
    runner.close()


def test_work_is_what_it_says():
    from benchmarks.workloads import STARTS, SUITE, chosen

    works = {work.name: work for work in SUITE}
    assert len(works) == len(SUITE)
    assert works["W2-200-f32"].flops == 2 * (2 * 7400 + 1000) * 1797 * 200
    assert works["W5-many"].flops == 2 * 7400 * 10**6
    assert [work.name for work in chosen(["w3"])] == ["W3a", "W3b"]
    assert "W6" not in [work.name for work in chosen([])] and chosen(["W6"])
    for work in [*SUITE, *STARTS]:
        short = work.short()
        data = short.make_data()
        assert data.X.shape == (short.rows, work.widths[0]) and data.X.dtype == work.dtype
        assert np.isfinite(data.X).all() and data.y.max() < work.widths[-1]
        assert math.isfinite(short.loss(work.start(), data))
        assert short.flops <= work.flops


def test_every_way_of_numpy_and_ours_does_the_same_work(monkeypatch):
    monkeypatch.setenv("CLEARPROP_BENCHMARK_ENGINE", "reference")
    for module in [name for name in sys.modules if name.startswith("benchmarks.peers.")]:
        monkeypatch.delitem(sys.modules, module)
    from benchmarks.peers import PEERS
    from benchmarks.workloads import SUITE

    for work in (work.short() for work in SUITE if work.name in ("W1", "W2-32-f64", "P000", "W5-one")):
        data = work.make_data()
        losses = []
        for name in ("ours", "numpy"):
            (make,) = PEERS[name].variants(work, data).values()
            timed = make()
            losses.append(timed.loss(timed.run(timed.start())))
        assert losses[0] == pytest.approx(losses[1], rel=1e-6 if work.dtype == "float32" else 1e-12), work.name
