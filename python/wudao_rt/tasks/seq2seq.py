"""Source to target: summaries, answers and other texts written from a text."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from wudao_rt.data.blanks import Sample, SpecialIds, suffix_sample
from wudao_rt.errors import ConfigError


@dataclass(frozen=True)
class Seq2SeqTask:
    """Hold the published lengths and beam search of a task.

    Args:
        source_length, target_length: tokens of Part A and of Part B at most.
        beams, length_penalty, no_repeat, min_length: of the beam search; 0 switches a ban off.
    """

    source_length: int
    target_length: int
    beams: int
    length_penalty: float
    no_repeat: int = 0
    min_length: int = 0


SEQ2SEQ_TASKS = {
    "cnn-dm": Seq2SeqTask(608, 160, beams=5, length_penalty=0.7, no_repeat=3, min_length=55),
    "xsum": Seq2SeqTask(608, 60, beams=6, length_penalty=1.0, min_length=10),
    "gigaword": Seq2SeqTask(192, 32, beams=5, length_penalty=0.6),
}


def summary(
    text: np.ndarray,
    target: np.ndarray,
    prompt: np.ndarray,
    special: SpecialIds,
    source_length: int,
    target_length: int,
    visible_padding: bool = False,
) -> Sample:
    """Build [CLS] [sMASK] prompt text | sop target, with eop as the last target.

    The source loses its right end when it is too long, and so does the target, eop first. The reference pads every
    source to `source_length` and lets all tokens see the padding. Here nothing is padded before Part B, which equals
    padding that is masked; `visible_padding=True` gives the reference's rows for models trained that way.

    Args:
        text: source, int (s,).
        target: int (t,).
        prompt: tokens of " Content:", int (p,).
        special: command tokens; `special.with_one_mask()` for a model without task masks.
        source_length, target_length: limits.
        visible_padding: pad Part A with eos to `source_length`.
    Returns: a sample whose `slots` score the target.
    """
    source = np.concatenate(([special.cls, special.smask], prompt, text))[:source_length]
    if visible_padding:
        source = np.append(source, np.full(source_length - len(source), special.eos))
    return _written(source, 1, target, special, target_length)


def answer_last(
    text: np.ndarray,
    target: np.ndarray,
    special: SpecialIds,
    source_length: int,
    target_length: int,
) -> Sample:
    """Build [CLS] text [sMASK] eos | sop target for texts of one's own; a long source keeps its last tokens.

    Args:
        text: source, int (s,).
        target: int (t,).
        special: command tokens.
        source_length, target_length: limits; the three command tokens are always kept.
    Returns: a sample whose `slots` score the target.
    """
    kept = np.asarray(text)[max(0, len(text) - max(0, source_length - 3)) :]
    source = np.concatenate(([special.cls], kept, [special.smask, special.eos]))
    return _written(source, len(source) - 2, target, special, target_length)


def _written(source: np.ndarray, mask_index: int, target: np.ndarray, special: SpecialIds, limit: int) -> Sample:
    if limit < 1 or mask_index >= len(source):
        raise ConfigError("seq2seq: source_length, target_length: expected room for the mask and a target. Raise them.")
    answer = np.append(target, special.eop)[:limit].astype(np.int32)
    return suffix_sample(source.astype(np.int32), mask_index, special.sop, answer, np.ones(len(answer), np.float32))
