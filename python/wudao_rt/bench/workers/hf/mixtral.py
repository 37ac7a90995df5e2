"""Mixtral's block of transformers, its experts by its own grouped products or one after the other.

Our experts have two matrices and Mixtral's three, so its class of experts is given one that has two; the routing, the
loop and the grouped products are the library's.
"""

from __future__ import annotations

from typing import Any

import torch
from expert_arrays import experts
from torch import nn
from transformers import MixtralConfig
from transformers.activations import ACT2FN
from transformers.integrations.moe import use_experts_implementation
from transformers.models.mixtral.modeling_mixtral import MixtralSparseMoeBlock


@use_experts_implementation(has_gate=False)
class TwoMatrices(nn.Module):
    """Experts W_2 gelu(W_1 x), in the way of transformers' own classes of experts."""

    def __init__(self, config: MixtralConfig) -> None:
        super().__init__()
        self.num_experts = config.num_local_experts
        self.up_proj = nn.Parameter(torch.empty(self.num_experts, config.intermediate_size, config.hidden_size))
        self.down_proj = nn.Parameter(torch.empty(self.num_experts, config.hidden_size, config.intermediate_size))
        self.act_fn = ACT2FN[config.hidden_act]

    def forward(self, hidden: torch.Tensor, index: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
        """Do one expert after the other."""
        out = torch.zeros_like(hidden)
        for expert in range(self.num_experts):
            token, place = torch.where(index == expert)
            if len(token) == 0:
                continue
            made = nn.functional.linear(self.act_fn(nn.functional.linear(hidden[token], self.up_proj[expert])),
                                        self.down_proj[expert])
            out.index_add_(0, token, (made * weights[token, place, None]).to(out.dtype))
        return out


def layer(spec: dict[str, Any], gate: torch.Tensor) -> nn.Module:
    """Return the block with the weights that every engine gets."""
    count, width, hidden = spec["experts"], spec["width"], spec["hidden"]
    config = MixtralConfig(hidden_size=hidden, intermediate_size=width, num_local_experts=count,
                           num_experts_per_tok=spec["k"], hidden_act="gelu_pytorch_tanh", num_attention_heads=8,
                           num_key_value_heads=8)
    config._experts_implementation = spec["implementation"]
    block = MixtralSparseMoeBlock(config)
    block.experts = TwoMatrices(config)
    with torch.no_grad():
        block.gate.weight.copy_(gate)
        for expert, (up, down) in enumerate(experts(range(count), width, hidden)):
            block.experts.up_proj[expert].copy_(torch.from_numpy(up))
            block.experts.down_proj[expert].copy_(torch.from_numpy(down))
    return block
