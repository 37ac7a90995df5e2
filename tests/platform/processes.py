"""Runs Python code in a process of its own, with the environment variables of a case."""

from __future__ import annotations

import os
import subprocess
import sys


def python(code: str, **env: str) -> subprocess.CompletedProcess[str]:
    """Run `code` with this test's import path; a hang ends as an error after a minute."""
    clean = {key: value for key, value in os.environ.items() if not key.startswith(("WUDAO_", "OMP_", "MPI_"))}
    path = {"PYTHONPATH": os.pathsep.join(entry for entry in sys.path if entry)}
    command = [sys.executable, "-c", code]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, env=clean | path | env)


def printed(code: str, **env: str) -> str:
    """Return what `code` prints; it has to succeed."""
    done = python(code, **env)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()
