"""A layer of experts over ranks gives the tokens what one process gives them, to the bit. [n]: case n of section 10.2."""

from __future__ import annotations

import numpy as np
import pytest
from routing_bodies import shares

from wudao_rt.errors import ConfigError
from wudao_rt.moe import Gate, MoEConfig, MoELayer

HIDDEN = 16
LAYERS = {
    "naive": {"num_experts": 8, "expert_width": 24},
    "uneven experts": {"num_experts": 7, "expert_width": 10, "k": 3, "losses": {"switch": 0.1}},
    "classes": {"classes": ((2, 8), (3, 16), (1, 32)), "k": 2},
    "capacity": {"num_experts": 8, "expert_width": 24, "capacity_factor": 1.0, "groups": 2},
    "switch": {"num_experts": 8, "expert_width": 24, "gate": "switch", "k": 1, "jitter": 0.1},
    "bias and shared": {"num_experts": 8, "expert_width": 24, "gate": Gate("bias"), "shared_width": 12},
    "noisy": {"num_experts": 9, "expert_width": 24, "gate": "noisy", "losses": {"load": 0.1, "importance": 0.1}},
}


def _pair(comm, options, dtype):
    """The layer of one process and that of the ranks, with equal weights."""
    alone = {name: value for name, value in options.items() if name not in ("exchange", "supernode_size")}
    return (MoELayer(MoEConfig(HIDDEN, init_std=0.3, **alone), 3, dtype),
            MoELayer(MoEConfig(HIDDEN, init_std=0.3, **options), 3, dtype, comm))


def _tokens(count, seed, dtype):
    return np.random.default_rng(seed).normal(size=(count, HIDDEN)).astype("float64" if dtype == "float64" else "float32")


def _same(comm, options, dtype, count=120):
    whole, part = _pair(comm, options, dtype)
    x, dy = _tokens(count, 0, dtype), _tokens(count, 1, dtype)
    own = shares(count, comm)
    assert part.forward(x[own]).tobytes() == whole.forward(x)[own].tobytes()
    assert part.forward(x[own], train=True, step=2).tobytes() == whole.forward(x, train=True, step=2)[own].tobytes()
    (loss, wanted), (own_loss, got) = whole.loss_and_gradients(x, dy, step=1), part.loss_and_gradients(x[own], dy[own], step=1)
    assert got["x"].tobytes() == wanted["x"][own].tobytes()
    assert set(part.state_dict()) == {n for n in whole.state_dict() if not n.startswith("experts.")
                                      or int(n.split(".")[1]) in part.experts}
    bound = 1e-12 if dtype == "float64" else 1e-5
    for name in part.state_dict():
        if name != "gate.bias":
            largest = np.abs(wanted[name]).max()
            assert np.abs(got[name] - wanted[name]).max() <= bound * max(largest, 1e-3), name
    assert abs(comm.all_reduce(np.array([own_loss]))[0] - loss) <= bound * max(1, abs(loss))


def layer(comm):  # [15, 16, 18 in part, 21, 22, 28, 30]
    for name, options in LAYERS.items():
        if options.get("num_experts", 6) < comm.size:
            continue  # refused: layer_mistakes
        try:
            _same(comm, options, "float64")
        except AssertionError as error:
            raise AssertionError(f"{name}: {error}") from error


def two_level(comm):  # [17, 18, 28]: the bits of flat, for every size of supernode
    for size in (s for s in (1, 2, 4) if comm.size % s == 0):
        for name in ("naive", "uneven experts", "classes", "capacity", "noisy"):
            options = LAYERS[name] | {"exchange": "two_level", "supernode_size": size}
            if options.get("num_experts", 6) >= comm.size:
                _same(comm, options, "float64")
        options = LAYERS["naive"] | {"exchange": "two_level", "supernode_size": size}
        _same(comm, options, "float64", count=3)  # ranks without tokens
    options = LAYERS["naive"] | {"exchange": "two_level", "supernode_size": comm.size + 1}
    with pytest.raises(ConfigError, match=f"supernode_size: expected a divisor of the {comm.size} ranks, got"):
        MoELayer(MoEConfig(HIDDEN, **options), comm=comm)


