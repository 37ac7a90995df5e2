"""Packed texts, crops, documents and their split."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from wudao_rt.data.blanks import Documents, PackedTexts, SpecialIds, Text, sentence_end_table, split_documents
from wudao_rt.data.blanks.keys import Stream, generator
from wudao_rt.data.blanks.short import crop, crop_count, crop_length
from wudao_rt.data.blanks.text import cut_right

SPECIAL = SpecialIds(eos=0, cls=1, mask=2, sop=3, eop=4, smask=5, gmask=6)
ENDS = sentence_end_table(["x"] * 20 + ["."] + ["x"] * 2000)
corpora = st.lists(st.integers(1, 90), min_size=1, max_size=8).map(
    lambda sizes: Documents.from_lists([[8 + (7 * i + j) % 13 for j in range(n)] for i, n in enumerate(sizes)])
)


@settings(max_examples=60)
@given(corpora, st.integers(4, 64), st.integers(0, 2**40), st.integers(0, 2**60))
def test_packed_texts_are_documents_in_frames(documents, length, seed, index):
    text = PackedTexts(documents, length, SPECIAL, ENDS, seed).text(index)
    assert 2 <= len(text) <= length
    assert text.ids[0] == SPECIAL.cls
    assert (text.ids >= 8).any()
    assert ((text.loss_mask == 0) == (text.ids == SPECIAL.cls)).all()
    inner = np.flatnonzero(text.ids == SPECIAL.cls)[1:]
    assert (text.ids[inner - 1] == SPECIAL.eos).all()


def test_a_text_depends_on_seed_and_index_alone():
    documents = Documents.from_lists([[8] * 30, [9] * 300])
    texts = PackedTexts(documents, 64, SPECIAL, ENDS, seed=5)
    assert len(texts) == 2000
    there = [texts.text(i).ids.tolist() for i in range(40)]
    assert there == [texts.text(i).ids.tolist() for i in reversed(range(40))][::-1]
    assert there != [PackedTexts(documents, 64, SPECIAL, ENDS, seed=6).text(i).ids.tolist() for i in range(40)]


def test_documents_are_drawn_by_their_tokens():
    documents = Documents.from_lists([[8] * 100, [9] * 300, []])
    texts = PackedTexts(documents, 50, SPECIAL, ENDS, seed=1)
    firsts = np.array([texts.text(i).ids[1] for i in range(3000)])
    assert np.mean(firsts == 9) == pytest.approx(0.75, abs=0.03)


def test_long_documents_start_at_sentences_unless_told_not_to():
    tokens = [20 if i % 11 == 10 else 30 + i for i in range(1000)]
    documents = Documents.from_lists([tokens])
    starts = [int(PackedTexts(documents, 64, SPECIAL, ENDS, 1).text(i).ids[1]) - 30 for i in range(200)]
    assert {start % 11 for start in starts} == {0}
    free = PackedTexts(documents, 64, SPECIAL, ENDS, 1, non_sentence_start=1.0)
    assert len({int(free.text(i).ids[1]) % 11 for i in range(200)}) > 5
    for i in range(200):
        assert free.text(i).ids[-1] in (20, SPECIAL.eos)


def test_one_document_to_a_text_when_asked():
    documents = Documents.from_lists([[8, 9]] * 4)
    text = PackedTexts(documents, 64, SPECIAL, ENDS, 1, across_documents=False).text(0)
    assert text.ids.tolist() == [1, 8, 9, 0]


def test_prompts_have_no_weight():
    documents = Documents.from_lists([[8, 9, 10], [11, 12]], prompts=[2, 0])
    assert documents.text(0, 0).loss_mask.tolist() == [0, 0, 1, 1]
    assert documents.text(0, 0, start=1, stop=3).loss_mask.tolist() == [0, 1]
    assert documents.text(0, 0, start=1, stop=3).ids.tolist() == [9, 10]
    assert documents.subset(np.array([1, 0])).text(1, 0).loss_mask.tolist() == [0, 0, 1, 1]
    with pytest.raises(ValueError, match="Documents: tokens: expected at least one token"):
        Documents.from_lists([[]])


def test_split_names_each_document_once():
    parts = split_documents(2500)
    assert [part.size for part in parts] == [2372, 125, 3]
    assert sorted(np.concatenate(parts)) == list(range(2500))
    assert np.concatenate(parts).tolist() == np.random.RandomState(1234).permutation(2500).tolist()


def test_right_cut_at_a_sentence_unless_half_is_lost():
    text = Text([8, 20, 9, 9, 20, 9, 9, 9], np.ones(8))
    assert cut_right(text, 7, ENDS).ids.tolist() == [8, 20, 9, 9, 20]
    assert cut_right(text[:4], 4, ENDS).ids.tolist() == [8, 20, 9, 9]
    assert cut_right(Text([8, 20, *[9] * 9], np.ones(11)), 8, ENDS).ids.tolist() == [8, 20, *[9] * 6]


def test_crop_lengths_and_counts():
    assert (crop_length(0.0, 512), crop_length(1 - 1e-12, 512)) == (32, 510)
    assert (crop_count(32, 512), crop_count(510, 512), crop_count(256, 512)) == (15, 1, 1)
    with pytest.raises(ValueError, match="short texts: seq_length: expected at least 34, got 33"):
        crop_length(0.5, 33)


def test_crops_run_from_sentence_to_sentence():
    ids = np.array([1] + [20 if i % 9 == 8 else 30 + i for i in range(450)] + [0])
    text = Text(ids, np.concatenate(([0], np.ones(451))))
    for index in range(100):
        part = crop(generator(1, Stream.CROP, index), text, 60, ENDS, SPECIAL)
        assert part.ids[0] == SPECIAL.cls
        assert part.loss_mask[0] == 0
        assert 31 <= len(part) <= 61
        assert (part.ids[1] - 30) % 9 == 0
        assert part.ids[-1] in (20, SPECIAL.eos)
    assert crop(generator(1, Stream.CROP), text[:20], 60, ENDS, SPECIAL).ids.tolist() == ids[:20].tolist()
