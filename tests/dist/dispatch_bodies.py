"""The way of rows to experts and back. [n]: case n of section 10.2."""

from __future__ import annotations

import numpy as np
import pytest
from routing_bodies import shares

from wudao_rt.errors import ConfigError
from wudao_rt.moe import Dispatch

TOKENS, EXPERTS, K, HIDDEN = 90, 11, 3, 16


def _ways(comm):
    yield {}
    yield from ({"exchange": "two_level", "supernode_size": size} for size in (1, 2, 4) if comm.size % size == 0)


def _choices():
    """Three different experts of every token, some of them none."""
    rng = np.random.default_rng(4)
    indices = np.array([rng.choice(EXPERTS, K, replace=False) for _ in range(TOKENS)])
    indices[rng.random(indices.shape) < 0.2] = -1
    return indices


def _arrays(comm, way):
    own, rng = shares(TOKENS, comm), np.random.default_rng(5)
    x, weights, dy = (rng.normal(size=(TOKENS, n)) for n in (HIDDEN, K, HIDDEN))
    rows = np.random.default_rng(comm.rank).normal(size=(int(way.counts.sum()), HIDDEN))
    return x[own], weights[own], dy[own], rows


def _inner(comm, a, b):
    return comm.all_reduce(np.array([np.vdot(a, b)]))[0]


def dispatch_and_combine_are_adjoint(comm):  # [14]
    for options in _ways(comm):
        way = Dispatch(_choices()[shares(TOKENS, comm)], EXPERTS, comm=comm, **options)
        x, weights, dy, rows = _arrays(comm, way)
        there, back = _inner(comm, way.dispatch(x), rows), _inner(comm, x, way.combine(rows))
        assert abs(there - back) <= 1e-12 * abs(there), options
        forward = _inner(comm, way.combine(rows, weights), dy)
        drows, dweights = way.combine_gradients(dy)
        for adjoint in (_inner(comm, rows, drows), _inner(comm, weights, dweights)):  # linear in both
            assert abs(forward - adjoint) <= 1e-12 * abs(forward), options


def dispatch_is_that_of_one_process(comm):  # [13, 16, 17, 18]
    choices, own = _choices(), shares(TOKENS, comm)
    alone = Dispatch(choices, EXPERTS)
    for options in _ways(comm):
        way = Dispatch(choices[own], EXPERTS, comm=comm, **options)
        rng = np.random.default_rng(5)
        x, weights = (rng.normal(size=(TOKENS, n)) for n in (HIDDEN, K))
        begin = int(alone.counts[:way.experts.start].sum())
        wanted = alone.dispatch(x)
        assert way.counts.tolist() == alone.counts[way.experts.start:way.experts.stop].tolist()
        assert way.dispatch(x[own]).tobytes() == wanted[begin:begin + int(way.counts.sum())].tobytes()
        factor = np.repeat(1.0 + np.array(way.experts), way.counts)[:, None]
        all_factors = np.repeat(1.0 + np.arange(EXPERTS), alone.counts)[:, None]
        assert way.combine(factor * way.dispatch(x[own]), weights[own]).tobytes() == \
            alone.combine(all_factors * wanted, weights)[own].tobytes()
        shown = (choices[own] >= 0)[..., None] * weights[own][..., None] * (1.0 + choices[own])[..., None]
        np.testing.assert_allclose(way.combine(factor * way.dispatch(x[own]), weights[own]),
                                   (shown * x[own][:, None]).sum(1), rtol=1e-12, atol=1e-12)


def dispatch_mistakes(comm):
    with pytest.raises(ConfigError, match=r"Dispatch: indices: expected numbers from -1 to 10, got 0 to 11"):
        Dispatch([[0, 11]], EXPERTS, comm=comm)
    if comm.size > 1:
        with pytest.raises(ConfigError, match=f"Dispatch: num_experts: expected at least {comm.size}"):
            Dispatch([[0]], comm.size - 1, comm=comm)
    way = Dispatch([[0, 1]], EXPERTS, comm=comm)
    way.combine(np.ones((int(way.counts.sum()), 2)))
    with pytest.raises(ConfigError, match="combine_gradients: weights: expected a combine with weights before it"):
        way.combine_gradients(np.ones((1, 2)))


DISPATCH_BODIES = (dispatch_and_combine_are_adjoint, dispatch_is_that_of_one_process, dispatch_mistakes)
