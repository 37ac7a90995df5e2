"""The style of Python that pyproject.toml asks for."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
RUFF = [sys.executable, "-m", "ruff", "check", "--quiet", "--no-cache"]


def test_ruff_is_content() -> None:
    done = subprocess.run([*RUFF, "."], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_planted_fault_is_found(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("import os\n")
    done = subprocess.run([*RUFF, "--config", ROOT / "pyproject.toml", tmp_path], capture_output=True, text=True)
    assert done.returncode == 1 and "F401" in done.stdout
