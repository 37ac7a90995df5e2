"""What the benches of generation share: bytes, operations, and the peers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from wudao_rt.bench.case import Rival
from wudao_rt.bench.shapes import LOGITS, write_weights
from wudao_rt.config.glm import GLMConfig

# Of our dtypes: bytes of a weight in a layer (scales included), and the files of llama.cpp that are its equals.
_BYTES = {"float32": 4.0, "bfloat16": 2.0, "int8": 1.0, "int4": 0.5 + 2 / 64}
_LLAMA = {"float32": ("f32",), "bfloat16": ("bf16",), "int8": ("Q8_0",), "int4": ("Q4_0", "Q4_K_M")}
# Two roundings of the weights to 8 or 4 bits are compared with each other, and their errors add up. llama.cpp takes
# GELU from a float16 table, so its float32 is held to the bound of bfloat16.
_BOUNDS = {"float32": 2e-2, "bfloat16": 2e-2, "int8": 6e-2, "int4": 4e-1}


def read_parameters(config: GLMConfig) -> int:
    """Return how many weights a token needs: all but the position table."""
    return config.parameter_count - config.max_positions * config.hidden_size


def weight_bytes(config: GLMConfig, dtype: str) -> float:
    """Return the bytes of those weights; the vocabulary of quantised models is in int8."""
    vocabulary = config.vocab_size * config.hidden_size
    per_row = 1.0 if dtype == "int4" else _BYTES[dtype]
    return (read_parameters(config) - vocabulary) * _BYTES[dtype] + vocabulary * per_row


def kv_bytes(config: GLMConfig, length: float, dtype: str, cache: str = "float") -> float:
    """Return bytes of keys and values of `length` tokens; a float cache of quantised models is in bfloat16.

    An int8 cache has a scale of four bytes for each head of 64.
    """
    each = 1 + 4 / 64 if cache == "int8" else 4 if dtype == "float32" else 2
    return 2.0 * config.num_layers * config.hidden_size * length * each


def named(name: str, cache: str) -> str:
    """Return the name of a case with its kind of cache, where that is not the usual one."""
    return name if cache == "float" else f"{name}, {cache} cache"


def texts(config: GLMConfig, streams: int, length: int) -> Callable[[Path], None]:
    """Return what writes the weights and (streams, length) random ids."""

    def write(folder: Path) -> None:
        rng = np.random.default_rng(3)
        np.savez(folder / "inputs.npz", ids=rng.integers(0, config.vocab_size, (streams, length), dtype=np.int32))
        write_weights(config, folder)

    return write


def llama_rivals(dtype: str, flash: bool = True, cache: str = "float") -> tuple[Rival, ...]:
    """Return llama.cpp with the files of a dtype, each with flash attention and without.

    Beside an int8 cache of ours: its usual cache, and one of 8 bits, which needs flash attention.
    """
    if cache == "int8":
        return tuple(
            Rival("llama.cpp", "llama", f"{file}, {kind} cache", {"file": file, "flash": True, "cache": kind},
                  {"logits": _BOUNDS[dtype]})
            for file in _LLAMA[dtype] for kind in ("f16", "q8_0")
        )
    return tuple(
        Rival("llama.cpp", "llama", f"{file}, flash attention {'on' if on else 'off'}",
              {"file": file, "flash": on, "cache": "f16"},
              {"logits": _BOUNDS[dtype]})
        for file in _LLAMA[dtype] for on in ((True, False) if flash else (False,))
    )


def python_rivals(dtype: str) -> tuple[Rival, ...]:
    """Return CTranslate2 and transformers, as far as they have the dtype."""
    out = []
    if dtype in ("float32", "int8"):
        out.append(Rival("ctranslate2", "ct2", dtype, {}, {"logits": _BOUNDS[dtype] if dtype == "int8" else 1e-4}))
    if dtype in ("float32", "bfloat16"):
        out.append(Rival("transformers", "hf", dtype, {}, {"logits": max(1e-4, LOGITS[dtype])}))
    return tuple(out)


def spec(config: GLMConfig, dtype: str, **more: Any) -> dict[str, Any]:
    """Return what workers are told."""
    return {"config": config.to_dict(), "dtype": dtype, **more}
