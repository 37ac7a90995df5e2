"""A model of a megabyte on the disk, and rows to put through it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from wudao_rt import GLM, GLMConfig
from wudao_rt.data.tokenizer import character_tokenizer

SHAPE = GLMConfig(vocab_size=256, hidden_size=96, num_layers=2, num_heads=3, max_positions=32)


@pytest.fixture(scope="session")
def model() -> GLM:
    return GLM(SHAPE, seed=3, tokenizer=character_tokenizer(map(chr, range(0x4E00, 0x4E80))))


@pytest.fixture
def folder(model: GLM, tmp_path: Path) -> Path:
    model.save(tmp_path / "model")
    return tmp_path / "model"


@pytest.fixture(scope="session")
def batch() -> dict[str, np.ndarray]:
    ids = np.arange(64).reshape(4, 16) % 200
    positions = np.tile(np.arange(16), (4, 1))
    return {"ids": ids, "positions": positions, "block_positions": positions * 0, "sep": np.full(4, 8),
            "targets": ids, "loss_mask": np.ones((4, 16), np.float32)}
