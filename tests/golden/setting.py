"""The model, data and training of the golden files, made from formulas so that nothing large is stored."""

from __future__ import annotations

import numpy as np

CONFIG = {
    "vocab_size": 40,
    "hidden_size": 16,
    "num_layers": 4,
    "num_heads": 2,
    "max_positions": 24,
    "block_positions": True,
    "activation": "gelu_tanh",
    "dropout": 0.0,
    "unpadded_vocab_size": 0,
    "init_std": 0.02,
}
BATCH, LENGTH, STEPS = 8, 24, 10
LR, CLIP = 2e-3, 0.5
ADAMW = {"betas": (0.9, 0.98), "eps": 1e-6, "weight_decay": 0.1}


def parameter_shapes(config: dict = CONFIG) -> dict[str, tuple[int, ...]]:
    """Names and shapes in the order of GLM's checkpoints (spec 4.2), written out independently of the engine."""
    h, rows = config["hidden_size"], config["max_positions"] + 1
    shapes = {
        "word_embeddings.weight": (config["vocab_size"], h),
        "transformer.position_embeddings.weight": (rows, h),
        "transformer.block_position_embeddings.weight": (rows, h),
    }
    for i in range(config["num_layers"]):
        name = f"transformer.layers.{i}"
        for part, out, inner in (
            ("input_layernorm", h, 0),
            ("attention.query_key_value", 3 * h, h),
            ("attention.dense", h, h),
            ("post_attention_layernorm", h, 0),
            ("mlp.dense_h_to_4h", 4 * h, h),
            ("mlp.dense_4h_to_h", h, 4 * h),
        ):
            shapes[f"{name}.{part}.weight"] = (out, inner) if inner else (out,)
            shapes[f"{name}.{part}.bias"] = (out,)
    return shapes | {"transformer.final_layernorm.weight": (h,), "transformer.final_layernorm.bias": (h,)}


def weights() -> dict[str, np.ndarray]:
    """Random weights, larger than a fresh model's so that every part of the formula matters (RandomState is frozen)."""
    random = np.random.RandomState(1234)
    state = {}
    for name, shape in parameter_shapes().items():
        value = 0.25 * random.standard_normal(shape)
        state[name] = 1 + value if "layernorm.weight" in name else value
    return state


def batch(step: int) -> dict[str, np.ndarray]:
    """One batch of made-up blanks: random tokens, a random part A, positions as GLM lays them out."""
    random = np.random.RandomState(1000 + step)
    ids = random.randint(0, CONFIG["vocab_size"], (BATCH, LENGTH))
    sep = random.randint(1, LENGTH - 4, BATCH)
    slot = np.arange(LENGTH)[None, :]
    part_b = slot >= sep[:, None]
    mask_at = np.array([random.randint(0, s) for s in sep])[:, None]
    return {
        "ids": ids.astype(np.int32),
        "positions": np.where(part_b, mask_at, slot).astype(np.int32),
        "block_positions": np.where(part_b, slot - sep[:, None] + 1, 0).astype(np.int32),
        "sep": sep.astype(np.int32),
        "targets": random.randint(0, CONFIG["vocab_size"], (BATCH, LENGTH)).astype(np.int32),
        "loss_mask": part_b.astype(np.float32),
    }
