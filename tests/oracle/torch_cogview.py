"""CogView's transformer written a second time, in PyTorch: the independent oracle, from the formulas of the paper."""

from __future__ import annotations

import torch
from torch import Tensor
from torch_glm import TorchGLM


class TorchCogView(TorchGLM):
    """A GLM with one table of positions, a norm behind every branch, and inputs of norms divided by max |x| / 8.

    scaling: row, tensor or none; shrink: the share alpha of e = alpha e + (1 - alpha) stop(e) of embeddings.
    """

    def __init__(self, state: dict[str, Tensor], num_layers: int, num_heads: int, *, sandwich: bool = True,
                 scaling: str = "row", shrink: float = 1.0, compute: torch.dtype = torch.float32):
        super().__init__(state, num_layers, num_heads, "gelu_tanh", compute)
        self.sandwich, self.scaling, self.shrink = sandwich, scaling, shrink

    def norm(self, x: Tensor, name: str) -> Tensor:
        if self.scaling == "row":
            x = x / (x.detach().abs().amax(-1, keepdim=True) / 8)
        elif self.scaling == "tensor":
            x = x / (x.detach().abs().max() / 8)
        return super().norm(x, name)

    def hidden(self, ids: Tensor, positions: Tensor, block_positions: Tensor, seen: Tensor) -> Tensor:
        return self.intermediates(ids, positions, seen)[-1]

    def intermediates(self, ids: Tensor, positions: Tensor, seen: Tensor) -> list[Tensor]:
        """The final norm of the embeddings, and of what each layer makes."""
        s = self.state
        e = s["word_embeddings.weight"][ids]
        x = self.shrink * e + (1 - self.shrink) * e.detach() + s["transformer.position_embeddings.weight"][positions]
        out = [self.norm(x, "transformer.final_layernorm")]
        for i in range(self.num_layers):
            name = f"transformer.layers.{i}"
            a = self.attention(self.norm(x, f"{name}.input_layernorm"), f"{name}.attention", seen)
            x = x + (self.norm(a, f"{name}.third_layernorm") if self.sandwich else a)
            u = self.linear(self.norm(x, f"{name}.post_attention_layernorm"), f"{name}.mlp.dense_h_to_4h")
            u = self.linear(torch.nn.functional.gelu(u, approximate="tanh"), f"{name}.mlp.dense_4h_to_h")
            x = x + (self.norm(u, f"{name}.fourth_layernorm") if self.sandwich else u)
            out.append(self.norm(x, "transformer.final_layernorm"))
        return out
