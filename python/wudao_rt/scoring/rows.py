"""Rows through the engine, in batches of about equal length."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from wudao_rt import _core
from wudao_rt.data.blanks import Sample, collate
from wudao_rt.errors import ShapeError
from wudao_rt.ops.types import Array

if TYPE_CHECKING:
    from wudao_rt.glm import GLM

TOKENS_PER_BATCH = 4096


def log_probs(model: GLM, samples: Sequence[Sample]) -> list[Array]:
    """Return log p(target) at the `slots` of each sample, float64, natural logarithm.

    Raises:
        ShapeError: a sample that is too long for the model.
        Error: the model gives logits that are not finite.
    """
    return _run(model, samples, _core.log_probs)


def best_ids(model: GLM, samples: Sequence[Sample]) -> list[Array]:
    """Return the most probable id at the `slots` of each sample, int32; ties go to the lowest."""
    return _run(model, samples, _core.best_ids)


def _run(model: GLM, samples: Sequence[Sample], function: Callable[[Any, Any], Array]) -> list[Array]:
    found: list[Array] = [np.empty(0)] * len(samples)
    for chosen in batches([len(sample) for sample in samples]):
        batch = collate([samples[i] for i in chosen])
        values = function(model.core, dict(batch))
        for row, i in zip(values, chosen, strict=True):
            found[i] = row[samples[i].slots]
    return found


def batches(lengths: Sequence[int], tokens: int = TOKENS_PER_BATCH) -> Iterator[list[int]]:
    """Group rows by length so that few tokens are padding.

    Args:
        lengths: of the rows.
        tokens: padded size of a batch at most; a longer row goes alone.

    Example:
        >>> list(batches([5, 2, 3, 9], tokens=10))
        [[1, 2], [0], [3]]
    """
    group: list[int] = []
    for i in sorted(range(len(lengths)), key=lambda i: lengths[i]):
        if group and (len(group) + 1) * lengths[i] > tokens:
            yield group
            group = []
        group.append(i)
    if group:
        yield group


def check_room(op: str, name: str, answer: str, model: GLM, sample: Sample) -> None:
    """Refuse a row whose positions (of `name`) or block positions (of `answer`) the model does not have."""
    rows = model.config.max_positions + (1 if model.config.block_positions else 0)
    if sample.positions.max() >= rows:
        raise ShapeError(f"{op}: {name}: expected a context of at most {rows} tokens, command tokens included "
                         f"(max_positions), got {sample.sep}. Shorten it.")
    if model.config.block_positions and sample.block_positions.max() >= rows:
        raise ShapeError(f"{op}: {answer}: expected at most {rows - 1} tokens to write (max_positions), got "
                         f"{sample.block_positions.max()}. Shorten it.")
