"""Workers of several processes, with a small engine written here and a launcher that is like MPI's."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import pytest
from wudao_rt.bench import environments
from wudao_rt.bench.case import Case, Rival
from wudao_rt.bench.measure import Options, measure
from wudao_rt.bench.worker import Worker, WorkerError

FAKE = """
import os
import numpy as np

RANK = int(os.environ.get("PMI_RANK") or os.environ["RANK"])

def versions():
    return {"fake": "1"}

class Case:
    def __init__(self, spec, folder):
        self.spec = spec
        assert spec["rank"] == RANK
        (folder / f"pid{RANK}").write_text(str(os.getpid()))
        print("noise on standard output")

    def run(self):
        if self.spec.get("fails") == RANK:
            raise ValueError("no luck")
        if self.spec.get("dies") == RANK:
            os._exit(3)
        return {"seconds": float(os.environ.get("SECONDS", 1)) * (1 + RANK), "rank": RANK}

    def result(self):
        return {"y": np.full((2, 3), float(RANK))}
"""
# Ranks in sessions of their own: signals to the launcher's group do not reach them.
LAUNCHER = """
import os, subprocess, sys
count, *command = sys.argv[1:]
ranks = [subprocess.Popen(command, env={**os.environ, "PMI_RANK": str(rank)}, start_new_session=True)
         for rank in reversed(range(int(count)))]
[rank.wait() for rank in ranks]
"""


@pytest.fixture
def engine(tmp_path: Path) -> Path:
    (tmp_path / "fake").mkdir()
    (tmp_path / "fake" / "__init__.py").write_text("")
    (tmp_path / "fake" / "speed.py").write_text(FAKE)
    (tmp_path / "launch.py").write_text(LAUNCHER)
    return tmp_path


def group(engine: Path, ranks: int, launched: bool, **variables: str) -> Worker:
    environment = environments.our_environment(1, variables)
    environment["PYTHONPATH"] = f"{engine}{os.pathsep}{environment['PYTHONPATH']}"
    launcher = [sys.executable, engine / "launch.py", ranks] if launched else []
    words = [sys.executable, "-B", environments.WORKERS / "group.py", ranks, "fake", "speed", *launcher]
    return Worker("group", [str(word) for word in words], environment)


@pytest.fixture(params=[False, True], ids=["started here", "launched"])
def ready(engine: Path, request: pytest.FixtureRequest) -> Iterator[tuple[Worker, Path]]:
    with group(engine, 2, request.param) as worker:
        assert worker.ask("prepare", spec={}, folder=str(engine)) == {"versions": {"fake": "1"}}
        yield worker, engine


def states(folder: Path) -> list[str]:
    """The state of each rank, Z where it is gone."""
    out = []
    for rank in range(2):
        stat = Path(f"/proc/{(folder / f'pid{rank}').read_text()}/stat")
        try:
            out.append(stat.read_text().rpartition(")")[2].split()[0])
        except (FileNotFoundError, ProcessLookupError):
            out.append("Z")
    return out


def reach(folder: Path, wanted: str) -> bool:
    for _ in range(200):
        if all(state in wanted for state in states(folder)):
            return True
        time.sleep(0.01)
    return False


def test_ranks_answer_as_one(ready: tuple[Worker, Path]) -> None:
    worker, folder = ready
    assert worker.ask("run", times=1, warm=False) == {"seconds": 2.0, "counted": {"rank": 0}}
    worker.ask("result", path=str(folder / "all.npz"))
    with np.load(folder / "all.npz") as arrays:
        assert arrays["y"].tolist() == [[0.0] * 3] * 2 + [[1.0] * 3] * 2
    one = worker.ask("memory")
    assert one["imported"] > 2 * 5e6 and one["peak"] >= one["imported"]


def test_all_ranks_are_stopped_and_ended(ready: tuple[Worker, Path]) -> None:
    worker, folder = ready
    worker.pause()
    assert reach(folder, "T"), states(folder)
    worker.resume()
    assert worker.ask("run", times=1, warm=False)["seconds"] == 2.0
    worker.pause()
    worker.close()
    assert reach(folder, "Z"), states(folder)


def test_stopped_ranks_end_when_nobody_is_left_to_end_them(ready: tuple[Worker, Path]) -> None:
    worker, folder = ready
    worker.pause()
    os.kill(worker.pid, signal.SIGKILL)  # as the system does when the harness is gone
    assert reach(folder, "Z"), states(folder)


@pytest.mark.parametrize("launched", [False, True])
@pytest.mark.parametrize(("spec", "message"), [({"fails": 1}, "rank 1: ValueError: no luck"),
                                               ({"dies": 0}, "rank 0: the process ended")])
def test_a_rank_that_fails_is_named(engine: Path, launched: bool, spec: dict[str, int], message: str) -> None:
    with group(engine, 2, launched) as worker:
        worker.ask("prepare", spec=spec, folder=str(engine))
        with pytest.raises(WorkerError, match=message):
            worker.ask("run", times=1, warm=False)


def test_a_rank_that_does_not_start_is_told(engine: Path) -> None:
    (engine / "launch.py").write_text("raise SystemExit('no MPI here')")
    told = r"no MPI here .* a rank ended before it was"
    with group(engine, 2, True) as worker, pytest.raises(WorkerError, match=told):
        worker.ask("prepare", spec={}, folder=str(engine))


def test_two_ranks_take_turns_and_share_the_threads(engine: Path) -> None:
    asked: list[tuple[str, int, int]] = []

    def start(options: Options, rival: Rival | None, module: str, changes: Mapping[str, str]) -> Worker:
        asked.append((rival.peer if rival else "ours", options.ranks, options.threads))
        return group(engine, options.ranks, launched=rival is None, SECONDS="0.5" if rival else "0.25")

    case = Case("speed", "small", "float32", "tokens/s", 10, {}, lambda folder: None, (Rival("peer", "fake"),),
                {"y": 1e-6}, ranks=2)
    [line] = measure(case, Options(pairs=2, threads=5, start=start))
    assert "error" not in line, line
    assert (line["ours"], line["peer"], line["ratio"], line["threads"]) == (20.0, 10.0, 2.0, 4)
    assert asked == [("ours", 2, 2), ("peer", 2, 2)]


def test_a_case_without_peers_is_measured_alone(engine: Path) -> None:
    def start(options: Options, rival: Rival | None, module: str, changes: Mapping[str, str]) -> Worker:
        return group(engine, 1, launched=False, SECONDS="0.25")

    case = Case("speed", "small", "float32", "tokens/s", 10, {}, lambda folder: None, (), {})
    [line] = measure(case, Options(pairs=1, start=start))
    assert line["ours"] == 40.0 and line["peer"] is None
    assert list(measure(case, Options(pairs=1, start=start, peers=("torch",)))) == []
