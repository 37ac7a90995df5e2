"""Image tokenizers: pictures to codes, training steps, and the search for the nearest code."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from wudao_rt.bench.case import Case, Rival
from wudao_rt.bench.shapes import LOGITS, LOSS
from wudao_rt.config.vq import VQConfig

_DTYPES = ("float32", "bfloat16")
_ROWS, _CODES, _WIDTH = 4096, 8192, 256
# PyTorch's convolutions are oneDNN's; which layout they like depends on the shape.
_LAYOUTS = tuple(Rival("torch", "pytorch", name, {"layout": name}) for name in ("channels_last", "contiguous"))


def cases(quick: bool) -> list[Case]:
    """Return all of them; quick: those of small pictures."""
    found = []
    for dtype in _DTYPES:
        found += [_encode("small", 64, 32, dtype), _train("small", 64, 32, dtype)]
        found += [] if quick else [_encode("cogview", 2, 256, dtype), _train("cogview", 4, 64, dtype)]
    return [*found, _search()]


def _encode(preset: str, batch: int, side: int, dtype: str) -> Case:
    spec = {"work": "encode", "config": VQConfig.preset(preset).to_dict(), "dtype": dtype}
    return Case("vq", f"encode, {preset}, {batch} x {side} px", dtype, "pictures/s", batch, spec,
                _pictures(spec["config"], batch, side), _LAYOUTS, {"z": LOGITS[dtype]})


def _train(preset: str, batch: int, side: int, dtype: str) -> Case:
    """Forward, backward, AdamW, and the averages of the book; compared by the first loss.

    Gradients are compared in tests: two codes that are equally near to the last bit would make them differ here.
    """
    spec = {"work": "train", "config": VQConfig.preset(preset).to_dict(), "dtype": dtype}
    return Case("vq", f"training step, {preset}, {batch} x {side} px", dtype, "pictures/s", batch, spec,
                _pictures(spec["config"], batch, side), _LAYOUTS, {"loss": LOSS[dtype]})


def _search() -> Case:
    """The nearest of many codes; compared by how far the codes found are."""
    spec = {"work": "search", "dtype": "float32"}

    def write(folder: Path) -> None:
        rng = np.random.default_rng(3)
        np.savez(folder / "inputs.npz", z=rng.standard_normal((_ROWS, _WIDTH), np.float32),
                 book=rng.standard_normal((_CODES, _WIDTH), np.float32))

    return Case("vq", f"nearest code, {_ROWS} x {_CODES} x {_WIDTH}", "float32", "rows/s", _ROWS, spec, write,
                (Rival("torch", "pytorch", "cdist, argmin"),), {"distance": LOGITS["float32"]})


def _pictures(config: Mapping[str, Any], batch: int, side: int) -> Callable[[Path], None]:
    """Write normalised pictures, and weights with a book that lies among the features."""

    def write(folder: Path) -> None:
        from wudao_rt.image.tokenizer import VQTokenizer

        rng = np.random.default_rng(7)
        images = rng.random((batch, side, side, 3), np.float32)
        tokenizer = VQTokenizer(VQConfig(**config), seed=1)
        tokenizer.loss_and_gradients(images)
        tokenizer.revive(seed=1, least=float("inf"), size=1.0)
        x = (images - np.float32(config["mean"])) / np.float32(config["std"])
        np.savez(folder / "inputs.npz", x=x)
        np.savez(folder / "weights.npz", **tokenizer.state_dict())  # type: ignore[arg-type]

    return write
