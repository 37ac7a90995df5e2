"""PyTorch makes the golden files anew; they must be what is committed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import make_golden
import numpy as np

HERE = Path(__file__).parent


def test_golden_files_are_what_pytorch_makes() -> None:
    done = subprocess.run([sys.executable, HERE / "make_golden.py", "--check"], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_changed_value_is_seen() -> None:
    old = {"a": np.array([1.0, 2.0])}
    assert make_golden.differences(old, {"a": np.array([1.0, 2.0])}) == []
    assert make_golden.differences(old, {"a": np.array([1.0, 2.00001])}) == ["a"]
    assert make_golden.differences(old, {"b": np.array([1.0, 2.0])}) == ["a", "b"]
