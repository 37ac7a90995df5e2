"""The layer of experts against a dense oracle. [n]: case n of section 10.2 of the MoE specification."""

from __future__ import annotations

import layer_reference as ref
import numpy as np
import pytest
from wudao_rt import _core
from wudao_rt.errors import ConfigError, DTypeError, ShapeError
from wudao_rt.moe import Gate, MoEConfig, MoELayer, route

HIDDEN = 16


def layer(dtype="float64", seed=3, **options):
    options = {"hidden_size": HIDDEN, "num_experts": 8, "expert_width": 24, "init_std": 0.3} | options
    options |= {"num_experts": 0, "expert_width": 0} if "classes" in options else {}
    made = MoELayer(MoEConfig(**options), seed=seed, dtype=dtype)
    state = made.state_dict()
    rng = np.random.default_rng(seed)
    made.load_state_dict({k: rng.normal(size=v.shape) * (1 if k == "gate.weight" else 0.3) for k, v in state.items()})
    return made


def tokens(count, seed=0):
    return np.random.default_rng(seed).normal(size=(count, HIDDEN))


def wide_state(made):
    return {name: array.astype(np.float64) for name, array in made.state_dict().items()}


def routed(made, x, **options):
    """The routing that the layer should have made."""
    c, state = made.config, wide_state(made)
    noise = x @ state["gate.noise_weight"].T if "gate.noise_weight" in state else None
    return route(x @ state["gate.weight"].T, c.k, c.gate, capacity_factor=c.capacity_factor, drop=c.drop,
                 groups=c.groups, bias=state.get("gate.bias"), noise_logits=noise, train=False, **options)


def close(got, wanted, dtype):
    bound = {"float64": 1e-12, "float32": 1e-5, "bfloat16": 3e-2, "float16": 3e-2 / 8}[dtype]
    largest = max(np.abs(wanted).max(initial=0.0), 1e-3)
    assert np.abs(got - wanted).max(initial=0.0) <= bound * largest


def check(made, x, dy, dtype):
    state, found = wide_state(made), routed(made, x)
    w = found.weights.astype(np.float64)
    close(made.forward(x), ref.forward(state, x, found.indices, w), dtype)
    loss, gradients = made.loss_and_gradients(x, dy, train=False)
    dx, dweights, experts = ref.backward(state, x, found.indices, w, dy)
    dlogits, _ = found.gradients(dweights, made.config.losses)
    close(gradients["x"], dx + dlogits @ state["gate.weight"], dtype)
    close(gradients["gate.weight"], dlogits.T @ x, dtype)
    for name, gradient in experts.items():
        close(gradients[name], gradient, dtype)
    wanted = (dy * ref.forward(state, x, found.indices, w)).sum()
    wanted += sum(amount * found.losses[name] for name, amount in made.config.losses.items())
    bound = {"float64": 1e-12, "float32": 1e-4, "bfloat16": 3e-2, "float16": 3e-2 / 8}[dtype]
    assert abs(loss - wanted) <= bound * max(1, abs(wanted))


# [15] on one rank; tests/dist has the others
@pytest.mark.parametrize("k", [1, 2, 3])
@pytest.mark.parametrize("experts", [1, 3, 8])
@pytest.mark.parametrize("count", [0, 1, 7, 64])
def test_against_the_dense_oracle(count, experts, k):
    if k <= experts:
        made = layer(num_experts=experts, k=k, losses={"switch": 0.1, "z": 0.01})
        return check(made, tokens(count), tokens(count, 1), "float64")
    with pytest.raises(ConfigError, match="k: expected a whole number from 1 to"):
        layer(num_experts=experts, k=k)


@pytest.mark.parametrize("dtype", ["float64", "float32", "bfloat16", "float16"])
@pytest.mark.parametrize("options", [
    {"k": 3}, {"gate": "switch", "k": 1, "capacity_factor": 1.0}, {"gate": "bias", "losses": {"importance": 0.1}},
    {"capacity_factor": 0.5, "drop": "position", "groups": 4}, {"expert_width": 300},
    {"gate": Gate("group_limited", expert_groups=4, topk_groups=2)}], ids=str)
