"""Greedy decoding with transformers: the model called with its cache, without the cost of generate()."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import DynamicCache

from .gpt2 import make, versions  # noqa: F401  (versions is asked for by serve.py)


class Case:
    """The prompts are read once; each run crops the cache back to them."""

    def __init__(self, spec: dict[str, Any], folder: Path) -> None:
        torch.set_num_threads(spec["threads"])
        torch.set_grad_enabled(False)
        self.spec = spec
        self.model = make(spec["config"], folder).to(getattr(torch, spec["dtype"]))
        with np.load(folder / "inputs.npz") as inputs:
            self.ids = torch.from_numpy(inputs["ids"]).long()
        self.cache = DynamicCache(config=self.model.config)
        self.first = self._feed(self.ids[:, : spec["context"]])

    def _feed(self, ids: torch.Tensor) -> torch.Tensor:
        out = self.model(ids, past_key_values=self.cache, use_cache=True, logits_to_keep=1)
        return out.logits[:, -1]

    def run(self) -> dict[str, Any]:
        """Decode."""
        if surplus := self.cache.get_seq_length() - self.spec["context"]:
            self.cache.crop(-surplus)
        logits = self.first
        begin = time.perf_counter()
        for _ in range(self.spec["new"]):
            logits = self._feed(logits.argmax(-1)[:, None])
        return {"seconds": time.perf_counter() - begin}

    def result(self) -> dict[str, np.ndarray]:
        """Return the logits after the prompt and after each of the given tokens that follow it."""
        out, start = [self.first], self.spec["context"]
        out += [self._feed(self.ids[:, start + i : start + i + 1]) for i in range(self.spec["forced"])]
        return {"logits": torch.stack(out, 1).float().numpy()}
