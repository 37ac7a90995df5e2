"""Prompts of samples, looked at before the first step: a run must not end because of one."""

from __future__ import annotations

from wudao_rt.config import GLMConfig
from wudao_rt.data.command_ids import special_ids
from wudao_rt.data.tokenizer import Tokenizer
from wudao_rt.errors import ConfigError
from wudao_rt.generation.prompts import part_a


def check_prompt(key: str, prompt: str, tokenizer: Tokenizer, shape: GLMConfig) -> None:
    """Refuse a prompt that is empty or too long for the model.

    Raises:
        ConfigError: naming the key.
    """
    ids = tokenizer.encode(prompt)
    if not ids:
        raise ConfigError(f"config: {key}: expected some text, got none. Write [gMASK] to begin from nothing.")
    size = len(part_a(ids, special_ids(tokenizer)).ids)
    if size > shape.max_positions:
        raise ConfigError(f"config: {key}: expected at most model.max_positions = {shape.max_positions} tokens, got "
                          f"{size}. Shorten it.")
