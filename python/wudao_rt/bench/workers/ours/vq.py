"""Our image tokenizer: features and codes, training steps, the nearest code."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from wudao_rt import VQConfig, VQTokenizer, ops

from .model import versions  # noqa: F401  (asked for by serve.py)

_SHARDS = 4  # a step sums over as many virtual shards, as a run would


class Case:
    """What is asked for, on arrays that were given."""

    def __init__(self, spec: dict[str, Any], folder: Path) -> None:
        self.spec = spec
        with np.load(folder / "inputs.npz") as inputs:
            self.inputs = {name: inputs[name] for name in inputs}
        if spec["work"] == "search":
            return
        self.tokenizer = VQTokenizer(VQConfig(**spec["config"]), dtype=spec["dtype"])
        with np.load(folder / "weights.npz") as weights:
            self.tokenizer.load_state_dict(dict(weights))
        self.tokenizer.core.optimize_with({"name": "adamw", "weight_decay": 0.0})

    def run(self) -> dict[str, Any]:
        """Do it once."""
        if self.spec["work"] == "search":
            self.found = ops.vq_assign(self.inputs["z"], self.inputs["book"])
        elif self.spec["work"] == "encode":
            self.tokenizer.core.encode(self.inputs["x"])
        else:
            self.tokenizer.core.step(self.inputs["x"], 1e-4, 1.0, _SHARDS, _SHARDS)
        return {}

    def result(self) -> dict[str, np.ndarray]:
        """Return the features, the loss, or how far the codes are."""
        if self.spec["work"] == "search":
            self.run()
            z, book = self.inputs["z"].astype(np.float64), self.inputs["book"].astype(np.float64)
            return {"distance": np.linalg.norm(z - book[self.found], axis=1)}
        if self.spec["work"] == "encode":
            return {"z": self.tokenizer.core.features(self.inputs["x"])}
        losses, _ = self.tokenizer.core.loss_and_gradients(self.inputs["x"], _SHARDS, _SHARDS)
        loss = losses["pixels"] + self.tokenizer.config.commitment * losses["commitment"]
        return {"loss": np.array([loss])}
