"""GLM's training objectives: texts in, rows of tokens, positions, targets and weights out."""

from wudao_rt.data.blanks.sample import Batch, Sample, collate
from wudao_rt.data.blanks.special import SpecialIds
from wudao_rt.data.blanks.suffix import causal_document, document_suffix, prompted_body, suffix_sample

__all__ = [
    "Batch",
    "Sample",
    "SpecialIds",
    "causal_document",
    "collate",
    "document_suffix",
    "prompted_body",
    "suffix_sample",
]
