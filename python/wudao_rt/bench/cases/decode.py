"""One text, token by token: 128 tokens of context, 128 new ones."""

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

_CONTEXT, _NEW, _FORCED = 128, 128, 4
# A dtype is measured when the engine has it: one line each.
_MEASURED = (
    ("91.7M", "float32", "float"),
    ("91.7M", "bfloat16", "float"),
    ("91.7M", "int8", "float"),
    ("91.7M", "int8", "int8"),
    ("91.7M", "int4", "float"),
    ("91.7M", "int4", "int8"),
    ("13.9M", "bfloat16", "float"),
    ("13.9M", "int8", "float"),
)


def cases(quick: bool) -> list[Case]:
    """Return single-stream decoding of both models."""
    return [_decode(name, dtype, cache) for name, dtype, cache in _MEASURED if not quick or dtype != "float32"]


def _decode(name: str, dtype: str, cache: str) -> Case:
    config = shape(name, _CONTEXT + _NEW)
    bytes_ = weight_bytes(config, dtype) + kv_bytes(config, _CONTEXT + _NEW / 2, dtype, cache)
    roof = Roof({"bytes": bytes_}, bytes_, 2.0 * read_parameters(config) / bytes_)
    told = spec(config, dtype, streams=1, context=_CONTEXT, new=_NEW, forced=_FORCED, cache=cache)
    others = python_rivals(dtype) if cache == "float" else ()
    return Case("decode", named(name, cache), dtype, "tokens/s", _NEW, told, texts(config, 1, _CONTEXT + _FORCED),
                (*llama_rivals(dtype, cache=cache), *others), {}, roof, worker="generate")
