"""The weights that every engine gets as a GPT-2 of transformers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers
from transformers import GPT2Config, GPT2LMHeadModel

_LAYER = {"input_layernorm": "ln_1", "attention.query_key_value": "attn.c_attn", "attention.dense": "attn.c_proj",
          "post_attention_layernorm": "ln_2", "mlp.dense_h_to_4h": "mlp.c_fc", "mlp.dense_4h_to_h": "mlp.c_proj"}
_WHOLE = {"word_embeddings": "wte", "transformer.position_embeddings": "wpe", "transformer.final_layernorm": "ln_f"}


def make(config: dict[str, Any], folder: Path) -> GPT2LMHeadModel:
    """Return the model in float32."""
    shape = GPT2Config(
        vocab_size=config["vocab_size"], n_positions=config["max_positions"], n_embd=config["hidden_size"],
        n_layer=config["num_layers"], n_head=config["num_heads"], resid_pdrop=0.0, embd_pdrop=0.0, attn_pdrop=0.0,
        bos_token_id=0, eos_token_id=0,
    )
    model = GPT2LMHeadModel(shape).eval()
    own = dict(model.transformer.named_parameters())
    with np.load(folder / "weights.npz") as weights, torch.no_grad():
        for name in weights:
            array = torch.from_numpy(weights[name])
            matrix = array.dim() == 2 and "layers" in name  # Conv1D holds its matrix as (in, out)
            own[_name(name)].copy_(array.T if matrix else array)
    return model


def _name(name: str) -> str:
    stem, last = name.rsplit(".", 1)
    if stem in _WHOLE:
        return f"{_WHOLE[stem]}.{last}"
    number, part = stem.removeprefix("transformer.layers.").split(".", 1)
    return f"h.{number}.{_LAYER[part]}.{last}"


def versions() -> dict[str, str]:
    """Return what is measured."""
    return {"transformers": transformers.__version__, "torch": torch.__version__}
