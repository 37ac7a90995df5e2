"""Sources of batches: functions of (seed, step), nothing held out in them, every record once an epoch."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from wudao_rt.config import DataTable, TrainTable
from wudao_rt.data import DataError, Record
from wudao_rt.data.blanks import Objectives
from wudao_rt.data.tokenizer import train_character
from wudao_rt.datasets import VERSE_TOKENS, PackedSource, TextSource, VerseSource, report_rows, verse_prompt
from wudao_rt.datasets.epochs import Epochs

TRAIN = TrainTable(steps=1, batch=4, length=48, seed=3)
TEXTS = [chr(0x4E00 + i) * 7 + "。" + chr(0x4E00 + i) * 5 + "。" for i in range(30)]
POEMS = [Record(text=(chr(0x4F00 + i) * 5 + "，") * 4, id=str(i), form="五绝", title="题" * (i % 3), author="甲",
                source="tang" if i % 2 else "song") for i in range(10)]
POEMS += [Record(text=(chr(0x5F00 + i) * 7 + "，") * 4, id=f"7-{i}", form="七绝", source="tang") for i in range(6)]


def tokenizer(texts: list[str]):
    return train_character([*texts, "题甲"], 1, VERSE_TOKENS)


def verse(train: TrainTable = TRAIN, **data: object) -> VerseSource:
    return VerseSource(POEMS, POEMS[:3], tokenizer([p.text for p in POEMS]), DataTable(**data), train)


def make(kind: str, train: TrainTable = TRAIN):
    if kind == "verse":
        return verse(train)
    cls = TextSource if kind == "text" else PackedSource
    data = DataTable(objectives=Objectives(token_prob=0.4, sentence_prob=0.3, short_prob=0.2))
    return cls(TEXTS[2:], TEXTS[:2], tokenizer(TEXTS), data, train)


def same(a, b) -> bool:
    return all(np.array_equal(a.arrays[name], b.arrays[name]) for name in a.arrays)


@pytest.mark.parametrize("kind", ["verse", "text", "packed"])
def test_a_batch_is_a_function_of_seed_and_step(kind: str):
    one, other = make(kind), make(kind)
    late = other.batch(9)  # asked for out of order
    assert same(one.batch(0), other.batch(0))
    assert same(one.batch(9), late)
    assert not same(one.batch(0), one.batch(1))
    assert not same(one.batch(0), make(kind, TrainTable(steps=1, batch=4, length=48, seed=4)).batch(0))


@pytest.mark.parametrize("kind", ["verse", "text", "packed"])
def test_rows_fit_and_count(kind: str):
    source = make(kind)
    for step in range(12):
        rows = source.batch(step)
        assert len(rows.arrays.ids) % TRAIN.shards == 0
        assert rows.weight == rows.arrays.loss_mask.sum() > 0
        assert rows.tokens <= rows.arrays.ids.size


@pytest.mark.parametrize("kind", ["text", "packed"])
def test_held_out_tokens_are_scored_once_and_never_trained_on(kind: str):
    source = make(kind)
    scored = np.concatenate([rows.arrays.targets[rows.arrays.loss_mask > 0] for rows in source.held_out()])
    tok = source.tokenizer
    assert sorted(tok.decode(scored.tolist())) == sorted(TEXTS[0] + TEXTS[1])
    assert (scored == tok.token_id("eos")).sum() == 2
    rare = {tok.encode(text[0])[0] for text in TEXTS[:2]}
    assert not any(rare & set(source.batch(step).arrays.ids.ravel().tolist()) for step in range(40))


def test_epochs_take_every_record_once():
    epochs = Epochs([np.arange(12), np.arange(12, 16)], 4, seed=1)
    assert epochs.batches == 4
    for epoch in range(3):
        seen = np.concatenate([epochs.records(4 * epoch + i) for i in range(4)])
        assert sorted(seen.tolist()) == list(range(16))
    assert not np.array_equal(epochs.records(0), epochs.records(4))


def test_small_groups_are_repeated_to_fill_a_batch():
    assert sorted(Epochs([np.array([7, 8])], 4, seed=0).records(0).tolist()) == [7, 7, 8, 8]


def test_verse_layout_is_that_of_the_prompt():
    source = verse(title_prob=1.0, author_prob=1.0, forms=("五绝",))
    tok = source.tokenizer
    rows = source.batch(0)
    shown = [tok.decode(row[1:sep].tolist(), keep_special=True)
             for row, sep in zip(rows.arrays.ids, rows.arrays.sep.tolist(), strict=True)]
    possible = {verse_prompt("五绝", "题" * n, "甲") for n in range(3)}
    assert set(shown) <= possible
    assert set(map(len, rows.arrays.ids)) == {max(rows.arrays.sep) + 25}  # 24 characters and the end mark


def test_repeats_and_forms_choose_records():
    source = verse(repeats={"song": 0}, forms=("五绝",), title_prob=0.0, author_prob=0.0)
    found = "".join(source.tokenizer.decode(source.batch(i).arrays.ids.ravel().tolist()) for i in range(8))
    assert {c for c in found if c != "，"} == {p.text[0] for p in POEMS if p.form == "五绝" and p.source == "tang"}


def test_a_form_of_a_source_may_be_repeated_on_its_own():
    source = verse(TrainTable(steps=1, batch=1, length=48), repeats={"tang": 2, "tang 五绝": 5}, title_prob=0.0,
                   author_prob=0.0)
    epoch = 5 + 5 * 5 + 6 * 2  # of Song, of Tang in five characters, of Tang in seven
    texts = [source.tokenizer.decode(source.batch(i).arrays.ids.ravel().tolist()) for i in range(epoch)]
    assert Counter(texts) == {p.text: 1 if p.source == "song" else 5 if p.form == "五绝" else 2 for p in POEMS}


def test_the_end_of_a_run_may_have_a_mixture_of_its_own():
    source = verse(finish=0.25, finish_repeats={"song": 0, "tang 七绝": 0}, title_prob=0.0, author_prob=0.0)
    late = "".join(source.tokenizer.decode(source.batch(i, 0.76).arrays.ids.ravel().tolist()) for i in range(8))
    assert {c for c in late if c != "，"} == {p.text[0] for p in POEMS if p.form == "五绝" and p.source == "tang"}
    plain = verse(title_prob=0.0, author_prob=0.0)
    assert all(same(source.batch(i, 0.75), plain.batch(i)) for i in range(8))


def test_unknown_characters_cost_their_naming():
    tok = train_character([POEMS[0].text], 1, VERSE_TOKENS)
    rows = list(report_rows(POEMS[:3], tok, batch=8))
    assert sum(r.extra_nats for r in rows) == pytest.approx(2 * 20 * np.log(2))  # two poems of one unknown each


def test_errors_say_what_to_change():
    with pytest.raises(DataError, match=r"train\.length"):
        verse(TrainTable(steps=1, batch=4, length=16))
    with pytest.raises(DataError, match=r"data\.finish_repeats: expected to leave a poem"):
        verse(finish_repeats={"tang": 0, "song": 0})
    with pytest.raises(DataError, match=r"data\.forms"):
        verse(forms=("五律",))
