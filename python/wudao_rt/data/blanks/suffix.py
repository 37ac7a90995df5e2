"""Left-to-right samples: the suffix of a document, a prompted body, a whole document."""

from __future__ import annotations

import numpy as np

from wudao_rt.data.blanks.sample import Sample
from wudao_rt.data.blanks.special import SpecialIds
from wudao_rt.errors import ShapeError


def suffix_sample(context: np.ndarray, mask_index: int, sop: int, answer: np.ndarray, weights: np.ndarray) -> Sample:
    """Build Part A = context and Part B = sop + answer without its last token, with the answer as targets.

    Positions count through the context; every token of Part B has the position of the mask. Block positions are 0 in
    the context and 1, 2, ... in Part B.

    Args:
        context: tokens of Part A, mask included, int (A,).
        mask_index: index in `context` of the mask that the answer stands for.
        sop: id that starts Part B.
        answer: tokens to predict, int (n,), n >= 1.
        weights: loss weight of each answer token, float (n,).
    Returns: a sample of A + n tokens with sep = A.
    Source: GLM (Du et al., ACL 2022), section 2.1; the suffix form is that of its document objective.
    Example:
        >>> row = suffix_sample(np.array([1, 2, 9]), 2, 7, np.array([4, 5, 0]), np.ones(3))
        >>> row.ids.tolist(), row.targets.tolist(), row.positions.tolist()
        ([1, 2, 9, 7, 4, 5], [1, 2, 9, 4, 5, 0], [0, 1, 2, 2, 2, 2])
    """
    sep, count = len(context), len(answer)
    if count == 0:
        raise ShapeError("suffix_sample: answer: expected at least one token, got none. Leave out empty texts.")
    positions = np.arange(sep + count)
    positions[sep:] = mask_index
    block_positions = np.zeros(sep + count, np.int32)
    block_positions[sep:] = np.arange(1, count + 1)
    return Sample(
        ids=np.concatenate((context, (sop,), answer[:-1])),
        positions=positions,
        block_positions=block_positions,
        sep=sep,
        targets=np.concatenate((context, answer)),
        loss_mask=np.concatenate((np.zeros(sep, np.float32), weights)),
    )


def document_suffix(ids: np.ndarray, loss_mask: np.ndarray, length: int, special: SpecialIds) -> Sample:
    """Hide the last `length` tokens of a text behind one [gMASK].

    The targets are the suffix itself, so that a document's own eos is its last target and no eop is added. The
    weights are the text's own loss mask.

    Args:
        ids: tokens of the text, [CLS] and eos included, int (n,).
        loss_mask: float (n,).
        length: number of hidden tokens, 1..n.
        special: command tokens.
    Returns: a sample of n + 1 tokens, sep = n - length + 1.
    """
    if not 1 <= length <= len(ids):
        raise ShapeError(f"document_suffix: length: expected 1..{len(ids)}, got {length}. Hide a part of the text.")
    cut = len(ids) - length
    context = np.append(ids[:cut], special.gmask)
    return suffix_sample(context, cut, special.sop, ids[cut:], loss_mask[cut:])


def prompted_body(
    condition: np.ndarray,
    body: np.ndarray,
    special: SpecialIds,
    end: int | None = None,
    weights: np.ndarray | None = None,
) -> Sample:
    """Build [CLS] condition [gMASK] | sop body, to be written left to right up to an end mark.

    For verse the condition is the form tag, with or without title and author.

    Args:
        condition: tokens given to the model, int (c,); may be empty.
        body: tokens to predict, int (n,).
        special: command tokens.
        end: id predicted after the body; None takes eos, as the document objective does.
        weights: loss weight of each body token and of the end mark, float (n + 1,); None counts all.
    Returns: a sample of c + n + 3 tokens, sep = c + 2.
    Example:
        >>> special = SpecialIds(eos=0, cls=1, mask=2, sop=3, eop=4, gmask=5)
        >>> row = prompted_body(np.array([8]), np.array([9, 10]), special)
        >>> row.ids.tolist(), row.targets[row.slots].tolist()
        ([1, 8, 5, 3, 9, 10], [9, 10, 0])
    """
    context = np.concatenate(((special.cls,), condition, (special.gmask,))).astype(np.int32)
    answer = np.append(body, special.eos if end is None else end).astype(np.int32)
    weights = np.ones(len(answer), np.float32) if weights is None else weights
    return suffix_sample(context, len(context) - 1, special.sop, answer, weights)


def causal_document(ids: np.ndarray, special: SpecialIds, ended: bool = True) -> Sample:
    """Build a sample that predicts every token of a text left to right from [CLS] [gMASK] alone.

    A text of `PackedTexts`, with [CLS] and eos in it, becomes the same with
    `document_suffix(text.ids, text.loss_mask, len(text) - 1, special)`.

    Args:
        ids: tokens of the text without [CLS] and eos, int (n,), n >= 1.
        special: command tokens.
        ended: whether the text ends here; a piece cut out of a longer text has no eos to predict.
    Returns: a sample of n + 3 tokens (n + 2 when not ended), sep = 2.
    """
    if ended:
        return prompted_body(ids[:0], ids, special)
    return prompted_body(ids[:0], ids[:-1], special, end=int(ids[-1]))
