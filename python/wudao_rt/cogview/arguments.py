"""What people pass to a CogView, read and checked."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral
from typing import TYPE_CHECKING, Any

import numpy as np

from wudao_rt.config.cogview import CogViewConfig
from wudao_rt.errors import ConfigError, DTypeError, ShapeError, shown
from wudao_rt.transformer import check_arguments

if TYPE_CHECKING:
    from wudao_rt.cogview.model import CogView
    from wudao_rt.ops.types import Array


def check_model(config: Any, seed: Any, dtype: Any, tokenizer: Any, image_tokenizer: Any) -> None:
    """Raise ConfigError unless these make a model."""
    check_arguments("CogView", CogViewConfig, config, seed, dtype)
    if tokenizer is not None and tokenizer.num_tokens > config.text_tokens:
        raise ConfigError(f"CogView: tokenizer: expected one of at most {config.text_tokens} tokens, as the model has, "
                          f"got {tokenizer.num_tokens}. Use the tokenizer that the model was trained with.")
    if image_tokenizer is not None:
        _check_image_tokenizer(config, image_tokenizer)


def _check_image_tokenizer(config: CogViewConfig, image_tokenizer: Any) -> None:
    if image_tokenizer.config.codes != config.image_codes:
        raise ConfigError(f"CogView: image_tokenizer: expected one of {config.image_codes} codes, as the model has, "
                          f"got {image_tokenizer.config.codes}. Use the one that the model was trained with.")
    found = image_tokenizer.fingerprint() if config.image_tokenizer else ""
    if found != config.image_tokenizer:
        raise ConfigError(f"CogView: image_tokenizer: expected the one that the model learned, SHA-256 "
                          f"{config.image_tokenizer[:12]}..., got {found[:12]}.... Its codes mean other things; "
                          "use the tokenizer in the model's own folder.")


def read_texts(op: str, model: CogView, texts: Any, truncate: bool, empty: bool = True) -> list[list[int]]:
    """Return texts as ids of the text tokenizer.

    Raises:
        ConfigError: one that is too long (unless `truncate`) or, where `empty` is false, says nothing.
    """
    one = isinstance(texts, str) or (len(texts) > 0 and isinstance(texts[0], Integral))
    listed: Sequence[Any] = [texts] if one else texts
    if not listed:
        raise ConfigError(f"{op}: texts: expected at least one, got none. Give a text.")
    return [_read_text(op, model, text, truncate, empty) for text in listed]


def _read_text(op: str, model: CogView, text: Any, truncate: bool, empty: bool) -> list[int]:
    if isinstance(text, str):
        if model.tokenizer is None:
            raise ConfigError(f"{op}: texts: expected lists of ids, for this model has no text tokenizer, got "
                              f"'{shown(text, 40)}'. Load a model that was saved with one.")
        ids = model.tokenizer.encode(text, parse_special=False)
    else:
        ids = [int(number) for number in text]
    most, what = model.config.max_text, shown(text if isinstance(text, str) else ids, 40)
    if wrong := [number for number in ids if not 0 <= number < model.config.text_tokens]:
        raise ShapeError(f"{op}: texts: expected ids below {model.config.text_tokens}, got {wrong[0]}. Use the model's "
                         "own tokenizer.")
    if len(ids) > most and not truncate:
        raise ConfigError(f"{op}: texts: expected at most {most} tokens, got {len(ids)} in '{what}'. Say it in fewer "
                          "words, or pass truncate=True (--truncate) to leave the end out.")
    if not ids and not empty:
        raise ConfigError(f"{op}: texts: expected a text with something in it, got '{what}'. Give some words.")
    return ids[:most]


def check_codes(op: str, config: CogViewConfig, codes: Any, count: int | None = None) -> Array:
    """Return codes as int32 (B, h, w); one picture (h, w) becomes a batch.

    Raises:
        ShapeError: another shape or number of pictures, or a number that is no code.
        DTypeError: numbers that are not whole.
    """
    array = np.asarray(codes)
    if array.dtype.kind not in "iu":
        raise DTypeError(f"{op}: codes: expected whole numbers, got {array.dtype}. Give what encode returns.")
    array = array[None] if array.ndim == 2 else array
    wanted = (len(array) if count is None and array.ndim else count, config.side, config.side)
    if array.shape != wanted:
        raise ShapeError(f"{op}: codes: expected shape {wanted}, got {array.shape}. Give pictures of "
                         f"{config.side} x {config.side} codes, one for each text.")
    if array.size and not 0 <= array.min() <= array.max() < config.image_codes:
        raise ShapeError(f"{op}: codes: expected numbers from 0 to {config.image_codes - 1}, got "
                         f"{array.min()} to {array.max()}. Are they of another tokenizer?")
    return array.astype(np.int32)
