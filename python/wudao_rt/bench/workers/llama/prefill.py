"""Reading a prompt at once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from .engine import Engine, versions  # noqa: F401  (versions is asked for by serve.py)
from .files import file


class Case:
    """Each run forgets the one before."""

    def __init__(self, spec: dict[str, Any], folder: Path) -> None:
        self.engine = Engine(file(spec["file"], spec, folder), spec["threads"], spec["flash"], spec["length"])
        with np.load(folder / "inputs.npz") as inputs:
            self.ids = inputs["ids"]

    def run(self) -> dict[str, Any]:
        """Read the prompt."""
        self.engine.keep(0)
        self.logits = self.engine.feed(self.ids, 0)
        return {}

    def result(self) -> dict[str, np.ndarray]:
        """Return the logits of the last token."""
        self.run()
        return {"logits": self.logits.copy()}
