"""The release wheel, and a namespace in which this machine has no libgomp."""

from __future__ import annotations

import os
import shlex
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def wheel() -> Path:
    """The one wheel that `make wheel` left in dist/."""
    found = list((ROOT / "dist").glob("wudao_rt-*.whl"))
    assert len(found) == 1, "tests: dist: expected one release wheel. Run make wheel."
    return found[0]


@pytest.fixture(scope="session")
def hide(tmp_path_factory: pytest.TempPathFactory):
    """Return a function that puts `unshare` before a command: every libgomp of the system is an empty file there."""
    listed = subprocess.run(["/sbin/ldconfig", "-p"], capture_output=True, text=True, check=True).stdout
    paths = {os.path.realpath(line.split(" => ")[1]) for line in listed.splitlines() if "libgomp.so" in line}
    empty = tmp_path_factory.mktemp("hidden") / "empty"
    empty.touch()
    binds = "".join(f"/bin/mount --bind {shlex.quote(str(empty))} {shlex.quote(path)} && " for path in sorted(paths))
    user = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]

    def prefix(command: list[str]) -> list[str]:
        return ["/usr/bin/unshare", *user, "--mount", "/bin/sh", "-c", f"{binds}exec {shlex.join(command)}"]

    return prefix
