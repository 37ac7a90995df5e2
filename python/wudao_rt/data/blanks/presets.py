"""The published recipes as constants: objectives, schedule, optimizer and batch of each GLM."""

from __future__ import annotations

from dataclasses import dataclass

from wudao_rt.data.blanks.objectives import Objectives
from wudao_rt.schedules import Cosine, Linear, Schedule

DEFAULTS = Objectives()
"""The reference's defaults, before any recipe."""


@dataclass(frozen=True)
class Recipe:
    """Hold one published pre-training recipe.

    Args:
        objectives: mixing ratios.
        iterations: training steps, None where none is given.
        schedule: learning rate; its `steps` are the decay iterations.
        micro_batch: samples on each GPU in one pass.
        accumulation: passes of one step.
        seq_length: tokens of a text.
        betas, eps, weight_decay: of AdamW; biases and layer norms do not decay.
        clip: largest global gradient norm.
    """

    objectives: Objectives
    iterations: int | None
    schedule: Schedule
    micro_batch: int
    betas: tuple[float, float]
    eps: float
    weight_decay: float
    accumulation: int = 1
    seq_length: int = 512
    clip: float = 1.0


_TOKENS_ONLY = Objectives(token_prob=1.0)
_MIXED = Objectives(token_prob=0.5, sentence_prob=0.3, min_ratio=0.25, block_mask=0.1, short_prob=0.02)
_CHINESE = Objectives(token_prob=0.4, sentence_prob=0.3, min_ratio=0.25, block_mask=0.1, short_prob=0.02)
_LONG = Objectives(
    token_prob=0.4, sentence_prob=0.3, min_ratio=0.25, block_mask=0.1, short_prob=0.5, single_span_prob=0.05
)
_LONG_CHINESE = Objectives(token_prob=0.5, sentence_prob=0.3, min_ratio=0.25, block_mask=0.1, short_prob=0.5)

RECIPES: dict[str, Recipe] = {
    "base": Recipe(
        _TOKENS_ONLY,
        150_000,
        Cosine(4e-4, 120_000, 0.05, 0.05),
        micro_batch=16,
        betas=(0.9, 0.98),
        eps=1e-6,
        weight_decay=0.1,
    ),
    "large": Recipe(
        _TOKENS_ONLY,
        200_000,
        Cosine(2e-4, 160_000, 0.05, 0.05),
        micro_batch=16,
        betas=(0.9, 0.98),
        eps=1e-6,
        weight_decay=0.1,
    ),
    "roberta-large": Recipe(
        _TOKENS_ONLY,
        500_000,
        Linear(4e-4, 500_000, 0.06, 0.025),
        micro_batch=16,
        accumulation=8,
        betas=(0.9, 0.98),
        eps=1e-6,
        weight_decay=0.01,
    ),
    "large-chinese": Recipe(
        _CHINESE,
        250_000,
        Cosine(4e-4, 200_000, 0.04, 0.1),
        micro_batch=32,
        betas=(0.9, 0.98),
        eps=1e-6,
        weight_decay=0.01,
    ),
    "10b": Recipe(
        _MIXED, 250_000, Cosine(1e-4, 175_000, 0.04, 0.1), micro_batch=21, betas=(0.9, 0.95), eps=1e-8, weight_decay=0.1
    ),
    "10b-long": Recipe(
        _LONG,
        None,
        Linear(3e-5, 50_000, 0.005),
        micro_batch=8,
        betas=(0.9, 0.95),
        eps=1e-8,
        weight_decay=0.1,
        seq_length=1024,
    ),
    "10b-chinese": Recipe(
        _MIXED, 150_000, Cosine(1e-4, 120_000, 0.04, 0.1), micro_batch=21, betas=(0.9, 0.95), eps=1e-8, weight_decay=0.1
    ),
    "10b-chinese-long": Recipe(
        _LONG_CHINESE,
        150_000,
        Cosine(3e-5, 20_000, 0.025, 0.1),
        micro_batch=8,
        betas=(0.9, 0.95),
        eps=1e-8,
        weight_decay=0.1,
        seq_length=1024,
    ),
}
"""The published pre-training runs; "long" ones continue a run with longer texts and a schedule that starts anew."""
