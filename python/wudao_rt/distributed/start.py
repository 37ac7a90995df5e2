"""Opens MPI when a job has more than one process, and closes it with the process."""

from __future__ import annotations

import atexit
import fcntl
import os
import stat
import struct
import sys
import termios
import time
import traceback
from types import TracebackType
from typing import Any, TextIO

from wudao_rt import _core
from wudao_rt.distributed.communicator import Communicator
from wudao_rt.distributed.launchers import Launcher, find_launcher
from wudao_rt.distributed.libraries import Library, find_libraries
from wudao_rt.distributed.threads import share_threads, warn_of_threads
from wudao_rt.errors import CommError, DTypeError, Error

_TURN_SECONDS = 2.5  # of the first rank, to tell what all ranks would say
_READER_SECONDS = 1.5  # for a launcher on a busy machine to take what was written,
_PASS_ON_SECONDS = 0.3  # and to hand it on
_world: list[_core.Communicator] = []  # MPI starts once in a process


def init() -> Communicator:
    """Return the communicator of all processes of this job.

    A process that no launcher started, or alone, needs no MPI. Otherwise MPI is opened and initialised unless somebody
    (mpi4py) did so before; a second call returns the same communicator. The ranks of a node divide its cores: every one
    takes the cores of its affinity mask over the ranks whose masks share them, unless it asked for a number of threads.
    A RuntimeWarning of rank 0 names more threads than cores, and masks of one core where there are more.

    Returns:
        One with `rank` and `size`, and the calls that exchange arrays.

    Raises:
        CommError: no MPI library is found; it is not the one that the launcher belongs to; MPI sees one process where
            the launcher started more.
        ConfigError: WUDAO_NUM_THREADS or OMP_NUM_THREADS is no such number.

    Example:
        >>> init()
        Communicator(rank 0 of 1, self, one process)
    """
    comm = join()
    warn_of_threads(comm.rank)
    return comm


def join() -> Communicator:
    """Do what `init` does, and leave the word about threads to the caller, who may have to ask for some first."""
    if not _world:
        launcher = find_launcher(os.environ)
        if launcher is None or launcher.size == 1:
            _world.append(_core.self_communicator())
        else:
            _open(launcher)
    return Communicator(_world[0])


def adopt(comm: Any) -> Communicator:
    """Return a communicator of mpi4py's as one of ours."""
    module = sys.modules.get("mpi4py.MPI")  # who has such an object has imported it
    if module is None or not isinstance(comm, module.Comm):
        raise DTypeError(f"from_mpi4py: comm: expected an mpi4py.MPI.Comm, got a {type(comm).__name__}. Give one.")
    for library in find_libraries(os.environ.get("WUDAO_MPI", "")):
        if library.origin == "loaded by another package":
            opened = Communicator(_core.open_mpi(str(library.plugin), library.path, module._addressof(comm)))
            if opened.size == module.COMM_WORLD.size:  # all ranks are here to divide their nodes' cores
                _share(library, module._addressof(comm))
                warn_of_threads(opened.rank)
            return opened
    raise CommError(f"from_mpi4py: comm: expected one of an MPI for which there is a plugin, got "
                    f"{module.get_vendor()[0]}. Run `wudao-rt mpi build --mpicxx PATH` with its compiler.")


def fail(message: str, code: int = 1) -> None:
    """End all ranks with this rank's message in front; return if there are no others."""
    if not _world or _world[0].size == 1:
        return
    if _world[0].rank:
        time.sleep(_TURN_SECONDS)  # where all ranks make the same mistake, the first tells it for all
    sys.stderr.write(f"[rank {_world[0].rank}/{_world[0].size}] {message}\n")  # at once: ranks share the terminal
    sys.stderr.flush()
    _wait_for_reader(sys.stderr)
    _core.abort_mpi(code)


def _wait_for_reader(stream: TextIO) -> None:
    """Give the launcher time to pass on what stands in its pipe: some throw it away at an abort."""
    try:
        if not stat.S_ISFIFO(os.fstat(stream.fileno()).st_mode):
            return
        until = time.monotonic() + _READER_SECONDS
        while struct.unpack("i", fcntl.ioctl(stream, termios.FIONREAD, bytes(4)))[0] and time.monotonic() < until:
            time.sleep(0.01)
        time.sleep(_PASS_ON_SECONDS)
    except (OSError, ValueError):  # closed, or nothing of the system's
        return


def _open(launcher: Launcher) -> None:
    troubles = []
    for library in find_libraries(os.environ.get("WUDAO_MPI", "")):
        try:
            version = _core.mpi_version(str(library.plugin), library.path)
        except CommError as error:
            troubles.append(str(error))
            continue
        if not _fits(launcher, version) and library.origin != "loaded by another package":
            troubles.append(f"{library} is {version}")
            continue
        _start(launcher, library, version)
        return
    raise CommError(f"mpi: library: expected {_wanted(launcher)}, got {'; '.join(troubles) or 'none'}. "
                    f"{_advice(launcher)}")


def _start(launcher: Launcher, library: Library, version: str) -> None:
    if not _fits(launcher, version):
        raise CommError(f"mpi: library: expected {_wanted(launcher)}, got {version} ({library}). {_advice(launcher)}")
    if os.environ.get("OMPI_COMM_WORLD_LOCAL_SIZE") == os.environ.get("OMPI_COMM_WORLD_SIZE", "0"):
        os.environ.setdefault("OMPI_MCA_osc", "^ucx")  # of no use within one node, where 5.0 prints errors with it
    world = _core.open_mpi(str(library.plugin), library.path)
    atexit.register(_core.finish_mpi)
    if launcher.size > 1 and world.size == 1:
        raise CommError(f"mpi: size: expected the {launcher.size} ranks that {launcher.name} started "
                        f"({launcher.evidence}), got 1 from {version} ({library}). {_advice(launcher)}")
    _world.append(world)
    if world.size > 1:
        _take_others_down()
        _share(library)


def _share(library: Library, handle: int = 0) -> None:
    """Let ranks divide their nodes' cores, on a communicator of their own: users count the calls of theirs."""
    share_threads(Communicator(_core.open_mpi(str(library.plugin), library.path, handle)))


def _take_others_down() -> None:
    """Let an exception that nobody catches end the whole job, its message in front; our own need no traceback."""

    def hook(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        where = "" if isinstance(error, Error) else "\n" + "".join(traceback.format_tb(trace)).rstrip()
        fail(f"{kind.__name__}: {error}{where}")

    sys.excepthook = hook


def _fits(launcher: Launcher, version: str) -> bool:
    return version.startswith(launcher.family)


def _wanted(launcher: Launcher) -> str:
    what = launcher.family or "the MPI"
    return f"{what}, which {launcher.name} starts ({launcher.evidence})"


def _advice(launcher: Launcher) -> str:
    if launcher.family == "MPICH":
        return "pip install mpich, or start the job with the mpiexec of the MPI that you have."
    return ("Run `wudao-rt mpi build --mpicxx PATH` with that MPI's compiler, or start with another mpiexec (pip "
            "install mpich).")
