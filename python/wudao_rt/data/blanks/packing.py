"""Texts of one length out of documents of any length."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.random import Generator

from wudao_rt.data.blanks.documents import Documents
from wudao_rt.data.blanks.keys import Stream, generator
from wudao_rt.data.blanks.special import SpecialIds
from wudao_rt.data.blanks.text import Text, cut_right
from wudao_rt.errors import ConfigError


@dataclass(frozen=True, eq=False)
class PackedTexts:
    """Draw texts of at most `seq_length` tokens; text i depends on (seed, i) alone.

    A document is chosen with probability proportional to its tokens, times its weight. A longer one is cut at a
    random place, moved to a
    sentence start; a shorter one is followed by further documents, each with a [CLS] of its own, until it is full.

    Args:
        documents: what to draw from.
        seq_length: largest length of a text, [CLS] and eos included, >= 4.
        special: command tokens.
        ends: table of `sentence_end_table`, bool (V,).
        seed: run's seed.
        non_sentence_start: probability of leaving a random start where it fell.
        across_documents: whether short documents are packed together.
        weights: of the documents, (D,) of at least 0; None: all have the same.
    """

    documents: Documents
    seq_length: int
    special: SpecialIds
    ends: np.ndarray = field(repr=False)
    seed: int
    non_sentence_start: float = 0.0
    across_documents: bool = True
    weights: np.ndarray | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        if self.weights is not None:
            sums = np.cumsum(np.diff(self.documents.offsets) * self.weights)
            object.__setattr__(self, "_shares", sums / sums[-1])
        if self.seq_length < 4:
            raise ConfigError(f"PackedTexts: seq_length: expected at least 4, got {self.seq_length}. Raise it.")

    def __len__(self) -> int:
        """Return the nominal length, 1000 for each document; larger indices are valid and give new texts."""
        return 1000 * len(self.documents)

    def text(self, index: int) -> Text:
        """Return text `index`: [CLS] of weight 0, tokens, eos where a document ends."""
        rng = generator(self.seed, Stream.PACK, index)
        document = self._pick(rng)
        if self.documents.size(document) >= self.seq_length:
            return self._cut(rng, document)
        text = self._whole(document)
        while self.across_documents and self.seq_length - len(text) > 2:
            text = text + cut_right(self._whole(self._pick(rng)), self.seq_length - len(text), self.ends)
            if text.ids[-1] != self.special.eos:
                break  # the last document was cut: the text is full
        return text

    def _pick(self, rng: Generator) -> int:
        if self.weights is not None:
            return int(np.searchsorted(self._shares, rng.random(), side="right"))
        offsets = self.documents.offsets
        token = rng.integers(offsets[0], offsets[-1])
        return int(np.searchsorted(offsets, token, side="right")) - 1

    def _whole(self, document: int) -> Text:
        return self.documents.text(document, self.special.eos, stop=self.seq_length).prefixed(self.special.cls)

    def _cut(self, rng: Generator, document: int) -> Text:
        size, half = self.documents.size(document), self.seq_length // 2
        start = int(rng.integers(0, size - self.seq_length + 1))
        low = max(0, start - half)
        window = self.documents.text(document, self.special.eos, low, start + half + self.seq_length)
        moved = self._sentence_start(rng, window.ids, start - low)
        begin = moved if low + moved < size - 1 else start - low  # never only the eos
        return cut_right(window[begin:].prefixed(self.special.cls), self.seq_length, self.ends)

    def _sentence_start(self, rng: Generator, ids: np.ndarray, start: int) -> int:
        keep, leftward = rng.random(2)
        half = self.seq_length // 2
        if start == 0 or keep < self.non_sentence_start:
            return start
        if leftward < 0.5:
            stops = np.flatnonzero(self.ends[ids[max(0, start - half) : start]])
            return max(0, start - half) + (int(stops[-1]) + 1 if stops.size else 0)
        stops = np.flatnonzero(self.ends[ids[start - 1 : start - 1 + half]])
        return start + (int(stops[0]) if stops.size else half)