def test_gates_and_dtypes(options, dtype):
    """Inputs that bfloat16 holds exactly, and logits that are not near each other: the choices are the same."""
    x = np.round(tokens(256) * 8) / 8
    made = layer(dtype, **options)
    logits = np.sort(x @ wide_state(made)["gate.weight"].T, -1)
    assert np.min(np.diff(logits, axis=-1)) > 1e-5
    check(made, x, np.round(tokens(256, 1) * 8) / 8, dtype)


# [28]
def test_experts_of_several_widths():
    made = layer(classes=((2, 8), (3, 16), (1, 32)), k=3)
    assert made.config.expert_widths == (8, 8, 16, 16, 16, 32)
    assert made.state_dict()["experts.5.h_to_4h.weight"].shape == (32, HIDDEN)
    check(made, tokens(64), tokens(64, 1), "float64")


def test_a_shared_expert_sees_every_token():
    made = layer(shared_width=12)
    bare = layer()
    state = made.state_dict()
    bare.load_state_dict({name: array for name, array in state.items() if not name.startswith("shared")})
    x = tokens(9)
    w1, b1, w2, b2 = (state[f"shared_expert.{name}"] for name in
                      ("h_to_4h.weight", "h_to_4h.bias", "4h_to_h.weight", "4h_to_h.bias"))
    close(made.forward(x) - bare.forward(x), ref.gelu(x @ w1.T + b1) @ w2.T + b2, "float64")
    _, gradients = made.loss_and_gradients(x, tokens(9, 1))
    close(gradients["shared_expert.4h_to_h.bias"], tokens(9, 1).sum(0), "float64")


# [13]
def test_experts_that_are_all_alike_give_one_feed_forward():
    made = layer(k=3)
    state = made.state_dict()
    first = [state[name] for name in ref.expert_names(0)]
    alike = {name: array for e in range(8) for name, array in zip(ref.expert_names(e), first, strict=True)}
    made.load_state_dict(state | alike)
    x = tokens(33)
    w1, b1, w2, b2 = first
    close(made.forward(x), ref.gelu(x @ w1.T + b1) @ w2.T + b2, "float64")


# [16]
def test_all_tokens_to_one_expert_and_the_others_none():
    made = layer(k=1, gate="switch")
    state = made.state_dict()
    gate = np.zeros_like(state["gate.weight"])
    gate[5] = 10.0
    made.load_state_dict(state | {"gate.weight": gate})
    x = np.abs(tokens(70)) + 0.1
    check(made, x, tokens(70, 1), "float64")
    _, gradients = made.loss_and_gradients(x, tokens(70, 1))
    for e in range(8):
        assert (np.abs(gradients[f"experts.{e}.h_to_4h.weight"]).sum() > 0) == (e == 5)


def test_a_row_depends_on_its_token_alone():
    for dtype in ("float32", "bfloat16", "float16"):
        made, x = layer(dtype), tokens(300).astype("float32")
        whole = made.forward(x)
        for begin, end in ((0, 1), (7, 9), (100, 164), (5, 290)):
            assert made.forward(x[begin:end]).tobytes() == whole[begin:end].tobytes()


# [29]
def test_threads_change_no_bit():
    before = _core.kernels()["threads"]
    x, dy = tokens(200).astype("float32"), tokens(200, 1).astype("float32")
    seen = []
    try:
        for threads in (1, 2, 3):
            _core.set_threads(threads)
            made = layer("bfloat16", capacity_factor=1.0, gate="noisy", losses={"load": 0.1})
            y, (loss, gradients) = made.forward(x, train=True), made.loss_and_gradients(x, dy)
            seen.append((y.tobytes(), loss, {name: g.tobytes() for name, g in gradients.items()}))
    finally:
        _core.set_threads(before)
    assert seen[0] == seen[1] == seen[2]