def messages(comm):  # [19]
    x = np.random.default_rng(comm.rank).normal(size=(200, 256))  # every rank has rows for every other
    seen = {}
    for exchange in ("flat", "two_level"):
        for size in (s for s in (1, 2, 4) if comm.size % s == 0):
            config = MoEConfig(256, 8, 24, exchange=exchange, supernode_size=size)
            made = MoELayer(config, dtype="float64", comm=comm)
            before = comm.counters
            made.forward(x)
            seen[exchange, size] = now = {name: count - before[name] for name, count in comm.counters.items()}
            near, far = size - 1, comm.size // size - 1
            if exchange == "flat":  # counts, rows there, rows back
                assert now["messages_intra"] == 3 * near and now["messages_inter"] == 3 * (comm.size - size)
            else:  # counts, rows there, rows back by both levels; and which rows are of the same token, across
                assert now["messages_intra"] == 3 * near and now["messages_inter"] == 4 * far
    for size in (2, 4):
        if comm.size > size and comm.size % size == 0:  # a token crosses once to a supernode, its results one by one
            flat, two = (seen[exchange, size]["bytes_inter"] for exchange in ("flat", "two_level"))
            assert two < 0.99 * flat
    comm.set_supernode(0)


def layer_in_half_types(comm):
    for dtype in ("float32", "bfloat16", "float16"):
        whole, part = _pair(comm, LAYERS["naive"], dtype)
        x = _tokens(200, 0, dtype)
        own = shares(len(x), comm)
        assert part.forward(x[own]).tobytes() == whole.forward(x)[own].tobytes()


def layer_first_weights(comm):  # [34]
    if comm.size > 7:
        return
    whole, part = _pair(comm, LAYERS["uneven experts"], "float32")
    every, own = whole.state_dict(), part.state_dict()
    assert all(np.array_equal(every[name], array) for name, array in own.items())
    held = comm.all_reduce(np.bincount(part.experts, minlength=7).astype("int64"))
    assert held.tolist() == [1] * 7 and len(part.experts) in (7 // comm.size, -(-7 // comm.size))
    part.load_state_dict(every)  # of all experts: each takes its own
    assert all(np.array_equal(part.state_dict()[name], array) for name, array in own.items())


def layer_collapse(comm):  # [16]: all tokens to one expert
    whole, part = _pair(comm, {"num_experts": 8, "expert_width": 24, "gate": "switch", "k": 1}, "float64")
    state = whole.state_dict()
    state["gate.weight"] = np.zeros_like(state["gate.weight"])
    state["gate.weight"][6] = 1.0
    whole.load_state_dict(state)
    part.load_state_dict(state)
    x = np.abs(_tokens(40, 0, "float64"))
    own = shares(len(x), comm)
    assert part.forward(x[own]).tobytes() == whole.forward(x)[own].tobytes()
    assert part.loss_and_gradients(x[own], x[own])[1]["x"].tobytes() == whole.loss_and_gradients(x, x)[1]["x"][own].tobytes()


def layer_mistakes(comm):
    if comm.size > 1:
        with pytest.raises(ConfigError, match=f"MoEConfig: num_experts: expected at least {comm.size}, the ranks that share"):
            MoELayer(MoEConfig(HIDDEN, comm.size - 1, k=1), comm=comm)
    x = np.zeros((3, HIDDEN))
    if comm.rank == 0:
        x[1, 1] = np.inf
    with pytest.raises(ConfigError, match="route: logits: expected finite numbers"):
        MoELayer(MoEConfig(HIDDEN, 8), dtype="float64", comm=comm).forward(x)


LAYER_BODIES = (layer, two_level, messages, layer_in_half_types, layer_first_weights, layer_collapse, layer_mistakes)
