"""Drawing: eight pictures of 64 codes of one text, with the shape of the emoji recipe."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from wudao_rt.bench.case import Case, Rival
from wudao_rt.bench.shapes import LOGITS, write_weights
from wudao_rt.config.cogview import CogViewConfig
from wudao_rt.config.glm import GLMConfig

_SAMPLES, _TEXT, _TOP_K = 8, 6, 100
# Without the norms that CogView adds, the model is a GPT-2 of the same weights, which transformers has.
_SHAPE = CogViewConfig.preset("emoji", sandwich=False, norm_scaling="none", fixed_positions=False)


def cases(quick: bool) -> list[Case]:
    """Return drawing in both types; transformers draws by `generate` with its cache, from all ids."""
    del quick
    return [_draw(dtype) for dtype in ("float32", "bfloat16")]


def _draw(dtype: str) -> Case:
    config = GLMConfig(_SHAPE.vocab_size, _SHAPE.hidden_size, _SHAPE.num_layers, _SHAPE.num_heads,
                       _SHAPE.max_positions, block_positions=False)
    spec = {"config": config.to_dict(), "cogview": _SHAPE.to_dict(), "dtype": dtype, "samples": _SAMPLES,
            "codes": _SHAPE.codes, "top_k": _TOP_K}

    def write(folder: Path) -> None:
        np.savez(folder / "inputs.npz", text=np.random.default_rng(3).integers(0, _SHAPE.text_tokens, _TEXT))
        write_weights(config, folder)

    return Case("draw", f"{_SAMPLES} pictures of {_SHAPE.codes} codes", dtype, "codes/s", _SAMPLES * _SHAPE.codes, spec,
                write, (Rival("transformers", "hf", "generate"),), {"logits": LOGITS[dtype]})
