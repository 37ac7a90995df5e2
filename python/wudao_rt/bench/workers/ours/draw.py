"""Drawing of ours."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from wudao_rt import CogView, CogViewConfig

from .model import versions  # noqa: F401  (asked for by serve.py)


class Case:
    """Each run draws other pictures of the same text."""

    def __init__(self, spec: dict[str, Any], folder: Path) -> None:
        self.spec, self.seed = spec, 0
        self.model = CogView(CogViewConfig(**spec["cogview"]), dtype=spec["dtype"])
        with np.load(folder / "weights.npz") as weights:
            self.model.load_state_dict(dict(weights))
        with np.load(folder / "inputs.npz") as inputs:
            self.text = inputs["text"].tolist()

    def run(self) -> dict[str, Any]:
        """Draw."""
        self.seed += 1
        self.model.draw([self.text], n=self.spec["samples"], top_k=self.spec["top_k"], seed=self.seed)
        return {}

    def result(self) -> dict[str, np.ndarray]:
        """Return the logits of the first code."""
        begun = self.model.templates.text_first(self.text, [0])
        return {"logits": self.model.logits(begun.ids[None, :-2], begun.positions[None, :-2])[:, -1]}
