"""Our attention on operands that stay in the engine."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from wudao_rt import _core

from .model import versions  # noqa: F401  (asked for by serve.py)


class Case:
    """Forward and backward in one call."""

    def __init__(self, spec: dict[str, Any], folder: Path) -> None:
        batch, length, heads = spec["batch"], spec["length"], spec["heads"]
        with np.load(folder / "inputs.npz") as inputs:
            q, k, v, dy = (inputs[name].reshape(batch * length, -1) for name in ("q", "k", "v", "dy"))
        sep = np.full(batch, spec["sep"], np.int32)
        self.work = _core.AttentionRun(np.concatenate([q, k, v], 1), dy, batch, heads, sep, spec["dtype"])

    def run(self) -> dict[str, Any]:
        """Compute."""
        self.work.run()
        return {}

    def result(self) -> dict[str, np.ndarray]:
        """Return the output and the gradients."""
        self.run()
        y, dqkv = self.work.result()
        return {"y": y, "dqkv": dqkv}
