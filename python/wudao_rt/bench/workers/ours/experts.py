"""Our products of experts alone: those of both matrices, forward, for the input's gradient or for the weights'."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from wudao_rt import _core

from .model import versions  # noqa: F401  (asked for by serve.py)


class Case:
    """Operands of the engine's own; what its kernels compute is tested elsewhere."""

    def __init__(self, spec: dict[str, Any], folder: Path) -> None:
        hidden, width = spec["hidden"], spec["width"]
        self.packing = spec["packing"]
        self.products = [_core.ExpertProducts(spec["part"], spec["dtype"], spec["experts"], spec["rows"], *sizes)
                         for sizes in ((hidden, width), (width, hidden))]

    def run(self) -> dict[str, Any]:
        """Compute both products once; the weights are packed within the time or were before."""
        return {"seconds": sum(product.seconds(self.packing) for product in self.products)}

    def result(self) -> dict[str, np.ndarray]:
        """Return nothing: there is no peer."""
        return {}
