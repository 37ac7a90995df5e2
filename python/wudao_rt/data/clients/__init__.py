"""The ordinary package clients, one module each: every `download(package, folder)` leaves the pinned files there."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from ..package import Package
from . import apt, npm, pip

DOWNLOAD: dict[str, Callable[[Package, Path], None]] = {"npm": npm.download, "pip": pip.download, "apt": apt.download}
