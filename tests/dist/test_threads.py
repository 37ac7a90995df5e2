"""Ranks of a job divide the cores of their masks, and say once what is wrong with them."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest
from jobs import KIND, ROOT, command, mpi, run
from train_jobs import train, write_config, write_texts

CORES = sorted(os.sched_getaffinity(0))[:2]
BIND = """import json, os, time, sys
rank = int(os.environ.get("PMI_RANK") or os.environ.get("OMPI_COMM_WORLD_RANK"))
masks = {masks}
os.sched_setaffinity(0, masks[rank])
from wudao_rt import _core, distributed
{before}
comm = distributed.init()
{after}
about = _core.kernels()
sys.stdout.write(json.dumps([comm.rank, about["threads"], about["threads_reason"]]) + "\\n")
"""
UNASKED = {"WUDAO_NUM_THREADS": "", "PYTHONWARNINGS": ""}
ONE, BOTH = set(CORES[:1]), set(CORES)

pytestmark = pytest.mark.skipif(len(CORES) < 2, reason="one core cannot be shared out")


def job(masks, before="", after="", **env):
    """Return what each rank said of its threads, and the warnings."""
    done = mpi(len(masks), "-c", BIND.format(masks=masks, before=before, after=after), **(UNASKED | env))
    assert done.code == 0, done.err
    told = [line for line in done.err.splitlines() if "threads:" in line]
    ranks = sorted(json.loads(line) for line in done.out.splitlines() if line.startswith("["))
    assert [rank for rank, _, _ in ranks] == list(range(len(masks)))
    return [(threads, reason) for _, threads, reason in ranks], told


def test_ranks_with_cores_of_their_own_take_them_all():
    """Also where the launcher says that two are on the node, which halved the mask."""
    ranks, told = job([{CORES[0]}, {CORES[1]}])
    assert ranks == [(1, "1 core of this rank alone")] * 2 and not told


def test_ranks_divide_the_mask_that_they_share():
    ranks, told = job([BOTH, BOTH])
    assert ranks == [(1, "2 cores shared by 2 ranks of this node")] * 2 and not told


def test_a_mask_may_be_shared_in_part_and_a_pool_that_is_there_already_is_made_anew():
    ranks, told = job([BOTH, ONE], before="_core.kernels()")
    assert [threads for threads, _ in ranks] == [1, 1] and not told
    assert ranks[1][1] == "1 core shared by 2 ranks of this node"


def test_disjoint_masks_of_two_cores_are_not_divided():
    """On a machine of four: what the system says is put in the place of what it would say."""
    masks = "[[0, 1], [2, 3]][rank]"
    limits = f"limits = _core.thread_limits()\n_core.thread_limits = lambda: limits | dict(cores={masks}, permitted=[0, 1, 2, 3])"
    ranks, told = job([BOTH, BOTH], before=limits)
    assert ranks == [(2, "2 cores of this rank alone")] * 2 and not told


@pytest.mark.parametrize(("asked", "threads", "reason"), [
    ({"WUDAO_NUM_THREADS": "1"}, 1, "WUDAO_NUM_THREADS"),
    ({"OMP_NUM_THREADS": "1"}, 1, "shared by 2 ranks"),
])
def test_what_was_asked_for_stays(asked, threads, reason):
    ranks, told = job([BOTH, BOTH], **asked)
    assert all(count == threads and reason in why for count, why in ranks) and not told


def test_a_call_before_stays_and_a_call_after_replaces():
    ranks, told = job([BOTH, BOTH], before="_core.set_threads(2)")
    assert ranks == [(2, "asked for")] * 2
    assert told == [told[0]] and "got 4 of 2 ranks. Set the threads of each rank=1." in told[0]
    ranks, _ = job([BOTH, BOTH], after="_core.set_threads(2)\n_core.set_threads(0)")
    assert ranks == [(1, "2 cores shared by 2 ranks of this node")] * 2


def test_more_threads_than_cores_are_told_once():
    _, told = job([BOTH, BOTH], WUDAO_NUM_THREADS="2", after="distributed.init()")
    assert len(told) == 1 and told[0].endswith("on the 2 cores that its ranks may use, got 4 of 2 ranks. Set WUDAO_NUM_THREADS=1.")
    assert not job([BOTH], WUDAO_NUM_THREADS="2")[1]  # alone, who asks for more knows why


def test_more_ranks_than_cores_are_told_once():
    ranks, told = job([BOTH] * 4)
    assert [threads for threads, _ in ranks] == [1] * 4
    assert len(told) == 1 and told[0].endswith("got 4 of 4 ranks. Start fewer ranks: mpiexec -n 2.")
    assert not job([BOTH] * 4, PYTHONWARNINGS="ignore:threads")[1]


def test_ranks_that_share_one_core_of_two_are_told_the_launchers_option():
    _, told = job([ONE, ONE])
    cure = "mpiexec -bind-to core:1 (or -bind-to none)" if KIND == "mpich" else "mpiexec --map-by slot:PE=1 --bind-to core (or --bind-to none)"
    assert len(told) == 1 and told[0].endswith(f"on the 1 core that its ranks may use, got 2 of 2 ranks. Start with: {cure}.")


def test_calls_are_still_counted_from_the_first():
    """The ranks' agreement is none of the calls that people see in a message."""
    done = mpi(2, "-c", "import time\nfrom wudao_rt import distributed\ncomm = distributed.init()\n"
               "if comm.rank: time.sleep(20)\ncomm.barrier()", WUDAO_COMM_TIMEOUT="1", **{"WUDAO_NUM_THREADS": ""})
    assert "barrier #2 of world" in done.err


