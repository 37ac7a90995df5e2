"""Our layer of experts, forward and backward, on operands that stay in the engine."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from expert_arrays import experts
from wudao_rt.moe import MoEConfig, MoELayer

from .model import versions  # noqa: F401  (asked for by serve.py)


class Case:
    """Weights count as fresh before every step: they are packed within it."""

    def __init__(self, spec: dict[str, Any], folder: Path) -> None:
        count, width, hidden = spec["experts"], spec["width"], spec["hidden"]
        config = MoEConfig(hidden_size=hidden, num_experts=count, expert_width=width, k=2,
                           capacity_factor=spec["capacity"])
        self.layer = MoELayer(config, dtype=spec["dtype"])
        with np.load(folder / "inputs.npz") as inputs:
            self.x, self.dy, state = inputs["x"], inputs["dy"], {"gate.weight": inputs["gate"]}
        for expert, (up, down) in enumerate(experts(count, width, hidden)):
            state |= {f"experts.{expert}.h_to_4h.weight": up, f"experts.{expert}.4h_to_h.weight": down,
                      f"experts.{expert}.h_to_4h.bias": np.zeros(width, np.float32),
                      f"experts.{expert}.4h_to_h.bias": np.zeros(hidden, np.float32)}
        self.layer.load_state_dict(state)
        self.layer._core.hold(self.x, self.dy)

    def run(self) -> dict[str, Any]:
        """Compute the output and all gradients."""
        self.layer._core.run_held(True)
        return {}

    def result(self) -> dict[str, np.ndarray]:
        """Return the output and the gradient of the input."""
        return {"y": self.layer.forward(self.x, train=True),
                "dx": self.layer.loss_and_gradients(self.x, self.dy)[1]["x"]}
