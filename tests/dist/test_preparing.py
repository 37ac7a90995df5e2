"""Ranks wait for the first while it prepares, for longer than any other call may take, and not for ever."""

from __future__ import annotations

import time

from jobs import mpi

START = """import os, signal, sys, time
from wudao_rt.training.ranks import Ranks
ranks = Ranks.of_job()
done = []
def work():
    {work}
    done.append(1)
    return ranks.world.rank
"""


def job(work: str, after: str, ranks: int = 3, **env: str):
    begin = time.monotonic()
    done = mpi(ranks, "-c", START.format(work=work) + after, **({"WUDAO_COMM_TIMEOUT": "1"} | env))
    return done, time.monotonic() - begin


def test_work_may_take_longer_than_the_deadline():
    busy = "end = time.monotonic() + 4\n    while ranks.first and time.monotonic() < end: pass"
    for slow in ("time.sleep(4 if ranks.first else 0)", busy):
        done, seconds = job(slow, "assert ranks.first_alone(work) == ranks.world.rank and len(done) == 1\nranks.world.barrier()")
        assert done.code == 0 and not done.err, done.err
        assert seconds > 4


def test_the_first_makes_something_for_all():
    after = "assert ranks.first_makes(work) == (0 if ranks.first else None) and len(done) == ranks.first"
    done, seconds = job("time.sleep(3)", after)
    assert done.code == 0 and seconds > 3, done.err


def test_the_others_begin_when_the_first_is_done():
    told = "ranks.first_alone(work)\nsys.stdout.write(f'{ranks.world.rank} {done_at}\\n')"
    done, _ = job("global done_at; time.sleep(2 if ranks.first else 0); done_at = time.time()", told)
    assert done.code == 0, done.err
    at = dict(map(float, line.split()) for line in done.out.splitlines())
    assert len(at) == 3 and min(at[1], at[2]) >= at[0]


def test_a_first_rank_that_fails_ends_the_job_at_once():
    done, seconds = job("raise ValueError('no such corpus')", "ranks.first_alone(work)", WUDAO_COMM_TIMEOUT="60")
    assert done.code != 0 and seconds < 20
    assert done.err.startswith("[rank 0/3] ValueError: no such corpus")


def test_a_first_rank_that_is_stopped_is_named():
    """Its launcher would wait for it: the others end it with the job."""
    done, seconds = job("os.kill(os.getpid(), signal.SIGSTOP)", "ranks.first_alone(work)")
    assert done.code != 0 and seconds < 40
    assert "waited for 1 s: rank 0 does not answer" in done.err


def test_a_process_alone_just_works():
    done, _ = job("time.sleep(0.1)", "assert ranks.first_alone(work) == 0 == ranks.first_makes(work)", ranks=1)
    assert done.code == 0 and not done.err
