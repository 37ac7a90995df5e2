"""GLM's training objectives: texts in, rows of tokens, positions, targets and weights out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wudao_rt.lazy import lazy

if TYPE_CHECKING:
    from wudao_rt.data.blanks.blocks import block_sample
    from wudao_rt.data.blanks.document import document_blank, document_infill
    from wudao_rt.data.blanks.documents import Documents, split_documents
    from wudao_rt.data.blanks.mixing import BatchPlan, BlankBuilder
    from wudao_rt.data.blanks.objectives import Objective, Objectives
    from wudao_rt.data.blanks.packing import PackedTexts
    from wudao_rt.data.blanks.presets import DEFAULTS, RECIPES, Recipe
    from wudao_rt.data.blanks.sample import Batch, Sample, collate, explicit_mask
    from wudao_rt.data.blanks.sentences import sentence_blanks, sentence_end_table
    from wudao_rt.data.blanks.spans import Spans
    from wudao_rt.data.blanks.special import SpecialIds
    from wudao_rt.data.blanks.suffix import causal_document, document_suffix, prompted_body, suffix_sample
    from wudao_rt.data.blanks.text import Text
    from wudao_rt.data.blanks.tokens import token_blanks

__all__ = [
    "DEFAULTS",
    "RECIPES",
    "Batch",
    "BatchPlan",
    "BlankBuilder",
    "Documents",
    "Objective",
    "Objectives",
    "PackedTexts",
    "Recipe",
    "Sample",
    "Spans",
    "SpecialIds",
    "Text",
    "block_sample",
    "causal_document",
    "collate",
    "document_blank",
    "document_infill",
    "document_suffix",
    "explicit_mask",
    "prompted_body",
    "sentence_blanks",
    "sentence_end_table",
    "split_documents",
    "suffix_sample",
    "token_blanks",
]

__getattr__, __dir__ = lazy(__name__, {
    "blocks": ("block_sample",),
    "document": ("document_blank", "document_infill"),
    "documents": ("Documents", "split_documents"),
    "mixing": ("BatchPlan", "BlankBuilder"),
    "objectives": ("Objective", "Objectives"),
    "packing": ("PackedTexts",),
    "presets": ("DEFAULTS", "RECIPES", "Recipe"),
    "sample": ("Batch", "Sample", "collate", "explicit_mask"),
    "sentences": ("sentence_blanks", "sentence_end_table"),
    "spans": ("Spans",),
    "special": ("SpecialIds",),
    "suffix": ("causal_document", "document_suffix", "prompted_body", "suffix_sample"),
    "text": ("Text",),
    "tokens": ("token_blanks",),
})
