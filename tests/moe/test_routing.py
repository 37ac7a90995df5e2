"""Routing against hand-worked tables and plain NumPy. [n]: case n of section 10.2 of the MoE specification."""

from __future__ import annotations

import numpy as np
import pytest
import routing_reference as ref
from wudao_rt import _core
from wudao_rt.errors import ConfigError, DTypeError, ShapeError
from wudao_rt.moe import Gate, bias_update, route

GATES = {
    "naive": (2, Gate("naive")),
    "naive-1": (1, Gate("naive")),
    "switch": (1, Gate("switch")),
    "gshard": (2, Gate("gshard")),
    "group_limited": (4, Gate("group_limited", expert_groups=4, topk_groups=2)),
    "bias": (3, Gate("bias", sequence_length=8)),
    "bias-1": (1, Gate("bias")),
}
TABLE = np.log([[0.4, 0.3, 0.2, 0.1], [0.1, 0.6, 0.2, 0.1], [0.5, 0.25, 0.15, 0.1], [0.7, 0.1, 0.1, 0.1]])


def logits(count=32, experts=8, seed=0, dtype=np.float64):
    return np.random.default_rng(seed).normal(size=(count, experts)).astype(dtype)


def close(a, b, dtype=np.float64):
    bound = 1e-12 if dtype == np.float64 else 1e-5
    np.testing.assert_allclose(a, b, rtol=bound, atol=bound / 10)


# [1] worked by hand: log p as logits, so that p is the table itself.
def test_a_table_by_hand():
    found = route(TABLE, 2)
    assert found.indices.tolist() == [[0, 1], [1, 2], [0, 1], [0, 1]]  # the last: three equal, the lowest is taken
    close(found.weights, [[4 / 7, 3 / 7], [3 / 4, 1 / 4], [2 / 3, 1 / 3], [7 / 8, 1 / 8]])
    assert found.counts.tolist() == [3, 4, 1, 0] and found.dropped.tolist() == [0, 0, 0, 0]
    # f = (3, 4, 1, 0) / 8, P = (1.7, 1.25, 0.65, 0.4) / 4: 4 (0.375 0.425 + 0.5 0.3125 + 0.125 0.1625)
    close(found.losses["switch"], 1.34375)
    close(found.losses["gshard"], (3 / 4 * 0.425 + 1 / 4 * 0.3125) / 4)
    close(found.losses["z"], 0.0)


def test_a_table_by_hand_with_drops():
    found = route(TABLE, 1, "switch", capacity_factor=2.0)  # two rows of each expert; 0 is wanted by tokens 0, 2, 3
    assert found.indices.ravel().tolist() == [-1, 1, 0, 0]  # token 0 has the least p, 0.4
    close(found.weights.ravel(), [0, 0.6, 0.5, 0.7])
    assert found.counts.tolist() == [2, 1, 0, 0] and found.dropped.tolist() == [1, 0, 0, 0]
    assert route(TABLE, 1, "switch", capacity_factor=2.0, drop="position").indices.ravel().tolist() == [0, 1, 0, -1]


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("groups", [1, 4])
@pytest.mark.parametrize("name", GATES)
def test_against_numpy(name, groups, dtype):
    k, gate = GATES[name]
    z, bias = logits(dtype=dtype), np.linspace(-0.2, 0.2, 8) if gate.name == "bias" else None
    found = route(z, k, gate, groups=groups, bias=bias, train=False)
    wide = z.astype(np.float64)
    chosen = ref.choices(wide, k, gate.name, bias, gate.expert_groups, gate.topk_groups)
    w = ref.weights(wide, chosen, gate.name)
    assert found.indices.dtype == np.int32 and np.array_equal(found.indices, chosen)
    assert found.weights.dtype == dtype
    close(found.weights, w, dtype)
    wanted = ref.losses(wide, chosen, w, gate.name, groups, gate.sequence_length)
    assert found.losses.keys() == wanted.keys()
    for loss, value in wanted.items():
        close(found.losses[loss], value)
    assert np.array_equal(found.counts, np.bincount(chosen.ravel(), minlength=8))


