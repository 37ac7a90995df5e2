"""Greedy decoding of llama.cpp."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np

from .engine import Engine, versions  # noqa: F401  (versions is asked for by serve.py)
from .files import file


class Case:
    """The prompts are read once; each run forgets what the run before it wrote."""

    def __init__(self, spec: dict[str, Any], folder: Path) -> None:
        self.spec = spec
        streams, context = spec["streams"], spec["context"]
        length = -(-(context + max(spec["new"], spec["forced"])) // 256) * 256
        self.engine = Engine(file(spec["file"], spec, folder), spec["threads"], spec["flash"], length, streams,
                             spec["cache"])
        with np.load(folder / "inputs.npz") as inputs:
            self.ids = inputs["ids"]
        prompts = [self.engine.feed(self.ids[i : i + 1, :context], 0, i).copy() for i in range(streams)]
        self.first = np.concatenate(prompts)

    def run(self) -> dict[str, Any]:
        """Decode."""
        self.engine.keep(self.spec["context"])
        logits, start = self.first, self.spec["context"]
        begin = time.perf_counter()
        for i in range(self.spec["new"]):
            logits = self.engine.feed(logits.argmax(-1)[:, None], start + i)
        return {"seconds": time.perf_counter() - begin}

    def result(self) -> dict[str, np.ndarray]:
        """Return the logits after the prompt and after each of the given tokens that follow it."""
        out, start = [self.first], self.spec["context"]
        for i in range(self.spec["forced"]):
            out.append(self.engine.feed(self.ids[:, start + i : start + i + 1], start + i).copy())
        return {"logits": np.stack(out, 1)}
