"""Which objective a batch has, and its samples."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
from numpy.random import Generator

from wudao_rt.data.blanks.document import document_blank
from wudao_rt.data.blanks.keys import Stream, generator
from wudao_rt.data.blanks.objectives import Objective, Objectives
from wudao_rt.data.blanks.sample import Sample
from wudao_rt.data.blanks.sentences import sentence_blanks
from wudao_rt.data.blanks.short import crop, crop_count, crop_length
from wudao_rt.data.blanks.special import SpecialIds
from wudao_rt.data.blanks.text import Text
from wudao_rt.data.blanks.tokens import token_blanks


@dataclass(frozen=True)
class BatchPlan:
    """Hold what all samples of one step share.

    Args:
        objective: what the batch predicts.
        single_span: one token blank in each text.
        length_draw: uniform draw for the length that the document objective hides.
        crop_length: tokens of each short text, or None for whole texts.
    """

    objective: Objective
    single_span: bool
    length_draw: float
    crop_length: int | None


@dataclass(frozen=True, eq=False)
class BlankBuilder:
    """Turn texts into samples of mixed objectives; the same seed, step and sample index give the same sample.

    The reference draws one objective per micro-batch and rank; here one for the whole global batch of a step, keyed by
    (seed, step), and everything else by (seed, global sample index). So neither ranks nor micro-batches nor the order
    of calls change a sample, and no sample is dropped: a text in which the step's objective finds nothing (too
    short, no sentence, or only given tokens in its suffix) gets token blanks.

    Args:
        rules: mixing ratios and numbers.
        special: command tokens.
        ends: table of `sentence_end_table`, bool (V,).
        seq_length: largest length of the texts.
        seed: run's seed.
    Source: GLM (Du et al., ACL 2022), section 2.1 and 2.2.
    """

    rules: Objectives
    special: SpecialIds
    ends: np.ndarray = field(repr=False)
    seq_length: int
    seed: int

    def plan(self, step: int) -> BatchPlan:
        """Draw what the samples of a step share, in the reference's order: short texts, single span, objective."""
        short, single, objective, length, target = generator(self.seed, Stream.BATCH, step).random(5)
        single_span = bool(single < self.rules.single_span_prob)
        return BatchPlan(
            objective=Objective.TOKENS if single_span else self.rules.at(objective),
            single_span=single_span,
            length_draw=float(length),
            crop_length=crop_length(target, self.seq_length) if short < self.rules.short_prob else None,
        )

    def samples(self, text: Text, index: int, plan: BatchPlan) -> list[Sample]:
        """Build the samples of one text: one, or as many as the crops of a plan with short texts.

        Args:
            text: tokens and weights, at most `seq_length`.
            index: global index of the text in the run, unique to this use of it.
            plan: what its step shares.
        Returns: at least one sample; as many for every text of the step.
        """
        if plan.crop_length is None:
            return [self._sample(generator(self.seed, Stream.SAMPLE, index), text, plan)]
        made = []
        for part in range(crop_count(plan.crop_length, self.seq_length)):
            rng = generator(self.seed, Stream.CROP, index, part)
            made.append(self._sample(rng, crop(rng, text, plan.crop_length, self.ends, self.special), plan))
        return made

    def batch(self, texts: Iterable[tuple[int, Text]], step: int) -> list[Sample]:
        """Build the samples of (global index, text) pairs of one step, in the order given."""
        plan = self.plan(step)
        return [sample for index, text in texts for sample in self.samples(text, index, plan)]

    def _sample(self, rng: Generator, text: Text, plan: BatchPlan) -> Sample:
        sample = self._longer_blank(rng, text, plan)
        if sample is not None and sample.loss_mask.any():
            return sample
        return token_blanks(rng, text.ids, self.special, self.rules, plan.single_span)

    def _longer_blank(self, rng: Generator, text: Text, plan: BatchPlan) -> Sample | None:
        if plan.objective is Objective.DOCUMENT and len(text) > 2:
            return document_blank(rng, text.ids, text.loss_mask, plan.length_draw, self.special, self.rules)
        if plan.objective is Objective.SENTENCES:
            return sentence_blanks(rng, text.ids, self.ends, self.special, self.rules)
        return None
