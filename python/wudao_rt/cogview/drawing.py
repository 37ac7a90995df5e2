"""Requests to the engine: which tokens of a sequence are given, which are drawn, and from which ids.

    codes       behind BOI1, from the ids of codes alone
    a caption   behind ROI1 of a picture, from the ids of text, or SEP, which ends it
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from wudao_rt.cogview.templates import Templates
from wudao_rt.ops.types import Array

Slot = tuple[int, int, int, int, int]  # id or -1, position, ids first .. end - 1, an id beside them that ends it or -1
Request = tuple[list[tuple[int, int]], bool, list[Slot]]  # known (id, position), whether they see all of it, slots


def picture_request(templates: Templates, text: Sequence[int], codes: Array, keep: Array) -> Request:
    """Ask for the codes of a picture that are not kept.

    Codes that are kept and come first, in the order of rows, are read as a picture begun; any others as what surrounds
    holes.

    Args:
        templates: of the model.
        text: ids of the text tokenizer.
        codes, keep: (h, w) ids and bool.
    """
    kept = np.ravel(keep)
    if kept[: kept.sum()].all():
        return _beginning(templates, text, codes, int(kept.sum()))
    known, (behind, is_hole) = templates.known_part(text, codes, ~keep), templates.holes_part(text, codes, ~keep)
    allowed = templates.ids.codes
    slots = [_hole(position, allowed) if hole else _given(number, position)
             for number, position, hole in zip(behind.ids, behind.positions, is_hole, strict=True)]
    return _pairs(known.ids, known.positions), True, slots


def _beginning(templates: Templates, text: Sequence[int], codes: Array, kept: int) -> Request:
    whole = templates.text_first(text, codes)
    begin = len(text) + 3 + kept  # of the codes to be drawn
    known = _pairs(whole.ids[: begin - 1], whole.positions[: begin - 1])
    slots = [_given(whole.ids[begin - 1], whole.positions[begin - 1])]
    return known, False, slots + [_hole(position, templates.ids.codes) for position in whole.positions[begin:-1]]


def caption_request(templates: Templates, codes: Array, most: int) -> Request:
    """Ask for the caption of a picture, of at most so many tokens."""
    text, stop = templates.ids.text, templates.ids.command("SEP")
    whole = templates.picture_first([0] * most, codes)
    begin = len(whole.ids) - most - 1
    known = _pairs(whole.ids[: begin - 1], whole.positions[: begin - 1])
    slots = [_given(whole.ids[begin - 1], whole.positions[begin - 1])]
    return known, False, slots + [_hole(position, text, stop) for position in whole.positions[begin:-1]]


def _given(number: int, position: int) -> Slot:
    return int(number), int(position), 0, 0, -1


def _hole(position: int, allowed: range, stop: int = -1) -> Slot:
    return -1, int(position), allowed.start, allowed.stop, stop


def _pairs(ids: Array, positions: Array) -> list[tuple[int, int]]:
    return list(zip(ids.tolist(), positions.tolist(), strict=True))