@pytest.mark.parametrize("drop", ["probability", "position"])
@pytest.mark.parametrize("factor", [0.3, 0.5, 1.0, 1.25, 4.0])
@pytest.mark.parametrize("groups", [1, 2, 8])
def test_drops_against_numpy(groups, factor, drop):
    z = logits(64)
    found = route(z, 2, capacity_factor=factor, drop=drop, groups=groups)
    chosen = ref.choices(z, 2, "naive")
    kept = ref.drop(chosen, ref.softmax(z), 8, factor, groups, drop)
    assert np.array_equal(found.indices, kept)
    close(found.weights, np.where(kept >= 0, ref.weights(z, chosen, "naive"), 0))
    assert np.array_equal(found.counts, np.bincount(kept[kept >= 0], minlength=8))
    assert np.array_equal(found.counts + found.dropped, np.bincount(chosen.ravel(), minlength=8))


# [2]
@pytest.mark.parametrize("name", ["naive", "switch", "gshard", "group_limited"])
def test_a_shift_of_all_logits_of_a_token_changes_z_alone(name):
    k, gate = GATES[name]
    z, shift = logits(), np.arange(32.0)[:, None]
    a, b = route(z, k, gate, train=False), route(z + shift, k, gate, train=False)
    assert np.array_equal(a.indices, b.indices)
    close(a.weights, b.weights)
    close(a.losses["switch"], b.losses["switch"])
    lse = np.log(np.exp(z).sum(-1)) + shift[:, 0]
    close(b.losses["z"], (lse**2).mean())


# [3]
@pytest.mark.parametrize("name", ["naive", "switch", "gshard", "bias"])
def test_renaming_experts_renames_the_choices(name):
    k, gate = GATES[name]
    z, order = logits(), np.random.default_rng(1).permutation(8)
    a = route(z, k, gate, train=False, capacity_factor=1.0)
    b = route(z[:, order], k, gate, train=False, capacity_factor=1.0)
    assert np.array_equal(np.where(b.indices >= 0, order[b.indices], -1), a.indices)
    assert np.array_equal(b.counts, a.counts[order])
    close(b.losses["switch"], a.losses["switch"])


# [4]
def test_a_balanced_router_costs_one_and_a_collapsed_one_as_many_as_experts():
    balanced = np.zeros((8, 8)) + 1e-9 * np.eye(8)
    close(route(balanced, 1, "switch").losses["switch"], 1.0)
    close(route(np.eye(8)[np.zeros(16, int)] * 60, 1, "switch").losses["switch"], 8.0)


# [5]
WITH_LOSSES = [("naive", {"switch": 0.7, "gshard": -0.4, "z": 0.1, "importance": 0.5, "global_batch": 0.3}),
               ("naive-1", {"switch": 1.0, "importance": 0.5}), ("switch", {"switch": 0.01, "z": 0.001}),
               ("gshard", {"gshard": 1.0}), ("group_limited", {"switch": 1.0, "z": 0.1}),
               ("bias", {"sequence": 1.0, "z": 0.2, "importance": 0.3}), ("bias-1", {"switch": 0.5}),
               ("noisy", {"load": 1.0, "importance": 1.0, "z": 0.1})]


@pytest.mark.parametrize(("name", "losses"), WITH_LOSSES)
@pytest.mark.parametrize("learned", [False, True])
def test_gradients_are_those_of_central_differences(name, losses, learned):
    k, gate = GATES.get(name, (2, Gate("noisy")))
    if learned and name != "noisy":
        learned = False
    z = logits(16, 8, 3) * 2
    noise = logits(16, 8, 4) if learned else None
    pull = np.random.default_rng(5).normal(size=(16, k))

    def call(z, noise):
        return route(z, k, gate, groups=2, capacity_factor=1.5, noise_logits=noise, seed=9)

    def value(z, noise):
        found = call(z, noise)
        return (pull * found.weights).sum() + sum(w * found.losses[key] for key, w in losses.items())

    dz, dnoise = call(z, noise).gradients(pull, losses)
    step = 1e-6
    for array, gradient in ((z, dz), (noise, dnoise)) if learned else ((z, dz),):
        for t, e in np.ndindex(4, 8):
            moved = [array.copy(), array.copy()]
            moved[0][t, e] -= step
            moved[1][t, e] += step
            low, high = (value(m, noise) if array is z else value(z, m) for m in moved)
            assert abs((high - low) / (2 * step) - gradient[t, e]) < 1e-6
    assert learned or dnoise is None


