"""Mixed objectives: shares, independence of batch and order, short texts, published recipes."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from wudao_rt.data.blanks import (
    DEFAULTS,
    RECIPES,
    BatchPlan,
    BlankBuilder,
    Objective,
    Objectives,
    SpecialIds,
    Text,
    sentence_end_table,
)
from wudao_rt.data.blanks.keys import Stream, generator
from wudao_rt.errors import ConfigError

SPECIAL = SpecialIds(eos=0, cls=1, mask=2, sop=3, eop=4, smask=5, gmask=6, dblock=7)
ENDS = sentence_end_table(["x"] * 20 + ["."] + ["x"] * 500)
MIX = Objectives(token_prob=0.4, sentence_prob=0.3, block_mask=0.1, short_prob=0.1, single_span_prob=0.05)


def builder(rules=MIX, seed=11):
    return BlankBuilder(rules, SPECIAL, ENDS, 128, seed)


def text(index):
    body = np.random.default_rng(index).integers(8, 60, 60 + index % 60)
    return Text([1, *body, 0], [0] + [1] * (len(body) + 1))


def rows(samples):
    return [
        (s.sep, s.ids.tolist(), s.positions.tolist(), s.block_positions.tolist(), s.targets.tolist()) for s in samples
    ]


def test_samples_do_not_depend_on_batch_or_order():
    for step in range(12):
        indices = range(8 * step, 8 * step + 8)
        whole = rows(builder().batch([(i, text(i)) for i in indices], step))
        halves = [rows(builder().batch([(i, text(i)) for i in part], step)) for part in (indices[:3], indices[3:])]
        assert whole == halves[0] + halves[1]
        per_text = len(whole) // 8
        backwards = rows(builder().batch([(i, text(i)) for i in reversed(indices)], step))
        pieces = [backwards[k : k + per_text] for k in range(0, len(backwards), per_text)]
        assert whole == [row for piece in reversed(pieces) for row in piece]
        assert whole != rows(builder(seed=12).batch([(i, text(i)) for i in indices], step))


@pytest.mark.parametrize("crop_length", [None, 40])
def test_one_text_gives_other_samples_at_other_indices(crop_length):
    plan = BatchPlan(Objective.TOKENS, single_span=False, length_draw=0.5, crop_length=crop_length)
    made = [str(rows(builder().samples(text(0), index, plan))) for index in range(20)]
    assert len(set(made)) == 20


def test_shares_of_the_objectives():
    plans = [builder().plan(step) for step in range(6000)]
    counts = Counter(plan.objective for plan in plans)
    expected = {Objective.TOKENS: 0.05 + 0.95 * 0.4, Objective.SENTENCES: 0.95 * 0.3, Objective.DOCUMENT: 0.95 * 0.3}
    for objective, share in expected.items():
        assert counts[objective] / 6000 == pytest.approx(share, abs=0.02)
    assert np.mean([plan.crop_length is not None for plan in plans]) == pytest.approx(0.1, abs=0.012)
    assert {plan.objective for plan in plans if plan.single_span} == {Objective.TOKENS}
    lengths = [plan.crop_length for plan in plans if plan.crop_length]
    assert min(lengths) >= 32
    assert max(lengths) <= 126


def test_each_text_of_a_short_batch_gives_the_same_number_of_samples():
    plan = BatchPlan(Objective.TOKENS, single_span=False, length_draw=0.5, crop_length=40)
    made = [builder().samples(text(i), i, plan) for i in range(20)]
    assert {len(samples) for samples in made} == {3}
    assert rows(made[0])[0] != rows(made[0])[1]
    assert max(len(sample) for samples in made for sample in samples) <= 41 + 2 * 6


@pytest.mark.parametrize("objective", list(Objective))
def test_no_text_with_a_word_is_dropped(objective):
    plan = BatchPlan(objective, single_span=False, length_draw=0.9, crop_length=None)
    for ids in ([10], [1, 10], [10, 0], [1, 10, 0], [1, 10, 20, 0, 1, 11, 0], [1, 0, 1, 10, 0]):
        (sample,) = builder().samples(Text(ids, np.ones(len(ids))), 0, plan)
        assert sample.loss_mask.sum() >= 1


def test_a_suffix_of_given_tokens_falls_back_to_token_blanks():
    plan = BatchPlan(Objective.DOCUMENT, single_span=False, length_draw=0.5, crop_length=None)
    (sample,) = builder(Objectives(suffix_prob=1)).samples(Text([1, 10, 11, 12, 13], np.zeros(5)), 0, plan)
    assert sample.loss_mask.sum() >= 1


def test_keys_separate_streams_indices_and_parts():
    draws = {
        generator(seed, stream, index, part).random()
        for seed in (0, 1, 2**63)
        for stream in Stream
        for index in (0, 1, 2**40)
        for part in (0, 1)
    }
    assert len(draws) == 3 * len(Stream) * 3 * 2
    with pytest.raises(ConfigError, match=r"seed: expected .*, got -1"):
        generator(-1, Stream.BATCH)


def test_defaults_and_recipes_of_the_reference():
    assert Objectives(0.5, 0.0, 0.5, 0.5, 0.15, 0.15, 3.0, 40, 0.0, 0.0, 3, 0.0, 0.0) == DEFAULTS
    shares = {name: (r.objectives.token_prob, r.objectives.sentence_prob) for name, r in RECIPES.items()}
    assert shares["base"] == shares["large"] == shares["roberta-large"] == (1.0, 0.0)
    assert shares["large-chinese"] == shares["10b-long"] == (0.4, 0.3)
    assert shares["10b"] == shares["10b-chinese"] == shares["10b-chinese-long"] == (0.5, 0.3)
    assert RECIPES["10b"].schedule.lr_at(91_000) == pytest.approx(5.5e-5)
    assert RECIPES["roberta-large"].schedule.lr_at(500_000) == pytest.approx(1e-5)
    assert [r.seq_length for n, r in RECIPES.items() if n.endswith("long")] == [1024, 1024]


def test_numbers_out_of_range_are_refused():
    with pytest.raises(ValueError, match=r"Objectives: token_prob: expected 0\.\.1, got 1\.5"):
        Objectives(token_prob=1.5)
    with pytest.raises(ValueError, match=r"token_prob \+ sentence_prob: expected at most 1"):
        replace(MIX, sentence_prob=0.7)
