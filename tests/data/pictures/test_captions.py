"""Captions: functions of the key alone, of every kind, with the promised shares."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest
from data.pictures.made_pictures import PIZZA
from wudao_rt.data.blanks.keys import Stream
from wudao_rt.data.pictures import PictureRecord, SampleKey, captions, fixed_captions
from wudao_rt.data.pictures.captioning import SHARES, caption_of, possible_kinds

MANY = 4000


def _many(record: PictureRecord) -> list[str]:
    return [captions(record, SampleKey(7, index // 64, index % 64)) for index in range(MANY)]


def test_the_same_key_gives_the_same_caption_and_another_key_another() -> None:
    drawn = _many(PIZZA)
    assert _many(PIZZA) == drawn
    assert len({captions(PIZZA, SampleKey(8, 0, i)) == drawn[i] for i in range(64)}) == 2
    first, next_step = drawn[:64], drawn[64:128]
    assert first != next_step


@pytest.mark.parametrize(("kind", "caption"), [
    ("empty", ""),
    ("name en", "pizza"), ("name zh", "披萨"),
    ("picture en", "a picture of pizza"), ("picture zh", "披萨的图片"),
    ("category en", "Food & Drink: pizza"), ("category zh", "食物与饮料：披萨"),
    ("style en", "flat style: pizza"), ("style zh", "扁平风格：披萨"),
])
def test_each_kind(kind: str, caption: str) -> None:
    assert caption_of(PIZZA, kind, SampleKey(7, 0, 0).draws(Stream.CAPTION)) == caption
    assert caption in _many(PIZZA)


def test_every_kind_is_known_to_a_full_record() -> None:
    assert possible_kinds(PIZZA) == list(SHARES)
    assert sum(SHARES.values()) == pytest.approx(1)
    assert caption_of(replace(PIZZA, vendor="google"), "style zh", None) == "noto 风格：披萨"


@pytest.mark.parametrize(("kind", "mark", "words"), [("keywords en", ", ", PIZZA.keywords_en),
                                                    ("keywords zh", "、", PIZZA.keywords_zh)])
def test_one_to_three_different_keywords(kind: str, mark: str, words: tuple[str, ...]) -> None:
    drawn = [caption_of(PIZZA, kind, SampleKey(1, 0, i).draws(Stream.CAPTION)).split(mark) for i in range(300)]
    assert {len(one) for one in drawn} == {1, 2, 3}
    assert all(len(set(one)) == len(one) for one in drawn)
    assert {word for one in drawn for word in one} == set(words)


def test_a_tenth_is_empty_and_the_rest_as_the_shares_say() -> None:
    found = Counter(_many(PIZZA))
    bound = 4 * (0.1 * 0.9 / MANY) ** 0.5  # four standard deviations of a share
    assert found[""] / MANY == pytest.approx(0.1, abs=bound)
    assert found["a picture of pizza"] / MANY == pytest.approx(0.08, abs=bound)
    assert found["食物与饮料：披萨"] / MANY == pytest.approx(0.05, abs=bound)


def test_a_record_without_chinese_words_has_english_captions_only() -> None:
    record = replace(PIZZA, name_zh="", keywords_zh=())
    found = Counter(_many(record))
    assert all(text.isascii() for text in found)
    assert found[""] / MANY == pytest.approx(0.1, abs=0.02)
    assert set(_many(PictureRecord("a", "a"))) == {""}


def test_ready_captions_are_drawn_as_they_are() -> None:
    record = PictureRecord("a", "a", captions=("my cat", "我的猫"))
    assert set(_many(record)) == {"", "my cat", "我的猫"}


def test_fixed_captions_hold_every_word_that_can_be_drawn() -> None:
    texts = {language: "\n".join(fixed_captions(PIZZA, language)) for language in ("en", "zh")}
    assert texts["en"].splitlines() == ["pizza", "cheese, pizza, slice, hungry", "a picture of pizza",
                                        "Food & Drink: pizza", "flat style: pizza"]
    assert set("".join(_many(PIZZA))) <= set("".join(texts.values()))
