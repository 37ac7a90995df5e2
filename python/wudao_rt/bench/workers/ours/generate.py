"""Greedy decoding of ours: a prompt of each text, then tokens one by one."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
from wudao_rt import _core

from . import model
from .model import versions  # noqa: F401  (asked for by serve.py)


class Case:
    """The prompts are read once; each run goes on from copies of their caches."""

    def __init__(self, spec: dict[str, Any], folder: Path) -> None:
        self.spec = spec
        self.model = model.make(spec, folder)
        self.decoder = _core.Decoder(self.model.core)
        with np.load(folder / "inputs.npz") as inputs:
            self.ids = inputs["ids"]
        self.caches = [_core.KvCache(self.model.core, int8=spec["cache"] == "int8") for _ in range(spec["streams"])]
        self.first = self._feed(self.caches, self.ids[:, : spec["context"]], 0)

    def _feed(self, caches: list[_core.KvCache], ids: np.ndarray, start: int) -> np.ndarray:
        positions = np.arange(start, start + ids.shape[1], dtype=np.int32)
        blocks = np.zeros_like(positions)
        return self.decoder.run([(cache, row, positions, blocks, False)
                                 for cache, row in zip(caches, ids, strict=True)], "last")

    def run(self) -> dict[str, Any]:
        """Decode; copying the caches is not timed."""
        caches, logits, start = self._copies(), self.first, self.spec["context"]
        begin = time.perf_counter()
        for i in range(self.spec["new"]):
            logits = self._feed(caches, logits.argmax(-1)[:, None].astype(np.int32), start + i)
        return {"seconds": time.perf_counter() - begin}

    def _copies(self) -> list[_core.KvCache]:
        return [self.decoder.fork(cache) for cache in self.caches]

    def result(self) -> dict[str, np.ndarray]:
        """Return the logits after the prompt and after each of the given tokens that follow it."""
        caches, out, start = self._copies(), [self.first], self.spec["context"]
        for i in range(self.spec["forced"]):
            out.append(self._feed(caches, self.ids[:, start + i : start + i + 1], start + i))
        return {"logits": np.stack(out, 1)}
