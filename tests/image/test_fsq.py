"""Tokenizers with levels in place of a book (Mentzer et al. 2023). Gradients of the op are in tests/ops."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import wudao_rt
from wudao_rt import VQConfig, VQTokenizer, ops

TINY = VQConfig(channels=8, residual_blocks=1, residual_channels=4, quantizer="fsq", levels=(8, 5, 4))


def pictures(count: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (count, 16, 16, 3)).astype(np.uint8)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("levels", [(2,), (8, 8, 8), (8, 5, 5, 5), (3, 2, 7), (16, 16, 4)])
def test_every_code_comes_back(levels: tuple[int, ...], dtype: str) -> None:
    codes = np.arange(math.prod(levels))
    vectors = ops.fsq_vectors(codes, levels, dtype=dtype)
    np.testing.assert_array_equal(ops.fsq_codes(vectors, levels, dtype=dtype), codes)
    assert len({row.tobytes() for row in vectors}) == len(codes)
    assert vectors.min() == -1 and vectors.max() <= 1


@pytest.mark.parametrize("level", range(2, 17))
def test_every_level_is_reached_and_no_other(level: int) -> None:
    z = np.linspace(-20, 20, 4001)[:, None]
    q = ops.fsq(z, [level])
    assert len(np.unique(q)) == level
    np.testing.assert_array_equal(np.unique(ops.fsq_codes(q, [level])), np.arange(level))
    assert (np.diff(q[:, 0]) >= 0).all()
    if level > 2:  # no z but that of the level in the middle is nearer to it
        assert ops.fsq([[0.0]], [level])[0, 0] == 0


def test_a_digit_is_counted_by_the_levels_before_it() -> None:
    levels = (8, 5, 4)
    for digits in itertools.product(*map(range, levels)):
        q = [(d - n // 2) / (n // 2) for d, n in zip(digits, levels, strict=True)]
        code = digits[0] + 8 * digits[1] + 40 * digits[2]
        assert ops.fsq_codes([q], levels)[0] == code
        assert ops.fsq_vectors([code], levels, dtype="float64")[0].tolist() == q


def test_what_is_not_a_number_has_a_code_all_the_same() -> None:
    q = ops.fsq([[np.nan, np.inf, -np.inf]], (8, 8, 8))
    assert ops.fsq_codes(q, (8, 8, 8)).tolist() == [7 * 8]


def test_a_tokenizer_encodes_by_its_levels() -> None:
    tokenizer = VQTokenizer(TINY, seed=2)
    assert (TINY.codes, TINY.code_width) == (160, 3)
    images = pictures(3)
    z = tokenizer.features(images)
    assert z.shape == (3, 4, 4, 3)
    codes = tokenizer.encode(images)
    np.testing.assert_array_equal(codes.reshape(-1), ops.fsq_codes(ops.fsq(z, TINY.levels).reshape(-1, 3), TINY.levels))
    assert tokenizer.decode(codes).shape == images.shape
    assert not any(name.startswith("quantize") for name in tokenizer.state_dict())


def test_gradients_go_straight_through() -> None:
    """The bias before the quantizer gets what the decoder's input gets, times the slope of the bound."""
    config = VQConfig(channels=8, residual_blocks=0, quantizer="fsq", levels=(5, 4))
    tokenizer = VQTokenizer(config, seed=3, dtype="float64")
    images = pictures(2)
    losses, gradients = tokenizer.loss_and_gradients(images)
    assert losses["commitment"] == 0 and losses["loss"] == losses["pixels"]
    z = tokenizer.features(images)
    dq = _input_gradient(tokenizer, ops.fsq(z, config.levels), images)
    (dz,) = ops.fsq_backward(z, dq, config.levels)
    np.testing.assert_allclose(gradients["enc_b.blocks.6.bias"], dz.sum((0, 1, 2)), rtol=1e-6, atol=1e-12)


