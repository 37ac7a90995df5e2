"""Our layer of experts, forward and backward, on operands that stay in the engine; on one rank or several."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from expert_arrays import experts, shares
from wudao_rt import distributed
from wudao_rt.moe import MoEConfig, MoELayer

from .model import versions  # noqa: F401  (asked for by serve.py)


class Case:
    """Weights count as fresh before every step: they are packed within it."""

    def __init__(self, spec: dict[str, Any], folder: Path) -> None:
        config = MoEConfig(hidden_size=spec["hidden"], num_experts=spec["experts"], expert_width=spec["width"],
                           k=spec["k"], gate=spec["gate"], capacity_factor=spec["capacity"])
        world = distributed.init() if spec["ranks"] > 1 else None
        rank = spec.get("rank", 0)
        self.layer = MoELayer(config, dtype=spec["dtype"], comm=world)
        with np.load(folder / "inputs.npz") as inputs:
            self.x, self.dy = (shares(inputs[name], spec["ranks"])[rank] for name in ("x", "dy"))
            gate = inputs["gate"]
        self.layer.load_state_dict({"gate.weight": gate} | _weights(self.layer.experts, spec["width"], spec["hidden"]))
        self.layer._core.hold(self.x, self.dy)

    def run(self) -> dict[str, Any]:
        """Compute the output and all gradients."""
        self.layer._core.run_held(True)
        return {}

    def result(self) -> dict[str, np.ndarray]:
        """Return the output and the gradient of the input."""
        return {"y": self.layer.forward(self.x, train=True),
                "dx": self.layer.loss_and_gradients(self.x, self.dy)[1]["x"]}


def _weights(held: range, width: int, hidden: int) -> dict[str, np.ndarray]:
    state = {}
    for expert, (up, down) in zip(held, experts(held, width, hidden), strict=True):
        state |= {f"experts.{expert}.h_to_4h.weight": up, f"experts.{expert}.4h_to_h.weight": down,
                  f"experts.{expert}.h_to_4h.bias": np.zeros(width, np.float32),
                  f"experts.{expert}.4h_to_h.bias": np.zeros(hidden, np.float32)}
    return state
