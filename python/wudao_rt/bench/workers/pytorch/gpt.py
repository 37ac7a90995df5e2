"""A GLM with sep 0, that is a GPT-2, in plain PyTorch: fused attention, tied output."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint


class Block(nn.Module):
    """x += attention(norm(x)); x += mlp(norm(x))."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm_1, self.norm_2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.dense = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.up, self.down = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def attention(self, x: Tensor) -> Tensor:
        """Causal attention by PyTorch's own fused function."""
        batch, length, width = x.shape
        parts = self.qkv(x).view(batch, length, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        y = F.scaled_dot_product_attention(parts[0], parts[1], parts[2], is_causal=True)
        return self.dense(y.transpose(1, 2).reshape(batch, length, width))

    def forward(self, x: Tensor) -> Tensor:
        """Return the residual stream after this block."""
        x = x + self.attention(self.norm_1(x))
        return x + self.down(F.gelu(self.up(self.norm_2(x)), approximate="tanh"))


class GPT(nn.Module):
    """The model; `forward` is the mean loss."""

    def __init__(self, config: dict[str, Any], recompute: bool) -> None:
        super().__init__()
        width = config["hidden_size"]
        self.word = nn.Embedding(config["vocab_size"], width)
        self.position = nn.Embedding(config["max_positions"], width)
        self.blocks = nn.ModuleList(Block(width, config["num_heads"]) for _ in range(config["num_layers"]))
        self.norm = nn.LayerNorm(width)
        self.recompute = recompute

    def forward(self, ids: Tensor, targets: Tensor) -> Tensor:
        """Return the loss in nats."""
        x = self.word(ids) + self.position.weight[: ids.shape[1]]
        for block in self.blocks:
            x = checkpoint(block, x, use_reentrant=False) if self.recompute else block(x)
        logits = F.linear(self.norm(x), self.word.weight)
        return F.cross_entropy(logits.flatten(0, 1).float(), targets.flatten())

    def load(self, path: Path) -> None:
        """Copy the weights of an .npz, which has GLM's names, one by one."""
        with np.load(path) as weights, torch.no_grad():
            for name, parameter in self.named_parameters():
                parameter.copy_(torch.from_numpy(weights[glm_name(name)]))


_NAMES = {"norm_1": "input_layernorm", "norm_2": "post_attention_layernorm", "qkv": "attention.query_key_value",
          "dense": "attention.dense", "up": "mlp.dense_h_to_4h", "down": "mlp.dense_4h_to_h"}


def glm_name(name: str) -> str:
    """Return the name of a parameter in GLM's checkpoints."""
    parts = name.split(".")
    if parts[0] == "blocks":
        return f"transformer.layers.{parts[1]}.{_NAMES[parts[2]]}.{parts[3]}"
    first = {"word": "word_embeddings", "position": "transformer.position_embeddings",
             "norm": "transformer.final_layernorm"}
    return f"{first[parts[0]]}.{parts[1]}"


def versions() -> dict[str, str]:
    """Return what is measured."""
    return {"torch": torch.__version__}
