"""Matrix products alone, against the roof and PyTorch's; attention alone is a bench of its own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from wudao_rt.bench.case import Case, Rival, Roof
from wudao_rt.bench.cases import attention
from wudao_rt.bench.shapes import LOGITS

_SHAPES = {"qkv": (2048, 2304, 768), "dense": (2048, 768, 768), "up": (2048, 3072, 768), "down": (2048, 768, 3072),
           "output": (2048, 8192, 768), "square": (1024, 1024, 1024)}


def cases(quick: bool) -> list[Case]:
    """Return the products of the 91.7 M model at 2048 rows, and causal attention at its length."""
    names = ("up",) if quick else tuple(_SHAPES)
    products = [_product(name, dtype) for dtype in ("bfloat16", "float32") for name in names]
    return products if quick else [*products, *attention.causal()]


def _product(name: str, dtype: str) -> Case:
    m, n, k = _SHAPES[name]
    work = 2.0 * m * n * k
    bytes_ = (m * k + n * k + m * n) * (4 if dtype == "float32" else 2)
    roof = Roof({"products": [[m, n, k]], "dtype": dtype}, 1e9, work / bytes_)
    return Case("kernels", f"{name} {m} x {n} x {k}", dtype, "GFLOP/s", work / 1e9,
                {"m": m, "n": n, "k": k, "dtype": dtype}, _arrays(m, n, k),
                (Rival("torch", "pytorch", "linear"),), {"y": LOGITS[dtype]}, roof)


def _arrays(m: int, n: int, k: int) -> Callable[[Path], None]:
    def write(folder: Path) -> None:
        rng = np.random.default_rng(5)
        np.savez(folder / "inputs.npz", x=rng.standard_normal((m, k), np.float32),
                 weight=rng.standard_normal((n, k), np.float32))

    return write
