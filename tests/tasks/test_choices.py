"""Multiple choice in one row: what each choice sees equals a row of its own."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from wudao_rt.data.blanks import SpecialIds, explicit_mask, suffix_sample
from wudao_rt.tasks import choice_scores, collate_choices, continuation, multiple_choice

SPECIAL = SpecialIds(eos=0, cls=1, mask=2, sop=3, eop=4, smask=5, gmask=6)
QUESTION = np.array([10, 11])
CHOICES = [np.array([20, 21, 22]), np.array([30]), np.array([40, 41])]
tokens = st.lists(st.integers(10, 99), min_size=1, max_size=8).map(np.array)


def tokens_seen(ids, positions, block_positions, mask, slot):
    rows = np.stack([ids, positions, block_positions], axis=1)
    return [rows[slot].tolist(), sorted(rows[mask[slot]].tolist())]


def test_rows_of_both_modes():
    bi = multiple_choice(QUESTION, CHOICES, SPECIAL)
    assert bi.ids.tolist() == [1, 10, 11, 2, 0, 3, 20, 21, 3, 3, 40]
    assert bi.positions.tolist() == [0, 1, 2, 3, 4, 3, 3, 3, 3, 3, 3]
    assert bi.block_positions.tolist() == [0] * 5 + [1, 2, 3, 1, 1, 2]
    assert [slots.tolist() for slots in bi.slots] == [[5, 6, 7], [8], [9, 10]]
    uni = multiple_choice(QUESTION, CHOICES, SPECIAL, "uni")
    assert uni.ids.tolist() == [1, 6, 3, 10, 11, 20, 21, 40]
    assert uni.positions.tolist() == [0] + [1] * 7
    assert uni.block_positions.tolist() == [0, 0, 1, 2, 3, 4, 5, 4]
    assert [slots.tolist() for slots in uni.slots] == [[4, 5, 6], [4], [4, 7]]


def test_mask_of_the_row():
    mask = multiple_choice(QUESTION, CHOICES[1:], SPECIAL).mask
    assert mask[:, :5].all()
    assert mask[5:, 5:].astype(int).tolist() == [[1, 0, 0], [0, 1, 0], [0, 1, 1]]
    assert not mask[:5, 5:].any()


@given(tokens, st.lists(tokens, min_size=1, max_size=4), st.sampled_from(["bi", "uni"]))
def test_each_choice_sees_what_it_would_see_alone(question, choices, mode):
    row = multiple_choice(question, choices, SPECIAL, mode)
    arrays = (row.ids, row.positions, row.block_positions, row.mask)
    for choice, slots, targets in zip(choices, row.slots, row.targets, strict=True):
        if mode == "bi":
            context = np.array([1, *question, 2, 0])
            alone = suffix_sample(context, len(context) - 2, SPECIAL.sop, choice, np.ones(len(choice)))
        else:
            alone = continuation(question, choice, SPECIAL, "uni")
        single = (alone.ids, alone.positions, alone.block_positions, explicit_mask(alone.sep, len(alone)))
        assert targets.tolist() == choice.tolist()
        for slot, own_slot in zip(slots, alone.slots, strict=True):
            assert tokens_seen(*arrays, slot) == tokens_seen(*single, own_slot)


def test_scores_sum_over_each_choice():
    row = multiple_choice(QUESTION, CHOICES, SPECIAL)
    log_probs = np.zeros((len(row.ids), 100))
    log_probs[5, 20], log_probs[6, 21], log_probs[7, 22], log_probs[8, 30] = -1, -2, -4, -8
    assert choice_scores(row, log_probs).tolist() == [-7, -8, 0]


def test_a_mask_in_the_question_is_used_and_kept():
    row = multiple_choice(np.array([10, 2, 11]), CHOICES, SPECIAL)
    assert row.ids[:5].tolist() == [1, 10, 2, 11, 0]
    assert set(row.positions[5:].tolist()) == {2}
    assert multiple_choice(np.arange(10, 30), CHOICES, SPECIAL, max_length=8).ids[:5].tolist() == [1, 28, 29, 2, 0]
    with pytest.raises(ValueError, match="multiple_choice: max_length: expected room for the question's mask"):
        multiple_choice(np.array([2, 10, 11]), CHOICES, SPECIAL, max_length=7)
    with pytest.raises(ValueError, match="multiple_choice: question: expected no mask in mode uni"):
        multiple_choice(np.array([2, 10]), CHOICES, SPECIAL, "uni")
    with pytest.raises(ValueError, match="multiple_choice: choices: expected at least one token in each"):
        multiple_choice(QUESTION, [np.array([], int)], SPECIAL)


def test_padding_is_unseen_and_sees_itself():
    rows = [multiple_choice(QUESTION, CHOICES, SPECIAL), multiple_choice(QUESTION, CHOICES[1:2], SPECIAL)]
    batch = collate_choices(rows, length=12)
    assert batch.mask.shape == (2, 12, 12)
    assert (batch.mask[1, :6, :6] == rows[1].mask).all()
    assert (batch.mask[1, 6:] == np.eye(12, dtype=bool)[6:]).all()
    assert not batch.mask[1, :6, 6:].any()
    with pytest.raises(ValueError, match="collate_choices: rows: expected at most 9 tokens, got 11"):
        collate_choices(rows, length=9)
