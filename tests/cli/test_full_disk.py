"""A disk that is full, or a place that may not be written: one line, and the last good checkpoint is untouched."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

import pytest

from .conftest import run_cli, sets
from .test_errors import assert_told


def digests(run: Path) -> dict[str, str]:
    return {path.relative_to(run).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in sorted(run.rglob("*")) if path.is_file()}


@pytest.fixture
def copy(run: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(run, tmp_path / "run"))


def test_a_checkpoint_that_does_not_fit(copy: Path):
    before = digests(copy)
    done = run_cli("train", copy, "--resume", "--set", "train.steps=8", largest_file=100_000)
    assert_told(done, "checkpoints/step-8", "step-6 is the last good checkpoint and is untouched", "--resume")
    kept = {name: digest for name, digest in digests(copy).items() if name.startswith("checkpoints") or name == "last"}
    assert kept == {name: before[name] for name in kept} and any("step-6" in name for name in kept)
    again = run_cli("train", copy, "--resume")
    assert again.returncode == 0 and "resumed at step 6" in again.stdout, again.stderr


def test_not_even_the_config_fits(copy: Path):
    before = digests(copy)
    assert_told(run_cli("train", copy, "--resume", "--set", "train.steps=8", largest_file=200), "config.toml",
                "what was there is as it was")
    assert digests(copy) == before


def test_events_that_do_not_fit(texts: Path, tmp_path: Path):
    options = sets(f"output.folder={tmp_path / 'run'}", "output.tensorboard=true", "train.steps=4000",
                   "train.checkpoint_every=20")
    done = run_cli("train", texts, *options, largest_file=300_000)
    assert_told(done, "expected to write its logs", "is the last good checkpoint and is untouched")


def test_models_and_weights_that_do_not_fit(copy: Path, tmp_path: Path):
    for target in ("w.safetensors", "folder"):
        assert_told(run_cli("convert", copy, target, cwd=tmp_path, largest_file=50_000), target, "expected to write it")
    assert not (tmp_path / "w.safetensors").exists()
    assert not (tmp_path / "folder" / "model.safetensors").exists()


@pytest.fixture
def guarded(copy: Path, tmp_path: Path) -> Path:
    """A folder with a text and weights that may not be read, and a folder that may not be written."""
    (tmp_path / "locked.txt").write_text("春眠不觉晓", encoding="utf-8")
    (tmp_path / "locked.txt").chmod(0)
    next(copy.glob("checkpoints/*/model.safetensors")).chmod(0)
    (tmp_path / "read-only").mkdir(mode=0o555)
    return tmp_path


@pytest.mark.parametrize(("arguments", "words"), [
    (["train", "locked.txt"], ["locked.txt", "Permission denied", "rights"]),
    (["generate", "--model", "run", "--prompt", "春"], ["model.safetensors", "Permission denied", "rights"]),
    (["generate", "--model", "run", "--file", "locked.txt"], ["--file", "Permission denied"]),
    (["train", "texts.txt", "--set", "output.folder=read-only/run"], ["output.folder", "Permission denied"]),
    (["tokenizer", "train", "texts.txt", "--kind", "character", "--to", "read-only/t"], ["Permission denied"]),
    (["data", "dedup", "texts.txt", "--to", "read-only/t"], ["read-only", "Permission denied"]),
])
def test_rights(guarded: Path, texts: Path, arguments: list[str], words: list[str]):
    shutil.copy(texts / "texts.txt", guarded)
    assert_told(run_cli(*arguments, cwd=guarded), *words)
