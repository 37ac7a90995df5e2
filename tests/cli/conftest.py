"""The command as a process, and a tiny run to use it on."""

from __future__ import annotations

import ctypes
import json
import os
import random
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

HANZI = "春夏秋冬山水云月风花雪夜江天人日心白青红一二三不上下中大小来去有无"
TINY = ["model.preset=verse-tiny", "model.hidden_size=32", "model.num_heads=2", "model.num_layers=2", "train.batch=16",
        "train.length=32", "train.steps=6", "output.tensorboard=false"]

_LIBC = ctypes.CDLL(None)
_DROP, _OVERRIDE_RIGHTS = 24, (1, 2)  # PR_CAPBSET_DROP; CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH

Cli = Callable[..., subprocess.CompletedProcess]


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path), "PYTHONUTF8": "1"}


def run_cli(*arguments: object, cwd: Path | None = None, largest_file: int = 0) -> subprocess.CompletedProcess:
    """Run `wudao-rt`; the system refuses files above `largest_file` bytes, as a full disk does.

    Rights of files hold for root too.
    """
    def limit() -> None:
        for capability in _OVERRIDE_RIGHTS:
            _LIBC.prctl(_DROP, capability, 0, 0, 0)  # fails for those who have no such power, which is as well
        if largest_file:
            resource.setrlimit(resource.RLIMIT_FSIZE, (largest_file, largest_file))

    return subprocess.run([sys.executable, "-m", "wudao_rt", *map(str, arguments)], env=environment(), cwd=cwd,
                          capture_output=True, text=True, timeout=300, preexec_fn=limit)


def sets(*changes: str) -> list[str]:
    """Return --set options."""
    return [word for change in (*TINY, *changes) for word in ("--set", change)]


def records(text: str) -> list[dict]:
    """Return the JSON lines of an output."""
    return [json.loads(line) for line in text.splitlines() if line.startswith("{")]


@pytest.fixture(scope="session")
def cli() -> Cli:
    return run_cli


@pytest.fixture(scope="session")
def texts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("my_texts")
    rng = random.Random(0)
    paragraphs = ("".join(rng.choices(HANZI, k=rng.randint(100, 400))) + "。" for _ in range(60))
    (folder / "texts.txt").write_text("\n\n".join(paragraphs), encoding="utf-8")
    return folder


@pytest.fixture(scope="session")
def run(texts: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run on own text."""
    folder = tmp_path_factory.mktemp("runs") / "tiny"
    done = run_cli("train", texts, *sets(f"output.folder={folder}"))
    assert done.returncode == 0, done.stderr
    return folder
