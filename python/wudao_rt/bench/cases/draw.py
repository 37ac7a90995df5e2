"""Drawing: eight pictures of 64 codes of one text, with the shape of the emoji recipe; and a training step of it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from wudao_rt.bench.case import Case, Rival
from wudao_rt.bench.cases.train import eager, step_of
from wudao_rt.bench.shapes import LOGITS, write_weights
from wudao_rt.config.cogview import CogViewConfig
from wudao_rt.config.glm import GLMConfig

_SAMPLES, _TEXT, _TOP_K = 8, 6, 100
_BATCH, _LENGTH = 64, 88  # of a training step: 20 tokens of text, 64 codes and four marks
# Without the norms that CogView adds, the model is a GPT-2 of the same weights, which transformers has.
_SHAPE = CogViewConfig.preset("emoji", sandwich=False, norm_scaling="none", fixed_positions=False)


def cases(quick: bool) -> list[Case]:
    """Return both works in both types; transformers draws by `generate` with its cache, from all ids."""
    return [case for dtype in ("float32", "bfloat16") for case in (_draw(dtype), _train(dtype, quick))]


def _config() -> GLMConfig:
    return GLMConfig(_SHAPE.vocab_size, _SHAPE.hidden_size, _SHAPE.num_layers, _SHAPE.num_heads,
                     _SHAPE.max_positions, block_positions=False)


def _train(dtype: str, quick: bool) -> Case:
    case = step_of(_config(), _BATCH, _LENGTH, dtype, f"training step, {_BATCH} x {_LENGTH}")
    case = replace(case, bench="draw", worker="train")
    return eager(case) if quick else case


def _draw(dtype: str) -> Case:
    config = _config()
    spec = {"config": config.to_dict(), "cogview": _SHAPE.to_dict(), "dtype": dtype, "samples": _SAMPLES,
            "codes": _SHAPE.codes, "top_k": _TOP_K}

    def write(folder: Path) -> None:
        np.savez(folder / "inputs.npz", text=np.random.default_rng(3).integers(0, _SHAPE.text_tokens, _TEXT))
        write_weights(config, folder)

    return Case("draw", f"{_SAMPLES} pictures of {_SHAPE.codes} codes", dtype, "codes/s", _SAMPLES * _SHAPE.codes, spec,
                write, (Rival("transformers", "hf", "generate"),), {"logits": LOGITS[dtype]})
