"""What every communicator must do. Each body runs on `self` and, on every rank of a job, on `mpi`."""

from __future__ import annotations

import numpy as np
import pytest
from dispatch_bodies import DISPATCH_BODIES
from layer_bodies import LAYER_BODIES
from routing_bodies import routing, routing_mistakes
from tokenizer_bodies import TOKENIZER_BODIES

from wudao_rt.errors import ConfigError, DTypeError, ShapeError


def tree(values):
    """tree(0, R) = tree(0, p) + tree(p, R), p the largest power of two below R."""
    if len(values) == 1:
        return values[0]
    p = 1
    while 2 * p < len(values):
        p *= 2
    return tree(values[:p]) + tree(values[p:])


def numbers(rank, size, dtype):
    return (np.random.default_rng(rank).normal(size=size) * 10).astype(dtype)


def all_reduce(comm):
    for size in (0, 1, 7, 20_001):  # the last takes the way of large arrays
        for dtype in ("float32", "float64", "int32", "int64"):
            parts = [numbers(r, size, dtype) for r in range(comm.size)]
            before = parts[comm.rank].copy()
            assert np.array_equal(comm.all_reduce(parts[comm.rank]), tree(parts)), (size, dtype)
            assert np.array_equal(parts[comm.rank], before)
            assert np.array_equal(comm.all_reduce(parts[comm.rank], "max"), np.max(parts, axis=0))
            assert np.array_equal(comm.all_reduce(parts[comm.rank], "min"), np.min(parts, axis=0))
    assert comm.all_reduce(np.ones((2, 3), "float32")).shape == (2, 3)


def reduce_scatter(comm):
    for rows in (0, 1, 2, 11):
        parts = [numbers(r, (rows, 3), "float32") for r in range(comm.size)]
        begin, end = rows * comm.rank // comm.size, rows * (comm.rank + 1) // comm.size
        assert np.array_equal(comm.reduce_scatter(parts[comm.rank]), tree(parts)[begin:end])


def all_gather(comm):
    parts = [numbers(r, (2, 5), "float32") for r in range(comm.size)]
    assert np.array_equal(comm.all_gather(parts[comm.rank]), np.stack(parts))
    assert comm.all_gather(np.zeros((0, 3), bool)).shape == (comm.size, 0, 3)


def broadcast(comm):
    for root in range(comm.size):
        assert comm.broadcast(np.arange(4) * comm.rank, root).tolist() == [0, root, 2 * root, 3 * root]
    with pytest.raises(ConfigError, match=rf"broadcast: root: expected a rank from 0 to {comm.size - 1}, got {comm.size}"):
        comm.broadcast(np.zeros(1), comm.size)


def sent(source, to, dtype="float64"):
    """What `source` sends to `to`: its rows say so; some are empty."""
    rows = (3 * source + to) % 4
    return np.array([[source, to, i] for i in range(rows)], dtype).reshape(rows, 3)


def all_to_all_v(comm):
    for dtype in ("float64", "uint8", "complex128"):
        mine = [sent(comm.rank, to, dtype) for to in range(comm.size)]
        got, counts = comm.all_to_all_v(np.concatenate(mine), [len(rows) for rows in mine])
        wanted = [sent(source, comm.rank, dtype) for source in range(comm.size)]
        assert counts == [len(rows) for rows in wanted]
        assert got.dtype == dtype and np.array_equal(got, np.concatenate(wanted))
    nothing, counts = comm.all_to_all_v(np.zeros((0, 2)), [0] * comm.size)
    assert nothing.shape == (0, 2) and counts == [0] * comm.size


def started_all_to_all_v(comm):
    """Two exchanges and a sum under way at once, waited for in the other order; one that nobody waits for."""
    mine = [sent(comm.rank, to) for to in range(comm.size)]
    rows = [len(one) for one in mine]
    first = comm.start_all_to_all_v(np.concatenate(mine), rows)
    second = comm.start_all_to_all_v(10 * np.concatenate(mine), rows)
    comm.start_all_to_all_v(np.zeros((comm.size, 2)), [1] * comm.size)
    assert comm.all_reduce(np.ones(2)).tolist() == [comm.size] * 2
    wanted = np.concatenate([sent(source, comm.rank) for source in range(comm.size)])
    for pending, factor in ((second, 10), (first, 1), (first, 1)):
        got, counts = pending.wait()
        assert np.array_equal(got, factor * wanted) and counts == [len(sent(r, comm.rank)) for r in range(comm.size)]
    with pytest.raises(ShapeError, match="all_to_all_v: send_rows"):
        comm.start_all_to_all_v(np.zeros((1, 2)), [5] * comm.size)


