"""The shapes that are measured, and the arrays that all engines get."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

from wudao_rt.config.glm import GLMConfig

# A GLM without block positions and with sep 0 is a GPT-2 of the same weights.
SHAPES = {
    "91.7M": GLMConfig(8192, 768, 12, 12, 512, block_positions=False),
    "13.9M": GLMConfig(8192, 384, 6, 6, 256, block_positions=False),
    "tiny": GLMConfig(256, 64, 2, 2, 64, block_positions=False),
}
# Largest relative errors between two implementations in one dtype: of logits and of losses.
LOGITS = {"float32": 1e-5, "bfloat16": 2e-2}
LOSS = {"float32": 1e-5, "bfloat16": 5e-3}
GRADIENTS = {"float32": 1e-4, "bfloat16": 5e-2}


def shape(name: str, length: int = 0) -> GLMConfig:
    """Return a shape with room for `length` tokens at least."""
    found = SHAPES[name]
    return replace(found, max_positions=max(found.max_positions, length))


def write_weights(config: GLMConfig, folder: Path) -> None:
    """Write weights.npz: first weights of a seeded model, biases and norms made uneven so that all of them count."""
    from wudao_rt.glm import GLM

    rng = np.random.default_rng(1)
    state = GLM(config, seed=0).state_dict()
    for array in state.values():
        if array.ndim == 1:
            array += 0.02 * rng.standard_normal(array.shape, np.float32)
    np.savez(folder / "weights.npz", **state)  # type: ignore[arg-type]


def tokens(config: GLMConfig, batch: int, length: int, **more: int) -> Callable[[Path], None]:
    """Return what writes weights.npz and inputs.npz with random `ids` and `targets`, both (batch, length)."""

    def write(folder: Path) -> None:
        rng = np.random.default_rng(2)
        ids, targets = rng.integers(0, config.vocab_size, (2, batch, length), dtype=np.int32)
        np.savez(folder / "inputs.npz", ids=ids, targets=targets)
        write_weights(config, folder)

    return write


def layer_products(config: GLMConfig, rows: int) -> list[list[int]]:
    """Return (m, n, k) of the products of one layer, as often as the model has layers; and of the output."""
    h = config.hidden_size
    layer = [[rows, 3 * h, h], [rows, h, h], [rows, 4 * h, h], [rows, h, 4 * h]]
    return layer * config.num_layers + [[rows, config.vocab_size, h]]
