"""What a training step needs beside weights, gradients and moments."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

PROGRAM = """
import json, sys
import numpy as np
from wudao_rt import GLM, GLMConfig, _core
from wudao_rt.training.cost import peak_memory_bytes as peak

def train(width, layers, shards):
    model = GLM(GLMConfig(4096, width, layers, width // 64, 16), dtype="bfloat16")
    trainer = _core.Trainer(model.core, {"name": "adamw"})
    ids = np.arange(32).reshape(4, 8)
    batch = {"ids": ids, "positions": ids % 8, "block_positions": 0 * ids, "sep": np.zeros(4, int), "targets": ids,
             "loss_mask": np.ones((4, 8))}
    for _ in range(2):
        trainer.step(batch, lr=1e-3, shards=4, micro_shards=shards, int8=sys.argv[1] == "int8")
    return model.parameter_count

train(64, 1, 0)
before = peak()
count = train(512, 4, 0)
one_pass = peak() - before - 16 * count
train(512, 4, 2)
print(json.dumps([one_pass / count, (peak() - before) / count - 16]))
"""


@pytest.mark.parametrize("products", ["float", "int8"])
def test_weights_packed_for_one_pass_are_not_kept(products: str) -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM, products], capture_output=True, text=True, check=True)
    one_pass, several = json.loads(done.stdout)
    # Bytes for each parameter. Kept forms of both directions take 4 (bfloat16) or 2 (int8); the arena takes its memory
    # in segments of 32 MB, which is 2 of these bytes here.
    assert one_pass < 3
    assert several > one_pass + 1.5
