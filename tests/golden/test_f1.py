"""Fixture F1 of the specification: a two-layer GLM with sine weights, worked out with the reference code."""

from __future__ import annotations

import numpy as np
import pytest
import wudao_rt

CONFIG = wudao_rt.GLMConfig(vocab_size=16, hidden_size=16, num_layers=2, num_heads=2, max_positions=12)
IDS = [[1, 5, 6, 2, 9, 2, 3, 10, 11, 3, 12]]
POSITIONS = [[0, 1, 2, 3, 4, 5, 5, 5, 5, 3, 3]]
BLOCKS = [[0, 0, 0, 0, 0, 0, 1, 2, 3, 1, 2]]
ROWS = {
    0: [0.23995908, 0.71386188, 0.10995965, -0.65996217],
    5: [-0.12199366, 0.45363839, 0.34435688, -0.28484258],
    10: [0.08528495, 0.50887224, 0.16415256, -0.42840842],
}


def model(dtype: str) -> wudao_rt.GLM:
    glm = wudao_rt.GLM(CONFIG, dtype=dtype)
    state = glm.state_dict()
    assert len(state) == 29
    for t, (name, value) in enumerate(state.items()):
        i = np.arange(value.size)
        wave = 0.2 * np.sin(0.31 * i + 1.7 * t).reshape(value.shape)
        state[name] = 1 + wave if "layernorm.weight" in name else wave
    glm.load_state_dict(state)
    return glm


@pytest.mark.parametrize(("dtype", "limit"), [("float64", 1e-7), ("float32", 2e-5)])
def test_logits(dtype: str, limit: float) -> None:
    logits = model(dtype).logits(IDS, POSITIONS, BLOCKS, sep=[6])[0]
    for row, expected in ROWS.items():
        assert np.max(np.abs(logits[row, :4] - expected)) <= limit
    assert abs(np.abs(logits).sum() - 82.43612551) <= limit * logits.size
    assert abs(logits.sum() - 8.07732169) <= limit * logits.size


@pytest.mark.parametrize(("dtype", "limit"), [("float64", 1e-7), ("float32", 2e-5)])
def test_mean_cross_entropy_over_part_b(dtype: str, limit: float) -> None:
    targets, loss_mask = np.zeros((1, 11), np.int32), np.zeros((1, 11))
    targets[0, 6:], loss_mask[0, 6:] = [10, 11, 4, 12, 4], 1
    loss = model(dtype).loss(IDS, POSITIONS, BLOCKS, [6], targets, loss_mask)
    assert abs(loss - 3.07283898) <= limit
