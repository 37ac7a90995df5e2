"""Worked examples and edges of the left-to-right samples."""

import numpy as np
import pytest
from wudao_rt.data.blanks import SpecialIds, causal_document, document_suffix, prompted_body

SPECIAL = SpecialIds(eos=0, cls=1, mask=2, sop=3, eop=4, smask=5, gmask=6, dblock=7)
TEXT = np.array([1, *range(10, 20), 0])


def test_suffix_of_the_specification():
    row = document_suffix(TEXT, np.ones(12), 8, SPECIAL)
    assert row.sep == 5
    assert row.ids.tolist() == [1, 10, 11, 12, 6, 3, 13, 14, 15, 16, 17, 18, 19]
    assert row.targets[5:].tolist() == [13, 14, 15, 16, 17, 18, 19, 0]
    assert row.positions.tolist() == [0, 1, 2, 3, 4] + [4] * 8
    assert row.block_positions.tolist() == [0] * 5 + list(range(1, 9))
    assert row.loss_mask.tolist() == [0] * 5 + [1] * 8


def test_suffix_keeps_the_texts_own_weights():
    weights = np.ones(12)
    weights[-3:] = 0
    assert document_suffix(TEXT, weights, 8, SPECIAL).loss_mask[5:].tolist() == [1] * 5 + [0] * 3


@pytest.mark.parametrize("length", [0, 13])
def test_suffix_length_out_of_range(length):
    with pytest.raises(ValueError, match=r"document_suffix: length: expected 1\.\.12, got"):
        document_suffix(TEXT, np.ones(12), length, SPECIAL)


def test_prompted_body_weighs_the_body_and_its_end():
    row = prompted_body(np.array([20, 21]), np.array([10, 11]), SPECIAL, weights=np.array([0.5, 1, 2]))
    assert row.ids.tolist() == [1, 20, 21, 6, 3, 10, 11]
    assert row.targets[row.slots].tolist() == [10, 11, 0]
    assert row.loss_mask.tolist() == [0, 0, 0, 0, 0.5, 1, 2]
    assert row.positions.tolist() == [0, 1, 2, 3, 3, 3, 3]
    assert prompted_body(np.array([20]), np.array([10]), SPECIAL, end=4).targets[-1] == 4


def test_causal_document_scores_every_token_once():
    body = np.arange(10, 20)
    whole, piece = causal_document(body, SPECIAL), causal_document(body, SPECIAL, ended=False)
    assert whole.targets[whole.slots].tolist() == [*body, 0]
    assert piece.targets[piece.slots].tolist() == body.tolist()
    assert piece.ids.tolist() == [1, 6, 3, *body[:-1]]


def test_a_packed_text_is_read_left_to_right_by_its_longest_suffix():
    text = np.array([1, *range(10, 20), 0])
    row, whole = document_suffix(text, np.ones(12), 11, SPECIAL), causal_document(text[1:-1], SPECIAL)
    assert row.ids.tolist() == whole.ids.tolist()
    assert row.targets[row.slots].tolist() == whole.targets[whole.slots].tolist()
