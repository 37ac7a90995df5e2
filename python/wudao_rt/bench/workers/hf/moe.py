"""A layer of experts of transformers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers

from . import mixtral, switch

_LAYERS = {"mixtral": mixtral.layer, "switch": switch.layer}


class Case:
    """One layer."""

    def __init__(self, spec: dict[str, Any], folder: Path) -> None:
        torch.set_num_threads(spec["threads"])
        dtype = getattr(torch, spec["dtype"])
        with np.load(folder / "inputs.npz") as inputs:
            self.x, self.dy = (torch.from_numpy(inputs[name])[None].to(dtype) for name in ("x", "dy"))
            self.layer = _LAYERS[spec["layer"]](spec, torch.from_numpy(inputs["gate"])).to(dtype)
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
