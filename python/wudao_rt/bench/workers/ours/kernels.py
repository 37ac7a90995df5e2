"""Our product with a weight that stays packed, as training and decoding have it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from wudao_rt import _core, ops

from .model import versions  # noqa: F401  (asked for by serve.py)


class Case:
    """The engine times one product of operands of its own."""

    def __init__(self, spec: dict[str, Any], folder: Path) -> None:
        self.spec, self.folder = spec, folder

    def run(self) -> dict[str, Any]:
        """Compute one product after one to warm up."""
        m, n, k = (self.spec[key] for key in "mnk")
        return {"seconds": _core.product_seconds(self.spec["dtype"], m, n, k, True, 0.0)}

    def result(self) -> dict[str, np.ndarray]:
        """Return the product of the given arrays."""
        with np.load(self.folder / "inputs.npz") as inputs:
            return {"y": np.asarray(ops.linear(inputs["x"], inputs["weight"], dtype=self.spec["dtype"]))}