def rows_of_any_size(comm):
    """Few bytes, many, few again: rooms grow and take turns, and what came before stays as it was."""
    kept = []
    for round_, count in enumerate((1, 300, 5000, 2, 5000, 40_000, 1)):
        rows = np.full((count * comm.size, 3), comm.rank * 100 + round_, "float32")
        kept.append((comm.all_to_all_v(rows, [count] * comm.size)[0], count, round_))
    for got, count, round_ in kept:
        assert np.array_equal(got[::count, 0], np.arange(comm.size) * 100 + round_) and len(got) == count * comm.size


def counters(comm):
    before = comm.counters
    comm.set_supernode(2)
    rows = np.zeros((comm.size, 4), "float32")
    comm.all_to_all_v(rows, [1] * comm.size)
    comm.set_supernode(0)
    near = min(2 * (comm.rank // 2) + 2, comm.size) - 2 * (comm.rank // 2) - 1
    far = comm.size - 1 - near
    got = {name: now - before[name] for name, now in comm.counters.items()}
    assert got == {"messages_intra": near, "messages_inter": far, "bytes_intra": 16 * near, "bytes_inter": 16 * far}
    comm.all_to_all_v(rows[:1], [int(r == comm.rank) for r in range(comm.size)])
    assert comm.counters["messages_intra"] - before["messages_intra"] == near  # to oneself: no message


def send_and_receive(comm):
    to, source = (comm.rank + 1) % comm.size, (comm.rank - 1) % comm.size
    if comm.rank % 2 == 0 or comm.size == 1:
        comm.send(np.arange(3) + comm.rank, to, tag=5)
    got = comm.receive(np.zeros(3, int), source, tag=5) if comm.size > 1 or comm.rank == 0 else None
    if comm.rank % 2 == 1:
        comm.send(np.arange(3) + comm.rank, to, tag=5)
    assert got.tolist() == [source, source + 1, source + 2]


def split(comm):
    half = comm.split(comm.rank % 2, -comm.rank)
    ranks = [r for r in range(comm.size) if r % 2 == comm.rank % 2][::-1]
    assert half.size == len(ranks) and ranks[half.rank] == comm.rank
    assert half.all_gather(np.array(comm.rank)).tolist() == ranks
    inner = half.split(half.rank, 0)
    assert (inner.rank, inner.size) == (0, 1)
    assert inner.all_reduce(np.ones(2)).tolist() == [1.0, 1.0]


def barrier(comm):
    for _ in range(3):
        comm.barrier()


def mistakes(comm):
    """Refused before anything is sent, on every rank alike, so that the next call still works."""
    with pytest.raises(DTypeError, match="all_reduce: array: expected float32, float64, int32 or int64, got bool"):
        comm.all_reduce(np.zeros(2, bool))
    with pytest.raises(ConfigError, match='all_reduce: op: expected sum, max or min, got "mean"'):
        comm.all_reduce(np.zeros(2), "mean")
    with pytest.raises(ShapeError, match="all_to_all_v: send_rows: expected one number for each of"):
        comm.all_to_all_v(np.zeros((2, 2)), [2] * (comm.size + 1))
    with pytest.raises(ShapeError, match="all_to_all_v: send_rows"):
        comm.all_to_all_v(np.zeros((2, 2)), [-1] * comm.size)
    with pytest.raises(DTypeError, match="all_gather: array: expected an array of numbers"):
        comm.all_gather(np.array([object()]))
    with pytest.raises(ConfigError, match="split: color: expected a whole number of at least 0, got -1"):
        comm.split(-1)
    with pytest.raises(ConfigError, match="send: tag: expected 0 to 8191, got 8192"):
        comm.send(np.zeros(1), 0, 8192)
    assert comm.all_reduce(np.ones(1)).tolist() == [comm.size]


BODIES = {body.__name__: body for body in (
    all_reduce, reduce_scatter, all_gather, broadcast, all_to_all_v, started_all_to_all_v, rows_of_any_size,
    counters, send_and_receive, split, barrier, mistakes, routing, routing_mistakes, *LAYER_BODIES, *DISPATCH_BODIES,
    *TOKENIZER_BODIES)}