# [6]
@pytest.mark.parametrize("name", GATES)
def test_ties_go_to_the_lower_expert_and_the_lower_token(name):
    k, gate = GATES[name]
    found = route(np.zeros((8, 8)), k, gate, train=False, capacity_factor=0.5)
    limit = -(-k * 8 // 16)  # ceil(0.5 k 8 / 8)
    assert found.indices[:limit].tolist() == [list(range(k))] * limit
    assert (found.indices[limit:] == -1).all()


# [7]
@pytest.mark.parametrize(("factor", "count", "experts", "wanted"), [
    (1.0, 16, 4, 4), (1.25, 16, 4, 5), (1.01, 16, 4, 5), (1.1, 10, 1, 11), (0.1, 8, 4, 1), (2.0, 3, 4, 2)])
def test_the_edges_of_capacity(factor, count, experts, wanted):
    z = np.eye(experts)[np.zeros(count, int)]
    found = route(z, 1, "switch", capacity_factor=factor)
    assert found.counts[0] == min(wanted, count) and found.dropped[0] == count - found.counts[0]


def test_a_least_capacity():
    found = route(np.eye(4)[np.zeros(8, int)], 1, Gate("switch", min_capacity=4), capacity_factor=0.5)
    assert found.counts[0] == 4


# [8]
def test_all_first_choices_go_before_all_second_ones():
    z = np.log([[0.6, 0.4], [0.4, 0.6], [0.45, 0.55]])  # expert 0: second choice of tokens 1 and 2, first of token 0
    found = route(z[::-1].copy(), 2, capacity_factor=0.5, drop="position")  # two rows each; tokens 2, 1, 0
    assert found.indices.tolist() == [[1, 0], [1, -1], [0, -1]]  # token by token, the last one would not get expert 0


# [9]
def test_the_bias_moves_towards_the_mean():
    assert bias_update(np.zeros(4), np.array([5, 3, 0, 4]), 0.1).tolist() == [-0.1, 0.0, 0.1, -0.1]
    z = np.tile([2.0, 1.0, 0.0, -1.0], (64, 1))
    bias = np.zeros(4)
    for _ in range(2000):
        found = route(z, 1, "bias", bias=bias)
        bias = bias_update(bias, found.counts, 1e-3)
    assert np.ptp(1 / (1 + np.exp(-z[0])) + bias) < 5e-3  # all experts are about as attractive


# [12]
def test_the_second_expert_is_used_as_often_as_its_weight_says():
    p = np.array([0.8, 0.1, 0.1])  # w_1 = 1/9: used with probability 2/9
    z = np.tile(np.log(p), (100_000, 1))
    found = route(z, 2, "gshard", seed=3)
    share = (found.indices[:, 1] >= 0).mean()
    assert abs(share - 2 / 9) < 3 * np.sqrt(2 / 9 * 7 / 9 / 100_000)
    close(found.weights[:, 0], np.full(100_000, 8 / 9))
    assert (route(z[:100], 2, "gshard", train=False).indices[:, 1] == 1).all()
    near = np.tile(np.log([0.5, 0.4, 0.1]), (100, 1))  # w_1 = 4/9 ... 2 w_1 = 8/9
    assert 60 < (route(near, 2, "gshard").indices[:, 1] >= 0).sum() < 100


def test_noise_depends_on_seed_step_and_token_alone():
    z = np.zeros((64, 8), "float32")
    a = route(z, 2, "noisy", seed=1, step=2)
    assert np.array_equal(a.indices, route(z, 2, "noisy", seed=1, step=2).indices)
    for other in (route(z, 2, "noisy", seed=2, step=2), route(z, 2, "noisy", seed=1, step=3)):
        assert not np.array_equal(a.indices, other.indices)
    assert np.array_equal(route(z[:10], 2, "noisy", seed=1, step=2).indices, a.indices[:10])
    assert (route(z, 2, "noisy", train=False).indices == [0, 1]).all()
    assert a.counts.min() > 4  # about 16 each


def test_threads_change_nothing():
    z = logits(500, 40, dtype=np.float32)
    before = _core.kernels()["threads"]
    found = []
    try:
        for threads in (1, 2, 3):
            _core.set_threads(threads)
            found.append(route(z, 4, "noisy", groups=5, capacity_factor=1.0, seed=4))
    finally:
        _core.set_threads(before)
    for other in found[1:]:
        assert other.weights.tobytes() == found[0].weights.tobytes() and other.losses == found[0].losses


# [16] in part: experts that may not be chosen
def test_minus_infinity_is_never_chosen():
    z = np.full((3, 4), -np.inf)
    z[0, 2] = z[1, 1] = z[1, 3] = 0.0
    found = route(z, 3)
    assert found.indices.tolist() == [[2, -1, -1], [1, 3, -1], [-1, -1, -1]]
    close(found.weights, [[1, 0, 0], [0.5, 0.5, 0], [0, 0, 0]])
    assert all(np.isfinite(v) for v in found.losses.values())
    assert np.isfinite(found.gradients(np.ones((3, 3)), {"switch": 1.0, "z": 1.0})[0]).all()


def test_no_tokens_at_all():
    found = route(np.zeros((0, 4), "float32"), 2, capacity_factor=1.0)
    assert found.indices.shape == found.weights.shape == (0, 2) and found.counts.tolist() == [0] * 4
    assert all(v == 0.0 for v in found.losses.values())


NAN = np.array([[0.0, 1.0], [0.0, np.nan]])
FOUR = np.zeros((2, 4))
MISTAKES = [
    ((FOUR, 5), {}, ConfigError, "k: expected a whole number from 1 to 4, got 5"),
    ((FOUR, 0), {}, ConfigError, "k: expected a whole number of at least 1, got 0"),
    ((FOUR, 2, "switch"), {}, ConfigError, "k: expected a whole number from 1 to 1, got 2"),
    ((FOUR, 1, "gshard"), {}, ConfigError, "k: expected a whole number from 2 to 2, got 1"),
    ((FOUR, 1, "swich"), {}, ConfigError, "gate: expected a known name, got 'swich'. Did you mean 'switch'"),
    ((FOUR, 1), {"capacity_factor": 0}, ConfigError, "capacity_factor: expected a number above 0"),
    ((FOUR, 1), {"drop": "last"}, ConfigError, "drop: expected probability or position"),
    ((np.zeros((9, 4)), 1), {"groups": 2}, ConfigError, "groups: expected a divisor of the 9 tokens, got 2"),
    ((NAN, 1), {}, ConfigError, "logits: expected finite numbers .* another at token 1, expert 1"),
    ((np.zeros(4), 1), {}, ShapeError, r"logits: expected \(tokens, experts\), got \(4,\)"),
    ((np.array([["a"]]), 1), {}, DTypeError, "logits: expected float32"),
    ((FOUR, 1, "noisy"), {"noise_logits": np.zeros((2, 3))}, ShapeError, "noise_logits"),
    ((FOUR, 1, "bias"), {"bias": np.zeros(3)}, ShapeError, "bias"),
    ((FOUR, 1, Gate("group_limited", expert_groups=3)), {}, ConfigError, "expert_groups: expected a divisor of 4 exp"),
    ((FOUR, 1, Gate(sequence_length=3)), {}, ConfigError, "sequence_length: expected a divisor of the 2 tokens"),
]


@pytest.mark.parametrize(("arguments", "options", "kind", "message"), MISTAKES)
def test_mistakes_are_told(arguments, options, kind, message):
    with pytest.raises(kind, match="route: " + message):
        route(*arguments, **options)


def test_gradients_refuse_what_does_not_fit():
    found = route(np.zeros((2, 4)), 1)
    with pytest.raises(ShapeError, match="route_backward: dweights"):
        found.gradients(np.zeros((2, 2)))
    with pytest.raises(ConfigError, match=r"route: losses: expected switch, .* got balance"):
        found.gradients(losses={"balance": 1.0})
