"""Perplexity windows: counts, and every token but the first scored exactly once."""

from math import ceil, exp

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from wudao_rt.data.blanks import SpecialIds
from wudao_rt.tasks import adjusted_perplexity, mean_loss, perplexity_windows, window_count

SPECIAL = SpecialIds(eos=0, cls=1, mask=2, sop=3, eop=4, smask=5, gmask=6)


@pytest.mark.parametrize("mode", ["bi", "uni"])
def test_forty_tokens_give_four_windows_and_39_scores(mode):
    windows = list(perplexity_windows(np.arange(10, 50), 21, 8, SPECIAL, mode))
    assert len(windows) == window_count(40, 21, 8) == 4
    assert sum(len(window.sample.slots) for window in windows) == 39
    assert np.concatenate([window.tokens for window in windows]).tolist() == list(range(1, 40))


@given(st.integers(2, 300), st.integers(3, 64), st.data(), st.sampled_from(["bi", "uni"]))
def test_every_token_but_the_first_is_scored_once(count, seq_length, data, mode):
    overlap = data.draw(st.integers(1, seq_length - 1 - (mode == "uni")))
    tokens = np.arange(10, 10 + count)
    windows = list(perplexity_windows(tokens, seq_length, overlap, SPECIAL, mode))
    assert len(windows) == ceil(max(count - seq_length + 1, 0) / overlap) + 1
    scored = np.concatenate([window.tokens for window in windows])
    assert scored.tolist() == list(range(1, count))
    for window in windows:
        sample = window.sample
        assert sample.targets[sample.slots].tolist() == tokens[window.tokens].tolist()
        assert sample.ids[sample.sep - 1] == SPECIAL.gmask
        assert SPECIAL.eos not in sample.ids
        assert len(sample) <= seq_length + 1
        assert sample.positions.max() <= seq_length


def test_rows_of_both_modes():
    tokens = np.arange(10, 24)
    first, second = perplexity_windows(tokens, 11, 4, SPECIAL, "bi")
    assert first.sample.ids.tolist() == [1, 10, 6, 3, *range(11, 19)]
    assert second.sample.ids.tolist() == [1, *range(14, 20), 6, 3, 20, 21, 22]
    assert second.sample.targets[second.sample.slots].tolist() == [20, 21, 22, 23]
    _, uni = perplexity_windows(tokens, 11, 4, SPECIAL, "uni")
    assert uni.sample.ids.tolist() == [1, 14, 6, 3, *range(15, 23)]
    assert uni.sample.targets[uni.sample.slots].tolist() == [20, 21, 22, 23]


def test_reported_numbers():
    assert mean_loss(30.0, 16) == 2.0
    assert adjusted_perplexity(30.0, 16, 11) == pytest.approx(exp(2.0 * 15 / 10))


def test_bad_input():
    with pytest.raises(ValueError, match=r"perplexity: overlap: expected 1 to 9 with windows of length 11, got 10"):
        perplexity_windows(np.arange(20), 11, 10, SPECIAL, "uni")
    with pytest.raises(ValueError, match="perplexity: tokens: expected at least 2, got 1"):
        perplexity_windows(np.arange(1), 11, 4, SPECIAL)
    with pytest.raises(ValueError, match="perplexity: mode: expected bi or uni, got both"):
        perplexity_windows(np.arange(20), 11, 4, SPECIAL, "both")
