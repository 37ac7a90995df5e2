"""The sparse layer of SwitchTransformers of transformers: one expert a token, with room for all of them."""

from __future__ import annotations

from typing import Any

import torch
from expert_arrays import experts
from torch import nn
from transformers import SwitchTransformersConfig
from transformers.models.switch_transformers.modeling_switch_transformers import SwitchTransformersSparseMLP


def layer(spec: dict[str, Any], gate: torch.Tensor) -> nn.Module:
    """Return the layer with the weights that every engine gets; no dropout, no jitter, nothing dropped."""
    count, width, hidden = spec["experts"], spec["width"], spec["hidden"]
    config = SwitchTransformersConfig(d_model=hidden, d_ff=width, num_experts=count, expert_capacity=2**30,
                                      dense_act_fn="gelu_pytorch_tanh", dropout_rate=0.0, router_jitter_noise=0.0)
    block = SwitchTransformersSparseMLP(config)
    with torch.no_grad():
        block.router.classifier.weight.copy_(gate)
        for expert, (up, down) in enumerate(experts(range(count), width, hidden)):
            block.experts[f"expert_{expert}"].wi.weight.copy_(torch.from_numpy(up))
            block.experts[f"expert_{expert}"].wo.weight.copy_(torch.from_numpy(down))
    return block
