"""A small CogView with random weights, large enough that every part of the formula matters."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from wudao_rt import CogView, CogViewConfig

sys.path.insert(0, str(Path(__file__).parent))

CONFIG = CogViewConfig(image_codes=20, text_tokens=30, hidden_size=24, num_layers=2, num_heads=3, max_positions=80,
                       side=8)


def lively(config: CogViewConfig, seed: int = 0, dtype: str = "float32", scale: float = 0.3) -> CogView:
    """Return a model whose weights are random numbers of that scale."""
    model = CogView(config, seed=seed, dtype=dtype)  # type: ignore[arg-type]  # a name that a test gives
    rng = np.random.default_rng(seed)
    model.load_state_dict({name: ("norm.weight" in name) + scale * rng.normal(size=array.shape)
                           for name, array in model.state_dict().items()})
    return model


@pytest.fixture(scope="session")
def model() -> CogView:
    return lively(CONFIG)


def pictures(count: int, seed: int = 0, config: CogViewConfig = CONFIG) -> np.ndarray:
    """Return random codes (count, side, side)."""
    return np.random.default_rng(seed).integers(0, config.image_codes, (count, config.side, config.side))
