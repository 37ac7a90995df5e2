"""Checkpoints are whole or not there: crashes, full disks, damage."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from wudao_rt.errors import CheckpointError
from wudao_rt.training import checkpoint
from wudao_rt.training.checkpoint import Snapshot

# Runs save() in a process of its own, with something done to it first.
_SAVE = """
import os, resource, signal, sys
from pathlib import Path
import numpy as np
from wudao_rt.training import checkpoint
from wudao_rt.training.checkpoint import Snapshot, write
{before}
arrays = {{"w": np.ones(200_000, np.float32)}}
checkpoint.save(Path(sys.argv[1]), Snapshot(2, 2, 20, arrays, arrays, "x = 1"))
"""


def snapshot(step: int) -> Snapshot:
    arrays = {"w": np.full((3, 4), step, np.float32)}
    return Snapshot(step, step - 1, 10 * step, arrays, {"m.w": arrays["w"] * 2}, f"# step {step}\n")


def save_elsewhere(run: Path, before: str) -> subprocess.CompletedProcess:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
    return subprocess.run([sys.executable, "-c", _SAVE.format(before=before), str(run)], env=environment,
                          capture_output=True, text=True, timeout=120)


def newest(run: Path) -> tuple[int, list[str]]:
    said: list[str] = []
    return checkpoint.restore(checkpoint.newest_good(run, said.append)).state["step"], said


def test_round_trip(tmp_path):
    path = checkpoint.save(tmp_path, snapshot(5))
    found = checkpoint.restore(path)
    assert found.state | {"sha256": 0} == {"format": 1, "step": 5, "updates": 4, "tokens": 50, "sha256": 0}
    assert np.array_equal(found.weights["w"], np.full((3, 4), 5))
    assert np.array_equal(found.optimizer["m.w"], np.full((3, 4), 10))
    assert (tmp_path / "last").read_text().strip() == "step-5"


def test_the_same_state_gives_the_same_bytes(tmp_path):
    one, other = (checkpoint.save(tmp_path / name, snapshot(5)) for name in "ab")
    for path in (p for p in one.rglob("*") if p.is_file()):
        assert path.read_bytes() == (other / path.relative_to(one)).read_bytes()


def test_the_newest_ones_are_kept(tmp_path):
    for step in (1, 2, 3, 10):
        checkpoint.save(tmp_path, snapshot(step), keep_last=2)
    assert checkpoint.steps_of(tmp_path) == [10, 3]


# Each moment at which a crash can come: before the first byte, between files, before and after the final name.
@pytest.mark.parametrize("moment", ["save_file", "sha256", "sync", "_publish", "_name_last"])
def test_a_kill_while_saving_leaves_the_one_before(tmp_path, moment: str):
    checkpoint.save(tmp_path, snapshot(1))
    before = f"write.{moment} = lambda *a: os.kill(os.getpid(), signal.SIGKILL)"
    assert save_elsewhere(tmp_path, before).returncode == -signal.SIGKILL
    step, said = newest(tmp_path)
    assert (step, said) == ((2 if moment == "_name_last" else 1), [])
    checkpoint.save(tmp_path, snapshot(3))  # and what was left over is in nobody's way
    assert not list((tmp_path / "checkpoints").glob("*.part"))


def test_a_kill_in_the_middle_of_a_file_leaves_the_one_before(tmp_path):
    checkpoint.save(tmp_path, snapshot(1))
    before = ("def half(arrays, path):\n    Path(path).write_bytes(b'half')\n    os.kill(os.getpid(), signal.SIGKILL)\n"
              "write.save_file = half")
    assert save_elsewhere(tmp_path, before).returncode == -signal.SIGKILL
    assert newest(tmp_path) == (1, [])


def test_a_full_disk_is_one_clear_error_and_loses_nothing(tmp_path):
    checkpoint.save(tmp_path, snapshot(1))
    # A limit on the size of files makes the system refuse the bytes, as a full disk does.
    found = save_elsewhere(tmp_path, "resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))")
    last = found.stderr.strip().splitlines()[-1]
    assert "CheckpointError" in last and "step-1 is the last good checkpoint and is untouched" in last
    assert newest(tmp_path) == (1, [])
    assert not list((tmp_path / "checkpoints").glob("*.part"))


def test_no_space_left_is_told_in_words(tmp_path, monkeypatch):
    def full(*arguments: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(checkpoint.write, "save_file", full)
    with pytest.raises(CheckpointError, match=r"No space left on device; there is no earlier checkpoint"):
        checkpoint.save(tmp_path, snapshot(1))


def _truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def _flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(bytes(data))


@pytest.mark.parametrize("damage", [_truncate, _flip, Path.unlink])
@pytest.mark.parametrize("name", ["model.safetensors", "optimizer.safetensors", "config.toml", "state.json"])
def test_a_damaged_newest_one_falls_back_and_says_so(tmp_path, damage, name: str):
    checkpoint.save(tmp_path, snapshot(1))
    path = checkpoint.save(tmp_path, snapshot(2))
    damage(path / name)
    step, said = newest(tmp_path)
    assert step == 1
    assert len(said) == 1 and f"step-2/{name}" in said[0] and "the one before" in said[0]


def test_nothing_whole_is_an_error(tmp_path):
    path = checkpoint.save(tmp_path, snapshot(1))
    (path / "state.json").write_text("{}")
    with pytest.raises(CheckpointError, match="expected a complete checkpoint, found none"):
        newest(tmp_path)


def test_another_format_is_refused(tmp_path):
    path = checkpoint.save(tmp_path, snapshot(1))
    text = (path / "state.json").read_text().replace('"format": 1', '"format": 2')
    (path / "state.json").write_text(text)
    with pytest.raises(CheckpointError, match="format 1, got 2"):
        checkpoint.verify(path)
