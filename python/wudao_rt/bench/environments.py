"""The virtual environments of the peers: made on demand, whole or not at all, in the cache folder."""

from __future__ import annotations

import fcntl
import hashlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from wudao_rt.data.cache import cache_root
from wudao_rt.errors import ConfigError

PEERS = Path(__file__).with_name("peers")
WORKERS = Path(__file__).with_name("workers")
_MADE = "whole"  # written last: an environment without it is not taken for one
_TOLD = 6  # last lines of pip that an error shows
# Variables that choose a slower path in somebody's BLAS, or threads that we give explicitly.
_CRIPPLING = ("OPENBLAS_", "MKL_", "GOTO_", "BLIS_", "KMP_", "OMP_", "GOMP_", "DNNL_", "ONEDNN_", "NVPL_", "ATEN_",
              "CT2_", "GGML_", "LLAMA_", "TORCH", "PYTORCH_", "PYTHON", "VECLIB_", "NUMEXPR_", "LD_PRELOAD", "MALLOC_")
# glibc's allocator keeps what it once got, as guides to PyTorch on processors advise: a step of the 91.7 M model takes
# an eighth less time. Not where memory is what is measured.
KEEP_MEMORY = {"MALLOC_MMAP_MAX_": "0", "MALLOC_TRIM_THRESHOLD_": str(2**36), "MALLOC_TOP_PAD_": str(2**28)}


def names() -> list[str]:
    """Return the peers that there are."""
    return sorted(path.stem for path in PEERS.glob("*.txt"))


def folder_of(peer: str) -> Path:
    """Return where the environment of a peer lies; its requirements are part of the name."""
    digest = hashlib.sha256((PEERS / f"{peer}.txt").read_bytes()).hexdigest()[:12]
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    return cache_root() / "peers" / f"{peer}-{python}-{digest}"


def python_of(peer: str, say: Callable[[str], None]) -> Path:
    """Return the interpreter of a peer, making its environment if there is none.

    Raises:
        ConfigError: the environment could not be made; with the last lines of pip.
    """
    folder = folder_of(peer)
    if not (folder / _MADE).is_file():
        with _alone(folder):
            if not (folder / _MADE).is_file():
                say(f"bench: installing {peer} into {folder} (once; llama.cpp is compiled for six minutes)")
                _make(peer, folder)
    return folder / "bin" / "python"


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Keep other processes from making the same environment meanwhile."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with open(folder.with_name(folder.name + ".lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _make(peer: str, folder: Path) -> None:
    """Install beside the marker that makes it whole; environments cannot be moved, so they are made in place."""
    install = [folder / "bin" / "python", "-m", "pip", "install", "--disable-pip-version-check", "--quiet", "-r",
               PEERS / f"{peer}.txt"]
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as log:
        for command in ([sys.executable, "-m", "venv", "--clear", folder], install):
            if subprocess.run(command, stdout=log, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
                              env=_pip_environment(), check=False).returncode:
                log.seek(0)
                raise _failed(peer, log.read())
    (folder / _MADE).touch()


def _failed(peer: str, log: str) -> ConfigError:
    last = " / ".join([line.strip() for line in log.splitlines() if line.strip()][-_TOLD:])
    return ConfigError(f"bench: --peer {peer}: expected pip to install {PEERS / f'{peer}.txt'}, got: {last} "
                       "Give it a network or PIP_FIND_LINKS=DIR with the wheels, leave the peer out with other --peer "
                       "options, or measure us alone with --peer none.")


def _pip_environment() -> dict[str, str]:
    return {**clean(os.environ), "CMAKE_ARGS": os.environ.get("CMAKE_ARGS", "-DGGML_NATIVE=ON"), "DS_BUILD_OPS": "0",
            "DS_ACCELERATOR": "cpu"}


def clean(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the variables without those that cripple a peer or lead it to packages of another environment."""
    return {name: value for name, value in environment.items() if not name.startswith(_CRIPPLING)}


def peer_environment(threads: int, changes: Mapping[str, str]) -> dict[str, str]:
    """Return the variables of a peer's worker."""
    return {**clean(os.environ), "OMP_NUM_THREADS": str(threads), "TOKENIZERS_PARALLELISM": "false", **changes}


def our_environment(threads: int, changes: Mapping[str, str]) -> dict[str, str]:
    """Return the variables of our worker: the package that runs the harness is the one that is measured."""
    path = os.pathsep.join(entry for entry in sys.path if entry)
    ours = {name: value for name, value in os.environ.items() if name.startswith("WUDAO_")}
    return {**clean(os.environ), **ours, "PYTHONPATH": path, "WUDAO_NUM_THREADS": str(threads), **changes}
