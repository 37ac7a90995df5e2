"""Optimizer steps of ours."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from wudao_rt import _core

from . import model
from .model import versions  # noqa: F401  (asked for by serve.py)

_CHECKED_STEPS = 3


class Case:
    """One step is one call."""

    def __init__(self, spec: dict[str, Any], folder: Path) -> None:
        self.model = model.make(spec, folder)
        with np.load(folder / "inputs.npz") as inputs:
            ids, targets = inputs["ids"], inputs["targets"]
        positions = np.broadcast_to(np.arange(ids.shape[1], dtype=np.int32), ids.shape)
        self.batch = {"ids": ids, "positions": positions, "block_positions": np.zeros_like(ids), "targets": targets,
                      "loss_mask": np.ones(ids.shape, np.float32), "sep": np.zeros(len(ids), np.int32)}
        self.trainer = _core.Trainer(self.model.core, {"name": "adamw", **spec["adamw"]})
        self.options = {"lr": spec["lr"], "clip": spec["clip"], "shards": spec["shards"],
                        "recompute": spec["recompute"], "int8": spec.get("int8", False)}

    def run(self) -> dict[str, Any]:
        """Take one step."""
        self.last = self.trainer.step(self.batch, **self.options)
        return {}

    def result(self) -> dict[str, np.ndarray]:
        """Return losses and gradient norms of the first steps."""
        steps = [self.run() or self.last for _ in range(_CHECKED_STEPS)]
        return {key: np.array([step[key] for step in steps]) for key in ("loss", "grad_norm")}
