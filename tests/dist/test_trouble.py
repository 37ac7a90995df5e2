"""Ranks that throw, die, stall or go astray: the job ends soon, not well, and says who it was."""

from __future__ import annotations

import time

import pytest
from jobs import mpi

START = "import os, signal, sys, time\nimport numpy as np\nfrom wudao_rt import distributed\ncomm = distributed.init()\n"


def job(body: str, ranks: int = 3, **changes: str):
    begin = time.monotonic()
    done = mpi(ranks, "-c", START + body, limit=60, **changes)
    return done, time.monotonic() - begin


def test_a_rank_that_throws_takes_the_others_down_with_its_message():
    done, seconds = job("if comm.rank == 1: raise ValueError('no such file')\ncomm.barrier()")
    assert done.code != 0 and seconds < 15
    assert done.err.startswith("[rank 1/3] ValueError: no such file") and 'File "<string>"' in done.err


def test_a_rank_that_is_killed_ends_the_job():
    done, seconds = job("if comm.rank == 2: os.kill(os.getpid(), signal.SIGKILL)\ncomm.barrier()")
    assert done.code != 0 and seconds < 15


STALLS = {
    "sleeps": ("if comm.rank == 2: time.sleep(30)\ncomm.barrier()", "barrier #2 of world",
               "rank 2 does not answer (it computes, sleeps or is stopped)"),
    "is elsewhere": ("if comm.rank == 2: comm.all_gather(np.ones(3))\nelse: comm.barrier()", " of world",
                     " is in "),
    "left a part": ("part = comm.split(0)\nif comm.rank == 0: time.sleep(30)\npart.all_reduce(np.ones(2))",
                    "all_gather #2 of world/0", "rank 0 does not answer"),
    "keeps another": ("part = comm.split(comm.rank // 2)\nif comm.rank == 2: time.sleep(30)\n"
                      "(part if comm.rank == 0 else comm).barrier()", "barrier #", "rank 2 does not answer"),
}


@pytest.mark.parametrize("case", STALLS)
def test_a_rank_that_does_not_come_is_named(case):
    body, call, who = STALLS[case]
    done, seconds = job(body, WUDAO_COMM_TIMEOUT="1")
    assert done.code != 0 and seconds < 25
    lines = [line for line in done.err.splitlines() if "[rank " in line and "waited for 1 s" in line]
    assert lines and all(call in line for line in lines)
    assert all(who in line for line in lines), lines
    assert case in ("is elsewhere", "keeps another") or "rank 1 is" not in done.err  # who waits too is not blamed


LAYER = """
import threading
from wudao_rt.moe import MoEConfig, MoELayer

layer = MoELayer(MoEConfig(64, 8, 64, exchange="two_level", supernode_size=2), comm=comm)
if comm.rank == 2:
    threading.Timer(0.5, lambda: os.kill(os.getpid(), signal.SIGSTOP)).start()
x = np.random.default_rng(comm.rank).normal(size=(64, 64)).astype("float32")
while True:
    layer.forward(x)
"""


@pytest.mark.parametrize("shared", "10")
def test_a_rank_that_stops_in_an_exchange_is_named(shared):
    done, seconds = job(LAYER, ranks=4, WUDAO_COMM_TIMEOUT="1", WUDAO_COMM_SHARED=shared)
    assert done.code != 0 and seconds < 25
    lines = [line for line in done.err.splitlines() if "waited for 1 s" in line]
    assert lines and all("rank 2 does not answer" in line for line in lines), done.err


def test_a_timeout_that_cannot_be_is_one_error():
    done, _ = job("", ranks=2, WUDAO_COMM_TIMEOUT="soon")
    assert done.code != 0 and "WUDAO_COMM_TIMEOUT: expected a whole number" in done.err


def test_a_script_that_ends_well_leaves_nothing_behind():
    done, _ = job("comm.barrier()\nprint(comm)", ranks=2)
    assert done.code == 0 and done.out.count("rank 0 of 2") == 1 and not done.err
