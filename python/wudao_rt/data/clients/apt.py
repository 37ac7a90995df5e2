"""Debian packages: `apt-get download` and `dpkg-deb -x`; nothing is installed and root is not needed."""

from __future__ import annotations

import shutil
from pathlib import Path

from ..cache import scratch_folder
from ..errors import DataError
from ..package import Package
from .run import run_client

_ADVICE = ("If apt knows no such package, run `apt-get update` as root once; on a machine without Debian 12 or network "
           "run `wudao-rt data fetch NAME --to DIR` on one that has both, carry DIR here, set WUDAO_CACHE=DIR.")


def download(package: Package, folder: Path) -> None:
    """Put the pinned files of the package into `folder`, under their names inside the archive."""
    for program in ("apt-get", "dpkg-deb"):
        if not shutil.which(program):
            raise DataError(f"data fetch: {package.name}: expected {program}, found none. {_ADVICE}")
    with scratch_folder(folder) as made:
        run_client(["apt-get", "-qq", "download", package.name], made, package.name, _ADVICE)
        archive = next(made.glob("*.deb"))
        run_client(["dpkg-deb", "-x", archive, made / "files"], made, package.name, _ADVICE)
        _keep(package, made / "files", folder)


def _keep(package: Package, unpacked: Path, folder: Path) -> None:
    for name in package.files:
        found = package.matching(unpacked, name)
        if not found:
            raise DataError(
                f"data fetch: {package.name}: expected the file {name} (as in version {package.version}), the version "
                "that apt offers does not hold it. Use Debian 12, or a folder made there with `data fetch --to DIR`."
            )
        for path in found:
            target = folder / path.relative_to(unpacked)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.move(path, target)
