"""One training or scoring row of GLM, and rows padded into a batch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields

import numpy as np

from wudao_rt.errors import ShapeError

_ROW_DTYPES = {
    "ids": np.int32,
    "positions": np.int32,
    "block_positions": np.int32,
    "targets": np.int32,
    "loss_mask": np.float32,
}


@dataclass(frozen=True, eq=False)
class Sample:
    """Hold one row: Part A (bidirectional, the first `sep` tokens) followed by Part B (left to right).

    Args:
        ids: input tokens, int32 (T,).
        positions: position of each token in the corrupted text, int32 (T,).
        block_positions: 0 in Part A, 1, 2, ... inside each piece of Part B, int32 (T,).
        sep: length of Part A.
        targets: token that each slot has to predict, int32 (T,); ignored where `loss_mask` is 0.
        loss_mask: weight of each slot in the loss, float32 (T,).
    Raises:
        ShapeError: arrays of unequal length, or `sep` outside 0..T.
    Source: GLM (Du et al., ACL 2022), section 2.1.
    """

    ids: np.ndarray
    positions: np.ndarray
    block_positions: np.ndarray
    sep: int
    targets: np.ndarray
    loss_mask: np.ndarray

    def __post_init__(self) -> None:
        for name, dtype in _ROW_DTYPES.items():
            object.__setattr__(self, name, np.ascontiguousarray(getattr(self, name), dtype=dtype))
            if getattr(self, name).shape != (self.ids.size,):
                came = getattr(self, name).shape
                raise ShapeError(
                    f"Sample: {name}: expected shape ({self.ids.size},) like ids, got {came}. Fix its length."
                )
        if not 0 <= self.sep <= self.ids.size:
            raise ShapeError(f"Sample: sep: expected 0..{self.ids.size}, got {self.sep}. Give the length of Part A.")

    def __len__(self) -> int:
        return self.ids.size

    @property
    def slots(self) -> np.ndarray:
        """Return the indices of the slots that the loss counts, int64."""
        return np.flatnonzero(self.loss_mask)


@dataclass(frozen=True, eq=False)
class Batch(Mapping[str, np.ndarray]):
    """Hold samples padded to one length T; also a mapping, so that `loss_and_gradients(**batch)` works.

    Args:
        ids, positions, block_positions, targets: int32 (B, T).
        sep: int32 (B,).
        loss_mask: float32 (B, T).
    """

    ids: np.ndarray
    positions: np.ndarray
    block_positions: np.ndarray
    sep: np.ndarray
    targets: np.ndarray
    loss_mask: np.ndarray

    def __getitem__(self, name: str) -> np.ndarray:
        if name not in self._names():
            raise KeyError(name)
        return getattr(self, name)

    def __iter__(self) -> Iterator[str]:
        return iter(self._names())

    def __len__(self) -> int:
        return len(self._names())

    @classmethod
    def _names(cls) -> tuple[str, ...]:
        return tuple(field.name for field in fields(cls))


def collate(samples: Sequence[Sample], length: int | None = None, pad_id: int = 0) -> Batch:
    """Pad samples on the right into one batch.

    Padding is `pad_id` in the tokens and 0 in every other array. It lies at the end of Part B, where causality hides
    it from every real token, so no attention mask is needed for it.

    Args:
        samples: at least one.
        length: row length T; None takes the longest sample.
        pad_id: token id of the padding.
    Returns: a batch of B = len(samples) rows.
    Raises:
        ShapeError: no samples, or one that is longer than `length`.
    Example:
        >>> row = Sample([5, 6], [0, 1], [0, 0], 1, [6, 7], [0, 1])
        >>> collate([row], length=3)["ids"].tolist()
        [[5, 6, 0]]
    """
    if not samples:
        raise ShapeError("collate: samples: expected at least one, got none. Leave out empty batches.")
    longest = max(map(len, samples))
    length = longest if length is None else length
    if longest > length:
        raise ShapeError(
            f"collate: samples: expected at most {length} tokens, got {longest}. Raise length or cut the texts."
        )
    rows = {name: np.zeros((len(samples), length), dtype) for name, dtype in _ROW_DTYPES.items()}
    rows["ids"].fill(pad_id)
    for index, sample in enumerate(samples):
        for name, array in rows.items():
            array[index, : len(sample)] = getattr(sample, name)
    return Batch(sep=np.array([sample.sep for sample in samples], np.int32), **rows)


def explicit_mask(sep: int, length: int) -> np.ndarray:
    """Return the mask that `sep` stands for: all see columns < sep, and each row its own past.

    Args:
        sep: length of Part A.
        length: tokens of the row.
    Returns: True = visible, bool (T, T), row = query.
    Source: GLM (Du et al., ACL 2022), figure 2d.
    Example:
        >>> explicit_mask(2, 3).astype(int).tolist()
        [[1, 1, 0], [1, 1, 0], [1, 1, 1]]
    """
    return np.tri(length, dtype=bool) | (np.arange(length) < sep)
