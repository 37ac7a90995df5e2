"""PyTorch's attention with the boolean mask that says the same as GLM's prefix."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn.functional import scaled_dot_product_attention

from .gpt import versions  # noqa: F401  (asked for by serve.py)


class Case:
    """Forward and backward; operands lie as (B, H, T, D), which is what it likes best."""

    def __init__(self, spec: dict[str, Any], folder: Path) -> None:
        torch.set_num_threads(spec["threads"])
        dtype, length = getattr(torch, spec["dtype"]), spec["length"]
        with np.load(folder / "inputs.npz") as inputs:
            parts = [torch.from_numpy(inputs[name]).to(dtype).transpose(1, 2).contiguous()
                     for name in ("q", "k", "v", "dy")]
        *qkv, self.dy = parts
        self.qkv = [part.requires_grad_() for part in qkv]
        mask = torch.ones(length, length, dtype=torch.bool).tril() | (torch.arange(length) < spec["sep"])
        self.visible = {"is_causal": True} if spec.get("causal") else {"attn_mask": mask}

    def run(self) -> dict[str, Any]:
        """Compute."""
        for part in self.qkv:
            part.grad = None
        self.y = scaled_dot_product_attention(*self.qkv, **self.visible)
        self.y.backward(self.dy)
        return {}

    def result(self) -> dict[str, np.ndarray]:
        """Return the output and the gradients, laid out as ours."""
        self.run()
        rows = [t.detach().transpose(1, 2).float().reshape(-1, t.shape[1] * t.shape[3]).numpy()
                for t in (self.y, *(part.grad for part in self.qkv))]
        return {"y": rows[0], "dqkv": np.concatenate(rows[1:], 1)}
