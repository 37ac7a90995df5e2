"""Reading a prompt at once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from wudao_rt import _core

from . import model
from .model import versions  # noqa: F401  (asked for by serve.py)


class Case:
    """Each run has a cache of its own."""

    def __init__(self, spec: dict[str, Any], folder: Path) -> None:
        self.model = model.make(spec, folder)
        self.decoder = _core.Decoder(self.model.core)
        with np.load(folder / "inputs.npz") as inputs:
            self.ids = inputs["ids"][0]
        self.positions = np.arange(len(self.ids), dtype=np.int32)

    def run(self) -> dict[str, Any]:
        """Read the prompt."""
        feed = (_core.KvCache(self.model.core), self.ids, self.positions, np.zeros_like(self.positions), False)
        self.logits = self.decoder.run([feed], "last")
        return {}

    def result(self) -> dict[str, np.ndarray]:
        """Return the logits of the last token."""
        self.run()
        return {"logits": self.logits}