def _input_gradient(tokenizer: VQTokenizer, q: np.ndarray, images: np.ndarray) -> np.ndarray:
    """Return the gradient of the loss in the decoder's input, from the decoder written down with ops."""
    state = tokenizer.state_dict()
    x, kept = q, []
    for name in ("dec.blocks.0", "dec.blocks.2"):
        weight = state[f"{name}.weight"].transpose(2, 3, 1, 0)
        weight, bias = weight.reshape(-1, weight.shape[3]), state[f"{name}.bias"]
        y = ops.conv_transpose2d(x, weight, bias, 4, 2, 1)
        kept.append((x, weight, bias, y))
        x = ops.relu(y)
    weight, bias = state["dec.blocks.4.weight"][:, :, 0, 0], state["dec.blocks.4.bias"]
    y = ops.conv2d(x, weight, bias, 1)
    dy = 2 * (y - (images / 255.0 - 0.5) / 0.5) / y.size
    dx = ops.conv2d_backward(x, weight, bias, dy, 1)[0]
    for x, weight, bias, y in reversed(kept):
        dx = ops.conv_transpose2d_backward(x, weight, bias, ops.relu_backward(y, dx)[0], 4, 2, 1)[0]
    return dx


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_it_learns_and_the_layout_changes_no_bit(dtype: str) -> None:
    def run(micro: int) -> tuple[bytes, list[float]]:
        tokenizer = VQTokenizer(TINY, seed=4, dtype=dtype)
        tokenizer.core.optimize_with({"name": "adamw"})
        colours = np.random.default_rng(5).uniform(-1, 1, (8, 2, 2, 3)).astype(np.float32)
        images = colours.repeat(8, 1).repeat(8, 2)
        losses = [tokenizer.core.step(images, 3e-2, 1.0, 4, micro)["pixels"] for _ in range(60)]
        assert sum(tokenizer.core.counts) == 8 * 16
        return b"".join(array.tobytes() for array in tokenizer.state_dict().values()), losses

    found = [run(micro) for micro in (1, 4)]
    assert found[0][0] == found[1][0]
    assert found[0][1][-1] < 0.6 * found[0][1][0]


def test_a_saved_tokenizer_comes_back(tmp_path) -> None:
    tokenizer = VQTokenizer(TINY, seed=4)
    tokenizer.save(tmp_path / "saved")
    again = wudao_rt.load(tmp_path / "saved")
    assert isinstance(again, VQTokenizer) and again.config == TINY
    assert again.fingerprint() == tokenizer.fingerprint()
    assert again.fingerprint() != VQTokenizer(VQConfig.preset("small")).fingerprint()
    np.testing.assert_array_equal(again.encode(pictures(2)), tokenizer.encode(pictures(2)))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: VQConfig(quantizer="fsq", levels=()), r"vq: levels: expected whole numbers of at least 2, got \[\]"),
        (lambda: VQConfig(quantizer="fsq", levels=(8, 1)), r"levels: expected whole .* at least 2, got \[8, 1\]"),
        (lambda: VQConfig(quantizer="fsq", levels=(8.0,)), r"levels: expected whole .* at least 2, got \[8.0\]"),
        (lambda: VQConfig(quantizer="fsq", levels=(4096, 8192)), "levels: expected a product of at most 16777216"),
        (lambda: VQConfig(quantizer="fqs"), "vq: quantizer: expected a known name, got 'fqs'. Did you mean 'fsq'"),
        (lambda: VQTokenizer(TINY).update_codebook(), "update_codebook: quantizer: expected vq, which has a book"),
        (lambda: VQTokenizer(TINY).revive(1), "revive: quantizer: expected vq, which has a book of codes, got fsq"),
        (lambda: VQTokenizer(TINY).decode(np.full((1, 4, 4), 160)), "decode: codes: expected numbers from 0 to 159"),
        (lambda: VQTokenizer(TINY).load_state_dict({"quantize_t.embed": np.zeros((3, 160))}), "of this tokenizer"),
    ],
)
def test_wrong_input_gets_one_clear_error(call, message: str) -> None:
    with pytest.raises(wudao_rt.Error, match=message):
        call()
