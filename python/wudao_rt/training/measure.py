"""The speed of a preset with random weights: a training step, and decoding."""

from __future__ import annotations

import time
from collections.abc import Callable
from statistics import median
from typing import Any

import numpy as np

from wudao_rt import _core
from wudao_rt.config import GLMConfig, TrainTable
from wudao_rt.data.blanks import suffix_sample
from wudao_rt.data.tokenizer import character_tokenizer
from wudao_rt.datasets import Rows, rows_of
from wudao_rt.errors import ConfigError
from wudao_rt.glm import GLM
from wudao_rt.training.cost import matmul_roof, step_flops

_FIRST_HANZI = 0x4E00


def measure_training(preset: str, dtype: str, batch: int, length: int, seconds: float) -> dict[str, Any]:
    """Time whole optimizer steps on random tokens: rows of two context tokens and `length` - 2 predicted ones.

    Returns: the median of the steps as tokens_per_second and share_of_peak, with what was measured.
    """
    model = GLM(_shape(preset, length), dtype=dtype)
    rows, shards = _random_rows(model.config, batch, length), TrainTable(batch=batch).shards
    trainer = _core.Trainer(model.core, {"name": "adamw"})
    step = _median(lambda: trainer.step(dict(rows.arrays), lr=1e-4, clip=1.0, shards=shards), seconds)
    roof = matmul_roof(dtype)
    flops = step_flops(model.config, rows.tokens, rows.pairs)
    return {"measure": "train_step", "preset": preset, "dtype": dtype, "batch": batch, "length": length,
            "parameters": model.parameter_count, "threads": _core.kernels()["threads"], "seconds": step,
            "tokens_per_second": rows.tokens / step, "share_of_peak": flops / step / roof,
            "peak_gflops": roof / 1e9}


def measure_shards(preset: str, dtype: str, batch: int, length: int, seconds: float) -> dict[str, Any]:
    """Time steps whose gradients are summed over virtual shards against steps of one shard, alternately.

    The shards are what makes the bits independent of the machine's layout; `cost` is what that takes.

    Returns: the median of the pairs' quotients as cost (0.03: three per cent more time), with what was measured.
    """
    model = GLM(_shape(preset, length), dtype=dtype)
    rows, shards = _random_rows(model.config, batch, length), TrainTable(batch=batch).shards
    trainer = _core.Trainer(model.core, {"name": "adamw"})

    def took(parts: int) -> float:
        begin = time.perf_counter()
        trainer.step(dict(rows.arrays), lr=1e-4, clip=1.0, shards=parts)
        return time.perf_counter() - begin

    quotients: list[float] = []
    took(shards), took(1)  # allocate, compile and pack
    end = time.perf_counter() + seconds
    while not quotients or time.perf_counter() < end:
        one, many = took(1), took(shards)
        quotients += [many / one, took(shards) / took(1)]  # either goes first once
    return {"measure": "virtual_shards", "preset": preset, "dtype": dtype, "batch": batch, "length": length,
            "shards": shards, "pairs": len(quotients), "cost": median(quotients) - 1}


def measure_decoding(preset: str, dtype: str, streams: int, length: int, seconds: float) -> dict[str, Any]:
    """Time the decoding of `streams` texts of `length` tokens together.

    Returns: the median as tokens_per_second over all texts.
    """
    shape = _shape(preset, length)
    tokenizer = character_tokenizer(map(chr, range(_FIRST_HANZI, _FIRST_HANZI + shape.vocab_size - 128)))
    model = GLM(shape, dtype=dtype, tokenizer=tokenizer)
    made = 0

    def decode() -> None:
        nonlocal made
        found = model.generate(["[gMASK]"], max_new_tokens=length, min_new_tokens=length, num_samples=streams, seed=0)
        made = sum(len(one.token_ids) for one in found)

    took = _median(decode, seconds)
    return {"measure": "decode", "preset": preset, "dtype": dtype, "streams": streams, "length": length,
            "parameters": model.parameter_count, "threads": _core.kernels()["threads"], "seconds": took,
            "tokens_per_second": made / took}


def _shape(preset: str, length: int) -> GLMConfig:
    shape = GLMConfig.preset(preset)
    if length > shape.max_positions:
        raise ConfigError(f"bench preset: --length: expected at most {shape.max_positions}, got {length}. Lower it.")
    return shape


def _random_rows(shape: GLMConfig, batch: int, length: int) -> Rows:
    rng = np.random.default_rng(0)
    answers = rng.integers(0, shape.vocab_size, (batch, length - 2))
    weights = np.ones(length - 2, np.float32)
    return rows_of([suffix_sample(np.array([1, 2]), 1, 3, answer, weights) for answer in answers], 0)


def _median(work: Callable[[], Any], seconds: float) -> float:
    work()
    times: list[float] = []
    end = time.perf_counter() + seconds
    while not times or time.perf_counter() < end:
        begin = time.perf_counter()
        work()
        times.append(time.perf_counter() - begin)
    return median(times)