def test_jitter_and_noise_act_in_training_alone():
    x = tokens(50)
    for options in ({"jitter": 0.3}, {"gate": "noisy"}):
        made = layer(**options)
        assert made.forward(x).tobytes() == made.forward(x, step=1).tobytes()
        assert not np.array_equal(made.forward(x, train=True), made.forward(x))
        assert not np.array_equal(made.forward(x, train=True, step=1), made.forward(x, train=True, step=2))
        assert made.forward(x, train=True, step=1).tobytes() == made.forward(x, train=True, step=1).tobytes()


def test_jitter_has_a_true_gradient():
    made, x, dy = layer(jitter=0.2, losses={"switch": 1.0}), tokens(6), tokens(6, 1)
    _, gradients = made.loss_and_gradients(x, dy, step=4)
    for t, c in ((0, 3), (5, 15)):
        moved = [x.copy(), x.copy()]
        moved[0][t, c] -= 1e-6
        moved[1][t, c] += 1e-6
        low, high = (made.loss_and_gradients(m, dy, step=4)[0] for m in moved)
        assert abs((high - low) / 2e-6 - gradients["x"][t, c]) < 1e-6


# [34] on one rank
def test_first_weights_belong_to_ids():
    few, many = MoELayer(MoEConfig(8, 4, 16), seed=5).state_dict(), MoELayer(MoEConfig(8, 6, 16), seed=5).state_dict()
    for name in few:
        if name.startswith("experts."):
            assert np.array_equal(few[name], many[name])
    assert not np.array_equal(few["experts.0.h_to_4h.weight"], few["experts.1.h_to_4h.weight"])


def test_dlpack_comes_in():
    class Tensor:  # what torch has
        def __init__(self, array):
            self.array = array

        def __dlpack__(self, **options):
            return self.array.__dlpack__(**options)

        def __dlpack_device__(self):
            return self.array.__dlpack_device__()

    made, x = layer("float32"), tokens(5).astype("float32")
    assert made.forward(Tensor(x)).tobytes() == made.forward(x).tobytes()


MISTAKES = [
    (lambda: MoEConfig(8), ConfigError, "MoEConfig: num_experts: expected either num_experts or classes, got neither"),
    (lambda: MoEConfig(8, 4, classes=((1, 2),)), ConfigError, "got both"),
    (lambda: MoEConfig(8, 4, k=0), ConfigError, "MoEConfig: k: expected a whole number of at least 1, got 0"),
    (lambda: MoEConfig(8, 4, gate="soft"), ConfigError, "route: gate: expected one of naive"),
    (lambda: MoEConfig(8, 4, losses={"balance": 1}), ConfigError, "MoEConfig: losses: expected a known name"),
    (lambda: MoEConfig(8, 4, exchange="ring"), ConfigError, "MoEConfig: exchange: expected one of flat, two_level"),
    (lambda: MoEConfig(8, 4, capacity_factor=0), ConfigError, "capacity_factor: expected a number above 0"),
    (lambda: MoEConfig(8, 4, jitter=-1), ConfigError, "MoEConfig: jitter: expected a number of at least 0, got -1"),
    (lambda: layer(k=9), ConfigError, "route: k: expected a whole number from 1 to 8, got 9"),
    (lambda: layer().forward(np.zeros((2, 3))), ShapeError, r"MoELayer: x: expected \(tokens, 16\), got \(2, 3\)"),
    (lambda: layer().forward(np.array([["a"]])), DTypeError, "MoELayer: x: expected float64"),
    (lambda: layer().forward(np.full((2, 16), np.nan)), ConfigError, "route: logits: expected finite numbers"),
    (lambda: layer().loss_and_gradients(tokens(2), tokens(3)), ShapeError, "MoELayer: dy"),
    (lambda: layer().load_state_dict({}), ConfigError, "MoELayer: names: expected those of state_dict, got 33 missing"),
    (lambda: MoELayer(3), ConfigError, "MoELayer: config: expected a MoEConfig, got a int"),
]


@pytest.mark.parametrize(("mistake", "kind", "message"), MISTAKES)
def test_mistakes_are_told(mistake, kind, message):
    with pytest.raises(kind, match=message):
        mistake()
