"""How cost grows with work: training steps over lengths, widths, batches and threads."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from wudao_rt.bench.case import Case
from wudao_rt.bench.cases.train import step_of
from wudao_rt.bench.measure import Options, measure
from wudao_rt.config.glm import GLMConfig

_LAYERS, _VOCABULARY, _HEAD = 4, 8192, 64
_TOKENS = 4096  # of a batch, where lengths are compared
# (series, what grows): the model's width, texts and their tokens.
_POINTS = {
    "length": [(512, max(1, _TOKENS // length), length, length) for length in (128, 256, 512, 1024, 2048, 4096)],
    "width": [(width, 4, 512, width) for width in (256, 384, 512, 768, 1024, 1536)],
    "batch": [(512, batch, 128, batch) for batch in (1, 2, 4, 8, 16, 32, 64)],
}


def lines(options: Options, quick: bool) -> Iterator[dict[str, Any]]:
    """Yield one line for each point, with one thread and with all of them."""
    for threads in sorted({1, options.threads}):
        for series, points in _POINTS.items():
            for width, batch, length, x in points[::3] if quick else points:
                case, flops = _case(series, width, batch, length)
                for line in measure(case, replace(options, threads=threads, alone=True)):
                    yield line | {"series": series, "x": x, "gflops": line.get("ours", 0.0) * flops / 1e9}


def _case(series: str, width: int, batch: int, length: int) -> tuple[Case, float]:
    config = GLMConfig(_VOCABULARY, width, _LAYERS, width // _HEAD, length, block_positions=False)
    case = step_of(config, batch, length, "bfloat16", f"{series}: width {width}, {batch} x {length}")
    assert case.roof is not None
    return replace(case, bench="scaling", worker="train", rivals=(), roof=None), case.roof.cost
