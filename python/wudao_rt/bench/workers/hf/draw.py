"""Drawing with transformers: `generate` with its cache, several sequences of one beginning."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch

from .gpt2 import make, versions  # noqa: F401  (versions is asked for by serve.py)


class Case:
    """The beginning of a picture behind its text, as the engine that is compared lays it out."""

    def __init__(self, spec: dict[str, Any], folder: Path) -> None:
        torch.set_num_threads(spec["threads"])
        torch.set_grad_enabled(False)
        torch.manual_seed(1)
        self.spec = spec
        self.model = make(spec["config"], folder).to(getattr(torch, spec["dtype"]))
        with np.load(folder / "inputs.npz") as inputs:
            text = inputs["text"]
        codes = spec["cogview"]["image_codes"]
        commands = codes + spec["cogview"]["text_tokens"]
        ids = [commands + 7, *(codes + text), commands + 14, commands + 1]  # ROI1 text TINY BOI1
        self.ids = torch.tensor([ids])

    def run(self) -> dict[str, Any]:
        """Draw."""
        self.model.generate(
            self.ids, attention_mask=torch.ones_like(self.ids), do_sample=True, top_k=self.spec["top_k"],
            num_return_sequences=self.spec["samples"], min_new_tokens=self.spec["codes"],
            max_new_tokens=self.spec["codes"], use_cache=True, pad_token_id=0, eos_token_id=None)
        return {}

    def result(self) -> dict[str, np.ndarray]:
        """Return the logits of the first code."""
        return {"logits": self.model(self.ids).logits[:, -1].float().numpy()}
