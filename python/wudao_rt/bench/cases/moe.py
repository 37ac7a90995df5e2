"""A layer of experts, forward and backward, under even, skewed and collapsed routing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from wudao_rt.bench.case import Case, Rival, Roof
from wudao_rt.ops.types import Array

TOKENS, HIDDEN, WIDTH, K = 2048, 512, 2048, 2
_BOUNDS = {"float32": {"y": 1e-4, "dx": 1e-4}, "bfloat16": {"y": 5e-2, "dx": 5e-2}}
_ROUTINGS = ("uniform", "zipf", "all to one")


def cases(quick: bool) -> list[Case]:
    """Return 8 and 64 experts under each routing, drop-less, one with a capacity, and the memory of one."""
    plain = [_case(count, routing, dtype, None) for dtype in ("bfloat16", "float32")
             for count in ((8,) if quick else (8, 64)) for routing in (_ROUTINGS[:1] if quick else _ROUTINGS)]
    if quick:
        return plain
    capacity = [_case(8, "uniform", dtype, 1.25) for dtype in ("bfloat16", "float32")]
    return [*plain, *capacity, *(_memory(dtype) for dtype in ("bfloat16", "float32"))]


def choices(count: int, routing: str) -> Array:
    """Return the two experts of every token, (TOKENS, 2): uniform is even to the row, zipf has p_e ~ 1 / (e + 1)."""
    token = np.arange(TOKENS)
    if routing == "uniform":
        return np.stack([token % count, (token + 1 + token // count % (count - 1)) % count], 1)
    if routing == "all to one":
        return np.stack([0 * token, 1 + token % (count - 1)], 1)
    share = 1 / np.arange(1, count + 1)
    rng = np.random.default_rng(11)
    return np.stack([rng.choice(count, K, replace=False, p=share / share.sum()) for _ in range(TOKENS)])


def _case(count: int, routing: str, dtype: str, capacity: float | None) -> Case:
    deepspeed = Rival("deepspeed", "ds", "drop-less" if capacity is None else "capacity")
    mixtral = tuple(Rival("transformers", "hf", f"Mixtral, {name}", {"implementation": name})
                    for name in ("grouped_mm", "eager"))
    rows = K * TOKENS // count
    products = [[rows, WIDTH, HIDDEN], [rows, HIDDEN, WIDTH], [WIDTH, HIDDEN, rows]]
    name = f"{count} experts, {routing}" + ("" if capacity is None else f", capacity {capacity}")
    return Case("moe", name, dtype, "tokens/s", TOKENS, _spec(count, dtype, capacity), _arrays(count, routing),
                (deepspeed,) if capacity else (*mixtral, deepspeed), _BOUNDS[dtype],
                Roof({"products": products, "dtype": dtype}, 12.0 * K * HIDDEN * WIDTH))


def _memory(dtype: str) -> Case:
    return Case("moe", "8 experts, memory", dtype, "MB", 0, _spec(8, dtype, None), _arrays(8, "uniform"),
                (Rival("deepspeed", "ds", "drop-less"),), {})


def _spec(count: int, dtype: str, capacity: float | None) -> dict[str, object]:
    return {"experts": count, "width": WIDTH, "hidden": HIDDEN, "dtype": dtype, "capacity": capacity}


def _arrays(count: int, routing: str) -> Callable[[Path], None]:
    """The first channels of a token are its logits: 3 and 2 of its experts, noise around 0 of the others."""

    def write(folder: Path) -> None:
        rng = np.random.default_rng(5)
        x, dy = rng.standard_normal((2, TOKENS, HIDDEN), np.float32)
        x[:, :count] *= 0.1
        for place, logit in enumerate((3.0, 2.0)):
            x[np.arange(TOKENS), choices(count, routing)[:, place]] = logit
        np.savez(folder / "inputs.npz", x=x, dy=dy, gate=np.eye(count, HIDDEN, dtype=np.float32))

    return write
