"""The harness of the benches, with small workers written here in place of engines."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from wudao_rt.bench import environments
from wudao_rt.bench.case import Case, Rival
from wudao_rt.bench.compare import Mismatch, compare
from wudao_rt.bench.measure import Options, measure
from wudao_rt.bench.turns import Turns, order
from wudao_rt.bench.worker import Worker, WorkerError

# What an engine's module is to serve.py. ENGINE names it in the log of turns, SECONDS is what a turn takes.
FAKE = """
import os, time
import numpy as np

def versions():
    return {"fake": "1"}

class Case:
    def __init__(self, spec, folder):
        self.spec, self.log = spec, folder / "turns.log"

    def run(self):
        with self.log.open("a") as log:
            log.write(os.environ["ENGINE"] + "\\n")
        if os.environ["ENGINE"] == self.spec.get("dies"):
            raise SystemExit("the last words")
        return {"seconds": float(os.environ["SECONDS"])}

    def result(self):
        return {"y": np.full(3, float(os.environ["RESULT"]))}
"""
LINE = {"bench", "case", "dtype", "unit", "ours", "peer", "peer_name", "ratio", "roof", "share_of_roof", "pairs",
        "commit", "cpu", "isa", "threads", "versions"}


@pytest.fixture
def engines(tmp_path: Path) -> Path:
    folder = tmp_path / "fake"
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    (folder / "speed.py").write_text(FAKE)
    return tmp_path


def options(engines: Path, peer_result: float = 1.0, **more) -> Options:
    def start(_: Options, rival: Rival | None, module: str, changes: Mapping[str, str]) -> Worker:
        name = rival.peer if rival else "ours"
        variables = {**environments.our_environment(1, changes), "ENGINE": name,
                     "SECONDS": "0.5" if rival else "0.25", "RESULT": str(peer_result if rival else 1.0)}
        code = (f"import sys, runpy; sys.path.insert(0, {str(engines)!r})\n"
                f"sys.argv = ['serve.py', 'fake', {module!r}]\n"
                f"runpy.run_path({str(environments.WORKERS / 'serve.py')!r}, run_name='__main__')")
        return Worker(name, [sys.executable, "-c", code], variables)

    return Options(pairs=3, start=start, **more)


def case(engines: Path, **spec) -> Case:
    turns = engines / "kept.log"

    def arrays(folder: Path) -> None:
        (folder / "turns.log").symlink_to(turns)
        turns.write_text("")

    return Case("speed", "small", "float32", "tokens/s", 10, spec, arrays, (Rival("peer", "fake"),), {"y": 1e-6})


def test_workers_take_turns_and_the_ratio_is_the_peers_time_over_ours(engines: Path) -> None:
    [line] = measure(case(engines), options(engines))
    assert "error" not in line, line
    assert line.keys() >= LINE
    assert line["ratio"] == 2.0 and line["ours"] == 40.0 and line["peer"] == 20.0 and line["pairs"] == 3
    turns = (engines / "kept.log").read_text().split()
    assert turns[-6:] == ["ours", "peer", "peer", "ours", "ours", "peer"]


def test_different_results_are_not_timed(engines: Path) -> None:
    [line] = measure(case(engines), options(engines, peer_result=1.1))
    assert "expected y within 1e-06 of ours" in line["error"] and "ours" not in line
    assert (engines / "kept.log").read_text() == ""


def test_a_dying_worker_is_named_with_its_last_words(engines: Path) -> None:
    [line] = measure(case(engines, dies="peer"), options(engines))
    assert "the last words" in line["error"] and "peer" in line["error"]


def test_a_quick_bench_ends_with_the_pair_in_which_enough_seconds_have_passed(engines: Path) -> None:
    assert [line["pairs"] for line in measure(case(engines), options(engines, enough=1.0))] == [2]
    assert [line["pairs"] for line in measure(case(engines), options(engines, enough=0.1))] == [1]


def test_we_can_be_measured_alone(engines: Path) -> None:
    [line] = measure(case(engines), options(engines, alone=True))
    assert line["ours"] == 40.0 and line["peer"] is None and line["ratio"] is None


def test_peers_that_are_not_wanted_are_left_out(engines: Path) -> None:
    assert list(measure(case(engines), options(engines, peers=("torch",)))) == []


def test_an_idle_worker_is_stopped(tmp_path: Path) -> None:
    def state(worker: Worker) -> str:
        return Path(f"/proc/{worker.pid}/stat").read_text().rpartition(")")[2].split()[0]

    with Worker("idle", [sys.executable, "-c", "import time; time.sleep(60)"], {}) as worker:
        worker.pause()
        for _ in range(100):
            if state(worker) == "T":
                break
            time.sleep(0.01)
        assert state(worker) == "T"
    assert not Path(f"/proc/{worker.pid}").exists()


def test_a_program_that_is_not_there_is_told() -> None:
    with pytest.raises(WorkerError, match="bench: ghost: expected /no/such/python to start"):
        Worker("ghost", ["/no/such/python"], {})


def test_variables_that_cripple_a_peer_are_removed(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENBLAS_CORETYPE", "MKL_DEBUG_CPU_TYPE", "OMP_NUM_THREADS", "PYTHONPATH"):
        monkeypatch.setenv(name, "strange")
    peer = environments.peer_environment(2, {})
    assert "strange" not in peer.values() and peer["OMP_NUM_THREADS"] == "2"


def test_order_and_ratio() -> None:
    assert [order(pair) for pair in range(4)] == [(0, 1), (1, 0), (0, 1), (1, 0)]
    assert Turns([1.0, 2.0, 4.0], [3.0, 2.0, 2.0], {}).ratio == 1.0


@pytest.mark.parametrize("other", [np.ones(3) * np.nan, np.ones(4), np.ones(3) * 1.01])
def test_compare_refuses(other: np.ndarray, tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", y=np.ones(3))
    np.savez(tmp_path / "b.npz", y=other)
    with pytest.raises(Mismatch):
        compare(tmp_path / "a.npz", tmp_path / "b.npz", {"y": 1e-3}, "peer")
