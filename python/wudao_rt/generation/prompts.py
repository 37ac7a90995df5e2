"""From what a user gives to Part A: ids with masks, framed as in training."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from wudao_rt.data.blanks import SpecialIds
from wudao_rt.errors import DTypeError, ShapeError

if TYPE_CHECKING:
    from wudao_rt.glm import GLM

PromptLike: TypeAlias = str | Sequence[int] | np.ndarray


@dataclass(frozen=True)
class PartA:
    """Hold a context: its tokens, and the indices of its masks."""

    ids: list[int]
    masks: list[int]


def read_ids(op: str, name: str, model: GLM, text: PromptLike, parse_special: bool = True) -> list[int]:
    """Return the ids of a text, or given ids after checking them.

    Raises:
        DTypeError: neither text nor whole numbers, or text for a model without tokenizer.
        ShapeError: nothing in it, or an id outside the vocabulary.
    """
    if isinstance(text, str):
        if model.tokenizer is None:
            raise DTypeError(f"{op}: {name}: expected token ids, got text. Set model.tokenizer to use text.")
        ids = model.tokenizer.encode(text, parse_special)
    else:
        ids = _whole_numbers(op, name, text)
    if not ids:
        raise ShapeError(f"{op}: {name}: expected at least one token, got none. Give some text or ids.")
    if wrong := [number for number in ids if not 0 <= number < model.config.vocab_size]:
        raise ShapeError(
            f"{op}: {name}: expected ids from 0 to {model.config.vocab_size - 1}, got {wrong[0]}. "
            "Does the tokenizer belong to this model?"
        )
    return ids


def listed(op: str, name: str, values: Any) -> list[Any]:
    """Return texts or lists of ids as a list; one text stands for a list of one.

    Raises:
        DTypeError: something else.
    """
    if isinstance(values, str):
        return [values]
    if not isinstance(values, Iterable):
        raise DTypeError(f"{op}: {name}: expected a text, or a list of texts or of lists of token ids, got {values!r}. "
                         "Give one of them.")
    return list(values)


def _whole_numbers(op: str, name: str, ids: Sequence[int] | np.ndarray) -> list[int]:
    try:
        array = np.asarray(ids)
    except ValueError:
        array = np.zeros((0, 0))
    if array.ndim != 1 or (array.size and array.dtype.kind not in "iu"):
        raise DTypeError(f"{op}: {name}: expected text or a list of token ids, got {_short(ids)}. Give one per entry.")
    return [int(number) for number in array]


def _short(value: object) -> str:
    shown = repr(value)
    return shown if len(shown) <= 40 else shown[:37] + "..."


def mask_indices(ids: Sequence[int], special: SpecialIds) -> list[int]:
    """Return where the masks of a text are, of whatever kind."""
    masks = {special.mask, special.smask, special.gmask}
    return [index for index, number in enumerate(ids) if number in masks]


def part_a(ids: Sequence[int], special: SpecialIds) -> PartA:
    """Frame a text as the model saw texts in training.

    [CLS] goes in front unless it is there, [gMASK] goes behind a text without a mask, and eos behind a text that does
    not end with [gMASK].

    Args:
        ids: tokens, masks among them.
        special: command tokens.

    Source: GLM (Du et al., ACL 2022), section 2.1.

    Example:
        >>> special = SpecialIds(eos=0, cls=1, mask=2, sop=3, eop=4, gmask=5)
        >>> part_a([8, 9], special), part_a([8, 2, 9], special)
        (PartA(ids=[1, 8, 9, 5], masks=[3]), PartA(ids=[1, 8, 2, 9, 0], masks=[2]))
    """
    out = list(ids)
    if not mask_indices(out, special):
        out.append(special.gmask)
    if out[0] != special.cls:
        out.insert(0, special.cls)
    if out[-1] not in (special.gmask, special.eos):
        out.append(special.eos)
    return PartA(out, mask_indices(out, special))
