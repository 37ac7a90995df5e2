"""Compiles the plugin against an MPI that has no fixed ABI, or against that of a site."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from wudao_rt import _core
from wudao_rt.distributed.libraries import built_folder
from wudao_rt.errors import CommError, ConfigError, shown

_SOURCE = Path(__file__).parents[1] / "mpi_plugins"
_FILE = "wudao/comm/mpi/plugin/plugin.cpp"


def build_plugin(mpicxx: str, name: str = "") -> tuple[Path, str]:
    """Compile the plugin with the compiler of an MPI.

    Args:
        mpicxx: its C++ compiler wrapper, a path or a name on PATH.
        name: of the plugin; empty: openmpi, mpich, or the first word of what the library says of itself.

    Returns:
        The file, and what the library says of itself.

    Raises:
        ConfigError: there is no such compiler, or the name is no file name.
        CommError: it does not compile or open.
    """
    compiler = shutil.which(mpicxx)
    if compiler is None:
        raise ConfigError(f"mpi build: --mpicxx: expected a C++ compiler wrapper, got {shown(mpicxx)}. Give the path "
                          "of your MPI's mpicxx.")
    if name and not re.fullmatch(r"[A-Za-z0-9._-]{1,60}", name):
        raise ConfigError(f"mpi build: --name: expected letters, digits, '.', '_' and '-', got {shown(name)!r}. Change "
                          "it.")
    built_folder().mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=built_folder()) as folder:
        made = Path(folder) / "plugin.so"
        _compile(compiler, made)
        version = _core.mpi_version(str(made), "")
        target = built_folder() / f"{name or _name_of(version)}.so"
        os.replace(made, target)
    about = {"abi": target.stem, "mpicxx": str(Path(compiler).resolve()), "version": version}
    target.with_suffix(".json").write_text(json.dumps(about), encoding="utf-8")
    return target, version


def _compile(compiler: str, made: Path) -> None:
    command = [compiler, "-std=c++17", "-O2", "-fPIC", "-shared", "-fvisibility=hidden",
               "-Wl,--no-as-needed", f"-I{_SOURCE}",
               str(_SOURCE / _FILE), "-o", str(made), "-ldl"]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        last = [line for line in done.stderr.splitlines() if line.strip()][-1:] or ["no message"]
        raise CommError(f"mpi build: {compiler}: expected it to compile the plugin, got {shown(last[0], 200)}. "
                        f"The command was: {' '.join(command)}")


def _name_of(version: str) -> str:
    if version.startswith("Open MPI"):
        return "openmpi"
    return re.sub(r"[^a-z0-9]", "", version.split()[0].lower()) or "mpi"
