"""Mixtures of codes in training: check 10 of the specification, section 12. Gradients of the op are in tests/ops."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import wudao_rt
from scipy import stats
from wudao_rt import VQConfig, VQTokenizer, ops

TINY = VQConfig(channels=8, residual_blocks=1, residual_channels=4, codes=16, code_width=6, quantizer="gumbel",
                kl_weight=0.01)


def pictures(count: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (count, 16, 16, 3)).astype(np.uint8)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_low_temperature_takes_the_nearest_code(dtype: str) -> None:  # check 10
    rng = np.random.default_rng(0)
    z, book = rng.normal(size=(200, 6)).astype(dtype), rng.normal(size=(32, 6)).astype(dtype)
    np.testing.assert_allclose(ops.gumbel_quantize(z, book, tau=1e-4), ops.vq_quantize(z, book), atol=1e-4)


def test_the_divergence_is_0_for_uniform_and_log_of_the_codes_for_one() -> None:  # check 10
    rng = np.random.default_rng(1)
    z = rng.normal(size=(50, 6))
    assert ops.code_divergence(z, np.tile(z[:1], (32, 1))) == pytest.approx(0, abs=1e-4)
    far = 100 * np.eye(6)
    assert ops.code_divergence(far[rng.integers(0, 6, 50)], far) == pytest.approx(math.log(6), abs=1e-4)
    book = rng.normal(size=(32, 6))
    s = -((z[:, None] - book[None]) ** 2).sum(2)
    p = np.exp(s) / np.exp(s).sum(1, keepdims=True)
    assert ops.code_divergence(z, book) == pytest.approx((p * np.log(32 * p)).sum(1).mean(), rel=1e-12)


def test_the_gradient_of_the_divergence() -> None:
    rng, step = np.random.default_rng(2), 1e-5
    z, book = rng.normal(size=(4, 3)), rng.normal(size=(5, 3))
    (dz,) = ops.gumbel_quantize_backward(z, book, np.zeros_like(z), kl_weight=0.7)
    for at in np.ndindex(z.shape):
        two = []
        for sign in (1, -1):
            changed = z.copy()
            changed[at] += sign * step
            two.append(0.7 * ops.code_divergence(changed, book))
        assert dz[at] == pytest.approx((two[0] - two[1]) / (2 * step), abs=1e-8)


def test_noise_draws_codes_by_their_share() -> None:
    rng = np.random.default_rng(3)
    z, book = rng.normal(size=(1, 3)), rng.normal(size=(5, 3))
    s = -((z[:, None] - book[None]) ** 2).sum(2)[0]
    many = np.repeat(z, 20_000, axis=0)
    drawn = ops.vq_assign(ops.gumbel_quantize(many, book, tau=1e-4, seed=5), book)
    counts = np.bincount(drawn, minlength=5)
    assert stats.chisquare(counts, 20_000 * np.exp(s) / np.exp(s).sum()).pvalue > 0.001
    same, other = (ops.gumbel_quantize(many, book, seed=5, step=step) for step in (0, 1))
    np.testing.assert_array_equal(ops.gumbel_quantize(many, book, seed=5), same)
    assert not np.array_equal(same, other)


def test_the_loss_of_a_tokenizer_has_the_gradients_of_the_encoder() -> None:
    """Nothing is rounded: central differences hold through the mixture, its noise and the divergence."""
    tokenizer = VQTokenizer(TINY, seed=2, dtype="float64")
    images, state, step = pictures(2), tokenizer.state_dict(), 1e-6
    losses, gradients = tokenizer.loss_and_gradients(images, tau=0.5, seed=4, step=7)
    assert losses["loss"] == losses["pixels"] + 0.01 * losses["kl"]
    z = tokenizer.features(images).reshape(-1, 6)
    assert losses["kl"] == pytest.approx(ops.code_divergence(z, state["quantize_t.embed"].T), rel=1e-9)
    for name in ("enc_b.blocks.0.weight", "enc_b.blocks.4.weight", "enc_b.blocks.7.bias", "dec.blocks.0.weight"):
        at = (1, *([0] * (state[name].ndim - 1)))
        two = []
        for sign in (1, -1):
            changed = {**state, name: state[name].copy()}
            changed[name][at] += sign * step
            tokenizer.load_state_dict(changed)
            two.append(tokenizer.loss_and_gradients(images, tau=0.5, seed=4, step=7)[0]["loss"])
        numeric = (two[0] - two[1]) / (2 * step)
        assert abs(numeric - gradients[name][at]) <= 1e-6 * (1 + abs(numeric)), name


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_it_learns_and_the_layout_changes_no_bit(dtype: str) -> None:
    def run(micro: int, threads: int) -> tuple[bytes, list[float]]:
        wudao_rt._core.set_threads(threads)
        tokenizer = VQTokenizer(TINY, seed=4, dtype=dtype)
        tokenizer.core.optimize_with({"name": "adamw"})
        colours = np.random.default_rng(5).uniform(-1, 1, (8, 2, 2, 3)).astype(np.float32)
        images = colours.repeat(8, 1).repeat(8, 2)
        losses = [tokenizer.core.step(images, 1e-2, 1.0, 4, micro, 0.5, 3, turn)["pixels"] for turn in range(40)]
        assert sum(tokenizer.core.counts) == 8 * 16
        return b"".join(array.tobytes() for array in tokenizer.state_dict().values()), losses

    found = [run(micro, threads) for micro, threads in itertools.product((1, 4), (1, 2))]
    assert len({bits for bits, _ in found}) == 1
    assert found[0][1][-1] < 0.9 * found[0][1][0]


def test_codes_are_those_of_the_nearest() -> None:
    gumbel = VQTokenizer(TINY, seed=3)
    state = gumbel.state_dict()
    plain = VQTokenizer(VQConfig(**{**TINY.to_dict(), "quantizer": "vq"}), seed=3)
    plain.load_state_dict(state)
    np.testing.assert_array_equal(gumbel.encode(pictures(3)), plain.encode(pictures(3)))
    gumbel.loss_and_gradients(pictures(3))
    gumbel.update_codebook()
    assert gumbel.revive(1, least=1.0) > 0
