"""PyTorch's product with a weight."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn.functional import linear

from .gpt import versions  # noqa: F401  (asked for by serve.py)


class Case:
    """Operands are in the type of the product."""

    def __init__(self, spec: dict[str, Any], folder: Path) -> None:
        torch.set_num_threads(spec["threads"])
        torch.set_grad_enabled(False)
        dtype = getattr(torch, spec["dtype"])
        with np.load(folder / "inputs.npz") as inputs:
            self.x, self.weight = (torch.from_numpy(inputs[name]).to(dtype) for name in ("x", "weight"))

    def run(self) -> dict[str, Any]:
        """Compute."""
        self.y = linear(self.x, self.weight)
        return {}

    def result(self) -> dict[str, np.ndarray]:
        """Return the product."""
        self.run()
        return {"y": self.y.float().numpy()}
