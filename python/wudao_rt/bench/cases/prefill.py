"""A prompt of 512 tokens, read at once; the logits of its last token come out."""

from __future__ import annotations

from wudao_rt.bench.case import Case, Roof
from wudao_rt.bench.cases.generation import llama_rivals, spec, texts, weight_bytes
from wudao_rt.bench.shapes import layer_products, shape
from wudao_rt.datasets.rows import visible_pairs

_LENGTH = 512
_MEASURED = ("float32", "bfloat16", "int8")


def cases(quick: bool) -> list[Case]:
    """Return the prompt in every dtype."""
    return [_prefill(dtype) for dtype in _MEASURED if not quick or dtype != "float32"]


def _prefill(dtype: str) -> Case:
    config = shape("91.7M", _LENGTH)
    products = [*layer_products(config, _LENGTH)[:-1], [1, config.vocab_size, config.hidden_size]]
    dense = sum(2.0 * m * n * k for m, n, k in products)
    flops = dense + 4.0 * config.num_layers * config.hidden_size * visible_pairs(_LENGTH, 0)
    # The roof of int8 is that of bfloat16: what the fastest products of floats could do. Its share may pass 1.
    float_type = "bfloat16" if dtype == "int8" else dtype
    roof = Roof({"products": products, "dtype": float_type}, flops / _LENGTH, flops / weight_bytes(config, dtype))
    return Case("prefill", "91.7M, 512 tokens", dtype, "tokens/s", _LENGTH, spec(config, dtype, length=_LENGTH),
                texts(config, 1, _LENGTH), llama_rivals(dtype), {}, roof)
