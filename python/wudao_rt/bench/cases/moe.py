"""A layer of experts, forward and backward, under even, skewed and collapsed routing; on one rank and on two."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from wudao_rt.bench.case import Case, Rival, Roof
from wudao_rt.bench.cases import experts
from wudao_rt.bench.shapes import GRADIENTS
from wudao_rt.ops.types import Array

TOKENS, HIDDEN, WIDTH, K = 2048, 512, 2048, 2  # tokens of a rank, and experts of a token
_BOUNDS = {dtype: {"y": bound, "dx": bound} for dtype, bound in GRADIENTS.items()}
_ROUTINGS = ("uniform", "zipf", "all to one")
_COUNTS = (8, 64)
_DTYPES = ("bfloat16", "float32")
_RANKS = 2
_DEEPSPEED = Rival("deepspeed", "ds", "drop-less")
_MIXTRAL = tuple(Rival("transformers", "hf", f"Mixtral, {name}", {"layer": "mixtral", "implementation": name})
                 for name in ("grouped_mm", "eager"))


def cases(quick: bool) -> list[Case]:
    """Return all of them; quick: 8 experts under even routing."""
    if quick:
        return [_layer(8, "uniform", dtype) for dtype in _DTYPES]
    return [case for dtype in _DTYPES for case in _of(dtype)]


def _of(dtype: str) -> Iterator[Case]:
    """Drop-less layers, one with a capacity, one with one expert a token, two ranks, memory, and products alone."""
    yield from (_layer(count, routing, dtype) for count in _COUNTS for routing in _ROUTINGS)
    yield _capacity(dtype)
    yield _switch(dtype)
    yield from (_two_ranks(count, routing, dtype) for count, routing in ((8, "uniform"), (8, "zipf"), (64, "uniform")))
    yield from (_memory(count, dtype) for count in _COUNTS)
    yield from experts.cases(HIDDEN, WIDTH, dtype)


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


def _layer(count: int, routing: str, dtype: str, k: int = K, ranks: int = 1) -> Case:
    rows = k * ranks * TOKENS // count
    products = [[rows, WIDTH, HIDDEN], [rows, HIDDEN, WIDTH], [WIDTH, HIDDEN, rows]]
    spec = {"experts": count, "width": WIDTH, "hidden": HIDDEN, "k": k, "gate": "naive", "dtype": dtype,
            "capacity": None}
    roof = Roof({"products": products, "dtype": dtype}, 12.0 * k * HIDDEN * WIDTH)
    return Case("moe", f"{count} experts, {routing}", dtype, "tokens/s", ranks * TOKENS, spec,
                _arrays(count, routing, ranks), (*_MIXTRAL, _DEEPSPEED), _BOUNDS[dtype], roof)


def _capacity(dtype: str) -> Case:
    """Even routing, so that nothing is dropped: who is dropped is not the same everywhere. Mixtral has no capacity."""
    case = _layer(8, "uniform", dtype)
    return replace(case, name=f"{case.name}, capacity 1.25", spec={**case.spec, "capacity": 1.25},
                   rivals=(replace(_DEEPSPEED, variant="capacity"),))


def _switch(dtype: str) -> Case:
    """SwitchTransformers' layer gives a token one expert, whose probability is its weight."""
    case = _layer(8, "uniform", dtype, k=1)
    switch = Rival("transformers", "hf", "SwitchTransformers", {"layer": "switch"})
    return replace(case, name="8 experts, switch", spec={**case.spec, "gate": "switch"}, rivals=(switch, _DEEPSPEED))


def _two_ranks(count: int, routing: str, dtype: str) -> Case:
    """Every rank has TOKENS tokens and half of the experts."""
    case = _layer(count, routing, dtype, ranks=_RANKS)
    return replace(case, name=f"{_RANKS} ranks, {case.name}", rivals=(replace(_DEEPSPEED, variant="drop-less, gloo"),),
                   ranks=_RANKS)


def _memory(count: int, dtype: str) -> Case:
    return replace(_layer(count, "uniform", dtype), name=f"{count} experts, memory", unit="MB", rivals=(_DEEPSPEED,),
                   roof=None)


def _arrays(count: int, routing: str, ranks: int) -> Callable[[Path], None]:
    """The first channels of a token are its logits: 3 and 2 of its experts, noise around 0 of the others."""

    def write(folder: Path) -> None:
        rng = np.random.default_rng(5)
        x, dy = rng.standard_normal((2, ranks * TOKENS, HIDDEN), np.float32)
        x[:, :count] *= 0.1
        for place, logit in enumerate((3.0, 2.0)):
            x[np.arange(ranks * TOKENS), np.tile(choices(count, routing)[:, place], ranks)] = logit
        np.savez(folder / "inputs.npz", x=x, dy=dy, gate=np.eye(count, HIDDEN, dtype=np.float32))

    return write
