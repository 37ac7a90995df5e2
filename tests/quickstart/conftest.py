"""One playground with one quickstart run for all tests of this folder."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from quickstart.playground import fill


@dataclass(frozen=True)
class Run:
    folder: Path
    output: str
    error: str
    code: int


def quickstart(folder: Path, *arguments: str) -> Run:
    command = [sys.executable, "-m", "wudao_rt.quickstart", *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300, check=False)
    return Run(folder, done.stdout, done.stderr, done.returncode)


@pytest.fixture(scope="session")
def first_run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("playground")
    fill(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WUDAO_CACHE", str(folder / "cache"))
        return quickstart(folder, "--recipe", "tiny.toml", "--poems", "5")


@pytest.fixture
def playground(first_run: Run, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a cache, texts, and a model in runs/quickstart."""
    assert first_run.code == 0, first_run.error[-2000:]
    monkeypatch.setenv("WUDAO_CACHE", str(first_run.folder / "cache"))
    return first_run.folder
