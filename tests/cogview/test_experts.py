"""Experts of text and experts of pictures."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from conftest import CONFIG, lively
from wudao_rt import CogView, ConfigError, _core
from wudao_rt.config import MoETable

MOE = MoETable(num_experts=5, k=2, expert_width=16, pattern="dm", picture_experts=2)
SHAPE = dataclasses.replace(CONFIG, moe=MOE)
TEXT = np.random.default_rng(0).integers(CONFIG.image_codes, CONFIG.unpadded_vocab_size, (2, 12))
CODES = np.random.default_rng(1).integers(0, CONFIG.image_codes, (2, 12))
POSITIONS = np.tile(np.arange(12), (2, 1))


def _without(model: CogView, experts: range) -> CogView:
    state = model.state_dict()
    for name, array in state.items():
        if any(f".experts.{e}." in name for e in experts):
            array[:] = 0
    return CogView.from_arrays(SHAPE, state)


@pytest.mark.parametrize(("ids", "own", "others"), [(TEXT, range(3), range(3, 5)), (CODES, range(3, 5), range(3))])
def test_text_and_pictures_have_their_own(ids: np.ndarray, own: range, others: range) -> None:
    model = lively(SHAPE)
    logits = model.logits(ids, POSITIONS)
    np.testing.assert_array_equal(_without(model, others).logits(ids, POSITIONS), logits)
    assert np.abs(_without(model, own).logits(ids, POSITIONS) - logits).max() > 0.1


@pytest.mark.parametrize("gate", ["naive", "noisy", "switch", "gshard", "bias"])
def test_experts_of_pictures_learn_nothing_of_text(gate: str) -> None:
    moe = dataclasses.replace(MOE, gate=gate, k=1 if gate == "switch" else 2, losses={"z": 0.01, "switch": 0.01})
    model = lively(dataclasses.replace(CONFIG, moe=moe))
    _, gradients = model.loss_and_gradients(TEXT, POSITIONS, TEXT, np.ones(TEXT.shape), training=True)
    largest = [max(float(np.abs(g).max()) for name, g in gradients.items() if f".experts.{e}." in name)
               for e in range(5)]
    assert largest[3:] == [0, 0] and max(largest[:3]) > 0
    assert all(np.isfinite(g).all() for g in gradients.values())


def test_decoding_goes_the_same_ways() -> None:
    model = lively(SHAPE)
    ids = np.where(np.arange(12) % 3 == 0, TEXT, CODES)
    whole = model.logits(ids, POSITIONS)
    decoder, caches = _core.Decoder(model.core), [_core.KvCache(model.core) for _ in ids]
    for begin, end in ((0, 5), (5, 6), (6, 12)):
        zeros = np.zeros(end - begin, int)
        feeds = [(cache, row[begin:end], np.arange(begin, end), zeros, False)
                 for cache, row in zip(caches, ids, strict=True)]
        last = decoder.run(feeds, "last").reshape(2, -1)
        np.testing.assert_allclose(last, whole[:, end - 1], rtol=1e-5, atol=1e-5)


def test_numbers_that_cannot_be() -> None:
    with pytest.raises(ConfigError, match="picture_experts: expected 2 to 3, so that text and pictures"):
        dataclasses.replace(MOE, picture_experts=4)
