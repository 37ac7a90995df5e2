"""The engine against golden files that PyTorch made with the same weights (tests/oracle/make_golden.py)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import setting
import wudao_rt
from wudao_rt import _core

GOLDEN = dict(np.load(Path(__file__).parent / "glm.npz"))
# float16 has three fraction bits more than bfloat16.
LOGITS = {"float64": 1e-10, "float32": 1e-5, "bfloat16": 2e-2, "float16": 2e-2 / 8}
LOSS = {"float64": 1e-10, "float32": 1e-5, "bfloat16": 5e-3, "float16": 5e-3 / 8}
GRADIENTS = {"float64": 1e-10, "float32": 1e-4, "bfloat16": 5e-2, "float16": 5e-2 / 8}


def model(dtype: str, activation: str = "gelu_tanh") -> wudao_rt.GLM:
    glm = wudao_rt.GLM(wudao_rt.GLMConfig(**setting.CONFIG | {"activation": activation}), dtype=dtype)
    glm.load_state_dict(setting.weights())
    return glm


def relative(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.max(np.abs(a - b)) / np.max(np.abs(b)))


@pytest.mark.parametrize("activation", ["gelu_tanh", "gelu_erf"])
@pytest.mark.parametrize("dtype", LOGITS)
def test_logits_and_loss(dtype: str, activation: str) -> None:
    glm, batch = model(dtype, activation), setting.batch(0)
    logits = glm.logits(batch["ids"], batch["positions"], batch["block_positions"], sep=batch["sep"])
    assert relative(logits, GOLDEN[f"{activation}.logits"]) <= LOGITS[dtype]
    assert relative(np.array(glm.loss(**batch)), GOLDEN[f"{activation}.loss"]) <= LOSS[dtype]


@pytest.mark.parametrize("recompute", [False, True])
@pytest.mark.parametrize("dtype", GRADIENTS)
def test_every_gradient(dtype: str, recompute: bool) -> None:
    _, gradients = model(dtype).loss_and_gradients(**setting.batch(0), recompute=recompute, shards=4,
                                                    loss_scale=2.0**16 if dtype == "float16" else 1.0)
    assert list(gradients) == list(setting.parameter_shapes())
    for name, gradient in gradients.items():
        assert relative(gradient, GOLDEN[f"gradient.{name}"]) <= GRADIENTS[dtype], name


def train(dtype: str, threads: int, recompute: bool) -> np.ndarray:
    _core.set_threads(threads)
    try:
        glm = model(dtype)
        beta1, beta2 = setting.ADAMW["betas"]
        trainer = _core.Trainer(glm.core, {"name": "adamw", "beta1": beta1, "beta2": beta2, "eps": setting.ADAMW["eps"],
                                           "weight_decay": setting.ADAMW["weight_decay"]})
        steps = [
            trainer.step(setting.batch(i), lr=setting.LR, clip=setting.CLIP, shards=4, recompute=recompute)
            for i in range(setting.STEPS)
        ]
    finally:
        _core.set_threads(0)
    assert not any(step["skipped"] for step in steps)
    return np.array([(step["loss"], step["grad_norm"]) for step in steps])


@pytest.mark.parametrize(("dtype", "limit"), [("float64", 1e-8), ("float32", 1e-4), ("bfloat16", 1e-2)])
@pytest.mark.parametrize("recompute", [False, True])
@pytest.mark.parametrize("threads", [1, 2])
def test_ten_training_steps(dtype: str, limit: float, threads: int, recompute: bool) -> None:
    got, expected = train(dtype, threads, recompute), GOLDEN[f"train.{dtype}"]
    assert np.max(np.abs(got[:, 0] / expected[:, 0] - 1)) <= limit, "loss"
    assert np.max(np.abs(got[:, 1] / expected[:, 1] - 1)) <= 5 * limit, "gradient norm"


def test_a_wrong_gradient_would_be_noticed() -> None:
    _, gradients = model("float64").loss_and_gradients(**setting.batch(1))
    assert relative(gradients["word_embeddings.weight"], GOLDEN["gradient.word_embeddings.weight"]) > 1e-3
