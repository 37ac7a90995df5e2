"""Many prompted samples at once: what `prompted_body` and `collate` make, without a Python object for each row."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from wudao_rt.data.blanks import Batch, SpecialIds
from wudao_rt.datasets.rows import Rows


def prompted_rows(conditions: Sequence[np.ndarray], bodies: Sequence[np.ndarray], special: SpecialIds) -> Rows:
    """Build the rows [CLS] condition [gMASK] | sop body, which predict the body and eos.

    Args:
        conditions: tokens given to the model, one array for each row.
        bodies: tokens to predict, one array for each row.
        special: command tokens.
    Returns: the batch of `collate([prompted_body(condition, body, special), ...])`.
    """
    sep = np.array([len(condition) + 2 for condition in conditions], np.int32)
    predicted = np.array([len(body) + 1 for body in bodies], np.int32)
    ends = sep + predicted
    ids = np.full((len(sep), int(ends.max())), special.eos, np.int32)
    ids[:, 0] = special.cls
    for row, condition, body, start in zip(ids, conditions, bodies, sep.tolist(), strict=True):
        row[1 : start - 1] = condition
        row[start - 1 : start + 1] = special.gmask, special.sop
        row[start + 1 : start + 1 + len(body)] = body
    arrays = _batch(ids, sep[:, None], ends[:, None], special.eos)
    pairs = ends.astype(np.int64) * sep + predicted.astype(np.int64) * (predicted + 1) // 2
    return Rows(arrays, int(ends.sum()), int(pairs.sum()), float(predicted.sum()))


def _batch(ids: np.ndarray, sep: np.ndarray, ends: np.ndarray, eos: int) -> Batch:
    column = np.arange(ids.shape[1], dtype=np.int32)[None, :]
    real, part_b = column < ends, (column >= sep) & (column < ends)
    following = np.append(ids[:, 1:], np.full((len(ids), 1), eos, np.int32), axis=1)
    return Batch(
        ids=ids,
        positions=np.minimum(column, sep - 1) * real,
        block_positions=(column - sep + 1) * part_b,
        sep=sep[:, 0],
        targets=np.where(part_b, following, ids) * real,
        loss_mask=part_b.astype(np.float32),
    )
