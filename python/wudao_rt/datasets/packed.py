"""GLM's pre-training: documents packed to one length, objectives mixed by step."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from wudao_rt.config import DataTable, TrainTable
from wudao_rt.data.blanks import BlankBuilder, PackedTexts
from wudao_rt.data.command_ids import special_ids
from wudao_rt.data.tokenizer import Tokenizer
from wudao_rt.datasets.documents import causal_windows, encoded, encoded_some, end_table, share_weights
from wudao_rt.datasets.rows import Rows, rows_of


class PackedSource:
    """Make the samples of GLM's mixed objectives from packed texts of `train.length` tokens.

    A step of short texts holds several samples for each text, so its batch has more and shorter rows.

    Args:
        texts: documents to learn from.
        held_out: documents to report on, left to right.
        tokenizer: splits them.
        data, train: tables of the config; `data.objectives` has the ratios.
        domains: label of each text; with
        shares: share of the tokens of each label; None: what there is of each.
    Raises:
        DataError: no text.
    Source: GLM (Du et al., ACL 2022), section 2.1.
    """

    prompts = ("[gMASK]",)

    def __init__(
        self, texts: Sequence[str], held_out: Sequence[str], tokenizer: Tokenizer, data: DataTable, train: TrainTable,
        domains: Sequence[str] = (), shares: Mapping[str, float] | None = None,
    ) -> None:
        self.tokenizer = tokenizer
        self._train = train
        self._special = special_ids(tokenizer)
        ends = end_table(tokenizer)
        documents, kept = encoded_some(texts, tokenizer)
        weights = share_weights(documents, [domains[i] for i in kept], shares) if shares else None
        self._packed = PackedTexts(documents, train.length, self._special, ends, train.seed, weights=weights)
        self._builder = BlankBuilder(data.objectives, self._special, ends, train.length, train.seed)
        self._held_out = encoded(held_out, tokenizer) if any(text.strip() for text in held_out) else None

    def batch(self, step: int, done: float = 0.0) -> Rows:
        """Return the batch of a step; a function of (seed, step) alone."""
        del done  # the same texts from the first step to the last
        first = step * self._train.batch
        texts = ((index, self._packed.text(index)) for index in range(first, first + self._train.batch))
        return rows_of(self._builder.batch(texts, step), self._special.eos)

    def held_out(self) -> Iterator[Rows]:
        """Yield the held-out documents in windows, left to right from nothing."""
        return causal_windows(self._held_out, self._special, self._train) if self._held_out else iter(())
