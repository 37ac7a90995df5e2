"""Python values between ranks: few and small, at the start of a job and beside its steps."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np

from wudao_rt.distributed.communicator import Communicator


def broadcast_object(comm: Communicator, value: Any) -> Any:
    """Return rank 0's value; those of the others do not matter."""
    if comm.size == 1:
        return value
    data = pickle.dumps(value) if comm.rank == 0 else b""
    size = int(comm.broadcast(np.array([len(data)]))[0])
    mine = np.frombuffer(data, np.uint8) if comm.rank == 0 else np.zeros(size, np.uint8)
    return pickle.loads(comm.broadcast(mine).tobytes())  # of a process of the same job


def gather_objects(comm: Communicator, value: Any) -> list[Any]:
    """Return the values of all ranks, on every rank."""
    if comm.size == 1:
        return [value]
    data = np.frombuffer(pickle.dumps(value), np.uint8)
    sizes = comm.all_gather(np.array([len(data)]))[:, 0]
    padded = np.zeros(int(sizes.max()), np.uint8)
    padded[: len(data)] = data
    rows = comm.all_gather(padded)
    return [pickle.loads(row[:size].tobytes()) for row, size in zip(rows, sizes, strict=True)]
