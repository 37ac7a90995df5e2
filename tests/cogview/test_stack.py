"""The transformer: causality, scaling, caches. Numbers are the checks of the specification, section 12."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from conftest import CONFIG, lively
from wudao_rt import CogView, _core, ops

IDS = np.random.default_rng(4).integers(0, CONFIG.unpadded_vocab_size, (2, 30))
POSITIONS = np.tile(np.arange(30), (2, 1))


@pytest.mark.parametrize("scaling", ["row", "tensor", "none"])
def test_no_token_sees_those_after_it(scaling: str) -> None:  # check 16
    model = lively(dataclasses.replace(CONFIG, norm_scaling=scaling))
    other = IDS.copy()
    other[:, 17] = (other[:, 17] + 1) % 20
    one, two = model.logits(IDS, POSITIONS), model.logits(other, POSITIONS)
    before = np.abs(one[:, :17] - two[:, :17]).max()
    assert before == 0 if scaling != "tensor" else before < 1e-3
    assert np.abs(one[:, 17:] - two[:, 17:]).max() > 0.1


@pytest.mark.parametrize("factor", [1e-3, 1.0, 1e3])
@pytest.mark.parametrize("scaling", ["row", "tensor"])
def test_scaled_norms_do_not_see_a_factor(scaling: str, factor: float) -> None:  # check 13
    x, ones = np.random.default_rng(0).normal(size=(5, 64)), np.ones(64)
    normal = ops.layer_norm(x, ones, 0 * ones, scaling=scaling)
    np.testing.assert_allclose(ops.layer_norm(x * factor, ones, 0 * ones, scaling=scaling), normal, rtol=1e-12)
    np.testing.assert_allclose(ops.layer_norm(x, ones, 0 * ones), normal, rtol=1e-4)


def test_scaled_norms_bear_what_squares_cannot() -> None:
    x = np.random.default_rng(0).normal(size=(3, 64)) * 1e25
    ones = np.ones(64)
    scaled = ops.layer_norm(x, ones, 0 * ones, dtype="float32", scaling="row")
    np.testing.assert_allclose(scaled, ops.layer_norm(x / 1e25, ones, 0 * ones, scaling="row"), atol=1e-5)
    assert not np.isclose(ops.layer_norm(x, ones, 0 * ones, dtype="float32"), scaled, atol=1e-2).all()


def test_gradients_do_not_flow_through_the_largest() -> None:  # check 13
    rng = np.random.default_rng(1)
    x, dy, gamma, beta = (rng.normal(size=shape) for shape in ((4, 8), (4, 8), 8, 8))
    dx, _, _ = ops.layer_norm_backward(x, gamma, beta, dy, eps=0.1, scaling="row")
    scale = 8 / np.abs(x).max(1, keepdims=True)  # a constant
    inner, _, _ = ops.layer_norm_backward(x * scale, gamma, beta, dy, eps=0.1)
    np.testing.assert_allclose(dx, inner * scale, rtol=1e-12)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16"])
def test_attention_bears_scores_beyond_float16(dtype: str) -> None:  # check 14
    """Scores up to 2e6: where they were sums in float16 they would be infinite; here they are float32 throughout."""
    rng = np.random.default_rng(2)
    q, k = 1000 * rng.choice([-1.0, 1.0], (2, 6, 4)) * np.array([1, 0.5])[:, None, None] * 0.7
    v = rng.normal(size=(6, 4))
    scores = (q @ k.T) / 2
    assert np.abs(scores).max() > 65504
    with np.errstate(over="ignore"):
        assert not np.isfinite((q.astype(np.float16) @ k.T.astype(np.float16)).astype(np.float16)).all()
    found = ops.attention(*(a[None, :, None] for a in (q, k, v)), sep=[6], dtype=dtype)[0, :, 0]
    assert np.isfinite(found).all()
    for row, best in enumerate(scores.argmax(1)):
        ties = np.isclose(scores[row], scores[row, best])
        np.testing.assert_allclose(found[row], v[ties].mean(0), atol=0.02)


def test_a_sandwich_of_nothing_is_the_identity() -> None:  # check 15
    model = lively(CONFIG)
    state = model.state_dict()
    for name, array in state.items():
        if "third_layernorm" in name or "fourth_layernorm" in name:
            array[:] = 0
    quiet = CogView.from_arrays(CONFIG, state)
    bare = CogView.from_arrays(dataclasses.replace(CONFIG, num_layers=1), {
        name: array for name, array in state.items() if ".layers.1." not in name})
    np.testing.assert_array_equal(quiet.logits(IDS, POSITIONS), bare.logits(IDS, POSITIONS))


@pytest.mark.parametrize("dtype", ["float32", "float64", "bfloat16"])
@pytest.mark.parametrize("pieces", [(1, 30), (7, 1), (30, 1)])
def test_cached_decoding_is_the_full_pass(dtype: str, pieces: tuple[int, int]) -> None:  # check 17
    model = lively(CONFIG, dtype=dtype)
    whole = model.logits(IDS, POSITIONS)
    decoder = _core.Decoder(model.core)
    caches = [_core.KvCache(model.core) for _ in IDS]
    found, at = [], 0
    while at < 30:
        size = min(pieces[len(found) % 2], 30 - at)
        zeros = np.zeros(size, int)
        feeds = [(cache, row[at : at + size], np.arange(at, at + size), zeros, False)
                 for cache, row in zip(caches, IDS, strict=True)]
        found.append(decoder.run(feeds, "all").reshape(2, size, -1))
        at += size
    np.testing.assert_array_equal(np.concatenate(found, axis=1), whole)


def test_embeddings_learn_less_from_being_looked_up() -> None:
    targets, weights = np.roll(IDS, -1, axis=1), np.ones(IDS.shape)
    parts = {}
    for factor in (1.0, 0.5, 0.1):
        model = lively(dataclasses.replace(CONFIG, embedding_gradient=factor), dtype="float64")
        _, gradients = model.loss_and_gradients(IDS, POSITIONS, targets, weights)
        parts[factor] = gradients
    word = "word_embeddings.weight"
    looked_up = (parts[1.0][word] - parts[0.5][word]) / 0.5
    np.testing.assert_allclose(parts[0.1][word], parts[1.0][word] - 0.9 * looked_up, atol=1e-12)
    assert np.abs(looked_up).max() > 1e-3
    for name in parts[1.0]:
        if name != word:
            np.testing.assert_array_equal(parts[0.1][name], parts[1.0][name])
