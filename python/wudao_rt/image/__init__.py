"""Pictures: tokenizers that turn them into codes and back, and data sets of codes with captions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wudao_rt.lazy import lazy

if TYPE_CHECKING:
    from wudao_rt.image.code_dataset import CodeDataset, encode_dataset, write_code_dataset
    from wudao_rt.image.tokenizer import VQTokenizer

__all__ = ["CodeDataset", "VQTokenizer", "encode_dataset", "write_code_dataset"]

__getattr__, __dir__ = lazy(__name__, {
    "code_dataset": ("CodeDataset", "encode_dataset", "write_code_dataset"),
    "tokenizer": ("VQTokenizer",),
})
