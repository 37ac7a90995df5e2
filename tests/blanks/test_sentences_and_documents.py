"""Sentence blanks, and the suffix and infill forms of the document objective."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from wudao_rt.data.blanks import (
    Objectives,
    SpecialIds,
    document_blank,
    document_infill,
    sentence_blanks,
    sentence_end_table,
)
from wudao_rt.data.blanks.document import generated_length
from wudao_rt.data.blanks.sentences import find_sentences

SPECIAL = SpecialIds(eos=0, cls=1, mask=2, sop=3, eop=4, smask=5, gmask=6)
ENDS = sentence_end_table(["x"] * 20 + ["."])  # token 20 ends a sentence
RULES = Objectives(token_prob=0, sentence_prob=0.5)


def sentences(ids):
    found = find_sentences(np.array(ids), ENDS, SPECIAL)
    return list(zip(found.starts.tolist(), found.ends.tolist(), strict=True))


@pytest.mark.parametrize("text", [*".?!;:\u3002\uff1f\uff01\uff1b\u2026\n", "3.5", "e.g", "\u597d\u3002"])
def test_sentence_ends(text):
    assert sentence_end_table([text, "word"]).tolist() == [True, False]


def test_sentences_start_after_cls_and_eos_and_the_rest_counts():
    assert sentences([1, 10, 20, 11, 12, 20, 13]) == [(1, 3), (3, 6), (6, 7)]
    assert sentences([1, 10, 20, 0, 1, 11, 20, 0]) == [(1, 3), (5, 7)]
    assert sentences([1, 10, 20, 11, 0]) == [(1, 3)]  # eos drops what it interrupts
    assert sentences([1, 0]) == []
    assert sentences([1]) == []


@given(st.lists(st.integers(8, 20), min_size=1, max_size=80), st.integers(0, 2**32))
def test_sentence_blanks_reach_the_ratio_with_whole_sentences(words, seed):
    ids = np.array([1, *words], np.int32)
    row = sentence_blanks(np.random.default_rng(seed), ids, ENDS, SPECIAL, RULES)
    counts = [int((row.ids == SPECIAL.sop).sum()), int((row.ids == SPECIAL.smask).sum())]
    assert counts[0] == counts[1] >= 1
    assert len(row.slots) - counts[0] >= int(0.15 * len(ids))
    answers = np.split(row.targets[row.slots], np.flatnonzero(row.targets[row.slots] == SPECIAL.eop) + 1)[:-1]
    for answer in answers:
        assert not (answer[:-2] == 20).any()


def test_a_text_without_a_sentence_gives_none():
    assert sentence_blanks(np.random.default_rng(0), np.array([1, 0]), ENDS, SPECIAL, RULES) is None


def test_generated_length_is_uniform_between_its_bounds():
    lengths = [generated_length(draw, 12, 0.5) for draw in np.linspace(0, 1, 1000, endpoint=False)]
    assert np.bincount(lengths).tolist() == [0] * 6 + [200] * 5
    assert generated_length(0.99, 3, 1.0) == 1


def test_infill_hides_one_stretch_inside_the_frame():
    ids = np.array([1, *range(10, 20), 0])
    starts = set()
    for seed in range(300):
        row = document_infill(np.random.default_rng(seed), ids, 7, SPECIAL)
        assert (row.ids == SPECIAL.gmask).sum() == 1
        assert row.targets[row.slots][-1] == SPECIAL.eop
        assert row.ids[0] == SPECIAL.cls
        assert row.ids[row.sep - 1] == SPECIAL.eos
        starts.add(int(row.targets[row.slots][0]))
    assert starts == {10, 11, 12, 13}


def test_texts_of_several_documents_always_hide_their_suffix():
    rules = Objectives(token_prob=0, suffix_prob=0)
    one, two = np.array([1, 10, 11, 12, 13, 0]), np.array([1, 10, 11, 0, 1, 12, 0])
    rng = np.random.default_rng(0)
    assert document_blank(rng, one, np.ones(6), 0.5, SPECIAL, rules).targets[-1] == SPECIAL.eop
    row = document_blank(rng, two, np.ones(7), 0.5, SPECIAL, rules)
    assert row.targets[-1] == SPECIAL.eos
    assert row.ids[row.sep - 1] == SPECIAL.gmask
    with pytest.raises(ValueError, match="document_blank: ids: expected at least 3 tokens"):
        document_blank(rng, two[:2], np.ones(2), 0.5, SPECIAL, rules)


def test_suffix_and_infill_have_their_share():
    rules, ids = Objectives(token_prob=0, suffix_prob=0.25), np.array([1, *range(10, 40), 0])
    rng = np.random.default_rng(0)
    forms = [document_blank(rng, ids, np.ones(32), 0.5, SPECIAL, rules).targets[-1] for _ in range(2000)]
    assert np.mean(np.array(forms) == SPECIAL.eos) == pytest.approx(0.25, abs=0.03)
