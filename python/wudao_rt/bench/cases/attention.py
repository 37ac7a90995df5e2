"""Attention forward and backward under GLM's mask: B T = 4096, 12 heads of 64."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

from wudao_rt.bench.case import Case, Rival, Roof
from wudao_rt.bench.shapes import GRADIENTS, LOGITS
from wudao_rt.datasets.rows import visible_pairs

_ROWS, _HEADS, _WIDTH = 4096, 12, 64
_LENGTHS = (512, 2048, 4096)
_SEPS = (0.25, 0.5, 0.9)
# Products of heads are too small to show what the units can do: the roof is that of a model's products.
_ROOF = [[_ROWS, 2304, 768]]
_FORWARD, _BACKWARD = 4.0, 10.0  # operations of a visible pair and a unit of width: 2 products, then 5


def cases(quick: bool) -> list[Case]:
    """Return every length, prefix and dtype."""
    lengths, seps = ((2048,), (0.25, 0.9)) if quick else (_LENGTHS, _SEPS)
    return [_case(length, sep, dtype) for dtype in ("bfloat16", "float32") for length in lengths for sep in seps]


def _case(length: int, share: float, dtype: str) -> Case:
    batch, sep = _ROWS // length, int(share * length)
    work = batch * _HEADS * visible_pairs(length, sep) * _WIDTH * (_FORWARD + _BACKWARD)
    roof = Roof({"products": _ROOF, "dtype": dtype}, 1e9)
    spec = {"length": length, "sep": sep, "batch": batch, "heads": _HEADS, "dtype": dtype}
    bounds = {"y": LOGITS[dtype], "dqkv": GRADIENTS[dtype]}
    return Case("attention", f"T {length}, sep {share:g} T", dtype, "GFLOP/s", work / 1e9, spec, _arrays(batch, length),
                (Rival("torch", "pytorch", "scaled_dot_product_attention"),), bounds, roof)


def causal() -> list[Case]:
    """Return the attention of the 91.7 M model's training step, without a prefix."""
    return [replace(_case(512, 0.0, dtype), bench="kernels", name="attention T 512, causal", worker="attention",
                    rivals=(Rival("torch", "pytorch", "is_causal", {"causal": True}),))
            for dtype in ("bfloat16", "float32")]


def _arrays(batch: int, length: int) -> Callable[[Path], None]:
    def write(folder: Path) -> None:
        rng = np.random.default_rng(4)
        parts = rng.standard_normal((4, batch, length, _HEADS, _WIDTH), np.float32)
        np.savez(folder / "inputs.npz", q=parts[0], k=parts[1], v=parts[2], dy=parts[3])

    return write
