"""Optimizer steps of PyTorch: fused AdamW, clipping over all tensors at once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch

from .gpt import GPT, versions  # noqa: F401  (versions is asked for by serve.py)

_CHECKED_STEPS = 3


class Case:
    """Forward, backward, clipping, update."""

    def __init__(self, spec: dict[str, Any], folder: Path) -> None:
        torch.set_num_threads(spec["threads"])
        self.spec = spec
        model = GPT(spec["config"], spec["recompute"]).to(getattr(torch, spec["store"]))
        model.load(folder / "weights.npz")
        self.parameters = list(model.parameters())
        self.optimizer = self._adamw(spec["adamw"])
        self.model = torch.compile(model) if spec["compile"] else model
        with np.load(folder / "inputs.npz") as inputs:
            self.ids, self.targets = (torch.from_numpy(inputs[key]).long() for key in ("ids", "targets"))

    def _adamw(self, adamw: dict[str, float]) -> torch.optim.Optimizer:
        groups = [{"params": [p for p in self.parameters if p.dim() == 2]},
                  {"params": [p for p in self.parameters if p.dim() == 1], "weight_decay": 0.0}]
        return torch.optim.AdamW(groups, lr=self.spec["lr"], betas=(adamw["beta1"], adamw["beta2"]), eps=adamw["eps"],
                                 weight_decay=adamw["weight_decay"], fused=True)

    def run(self) -> dict[str, Any]:
        """Take one step."""
        with torch.autocast("cpu", torch.bfloat16, enabled=self.spec["autocast"]):
            loss = self.model(self.ids, self.targets)
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(self.parameters, self.spec["clip"], foreach=True)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        self.last = {"loss": loss.item(), "grad_norm": norm.item()}
        return {}

    def result(self) -> dict[str, np.ndarray]:
        """Return losses and gradient norms of the first steps."""
        steps = [self.run() or self.last for _ in range(_CHECKED_STEPS)]
        return {key: np.array([step[key] for step in steps]) for key in ("loss", "grad_norm")}
