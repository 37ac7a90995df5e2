"""Training with int8 products."""

from __future__ import annotations

import numpy as np
import pytest
from wudao_rt import GLM, GLMConfig, _core
from wudao_rt.config.tables import TrainTable
from wudao_rt.errors import ConfigError, DTypeError, ShapeError

SHAPE = GLMConfig(vocab_size=64, hidden_size=64, num_layers=2, num_heads=2, max_positions=32, init_std=0.08)


def batch(seed: int = 0) -> dict:
    """Return texts in which a token says what comes next."""
    ids = np.random.default_rng(seed).integers(0, 64, (8, 32))
    positions = np.tile(np.arange(32), (8, 1))
    return {"ids": ids, "positions": positions, "block_positions": 0 * positions, "sep": np.zeros(8, int),
            "targets": (5 * ids + 3) % 64, "loss_mask": np.ones((8, 32))}


def losses(int8: bool, threads: int = 2, steps: int = 60, **options) -> list[float]:
    _core.set_threads(threads)
    try:
        model = GLM(SHAPE, seed=1, dtype="bfloat16")
        trainer = _core.Trainer(model.core, {"name": "adamw", "beta2": 0.95})
        return [trainer.step(batch(i), lr=3e-3, clip=1.0, shards=4, int8=int8, **options)["loss"] for i in range(steps)]
    finally:
        _core.set_threads(0)


def test_it_learns_as_bfloat16_does() -> None:
    floats, integers = losses(False), losses(True)
    assert floats[0] == pytest.approx(integers[0], rel=0.01) and floats[0] != integers[0]
    assert integers[-1] < 0.8 * integers[0]
    assert np.mean(integers[-10:]) == pytest.approx(np.mean(floats[-10:]), rel=0.03)


@pytest.mark.parametrize("options", [{"threads": 1}, {"micro_shards": 1}, {"micro_shards": 2, "recompute": True}])
def test_bits_do_not_depend_on_the_layout(options: dict) -> None:
    assert losses(True, steps=6, **options) == losses(True, steps=6)


def test_gradients_are_near_those_of_floats() -> None:
    model = GLM(SHAPE, seed=1, dtype="bfloat16")
    loss, floats = model.loss_and_gradients(**batch())
    rounded, integers = model.loss_and_gradients(**batch(), int8=True)
    assert 0 < abs(rounded / loss - 1) < 0.01
    for name, gradient in floats.items():
        error = np.linalg.norm(integers[name] - gradient) / np.linalg.norm(gradient)
        assert 1e-4 < error < 0.1, name


def test_weights_are_rounded_anew_in_each_step_whatever_came_before() -> None:
    model = GLM(SHAPE, seed=1, dtype="bfloat16")
    one, two, again = (model.loss_and_gradients(**batch(), int8=True, step=step)[0] for step in (1, 2, 1))
    assert one == again != two
    assert one == GLM(SHAPE, seed=1, dtype="bfloat16").loss_and_gradients(**batch(), int8=True, step=1)[0]


def test_the_mean_over_steps_is_nearer_to_the_gradients_of_floats() -> None:
    """Rounding of the weights averages out; that of the activations of one batch does not."""
    model = GLM(SHAPE, seed=1, dtype="float32")
    _, floats = model.loss_and_gradients(**batch())
    each = [model.loss_and_gradients(**batch(), int8=True, step=step)[1] for step in range(16)]
    for name, gradient in floats.items():
        if gradient.ndim == 2:
            single = np.mean([np.linalg.norm(one[name] - gradient) for one in each])
            mean = np.linalg.norm(np.mean([one[name] for one in each], axis=0) - gradient)
            assert mean < 0.7 * single, name


def test_what_cannot_be_done_in_int8_is_told() -> None:
    with pytest.raises(ConfigError, match=r"train\.products: expected float for a dtype of float64, got int8"):
        TrainTable(dtype="float64", products="int8")
    with pytest.raises(ConfigError, match=r"train: products: .*int9"):
        TrainTable(products="int9")
    with pytest.raises(DTypeError, match="linear: x: expected float32 or bfloat16 for int8 products, got float64"):
        GLM(SHAPE, dtype="float64").loss_and_gradients(**batch(), int8=True)
    odd = GLMConfig(vocab_size=64, hidden_size=6, num_layers=1, num_heads=2, max_positions=32)
    with pytest.raises(ShapeError, match="linear: weight: expected sides that are multiples of 4"):
        GLM(odd).loss_and_gradients(**batch(), int8=True)
