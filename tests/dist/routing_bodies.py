"""Routing over ranks decides as one process does, to the bit."""

from __future__ import annotations

import numpy as np
import pytest

from wudao_rt.errors import ConfigError
from wudao_rt.moe import Gate, route

CASES = {
    "naive": (2, "naive", {}),
    "split groups": (2, "naive", {"capacity_factor": 1.0}),
    "by position": (2, "naive", {"capacity_factor": 0.7, "drop": "position", "groups": 5}),
    "many groups": (1, "switch", {"capacity_factor": 1.25, "groups": 60}),
    "noisy": (2, "noisy", {"capacity_factor": 1.0, "groups": 3, "seed": 7}),
    "gshard": (2, "gshard", {"capacity_factor": 1.0, "groups": 4, "seed": 8, "step": 3}),
    "bias": (4, Gate("bias", sequence_length=10), {"bias": np.linspace(0, 0.1, 16)}),
}


def shares(count, comm):
    """Unequal parts of the tokens; the last rank of four has none."""
    cuts = [0, *sorted(int(count * x) for x in np.random.default_rng(comm.size).random(comm.size - 1)), count]
    if comm.size == 4:
        cuts[-2] = count
    return slice(cuts[comm.rank], cuts[comm.rank + 1])


def routing(comm):
    z = np.random.default_rng(0).normal(size=(120, 16)).astype("float32")
    own = shares(len(z), comm)
    for name, (k, gate, options) in CASES.items():
        whole, part = route(z, k, gate, **options), route(z[own], k, gate, comm=comm, **options)
        assert np.array_equal(part.indices, whole.indices[own]), name
        assert part.weights.tobytes() == whole.weights[own].tobytes(), name
        assert np.array_equal(part.counts, whole.counts) and np.array_equal(part.dropped, whole.dropped), name
        assert part.losses == whole.losses, name
        pull = np.random.default_rng(1).normal(size=whole.weights.shape)
        amounts = {"switch": 0.1, "z": 0.01, "importance": 0.3, "global_batch": 0.2}
        assert part.gradients(pull[own], amounts)[0].tobytes() == whole.gradients(pull, amounts)[0][own].tobytes(), name


def routing_mistakes(comm):
    """A rank's bad logit, or a wrong count, is everybody's error, so that nobody waits."""
    z = np.zeros((3, 4))
    if comm.rank == comm.size - 1:
        z[1, 2] = np.nan
    at = 3 * (comm.size - 1) + 1
    with pytest.raises(ConfigError, match=f"route: logits: expected finite numbers .* another at token {at}, expert 2"):
        route(z, 1, comm=comm)
    with pytest.raises(ConfigError, match=f"route: groups: expected a divisor of the {3 * comm.size} tokens, got 7"):
        route(np.zeros((3, 4)), 1, comm=comm, groups=7)
