"""The MPI libraries of this machine, and the plugin that speaks each one's ABI."""

from __future__ import annotations

import json
import os
import re
import sys
import sysconfig
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from wudao_rt.errors import CommError, shown

_CARRIED = Path(__file__).parents[1] / "mpi_plugins"
_SONAMES = {"mpich": "libmpi.so.12", "standard": "libmpi_abi.so.1", "openmpi": "libmpi.so.40"}
_MAPPED = re.compile(r"/\S*/libmpi(?:_abi)?\.so\S*")


@dataclass(frozen=True)
class Library:
    """An MPI library and the plugin for it.

    Args:
        abi: "mpich", "standard", or the name that a plugin was built under.
        plugin: file of the plugin.
        path: file of the library, or its name where the system's loader finds it; empty: the plugin brings it along.
        origin: where it was found, for people.
    """

    abi: str
    plugin: Path
    path: str
    origin: str

    def __str__(self) -> str:
        return f"{self.abi}: {self.path or self.plugin} ({self.origin})"


def find_libraries(wanted: str = "") -> list[Library]:
    """Return the libraries that may be tried, best first.

    What is mapped into this process already comes before everything else: two MPIs in one process know nothing of each
    other. Then plugins that were built here, the libraries of this Python's environment, and those of the system.

    Args:
        wanted: value of WUDAO_MPI: an ABI, or the path of a library.

    Raises:
        CommError: `wanted` names something that is not there.
    """
    if "/" in wanted:
        return [_named(Path(wanted))]
    found = list(dict.fromkeys([*_mapped(), *_built(), *_installed(), *_system()]))
    if not wanted:
        return found
    chosen = [library for library in found if library.abi == wanted]
    if not chosen:
        known = ", ".join(dict.fromkeys(library.abi for library in found)) or "none"
        raise CommError(f"mpi: WUDAO_MPI: expected a path or one of {known}, got {shown(wanted)!r}. `wudao-rt mpi "
                        "build` makes a plugin for another MPI.")
    return chosen


def built_folder() -> Path:
    """Return the folder of plugins that `wudao-rt mpi build` made."""
    from wudao_rt.data.cache import cache_root

    return cache_root() / "mpi"


def _carried(abi: str) -> Path:
    return _CARRIED / f"{abi}.so"


def _abi_of(path: str) -> str:
    name = Path(path).name
    return next((abi for abi, soname in _SONAMES.items() if name.startswith(soname)), "")


def _with_plugin(abi: str, path: str, origin: str) -> Iterator[Library]:
    """Yield the library if there is a plugin for it; of Open MPI's ABI, only one that was built here."""
    if _carried(abi).is_file():
        yield Library(abi, _carried(abi), path, origin)
        return
    for library in _built():
        if library.abi == abi:
            yield Library(abi, library.plugin, "", origin)


def _named(path: Path) -> Library:
    if path.suffix == ".so" and (path.parent == built_folder()):
        return Library(path.stem, path, "", "WUDAO_MPI")
    chosen = list(_with_plugin(_abi_of(str(path.resolve())), str(path), "WUDAO_MPI")) if path.is_file() else []
    if not chosen:
        raise CommError(f"mpi: WUDAO_MPI: expected the file of an MPI library for which there is a plugin, got "
                        f"{shown(path)}. `wudao-rt mpi build --mpicxx PATH` makes one.")
    return chosen[0]


def _mapped() -> Iterator[Library]:
    try:
        maps = Path("/proc/self/maps").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return
    for path in sorted(set(_MAPPED.findall(maps)), key=lambda path: list(_SONAMES).index(_abi_of(path) or "openmpi")):
        if abi := _abi_of(path):
            yield from _with_plugin(abi, path, "loaded by another package")


def _built() -> Iterator[Library]:
    for about in sorted(built_folder().glob("*.json")):
        try:
            told = json.loads(about.read_text(encoding="utf-8"))
            yield Library(str(told["abi"]), about.with_suffix(".so"), "", f"built with {told['mpicxx']}")
        except (OSError, ValueError, KeyError):
            continue  # half written or of another version: `mpi build` writes it anew


def _installed() -> Iterator[Library]:
    folders = dict.fromkeys([Path(sysconfig.get_path("data")) / "lib", Path(sys.prefix) / "lib"])
    for folder in folders:
        for abi, soname in _SONAMES.items():
            if (folder / soname).is_file():
                yield from _with_plugin(abi, str(folder / soname), "installed in this environment")


def _system() -> Iterator[Library]:
    folders = [Path(p) for p in os.environ.get("LD_LIBRARY_PATH", "").split(":") if p]
    machine = sysconfig.get_config_var("MULTIARCH") or ""
    folders += [Path("/usr/lib") / machine, Path("/usr/lib64"), Path("/usr/local/lib"), Path("/usr/lib")]
    for folder in folders:
        for abi, soname in _SONAMES.items():
            if (folder / soname).is_file():
                yield from _with_plugin(abi, str(folder / soname), "installed on this system")
