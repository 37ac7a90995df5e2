"""The block builder: the specification's worked example, and what holds for every text and every set of spans."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from wudao_rt.data.blanks import Spans, SpecialIds, block_sample, explicit_mask

SPECIAL = SpecialIds(eos=0, cls=1, mask=2, sop=3, eop=4, smask=5, gmask=6, dblock=7)
A = [10 + i for i in range(10)]


@st.composite
def texts_with_spans(draw):
    """Draw a text, ascending spans with gaps, and an order of them."""
    gaps = draw(st.lists(st.integers(1, 4), min_size=2, max_size=8))
    lengths = np.array(draw(st.lists(st.integers(1, 9), min_size=len(gaps) - 1, max_size=len(gaps) - 1)))
    starts = np.cumsum(gaps[:-1]) + np.cumsum(lengths) - lengths
    ids = np.arange(10, 10 + sum(gaps) + lengths.sum() - draw(st.integers(0, 1)) * gaps[-1], dtype=np.int32)
    return ids, Spans(starts, lengths), np.array(draw(st.permutations(range(len(lengths)))))


def test_worked_example_of_section_1_3():
    text = np.array([1, *A, 0])
    row = block_sample(text, Spans(np.array([3, 7]), np.array([2, 3])), np.array([1, 0]), SPECIAL.mask, SPECIAL)
    part_a = [1, A[0], A[1], 2, A[4], A[5], 2, A[9], 0]
    assert row.ids.tolist() == [*part_a, 3, A[6], A[7], A[8], 3, A[2], A[3]]
    assert row.targets[9:].tolist() == [A[6], A[7], A[8], 4, A[2], A[3], 4]
    assert row.loss_mask.tolist() == [0] * 9 + [1] * 7
    assert row.sep == 9
    assert row.positions.tolist() == [*range(9), 6, 6, 6, 6, 3, 3, 3]
    assert row.block_positions.tolist() == [0] * 9 + [1, 2, 3, 4, 1, 2, 3]


def test_no_spans_is_refused():
    empty = np.zeros(0, np.int64)
    with pytest.raises(ValueError, match="block_sample: spans: expected at least one"):
        block_sample(np.array([1, 10, 0]), Spans(empty, empty), empty, 2, SPECIAL)


@given(texts_with_spans())
def test_sizes_positions_and_weights(case):
    ids, spans, order = case
    row = block_sample(ids, spans, order, SPECIAL.mask, SPECIAL)
    hidden, count = spans.lengths.sum(), len(spans)
    assert row.sep == len(ids) - hidden + count
    assert len(row) == len(ids) + 2 * count
    assert row.loss_mask.sum() == (spans.lengths + 1).sum()
    assert not row.loss_mask[: row.sep].any()
    assert row.positions[: row.sep].tolist() == list(range(row.sep))
    masks = np.flatnonzero(row.ids[: row.sep] == SPECIAL.mask)
    assert sorted(row.positions[row.sep :]) == sorted(np.repeat(masks, spans.lengths + 1))
    assert ((row.block_positions == 1) == (row.ids == SPECIAL.sop)).all()


@given(texts_with_spans())
def test_text_can_be_put_together_again(case):
    ids, spans, order = case
    row = block_sample(ids, spans, order, SPECIAL.mask, SPECIAL)
    answers = {}
    for slot in row.slots:
        answers.setdefault(int(row.positions[slot]), []).append(int(row.targets[slot]))
    assert all(answer[-1] == SPECIAL.eop for answer in answers.values())
    filled = [answers[i][:-1] if i in answers else [int(token)] for i, token in enumerate(row.ids[: row.sep])]
    assert [token for part in filled for token in part] == ids.tolist()
    inner = row.slots[row.block_positions[row.slots] > 1]
    assert (row.ids[inner] == row.targets[inner - 1]).all()


def seen(row, mask):
    """Return what each scored slot has to go on: its target and the (id, position, block) of all it sees."""
    tokens = list(zip(row.ids.tolist(), row.positions.tolist(), row.block_positions.tolist(), strict=True))
    return {
        (tokens[q], int(row.targets[q]), tuple(sorted(tokens[k] for k in np.flatnonzero(mask[q])))) for q in row.slots
    }


def test_span_order_matters_only_through_the_causal_part_b():
    text, spans = np.array([1, *A, 0]), Spans(np.array([3, 7]), np.array([2, 3]))
    rows = [block_sample(text, spans, np.array(order), SPECIAL.mask, SPECIAL) for order in ([0, 1], [1, 0])]
    causal = [explicit_mask(row.sep, len(row)) for row in rows]
    apart = []
    for row, mask in zip(rows, causal, strict=True):
        same = row.positions[:, None] == row.positions[None, :]
        apart.append(mask & (same | (np.arange(len(row)) < row.sep)))
    assert seen(rows[0], apart[0]) == seen(rows[1], apart[1])
    assert seen(rows[0], causal[0]) != seen(rows[1], causal[1])


@given(st.integers(1, 6), st.integers(0, 6))
def test_explicit_mask_hides_part_b_from_part_a_and_the_future_from_part_b(sep, more):
    mask = explicit_mask(sep, sep + more)
    assert mask[:, :sep].all()
    assert not mask[:sep, sep:].any()
    assert (mask[sep:, sep:] == np.tri(more, dtype=bool)).all()
