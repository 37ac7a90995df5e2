"""Mixtral's block of transformers, its experts by its own grouped products or one after the other.

Our experts have two matrices and Mixtral's three, so its class of experts is given one that has two; the routing, the
loop and the grouped products are the library's.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers
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


class Case:
    """One layer."""

    def __init__(self, spec: dict[str, Any], folder: Path) -> None:
        torch.set_num_threads(spec["threads"])
        count, width, hidden = spec["experts"], spec["width"], spec["hidden"]
        config = MixtralConfig(hidden_size=hidden, intermediate_size=width, num_local_experts=count,
                               num_experts_per_tok=2, hidden_act="gelu_pytorch_tanh", num_attention_heads=8,
                               num_key_value_heads=8)
        config._experts_implementation = spec["implementation"]
        dtype = getattr(torch, spec["dtype"])
        self.layer = MixtralSparseMoeBlock(config)
        self.layer.experts = TwoMatrices(config)
        with np.load(folder / "inputs.npz") as inputs, torch.no_grad():
            self.x, self.dy = (torch.from_numpy(inputs[name])[None].to(dtype) for name in ("x", "dy"))
            self.layer.gate.weight.copy_(torch.from_numpy(inputs["gate"]))
            for expert, (up, down) in enumerate(experts(count, width, hidden)):
                self.layer.experts.up_proj[expert].copy_(torch.from_numpy(up))
                self.layer.experts.down_proj[expert].copy_(torch.from_numpy(down))
        self.layer.to(dtype)
        self.x.requires_grad_()

    def run(self) -> dict[str, Any]:
        """Compute the output and all gradients."""
        self.layer.zero_grad(set_to_none=True)
        self.x.grad = None
        self.y = self.layer(self.x)
        self.y.backward(self.dy)
        return {}

    def result(self) -> dict[str, np.ndarray]:
        """Return the output and the gradient of the input."""
        self.run()
        return {"y": self.y[0].detach().float().numpy(), "dx": self.x.grad[0].float().numpy()}


def versions() -> dict[str, str]:
    """Return what is measured."""
    return {"torch": torch.__version__, "transformers": transformers.__version__}
