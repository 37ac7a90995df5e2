"""What this machine does at most: our best matrix product at given shapes, or reading memory."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

from wudao_rt import _core

_SECONDS = 0.1  # for each shape
_READING = 0.3


class Case:
    """One run measures the roof once."""

    def __init__(self, spec: dict[str, Any], folder: Path) -> None:
        self.spec = spec

    def run(self) -> dict[str, Any]:
        """Return operations or bytes per second as `rate`."""
        if "bytes" in self.spec:
            return {"rate": _core.bandwidth_roof(int(self.spec["bytes"]), _READING)}
        shapes = Counter(tuple(one) for one in self.spec["products"])
        seconds = sum(count * self._fastest(*one) for one, count in shapes.items())
        return {"rate": sum(2.0 * m * n * k * count for (m, n, k), count in shapes.items()) / seconds}

    def _fastest(self, m: int, n: int, k: int) -> float:
        """With a weight that stays packed, or not: the better of the two."""
        return min(_core.product_seconds(self.spec["dtype"], m, n, k, packed, _SECONDS) for packed in (True, False))
