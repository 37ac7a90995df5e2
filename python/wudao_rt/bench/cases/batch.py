"""Sixteen texts together: 256 tokens of context each, 64 new ones."""

from __future__ import annotations

from wudao_rt.bench.case import Case, Roof
from wudao_rt.bench.cases.generation import (
    kv_bytes,
    llama_rivals,
    named,
    python_rivals,
    read_parameters,
    spec,
    texts,
    weight_bytes,
)
from wudao_rt.bench.shapes import shape

_STREAMS, _CONTEXT, _NEW, _FORCED = 16, 256, 64, 2
_MEASURED = (
    ("91.7M", "float32", "float"),
    ("91.7M", "bfloat16", "float"),
    ("91.7M", "int8", "float"),
    ("91.7M", "int8", "int8"),
)


def cases(quick: bool) -> list[Case]:
    """Return batched decoding."""
    return [_batch(name, dtype, cache) for name, dtype, cache in _MEASURED if not quick or dtype != "float32"]


def _batch(name: str, dtype: str, cache: str) -> Case:
    config = shape(name, _CONTEXT + _NEW)
    bytes_ = weight_bytes(config, dtype) + _STREAMS * kv_bytes(config, _CONTEXT + _NEW / 2, dtype, cache)
    roof = Roof({"bytes": bytes_}, bytes_ / _STREAMS, 2.0 * _STREAMS * read_parameters(config) / bytes_)
    told = spec(config, dtype, streams=_STREAMS, context=_CONTEXT, new=_NEW, forced=_FORCED, cache=cache)
    rivals = (*llama_rivals(dtype, cache=cache), *python_rivals(dtype))
    return Case("batch", named(f"{name}, {_STREAMS} streams", cache), dtype, "tokens/s", _STREAMS * _NEW, told,
                texts(config, _STREAMS, _CONTEXT + _FORCED), rivals, {}, roof, worker="generate")
