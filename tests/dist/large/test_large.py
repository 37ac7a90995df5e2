"""Messages of more than 2^31 bytes arrive whole. [20] of section 10.2 of the MoE specification."""

from __future__ import annotations

from jobs import mpi

BYTES = 2**31 + 4096
BODY = f"""
import numpy as np
from wudao_rt import distributed
comm = distributed.init()
data = np.zeros({BYTES}, np.uint8)
data[::1_000_003] = 1 + comm.rank
data[-1] = 7
other = 1 - comm.rank

def check(got, rank):
    assert got.shape == ({BYTES},) and got[-1] == 7 and (got[:-1:1_000_003] == 1 + rank).all() and got[1] == 0

got, rows = comm.all_to_all_v(data, [0, len(data)] if comm.rank == 0 else [len(data), 0])
assert rows[other] == len(data)
check(got, other)
del got
check(comm.broadcast(data, 1), 1)
if comm.rank == 0:
    comm.send(data, 1)
else:
    check(comm.receive(data, 0), 0)
"""


def test_more_bytes_than_an_int_counts():
    done = mpi(2, "-c", BODY, limit=240)
    assert done.code == 0, done.err
