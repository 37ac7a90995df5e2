"""GLM written a second time, in PyTorch: the independent oracle.

It shares no code with the engine, takes weights by the names of GLM's checkpoints, and follows the formulas of the
paper and of its repository directly: explicit masks, explicit softmax, autograd.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional as F


def visible(sep: Tensor, length: int) -> Tensor:
    """(B, T, T) bool: row i sees column j when j <= i or j < sep."""
    causal = torch.ones(length, length, dtype=torch.bool).tril()
    return causal[None] | (torch.arange(length)[None, None, :] < sep[:, None, None])


class TorchGLM:
    """GLM over a dict of leaf tensors.

    compute: the type of matrix products. With bfloat16 the residual stream, layer norm's sums, softmax and the loss are
    in float32, as under autocast; the output of a layer norm or an activation is rounded before it is multiplied.
    """

    def __init__(
        self, state: dict[str, Tensor], num_layers: int, num_heads: int, activation: str, compute: torch.dtype
    ):
        self.state = {name: value.clone().requires_grad_() for name, value in state.items()}
        self.num_layers, self.num_heads, self.compute = num_layers, num_heads, compute
        self.approximate = "tanh" if activation == "gelu_tanh" else "none"

    def linear(self, x: Tensor, name: str) -> Tensor:
        weight, bias = self.state[f"{name}.weight"], self.state[f"{name}.bias"]
        return (x.to(self.compute) @ weight.to(self.compute).T).to(bias.dtype) + bias

    def norm(self, x: Tensor, name: str) -> Tensor:
        return F.layer_norm(x, x.shape[-1:], self.state[f"{name}.weight"], self.state[f"{name}.bias"], 1e-5)

    def attention(self, x: Tensor, name: str, seen: Tensor) -> Tensor:
        batch, length, width = x.shape
        qkv = self.linear(x, f"{name}.query_key_value").to(self.compute)
        parts = (part.view(batch, length, self.num_heads, -1).transpose(1, 2) for part in qkv.split(width, -1))
        q, k, v = (part.to(x.dtype) for part in parts)
        scores = q @ k.transpose(-1, -2) / math.sqrt(q.shape[-1])
        y = scores.masked_fill(~seen[:, None], -math.inf).softmax(-1) @ v
        return self.linear(y.transpose(1, 2).reshape(batch, length, width), f"{name}.dense")

    def hidden(self, ids: Tensor, positions: Tensor, block_positions: Tensor, seen: Tensor) -> Tensor:
        s = self.state
        x = s["word_embeddings.weight"][ids] + s["transformer.position_embeddings.weight"][positions]
        x = x + s["transformer.block_position_embeddings.weight"][block_positions]
        for i in range(self.num_layers):
            name = f"transformer.layers.{i}"
            x = x + self.attention(self.norm(x, f"{name}.input_layernorm"), f"{name}.attention", seen)
            u = self.linear(self.norm(x, f"{name}.post_attention_layernorm"), f"{name}.mlp.dense_h_to_4h")
            x = x + self.linear(F.gelu(u, approximate=self.approximate), f"{name}.mlp.dense_4h_to_h")
        return self.norm(x, "transformer.final_layernorm")

    def logits(self, ids: Tensor, positions: Tensor, block_positions: Tensor, seen: Tensor) -> Tensor:
        h = self.hidden(ids, positions, block_positions, seen)
        word = self.state["word_embeddings.weight"]
        return (h.to(self.compute) @ word.to(self.compute).T).to(word.dtype)

    def loss(self, batch: dict[str, Tensor]) -> Tensor:
        seen = batch["mask"] if "mask" in batch else visible(batch["sep"], batch["ids"].shape[1])
        z = self.logits(batch["ids"], batch["positions"], batch["block_positions"], seen)
        each = F.cross_entropy(z.flatten(0, 1), batch["targets"].flatten(), reduction="none")
        weights = batch["loss_mask"].flatten().to(each.dtype)
        return (each * weights).sum() / weights.sum()

    def loss_and_gradients(self, batch: dict[str, Tensor]) -> tuple[float, dict[str, Tensor]]:
        for value in self.state.values():
            value.grad = None
        loss = self.loss(batch)
        loss.backward()
        return loss.item(), {name: value.grad for name, value in self.state.items()}

    def train(self, batches: list[dict[str, Tensor]], lr: float, clip: float, **adamw) -> list[tuple[float, float]]:
        """An ordinary training loop: (loss, gradient norm before clipping) of every step."""
        groups = [
            {"params": [v for v in self.state.values() if v.dim() == 2]},
            {"params": [v for v in self.state.values() if v.dim() == 1], "weight_decay": 0.0},
        ]
        optimizer = torch.optim.AdamW(groups, lr=lr, foreach=False, **adamw)
        log = []
        for batch in batches:
            loss, _ = self.loss_and_gradients(batch)
            norm = torch.nn.utils.clip_grad_norm_(self.state.values(), clip)
            optimizer.step()
            log.append((loss, norm.item()))
        return log
