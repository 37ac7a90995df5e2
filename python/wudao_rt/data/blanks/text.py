"""A text as the objectives take it: tokens and the weight of each."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from wudao_rt.errors import ShapeError


@dataclass(frozen=True, eq=False)
class Text:
    """Hold the tokens of a text, [CLS] and eos included, and the loss weight of each.

    Args:
        ids: int32 (n,).
        loss_mask: float32 (n,); 0 on a given prompt and on [CLS].
    """

    ids: np.ndarray
    loss_mask: np.ndarray

    def __post_init__(self) -> None:
        object.__setattr__(self, "ids", np.asarray(self.ids, np.int32))
        object.__setattr__(self, "loss_mask", np.asarray(self.loss_mask, np.float32))
        if self.ids.ndim != 1 or self.ids.shape != self.loss_mask.shape:
            came = f"{self.ids.shape} and {self.loss_mask.shape}"
            raise ShapeError(
                f"Text: loss_mask: expected one weight for each token, got shapes {came}. Fix its length."
            )

    def __len__(self) -> int:
        return self.ids.size

    def __getitem__(self, part: slice) -> Text:
        return Text(self.ids[part], self.loss_mask[part])

    def __add__(self, other: Text) -> Text:
        return Text(np.concatenate((self.ids, other.ids)), np.concatenate((self.loss_mask, other.loss_mask)))

    def prefixed(self, token: int) -> Text:
        """Return the text with one more token of weight 0 in front."""
        return Text([token], [0]) + self


def cut_right(text: Text, limit: int, ends: np.ndarray) -> Text:
    """Cut a text to at most `limit` tokens, after a sentence end when that leaves limit // 2 tokens or more.

    Args:
        text: tokens and weights.
        limit: tokens to keep at most.
        ends: table of `sentence_end_table`, bool (V,).
    Returns: the text itself when it is short enough, else its beginning.
    """
    if len(text) <= limit:
        return text
    stops = np.flatnonzero(ends[text.ids[:limit]])
    at_sentence = int(stops[-1]) + 1 if stops.size else 0
    return text[: at_sentence if at_sentence >= max(1, limit // 2) else limit]
