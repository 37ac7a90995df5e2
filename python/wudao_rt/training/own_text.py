"""Your own text: which tokenizer, which size and which settings, from the text and the time there is."""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import islice
from pathlib import Path

from wudao_rt import _core
from wudao_rt.config import Config, GLMConfig, parse_config
from wudao_rt.config.glm import PRESETS
from wudao_rt.data.own_text import find_files, read_files

DEFAULT_SECONDS = 600.0
_GUESS_FLOPS = 1e11  # useful operations per second of two ordinary cores; the size need not be exact
_TOKENS_PER_PARAMETER = 20  # Hoffmann et al. 2022
_HANZI = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\U00020000-\U0003ffff]")
_LOOK_AT_TEXTS = 200
_FEW_CHARACTERS = 10_000  # of so little text every character counts
_SHAPES = ("verse-tiny", "verse-small", "verse-medium", "verse")
_BPE_LEAST, _BPE_MOST, _CHARACTERS_PER_TOKEN = 512, 8192, 400


def own_text_config(paths: Iterable[str], seconds: float, field: str = "text", changes: tuple[str, ...] = ()) -> Config:
    """Return the config of a run on files and folders of text.

    Args:
        paths: .txt and .jsonl files, and folders of them.
        seconds: time to train; 0 takes ten minutes.
        field: key of the text in .jsonl lines.
        changes: `table.key=value` texts that take precedence.
    Raises:
        DataError: no text.
    """
    paths = [str(path) for path in paths]
    seconds = seconds or DEFAULT_SECONDS
    sample, characters = _look(paths, field)
    tables = {
        "model": {"preset": shape_for(seconds)},
        "tokenizer": _tokenizer(sample, characters),
        "data": {"source": "text", "paths": paths, "field": field},
        # The rates are those of the recipes for verse, found by trial; see docs/speedrun.md.
        "train": {"seconds": seconds, "batch": 32, "length": 128, "lr": 1e-2, "optimizer": "muon", "muon_lr": 0.02,
                  "dtype": _compute_type(), "newton_schulz": _compute_type(), "beta2": 0.95, "weight_decay": 0.02,
                  "schedule": "linear", "decay_ratio": 0.05, "checkpoint_every": 200},
        "output": {"folder": f"runs/{_name(paths[0])}"},
    }
    return parse_config(tables, changes)


def _compute_type() -> str:
    """Return bfloat16 where the processor multiplies it twice as fast as float32."""
    return "bfloat16" if _core.kernels()["level"] == "avx512_bf16" else "float32"


def _name(path: str) -> str:
    return Path(path).resolve().stem or "own-text"


def _look(paths: list[str], field: str) -> tuple[str, int]:
    files, _ = find_files(paths)
    sample = "".join(text.text for text in islice(read_files(files, field), _LOOK_AT_TEXTS))
    return sample, sum(file.stat().st_size for file in files)


def _tokenizer(sample: str, size: int) -> dict[str, object]:
    hanzi, marks = len(_HANZI.findall(sample)), len(sample) - sum(map(str.isspace, sample))
    if hanzi > marks / 2:
        return {"kind": "character", "min_count": 2 if marks > _FEW_CHARACTERS else 1}
    return {"kind": "bpe", "vocab_size": max(_BPE_LEAST, min(_BPE_MOST, size // _CHARACTERS_PER_TOKEN))}


def shape_for(seconds: float, flops: float = _GUESS_FLOPS) -> str:
    """Return the largest preset that so many seconds can train well: 20 tokens for each parameter of its layers.

    With C = 6 N D operations and D = 20 N, N = sqrt(C / 120).

    Source: Hoffmann et al., Training compute-optimal large language models (2022).
    Example:
        >>> shape_for(60), shape_for(24 * 3600)
        ('verse-tiny', 'verse-medium')
    """
    best = (seconds * flops / (6 * _TOKENS_PER_PARAMETER)) ** 0.5
    fitting = [name for name in _SHAPES if _layers(PRESETS[name]) <= best]
    return fitting[-1] if fitting else _SHAPES[0]


def _layers(shape: GLMConfig) -> int:
    return shape.parameter_count - shape.vocab_size * shape.hidden_size
