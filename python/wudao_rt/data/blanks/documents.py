"""Documents in one flat array, and their split into training, validation and test."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from wudao_rt.data.blanks.text import Text
from wudao_rt.errors import ShapeError


@dataclass(frozen=True, eq=False)
class Documents:
    """Hold tokenized documents one after another, without [CLS] and eos; the arrays may be memory maps.

    Args:
        tokens: int32 (N,).
        offsets: document d is tokens[offsets[d]:offsets[d + 1]], int64 (D + 1,).
        prompts: number of leading tokens of each document that are given, so of weight 0, int (D,); None means none.
    """

    tokens: np.ndarray
    offsets: np.ndarray
    prompts: np.ndarray | None = None

    def __post_init__(self) -> None:
        if self.offsets.size < 2 or self.offsets[-1] == self.offsets[0]:
            raise ShapeError(
                "Documents: tokens: expected at least one token, got none. Give a text that is not empty."
            )

    @classmethod
    def from_lists(cls, texts: Sequence[Sequence[int]], prompts: Sequence[int] | None = None) -> Documents:
        """Store lists of token ids.

        Example:
            >>> Documents.from_lists([[5, 6], [7]]).offsets.tolist()
            [0, 2, 3]
        """
        sizes = [len(text) for text in texts]
        flat = np.fromiter((token for text in texts for token in text), np.int32, sum(sizes))
        given = None if prompts is None else np.asarray(prompts)
        return cls(flat, np.concatenate(([0], np.cumsum(sizes, dtype=np.int64))), given)

    def __len__(self) -> int:
        return self.offsets.size - 1

    def size(self, index: int) -> int:
        """Return the number of tokens of a document, its eos included."""
        return int(self.offsets[index + 1] - self.offsets[index]) + 1

    def text(self, index: int, eos: int, start: int = 0, stop: int | None = None) -> Text:
        """Return tokens start..stop-1 of a document with eos at its end; only they are read."""
        begin, end = int(self.offsets[index]), int(self.offsets[index + 1])
        stop = self.size(index) if stop is None else min(stop, self.size(index))
        ids = self.tokens[begin + start : min(begin + stop, end)]
        if begin + stop > end:
            ids = np.append(ids, np.int32(eos))
        weights = np.ones(ids.size, np.float32)
        if self.prompts is not None:
            weights[: max(0, int(self.prompts[index]) - start)] = 0
        return Text(ids, weights)

    def subset(self, indices: np.ndarray) -> Documents:
        """Copy the documents named by `indices`, in that order."""
        parts = [self.tokens[self.offsets[i] : self.offsets[i + 1]] for i in indices]
        sizes = [part.size for part in parts]
        flat = np.concatenate([*parts, np.zeros(0, np.int32)])
        given = None if self.prompts is None else self.prompts[indices]
        return Documents(flat, np.concatenate(([0], np.cumsum(sizes, dtype=np.int64))), given)


def split_documents(
    count: int, shares: tuple[float, float, float] = (949, 50, 1), seed: int = 1234
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Split documents into training, validation and test after a shuffle.

    Args:
        count: number of documents.
        shares: relative sizes.
        seed: of the legacy generator that the reference shuffles with.
    Returns: three arrays of document indices; together each index once.
    Example:
        >>> [part.size for part in split_documents(1000)]
        [949, 50, 1]
    """
    order = np.random.RandomState(seed).permutation(count)
    cuts = np.floor(count * np.cumsum(shares) / np.sum(shares) + 1e-9).astype(np.int64)
    train, validation, test = np.split(order, cuts[:-1])
    return train, validation, test
