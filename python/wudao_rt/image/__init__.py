"""Pictures: tokenizers that turn them into codes and back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wudao_rt.lazy import lazy

if TYPE_CHECKING:
    from wudao_rt.image.tokenizer import VQTokenizer

__all__ = ["VQTokenizer"]

__getattr__, __dir__ = lazy(__name__, {"tokenizer": ("VQTokenizer",)})
