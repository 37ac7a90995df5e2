"""What a model thinks of texts and pictures that are there: nats per token of one given the other."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np

from wudao_rt import _core
from wudao_rt.cogview.templates import Template, sample_of
from wudao_rt.data.blanks import Sample, collate
from wudao_rt.ops.types import Array

if TYPE_CHECKING:
    from wudao_rt.cogview.model import CogView

_ROWS = 32  # sequences that are scored together; what comes out does not depend on it


def text_losses(model: CogView, texts: Iterable[Sequence[int]], pictures: Iterable[Array]) -> Iterator[Array]:
    """Yield -log p of every token of each text behind its picture, float64 (T,); SEP does not count."""
    templates, text = model.templates, model.ids.text
    whole = (templates.picture_first(one, codes) for one, codes in zip(texts, pictures, strict=True))
    return _losses(model, whole, text)


def code_losses(model: CogView, texts: Iterable[Sequence[int]], pictures: Iterable[Array]) -> Iterator[Array]:
    """Yield -log p of every code of each picture behind its text, float64 (h w,)."""
    whole = (model.templates.text_first(one, codes) for one, codes in zip(texts, pictures, strict=True))
    return _losses(model, whole, model.ids.codes)


def _losses(model: CogView, templates: Iterable[Template], counted: range) -> Iterator[Array]:
    samples = (_only(sample_of(one, model.config), counted) for one in templates)
    while rows := list(islice(samples, _ROWS)):
        batch = collate(rows, pad_id=model.ids.command("PAD"))
        found = _core.log_probs(model.core, dict(batch))
        for row, sample in zip(found, rows, strict=True):
            yield -row[: len(sample)][sample.loss_mask > 0]


def _only(sample: Sample, counted: range) -> Sample:
    weights = (sample.targets >= counted.start) & (sample.targets < counted.stop)
    return Sample(sample.ids, sample.positions, sample.block_positions, 0, sample.targets, np.float32(weights))
