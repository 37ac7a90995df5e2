"""What `wudao-rt convert --quantize` does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from wudao_rt.cli.options import read_text
from wudao_rt.weights import Weights, glm_of


def write_quantized(model: Weights, target: Path, dtype: str, tokenizer: Path | None, form: str, activation_bits: int,
                    text: Path | None) -> dict[str, Any]:
    """Write a model folder of few bits; measure what a text loses by it.

    Returns: for the report: format, activation_bits, and with a text the nats per token before and after.
    """
    words = None if text is None else read_text(text, "convert: --text")
    floats = glm_of(model, dtype, tokenizer)
    few = floats.quantized(form, activation_bits)
    report: dict[str, Any] = {"quantize": form, "activation_bits": activation_bits}
    if words is not None:
        from wudao_rt.scoring.perplexity import score_text

        before, after = (score_text(one, words).nats_per_token for one in (floats, few))
        report |= {"nats_per_token": before, "nats_per_token_quantized": after, "nats_lost": after - before}
    few.save(target)
    return report
