"""Loading a file, up to the first token of a prompt."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from .engine import Engine, versions  # noqa: F401  (versions is asked for by serve.py)
from .files import file


class Case:
    """Each run loads, predicts and frees."""

    def __init__(self, spec: dict[str, Any], folder: Path) -> None:
        self.spec, self.path = spec, file(spec["file"], spec, folder)
        with np.load(folder / "inputs.npz") as inputs:
            self.ids = inputs["ids"]

    def run(self) -> dict[str, Any]:
        """Load and predict."""
        engine = Engine(self.path, self.spec["threads"], self.spec["flash"], 256)
        self.logits = engine.feed(self.ids, 0).copy()
        engine.close()
        return {}

    def result(self) -> dict[str, np.ndarray]:
        """Return the logits of the first token."""
        self.run()
        return {"logits": self.logits}
