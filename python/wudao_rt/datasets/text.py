"""Your own text: documents packed into rows, continued from nothing or from their beginning."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from wudao_rt.config import DataTable, TrainTable
from wudao_rt.data.blanks import PackedTexts, document_suffix
from wudao_rt.data.blanks.keys import Stream, generator
from wudao_rt.data.blanks.sample import Sample
from wudao_rt.data.command_ids import special_ids
from wudao_rt.data.tokenizer import Tokenizer
from wudao_rt.datasets.documents import causal_windows, encoded, end_table
from wudao_rt.datasets.rows import Rows, rows_of


class TextSource:
    """Make samples whose Part B continues Part A: a share `causal_prob` from nothing, the others from a beginning.

    Args:
        texts: documents to learn from.
        held_out: documents to report on, each token but the first of a window scored once.
        tokenizer: splits them.
        data, train: tables of the config.
    Raises:
        DataError: no text.
    """

    prompts = ("[gMASK]",)

    def __init__(self, texts: Sequence[str], held_out: Sequence[str], tokenizer: Tokenizer, data: DataTable,
                 train: TrainTable) -> None:
        self.tokenizer = tokenizer
        self._special = special_ids(tokenizer)
        self._data, self._train = data, train
        self._packed = PackedTexts(encoded(texts, tokenizer), train.length - 1, self._special,
                                   end_table(tokenizer), train.seed)
        self._held_out = encoded(held_out, tokenizer) if any(text.strip() for text in held_out) else None

    def batch(self, step: int, done: float = 0.0) -> Rows:
        """Return the batch of a step; a function of (seed, step) alone."""
        del done  # the same texts from the first step to the last
        first = step * self._train.batch
        samples = [self._sample(index) for index in range(first, first + self._train.batch)]
        return rows_of(samples, self._special.eos)

    def _sample(self, index: int) -> Sample:
        text = self._packed.text(index)
        kind, cut = generator(self._train.seed, Stream.SAMPLE, index).random(2)
        hidden = len(text) - 1  # all but the [CLS]
        if kind >= self._data.causal_prob:
            hidden = 1 + int(cut * (hidden - 1))
        return document_suffix(text.ids, text.loss_mask, hidden, self._special)

    def held_out(self) -> Iterator[Rows]:
        """Yield the held-out documents in windows, left to right from nothing."""
        return causal_windows(self._held_out, self._special, self._train) if self._held_out else iter(())
