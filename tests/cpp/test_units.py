"""Runs the C++ unit tests, one pytest case and one process per C++ case."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BUILD = Path(os.environ.get("WUDAO_BUILD", ROOT / "build" / "release"))
PROGRAM = BUILD / "tests" / "cpp" / "wudao_unit_tests"


def cases() -> list[str]:
    """List the cases; a program that is missing or broken shows as one failing case."""
    try:
        listed = subprocess.run([PROGRAM, "--list"], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return ["no_unit_test_program"]
    return listed.stdout.split()


@pytest.mark.parametrize("case", cases())
def test_unit(case: str) -> None:
    done = subprocess.run([PROGRAM, case], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr


def test_program_can_fail() -> None:
    done = subprocess.run([PROGRAM, "no_such_case"], capture_output=True, text=True)
    assert done.returncode == 1
    assert "no such case" in done.stderr
    failing = subprocess.run([PROGRAM, "--fail"], capture_output=True, text=True)
    assert failing.returncode == 1
    assert "1 is not 2" in failing.stderr


def test_every_source_has_cases() -> None:
    listed = set(cases())
    for source in Path(__file__).parent.glob("test_*.cpp"):
        written = {line[5 : line.index(")")] for line in source.read_text().splitlines() if line.startswith("TEST(")}
        assert written and written <= listed, source.name
