"""Greedy decoding of CTranslate2, from a folder that its own converter made."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import ctranslate2
import numpy as np
from ctranslate2.converters import TransformersConverter
from hf.gpt2 import make


class Case:
    """It keeps no cache between calls: reading the prompts is timed too, and taken off."""

    def __init__(self, spec: dict[str, Any], folder: Path) -> None:
        self.spec = spec
        self.generator = ctranslate2.Generator(str(_converted(spec, folder)), device="cpu", compute_type=spec["dtype"],
                                               intra_threads=spec["threads"], inter_threads=1)
        with np.load(folder / "inputs.npz") as inputs:
            self.ids = inputs["ids"]
        self.prompts = [[f"t{i}" for i in row[: spec["context"]]] for row in self.ids]

    def run(self) -> dict[str, Any]:
        """Decode one token, then as many more as asked for; the difference counts."""
        short, long = self._generate(1), self._generate(1 + self.spec["new"])
        return {"seconds": long - short}

    def _generate(self, count: int) -> float:
        begin = time.perf_counter()
        out = self.generator.generate_batch(self.prompts, max_length=count, min_length=count, sampling_topk=1,
                                            include_prompt_in_result=False, end_token=[])
        if any(len(one.sequences_ids[0]) != count for one in out):
            raise RuntimeError(f"expected {count} tokens of each text, got {[len(o.sequences_ids[0]) for o in out]}")
        return time.perf_counter() - begin

    def result(self) -> dict[str, np.ndarray]:
        """Return the logits after the prompt and after each of the given tokens that follow it."""
        first = self.spec["context"] - 1
        rows = self.ids[:, : first + 1 + self.spec["forced"]]
        logits = self.generator.forward_batch([[int(i) for i in row] for row in rows], return_log_probs=False)
        return {"logits": np.array(logits, np.float32)[:, first:]}


def _converted(spec: dict[str, Any], folder: Path) -> Path:
    """Write a transformers folder and let CTranslate2's converter read it; the vocabulary is t0, t1, ..."""
    source, target = folder / "gpt2", folder / "ctranslate2"
    if not target.is_dir():
        make(spec["config"], folder).save_pretrained(source)
        tokens = {f"t{i}": i for i in range(spec["config"]["vocab_size"])}
        (source / "vocab.json").write_text(json.dumps(tokens))
        (source / "merges.txt").write_text("#version: 0.2\n")
        (source / "tokenizer_config.json").write_text(json.dumps(
            {"tokenizer_class": "GPT2Tokenizer", "unk_token": "t0", "bos_token": "t0", "eos_token": "t0"}))
        TransformersConverter(str(source)).convert(str(target))
    return target


def versions() -> dict[str, str]:
    """Return what is measured."""
    return {"ctranslate2": ctranslate2.__version__}
