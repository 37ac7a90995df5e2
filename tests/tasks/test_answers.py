"""Continuations, last words, cloze questions and source-target rows."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from wudao_rt.data.blanks import SpecialIds
from wudao_rt.tasks import (
    SEQ2SEQ_TASKS,
    Segment,
    answer_last,
    cloze,
    cloze_score,
    continuation,
    last_word,
    pad_scores,
    split_last_word,
    summary,
)

SPECIAL = SpecialIds(eos=0, cls=1, mask=2, sop=3, eop=4, smask=5, gmask=6, sep=8)
words = st.lists(st.integers(10, 99), min_size=1, max_size=30).map(np.array)


@given(words, words, st.integers(0, 40))
def test_last_word_modes_score_the_same_slots_and_no_eop(context, answer, room):
    limit = 3 + len(answer) + max(1, room)
    bi, uni = (last_word(context, answer, SPECIAL, mode, limit) for mode in ("bi", "uni"))
    assert bi.slots.tolist() == uni.slots.tolist()
    assert bi.targets[bi.slots].tolist() == uni.targets[uni.slots].tolist() == answer.tolist()
    assert len(bi) == len(uni) <= limit


def test_last_word_rows():
    bi, uni = (last_word(np.array([10, 11, 12]), np.array([20, 21]), SPECIAL, mode) for mode in ("bi", "uni"))
    assert bi.ids.tolist() == [1, 10, 11, 12, 6, 0, 3, 20]
    assert bi.positions.tolist() == [0, 1, 2, 3, 4, 5, 4, 4]
    assert uni.ids.tolist() == [1, 10, 6, 0, 3, 11, 12, 20]
    assert uni.positions.tolist() == [0, 1, 2, 3, 2, 2, 2, 2]
    cut = last_word(np.array([10, 11, 12]), np.array([20]), SPECIAL, "uni", max_length=6)
    assert cut.ids.tolist() == [1, 11, 6, 0, 3, 12]
    assert last_word(np.array([10]), np.array([20]), SPECIAL.with_one_mask()).ids[2] == SPECIAL.mask
    assert split_last_word(" He said good  night\n") == ("He said good", " night")
    with pytest.raises(ValueError, match="last_word: text: expected at least two words, got 'one'"):
        split_last_word("one")


def test_continuation_rows():
    context, answer = np.array([10, 11]), np.array([20, 21])
    bi = continuation(context, answer, SPECIAL, "bi", end=SPECIAL.eop)
    assert bi.ids.tolist() == [1, 10, 11, 6, 3, 20, 21]
    assert bi.targets[bi.slots].tolist() == [20, 21, 4]
    uni = continuation(context, answer, SPECIAL, "uni")
    assert uni.ids.tolist() == [1, 6, 3, 10, 11, 20]
    assert uni.targets[uni.slots].tolist() == [20, 21]
    assert continuation(context[:0], answer, SPECIAL).ids.tolist() == [1, 6, 3, 20]
    assert continuation(context, answer, SPECIAL, max_length=5).ids.tolist() == [1, 11, 6, 3, 20]
    with pytest.raises(ValueError, match="continuation: answer: expected at most 3 tokens in all, got 4"):
        continuation(context, answer, SPECIAL, max_length=3)
    with pytest.raises(ValueError, match="continuation: answer: expected at least one token"):
        continuation(context, answer[:0], SPECIAL)


def test_cloze_rows_use_the_last_mask():
    left, right = [Segment(np.array([10, 2]))], [Segment(np.array([11])), Segment(np.array([2, 12]))]
    row = cloze(left, right, np.array([30, 31]), SPECIAL, separate=True)
    assert row.ids.tolist() == [1, 10, 2, 8, 11, 2, 12, 0, 3, 30, 31]
    assert row.targets[row.slots].tolist() == [30, 31, 4]
    assert row.positions[row.sep :].tolist() == [5, 5, 5]
    short = cloze(left, right, np.array([30, 31]), SPECIAL, include_end=False, ended=False)
    assert short.ids.tolist() == [1, 10, 2, 11, 2, 12, 3, 30]
    verbalizer = cloze(left, right, np.array([], int), SPECIAL)
    assert verbalizer.ids[-1] == SPECIAL.sop
    assert verbalizer.slots.tolist() == [verbalizer.sep]


def test_cloze_shortens_the_longer_side_from_its_end():
    left = [Segment(np.arange(10, 16), shortenable=True), Segment(np.array([2]))]
    right = [Segment(np.arange(20, 23), shortenable=True), Segment(np.array([40]))]
    row = cloze(left, right, np.array([30]), SPECIAL, max_length=11)
    assert row.ids.tolist() == [1, 10, 11, 12, 2, 20, 21, 40, 0, 3, 30]
    with pytest.raises(ValueError, match="cloze: max_length: expected at most 5 tokens, got 15"):
        cloze(left, right, np.array([30]), SPECIAL, max_length=5)
    with pytest.raises(ValueError, match="cloze: left, right: expected a mask"):
        cloze(left[:1], right, np.array([30]), SPECIAL)


def test_cloze_scores():
    assert cloze_score(np.array([-1.0, -2.0, -3.0])) == -6.0
    assert cloze_score(np.array([-1.0, -2.0, -3.0, -2.0]), length_penalty=0.5) == -4.0
    assert pad_scores([[-1.0], [-2.0, -3.0]]).tolist() == [[-1.0, -10000.0], [-2.0, -3.0]]


def test_seq2seq_rows_hide_or_show_the_padding():
    text, target, prompt = np.arange(20, 24), np.arange(40, 42), np.array([9])
    row = summary(text, target, prompt, SPECIAL, source_length=10, target_length=5)
    assert row.ids.tolist() == [1, 5, 9, 20, 21, 22, 23, 3, 40, 41]
    assert row.targets[row.slots].tolist() == [40, 41, 4]
    assert row.positions[row.sep :].tolist() == [1, 1, 1]
    padded = summary(text, target, prompt, SPECIAL, source_length=10, target_length=5, visible_padding=True)
    assert padded.ids.tolist() == [1, 5, 9, 20, 21, 22, 23, 0, 0, 0, 3, 40, 41]
    assert padded.sep == 10
    cut = summary(text, target, prompt, SPECIAL, source_length=5, target_length=2)
    assert cut.ids.tolist() == [1, 5, 9, 20, 21, 3, 40]
    assert cut.targets[cut.slots].tolist() == [40, 41]
    own = answer_last(text, target, SPECIAL, source_length=6, target_length=5)
    assert own.ids.tolist() == [1, 21, 22, 23, 5, 0, 3, 40, 41]
    assert own.positions[own.sep :].tolist() == [4, 4, 4]
    task = SEQ2SEQ_TASKS["cnn-dm"]
    assert (task.source_length, task.target_length, task.beams, task.no_repeat, task.min_length) == (608, 160, 5, 3, 55)
