"""Attention holds no T x T matrix, and leaves alone what the mask hides."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest
from wudao_rt import ops

# Prints, in bytes: the high-water mark of the arena, and by how much the process grew.
PROGRAM = """
import json, sys
import numpy as np
from wudao_rt import _core, ops
from wudao_rt.training.cost import peak_memory_bytes

length, heads, width, dtype = int(sys.argv[1]), 4, 16, sys.argv[2]
q, k, v, dy = np.random.default_rng(0).standard_normal((4, 1, length, heads, width), np.float32)
ops.attention_backward(dy[:, :64], q[:, :64], k[:, :64], v[:, :64], sep=[16], dtype=dtype)
_core.reset_peak_memory()
before = peak_memory_bytes()
ops.attention(q, k, v, sep=[length // 4], dtype=dtype)
ops.attention_backward(dy, q, k, v, sep=[length // 4], dtype=dtype)
print(json.dumps({"arena": _core.memory()["peak_bytes"], "process": peak_memory_bytes() - before, "array": q.nbytes}))
"""


def measure(length: int, dtype: str) -> dict[str, int]:
    command = [sys.executable, "-c", PROGRAM, str(length), dtype]
    # The address sanitizer would keep for a while what is freed; that is not what grows here.
    kept = os.environ.get("ASAN_OPTIONS", "") + ":quarantine_size_mb=0:thread_local_quarantine_size_kb=0"
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=os.environ | {"ASAN_OPTIONS": kept})
    return json.loads(done.stdout)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float64"])
def test_memory_grows_with_length_and_not_with_its_square(dtype):
    one_matrix = 4 * 4096 * 4096  # the scores of one of the four heads in float32
    short, long = measure(2048, dtype), measure(4096, dtype)
    assert long["arena"] < 2.1 * short["arena"]
    assert long["arena"] < 10 * long["array"]
    assert long["process"] < one_matrix / 2


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16"])
def test_hidden_blocks_are_not_read(dtype):
    """Numbers that are not finite, multiplied by a probability of zero, would show."""
    q, k, v = np.random.default_rng(0).standard_normal((3, 1, 1024, 1, 32), np.float32)
    v[:, 768:] = np.nan
    sep, mask = np.array([100]), np.tri(1024, dtype=bool)[None]
    mask[:, :, :100] = True
    for given in ({"sep": sep}, {"mask": mask}):
        y = ops.attention(q, k, v, dtype=dtype, **given)
        assert np.isfinite(y[:, :512]).all() and np.isnan(y[:, 768:]).all()