MPI4PY = """import os, sys, json
from mpi4py import MPI
world = MPI.COMM_WORLD
os.sched_setaffinity(0, {{{core}}} if world.rank else {both})
from wudao_rt import _core
from wudao_rt.distributed import Communicator
alone = Communicator.from_mpi4py(MPI.COMM_SELF)
early = _core.kernels()["threads_reason"]
comm = Communicator.from_mpi4py(world)
about = _core.kernels()
told = [early, about["threads_reason"], about["threads"]]
Communicator.from_mpi4py(world)
sys.stdout.write(json.dumps([comm.rank, *told]) + "\\n")
"""


def test_communicators_of_mpi4py_bring_ranks_together_too():
    done = mpi(2, "-c", MPI4PY.format(core=CORES[1], both=BOTH), **UNASKED)
    assert done.code == 0, done.err
    ranks = sorted(json.loads(line) for line in done.out.splitlines() if line.startswith("["))
    assert ranks[0][2:] == ["2 cores shared by 2 ranks of this node", 1]
    assert ranks[1][2:] == ["1 core shared by 2 ranks of this node", 1]
    assert "shared by 2 ranks of this node (" in ranks[0][1]  # one rank alone does not know the others
    assert not done.err


def test_info_says_why():
    done = run(command(KIND, 2, "-m", "wudao_rt", "info"), **UNASKED)
    assert done.code == 0, done.err
    assert done.out.count("threads_reason: 2 cores shared by 2 ranks of this node\n") == 2


def test_a_wrong_number_is_one_error():
    done = mpi(2, "-c", "from wudao_rt import distributed\ndistributed.init()", WUDAO_NUM_THREADS="two")
    assert done.code != 0 and "[rank 0/2] ConfigError: environment: WUDAO_NUM_THREADS: expected a whole number" in done.err


HOME = Path(ROOT) / "build" / "mpi" / f"threads-{KIND}"


def test_threads_of_a_run_are_looked_at_too():
    shutil.rmtree(HOME, ignore_errors=True)
    config = write_config(HOME / "run.toml", write_texts(HOME), steps=2)
    env = UNASKED | {"WUDAO_NUM_THREADS": "2"}  # which the config overrides
    done = train(2, config, HOME / "well", env=env, train__threads=1)
    assert done.code == 0 and "warning" not in done.err, done.err
    done = train(2, config, HOME / "many", env=env | {"WUDAO_NUM_THREADS": "1"}, train__threads=2)
    told = [line for line in done.err.splitlines() if "threads:" in line]
    assert done.code == 0 and len(told) == 1, done.err
    assert told[0].startswith("wudao-rt: warning: threads: node ") and told[0].endswith("Set train.threads=1.")
