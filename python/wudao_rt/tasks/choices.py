"""Multiple choice in one row: one context, and choices that see it but not each other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from wudao_rt.data.blanks import SpecialIds
from wudao_rt.errors import ConfigError, ShapeError
from wudao_rt.tasks.cloze import mask_indices
from wudao_rt.tasks.continuation import Mode, cut_left, require_mode


@dataclass(frozen=True, eq=False)
class ChoiceRow:
    """Hold one question.

    Args:
        ids, positions, block_positions: int32 (T,).
        mask: True = visible, bool (T, T), row = query.
        slots: rows whose logits score each choice, int64 (n,) each.
        targets: tokens of each choice, int32 (n,) each.
    """

    ids: np.ndarray
    positions: np.ndarray
    block_positions: np.ndarray
    mask: np.ndarray
    slots: tuple[np.ndarray, ...]
    targets: tuple[np.ndarray, ...]


@dataclass(frozen=True, eq=False)
class ChoiceBatch:
    """Hold questions padded to one length: int32 (B, T) three times and the mask, bool (B, T, T)."""

    ids: np.ndarray
    positions: np.ndarray
    block_positions: np.ndarray
    mask: np.ndarray


def multiple_choice(
    question: np.ndarray,
    choices: Sequence[np.ndarray],
    special: SpecialIds,
    mode: Mode = "bi",
    max_length: int | None = None,
) -> ChoiceRow:
    """Build one row with the context and all choices.

    bi: [CLS] question eos | sop choice[:-1] | sop choice[:-1] ...; the choices stand for the first mask of the
    question, or for a [MASK] put after it. uni: [CLS] [gMASK] | sop question, then choice[:-1] of each. Every choice
    sees Part A, the question and itself, so its score does not depend on the others.

    Args:
        question: tokens, int (q,).
        choices: tokens of each choice, int (n,) each, n >= 1.
        special: command tokens.
        mode: how the question is read.
        max_length: limit of context and longest choice together; a longer question loses its left end.
    Returns: the row; score = sum of log p(targets) at the slots, without eop and without length penalty.
    Raises:
        ShapeError: no choices, an empty one, or a mask lost or unexpected.
    """
    require_mode("multiple_choice", mode)
    if not choices or min(map(len, choices)) == 0:
        raise ShapeError("multiple_choice: choices: expected at least one token in each, got none. Fill the choices.")
    longest = max(map(len, choices))
    question = np.asarray(question, np.int32)
    masked = mask_indices(question, special).size > 0
    if mode == "uni":
        if masked:
            raise ConfigError("multiple_choice: question: expected no mask in mode uni, got one. Use mode bi.")
        question = cut_left("multiple_choice", question, 2 + longest, max_length)
        return _row(np.array([special.cls, special.gmask]), 1, np.append(special.sop, question), choices)
    question = cut_left("multiple_choice", question, 2 + (not masked) + longest, max_length)
    question = question if masked else np.append(question, special.mask)
    context = np.concatenate(([special.cls], question, [special.eos]))
    found = mask_indices(context, special)
    if found.size == 0:
        raise ConfigError(
            "multiple_choice: max_length: expected room for the question's mask, got less. Raise max_length."
        )
    return _row(context, int(found[0]), np.array([special.sop]), choices, shared=False)


def _row(
    context: np.ndarray, mask_index: int, head: np.ndarray, choices: Sequence[np.ndarray], shared: bool = True
) -> ChoiceRow:
    sep, common = len(context), len(head) if shared else 0
    pieces = [np.concatenate((head[common:], choice[:-1])) for choice in choices]
    sizes = [sep, common, *map(len, pieces)]
    firsts = np.cumsum(sizes) - sizes
    owner = np.repeat(np.arange(len(sizes)), sizes)
    block_starts = np.array([0, 1] + [1 + common] * len(pieces))
    own = np.arange(owner.size)
    return ChoiceRow(
        ids=np.concatenate((context, head[:common], *pieces)).astype(np.int32),
        positions=np.where(owner > 0, mask_index, own).astype(np.int32),
        block_positions=np.where(owner > 0, own - firsts[owner] + block_starts[owner], 0).astype(np.int32),
        mask=_visible(owner),
        slots=tuple(
            _slots(int(first), len(piece), sep + common - 1, shared)
            for first, piece in zip(firsts[2:], pieces, strict=True)
        ),
        targets=tuple(np.asarray(choice, np.int32) for choice in choices),
    )


def _slots(first: int, size: int, last_shared: int, shared: bool) -> np.ndarray:
    own = np.arange(first, first + size)
    return np.append(last_shared, own) if shared else own


def _visible(owner: np.ndarray) -> np.ndarray:
    """Let Part A (0) see itself, shared Part B (1) see A and its past, a choice (2, ...) also its own past."""
    query, key = owner[:, None], owner[None, :]
    past = np.tri(owner.size, dtype=bool)
    return (key == 0) | (past & (query > 0) & ((key == 1) | (key == query)))


def choice_scores(row: ChoiceRow, log_probs: np.ndarray) -> np.ndarray:
    """Return the summed log-probability of each choice, (n,), from those of the row, float (T, V)."""
    return np.array([log_probs[s, t].sum() for s, t in zip(row.slots, row.targets, strict=True)])


def collate_choices(rows: Sequence[ChoiceRow], length: int | None = None, pad_id: int = 0) -> ChoiceBatch:
    """Pad rows on the right; no token sees the padding, and padding sees only itself."""
    longest = max(len(row.ids) for row in rows)
    length = longest if length is None else length
    if longest > length:
        raise ShapeError(f"collate_choices: rows: expected at most {length} tokens, got {longest}. Raise length.")
    shape = (len(rows), length)
    ids, positions, blocks = np.full(shape, pad_id, np.int32), np.zeros(shape, np.int32), np.zeros(shape, np.int32)
    mask = np.tile(np.eye(length, dtype=bool), (len(rows), 1, 1))
    for index, row in enumerate(rows):
        size = len(row.ids)
        ids[index, :size], positions[index, :size], blocks[index, :size] = row.ids, row.positions, row.block_positions
        mask[index, :size, :size] = row.mask
    return ChoiceBatch(ids, positions, blocks, mask)
