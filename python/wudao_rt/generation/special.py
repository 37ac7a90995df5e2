"""Which ids are a model's command tokens."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wudao_rt.data.blanks import SpecialIds
from wudao_rt.data.command_ids import special_ids
from wudao_rt.errors import ConfigError

if TYPE_CHECKING:
    from wudao_rt.glm import GLM


def special_of(op: str, model: GLM, special: SpecialIds | None) -> SpecialIds:
    """Return the given ids, or those of the model's tokenizer.

    Raises:
        ConfigError: there is neither, the vocabulary lacks a command token, or one lies outside the model's vocabulary.
    """
    if special is None:
        if model.tokenizer is None:
            raise ConfigError(
                f"{op}: special: expected the ids of the command tokens, got none. "
                "Set model.tokenizer, or pass special=SpecialIds(...)."
            )
        special = special_ids(model.tokenizer)
    for name in ("eos", "cls", "mask", "sop", "eop", "smask", "gmask"):
        if not 0 <= getattr(special, name) < model.config.vocab_size:
            raise ConfigError(
                f"{op}: special: expected ids from 0 to {model.config.vocab_size - 1}, got {name} = "
                f"{getattr(special, name)}. Does the tokenizer belong to this model?"
            )
    return special
