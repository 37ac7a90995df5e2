"""Token blanks: lengths against the Poisson distribution, coverage, gaps, documents, extra noise."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from wudao_rt.data.blanks import Objectives, SpecialIds, token_blanks
from wudao_rt.data.blanks.placement import document_bounds
from wudao_rt.data.blanks.spans import draw_lengths, length_weights
from wudao_rt.data.blanks.tokens import token_spans

SPECIAL = SpecialIds(eos=0, cls=1, mask=2, sop=3, eop=4, smask=5, gmask=6, dblock=7)
RULES = Objectives(token_prob=1.0)
TEXT = np.array([1, *range(10, 520), 0], np.int32)

packed = st.lists(st.integers(1, 60), min_size=1, max_size=12).map(
    lambda sizes: np.concatenate([[1, *range(10, 10 + size), 0] for size in sizes]).astype(np.int32)
)


def test_lengths_follow_the_poisson_distribution():
    weights = length_weights(3.0, 40)
    assert weights @ np.arange(1, 40) == pytest.approx(3.157, abs=5e-4)
    assert weights[:8] == pytest.approx(stats.poisson.pmf(range(1, 9), 3) / (1 - np.exp(-3)), rel=1e-9)
    drawn = draw_lengths(np.random.default_rng(0), 60_000)
    counts = np.bincount(drawn, minlength=12)
    pooled = np.append(counts[1:10], counts[10:].sum())
    expected = np.append(weights[:9], weights[9:].sum()) * counts.sum()
    assert stats.chisquare(pooled, expected).pvalue > 0.01


def test_coverage_of_512_tokens_as_measured_on_the_reference():
    rng = np.random.default_rng(1)
    lengths = [token_spans(rng, TEXT, SPECIAL, RULES).lengths for _ in range(1000)]
    hidden = np.array([taken.sum() for taken in lengths])
    assert hidden.min() == 76
    assert hidden.max() <= 76 + 38
    assert hidden.mean() == pytest.approx(77.7, abs=0.2)
    assert np.mean([taken.size for taken in lengths]) == pytest.approx(24.5, abs=0.4)
    shares = np.bincount(np.concatenate(lengths), minlength=9)[1:9] / sum(map(len, lengths))
    assert shares == pytest.approx([0.155, 0.239, 0.231, 0.178, 0.109, 0.049, 0.025, 0.009], abs=0.012)


@given(packed, st.integers(0, 2**32), st.booleans())
def test_spans_keep_apart_and_inside_documents(ids, seed, terminated):
    ids = ids if terminated else ids[:-1]
    if not document_bounds(ids, SPECIAL):
        return
    spans = token_spans(np.random.default_rng(seed), ids, SPECIAL, RULES)
    assert (spans.starts[1:] - spans.ends[:-1] >= 1).all()
    hidden = np.concatenate([ids[s:e] for s, e in zip(spans.starts, spans.ends, strict=True)])
    assert hidden.size >= 1
    assert (hidden >= 10).all()
    inside = [sum(first <= s and e <= first + size for first, size in document_bounds(ids, SPECIAL))
              for s, e in zip(spans.starts, spans.ends, strict=True)]  # fmt: skip
    assert set(inside) == {1}


def test_documents_share_the_blanks_and_the_open_end_stays():
    ids = np.array([1, 20, 21, 0, 1, 30, 31, 32, 33, 34])
    assert document_bounds(ids, SPECIAL) == [(1, 2), (5, 4)]
    assert document_bounds(np.array([20, 21, 0]), SPECIAL) == [(0, 2)]
    assert document_bounds(np.array([1, 0, 1]), SPECIAL) == []


def test_a_text_of_many_short_documents_is_not_dropped():
    ids = np.array([1, *range(10, 26), 0] * 28, np.int32)
    for seed in range(50):
        spans = token_spans(np.random.default_rng(seed), ids, SPECIAL, RULES)
        assert spans.lengths.sum() >= int(0.15 * len(ids))


def test_tiny_texts_hide_one_token_and_empty_ones_are_refused():
    row = token_blanks(np.random.default_rng(0), np.array([1, 10, 0]), SPECIAL, RULES)
    assert row.ids.tolist() == [1, 2, 0, 3, 10]
    with pytest.raises(ValueError, match="token_blanks: ids: expected words to hide, got 2"):
        token_blanks(np.random.default_rng(0), np.array([1, 0]), SPECIAL, RULES)


def test_single_span():
    for seed in range(20):
        row = token_blanks(np.random.default_rng(seed), TEXT, SPECIAL, RULES, single_span=True)
        assert (row.ids == SPECIAL.sop).sum() == 1


def test_block_mask_is_seeded_and_leaves_targets_and_sop():
    noisy = replace(RULES, block_mask=0.1)
    rows = [token_blanks(np.random.default_rng(seed), TEXT, SPECIAL, noisy) for seed in [0, 0, *range(1, 200)]]
    clean = token_blanks(np.random.default_rng(0), TEXT, SPECIAL, RULES)
    assert (rows[0].ids == rows[1].ids).all()
    assert (rows[0].targets == clean.targets).all()
    changed = rows[0].ids != clean.ids
    assert (rows[0].ids[changed] == SPECIAL.dblock).all()
    assert (clean.block_positions[changed] > 1).all()
    share = sum((row.ids == SPECIAL.dblock).sum() for row in rows) / sum(
        (row.block_positions > 1).sum() for row in rows
    )
    assert share == pytest.approx(0.1, abs=0.01)


def test_context_mask_stays_near_the_blanks():
    row = token_blanks(np.random.default_rng(0), TEXT, SPECIAL, replace(RULES, context_mask=0.05))
    hidden = np.flatnonzero(row.ids == SPECIAL.dblock)
    masks = np.flatnonzero(row.ids == SPECIAL.mask)
    assert len(hidden) == int(0.05 * len(TEXT))
    assert hidden.max() < row.sep
    assert np.abs(hidden[:, None] - masks).min(axis=1).max() <= 3
    without = replace(SPECIAL, dblock=None)
    with pytest.raises(ValueError, match="token blanks: special: expected an id for dBLOCK"):
        token_blanks(np.random.default_rng(0), TEXT, without, replace(RULES, block_mask=0.5))
