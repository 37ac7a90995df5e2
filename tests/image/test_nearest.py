"""The search for the nearest code that looks at 8 bits first gives what the search without that gives."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from wudao_rt import info, ops

_LEVELS = info()["cpu_levels"]
# Those that have no such look and make their sums alike: fused, one product after the other.
_PLAIN = [level for level in ("avx512", "avx2") if level in _LEVELS] or _LEVELS[-1:]
_SCRIPT = """
import sys
import numpy as np
from wudao_rt import ops
arrays = np.load(sys.argv[1])
np.save(sys.argv[2], ops.vq_assign(arrays["z"], arrays["book"]))
"""


def _given(kind: str, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    rows, codes, width = (130, 1500, 67) if kind == "odd sizes" else (200, 2048, 300)
    z, book = rng.standard_normal((rows, width), np.float32), rng.standard_normal((codes, width), np.float32)
    if kind == "many equal codes":
        book = book[rng.integers(0, 40, codes)]
    elif kind == "codes that differ in the last bits":
        book = book[:64].repeat(32, axis=0) * (1 + rng.integers(-2, 3, (codes, 1)) * np.float32(6e-8))
    elif kind == "features far from zero":
        z, book = z * np.float32(1e-3) + 5, book * np.float32(1e-3) + 5
    elif kind == "features that are codes":
        z = book[rng.integers(0, codes, rows)] + np.float32(1e-6) * z
    elif kind == "all sizes":
        z *= np.float32(10.0) ** rng.integers(-38, 38, (rows, 1)).astype(np.float32)
        book *= np.float32(10.0) ** rng.integers(-38, 18, (codes, 1)).astype(np.float32)
    elif kind == "zeros":
        z[::3], book[::5] = 0, 0
    elif kind == "not finite":
        z[::50, 3], z[::70, 4], book[:, 5] = np.inf, np.nan, 0
    elif kind == "an infinite code":
        book[7, 7] = np.inf
    return z, book.astype(np.float32)


@pytest.mark.parametrize("level", _PLAIN)
@pytest.mark.parametrize("kind", [
    "noise", "odd sizes", "many equal codes", "codes that differ in the last bits", "features far from zero",
    "features that are codes", "all sizes", "zeros", "not finite", "an infinite code"])
def test_indices_are_those_of_the_plain_search(kind: str, level: str, tmp_path: Path) -> None:
    z, book = _given(kind, np.random.default_rng(len(kind)))
    given, found = tmp_path / "arrays.npz", tmp_path / "found.npy"
    np.savez(given, z=z, book=book)
    subprocess.run([sys.executable, "-c", _SCRIPT, given, found], check=True, env=os.environ | {"WUDAO_CPU_ISA": level})
    np.testing.assert_array_equal(ops.vq_assign(z, book), np.load(found))
