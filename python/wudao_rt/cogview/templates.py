"""Sequences of text and a picture: their ids, their positions, and what a training sample learns of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from wudao_rt.cogview.ids import JointIds
from wudao_rt.config.cogview import CogViewConfig
from wudao_rt.data.blanks import Sample
from wudao_rt.ops.types import Array


@dataclass(frozen=True, eq=False)
class Template:
    """Hold a whole sequence.

    Args:
        ids: int32 (T,), from the first token to the last.
        positions: int32 (T,) of each.
    """

    ids: Array
    positions: Array


class Templates:
    """Lay out text and pictures as a CogView reads them.

    Args:
        config: its shape.

    Text first, to draw:             ROI1 text SIZE BOI1 codes EOI1
    Picture first, to caption:       SIZE BOI1 codes EOI1 ROI1 text SEP
    Part of a picture, to complete:  ROI1 text SIZE BOI1 known codes | holes, run by run

    Behind the bar every run of holes begins with the token before it, so that a hole is predicted by what lies to its
    left, as in the other orders, and each keeps the position that it has in the whole picture. What stands before the
    bar is seen by all (GLM's mask).

    Source: CogView (Ding et al., NeurIPS 2021), section 2.2; holes: CogView2 (Ding et al. 2022), section 3.3, and GLM.
    """

    def __init__(self, config: CogViewConfig) -> None:
        self.config, self.ids = config, JointIds(config)

    def text_first(self, text: Sequence[int], codes: Array) -> Template:
        """Return the sequence in which a picture follows its text.

        Args:
            text: ids of the text tokenizer, at most `config.max_text`.
            codes: (h, w) or (h w,).
        """
        c, flat = self.ids.command, np.ravel(codes)
        ids = [c("ROI1"), *self._text(text), self.ids.size_token, c("BOI1"), *flat, c("EOI1")]
        first = self._picture_position(len(text))
        return _template(ids, [*range(len(text) + 1), *range(first, first + len(flat) + 3)])

    def picture_first(self, text: Sequence[int], codes: Array) -> Template:
        """Return the sequence in which a text follows its picture, and ends with SEP; arguments as of `text_first`."""
        c, flat = self.ids.command, np.ravel(codes)
        ids = [self.ids.size_token, c("BOI1"), *flat, c("EOI1"), c("ROI1"), *self._text(text), c("SEP")]
        length, fixed = len(flat) + 3, self.config.fixed_positions
        first, text_at = (self._picture_position(0), 0) if fixed else (0, length)
        positions = [*range(first, first + length), *range(text_at, text_at + len(text) + 2)]
        return _template(ids, np.minimum(positions, self.config.max_positions - 1))

    def known_part(self, text: Sequence[int], codes: Array, holes: Array) -> Template:
        """Return what stands before the bar; holes: bool, as `codes`, True where a code is to be found."""
        whole = self.text_first(text, codes)
        keep = np.r_[np.ones(len(text) + 3, bool), ~np.ravel(holes)]
        return Template(whole.ids[:-1][keep], whole.positions[:-1][keep])

    def holes_part(self, text: Sequence[int], codes: Array, holes: Array) -> tuple[Template, Array]:
        """Return what stands behind the bar, and where in it holes are, bool: the others begin runs."""
        whole, places = self.text_first(text, codes), np.flatnonzero(holes) + len(text) + 3
        begins = np.r_[True, np.diff(places) > 1]
        order = np.sort(np.r_[places * 2, places[begins] * 2 - 1])  # the token before a run stands before it
        index = order // 2
        return Template(whole.ids[index], whole.positions[index]), order % 2 == 0

    def _text(self, text: Sequence[int]) -> list[int]:
        return [self.ids.text.start + token for token in text]

    def _picture_position(self, length: int) -> int:
        return (self.config.max_text if self.config.fixed_positions else length) + 1


def running_positions(ids: Sequence[int], config: CogViewConfig) -> Array:
    """Return the positions of a sequence of the released model: from 0 on, again from 0 at ROI2, P - 1 at the most.

    Example:
        >>> config = CogViewConfig.preset("emoji")
        >>> roi2 = JointIds(config).command("ROI2")
        >>> running_positions([7, 8, roi2, 9], config).tolist()
        [0, 1, 0, 1]
    """
    row = np.asarray(ids)
    again = np.flatnonzero(row == JointIds(config).command("ROI2"))
    positions = np.arange(row.size)
    if again.size:
        positions[again[0]:] -= again[0]
    return np.minimum(positions, config.max_positions - 1).astype(np.int32)


def sample_of(template: Template, config: CogViewConfig, text_weight: float = 1.0) -> Sample:
    """Return a sequence as a training sample, each token predicted from those before it.

    A slot counts 1 where its input is a code, else `text_weight`: the first code counts as text, what follows the last
    code as picture.

    Source: CogView's released loss.
    """
    inputs = template.ids[:-1]
    weights = np.where(inputs < config.image_codes, 1.0, text_weight)
    return Sample(inputs, template.positions[:-1], np.zeros_like(inputs), 0, template.ids[1:], weights)


def completion_sample(templates: Templates, text: Sequence[int], codes: Array, holes: Array) -> Sample:
    """Return a sample that learns the holes of a picture from all that lies around them."""
    known, (behind, is_hole) = templates.known_part(text, codes, holes), templates.holes_part(text, codes, holes)
    learned = np.r_[is_hole[1:], False]  # a slot predicts the token after it, where that is a hole
    ids, positions = np.r_[known.ids, behind.ids[:-1]], np.r_[known.positions, behind.positions[:-1]]
    targets = np.r_[np.zeros(len(known.ids), np.int32), behind.ids[1:]]
    weights = np.r_[np.zeros(len(known.ids)), learned[:-1]]
    return Sample(ids, positions, np.zeros_like(ids), len(known.ids), targets * (weights > 0), weights)


def _template(ids: Sequence[int], positions: Sequence[int] | Array) -> Template:
    return Template(np.array(ids, np.int32), np.array(positions, np.int32))
