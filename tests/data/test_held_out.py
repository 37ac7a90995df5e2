"""The exclusion rules on hand-made poems."""

from __future__ import annotations

import hashlib

import pytest
from data.made_poems import poem_with_byte
from wudao_rt.data.held_out import (
    BIBLE_BOOKS,
    NOVELS,
    body,
    body_digest,
    full_lines,
    hash_split,
    held_out_lines,
    poem_split,
)


@pytest.mark.parametrize(("byte", "split"), [(0x00, "report"), (0x03, "report"), (0x04, "untouched"),
                                            (0x07, "untouched"), (0x08, "train"), (0xFF, "train")])
def test_split_changes_exactly_at_the_bytes_of_the_rule(byte: int, split: str) -> None:
    assert hash_split(poem_with_byte(range(byte, byte + 1))) == split


def test_body_keeps_only_the_range_of_the_rule() -> None:
    text = "a1 \u33ff\u3400，\u4e00\n\u9fff\ua000\U00020000。□"
    assert body(text) == "\u3400\u4e00\u9fff"
    assert body_digest(text) == hashlib.sha256("\u3400\u4e00\u9fff".encode()).digest()


def test_punctuation_and_line_breaks_do_not_change_the_split() -> None:
    poem = poem_with_byte(range(0, 8))
    assert hash_split(poem.replace("，", "\n").replace("。", " ")) == hash_split(poem)


def test_a_shared_full_line_excludes_and_a_shared_part_does_not() -> None:
    held, free = poem_with_byte(range(0, 8)), poem_with_byte(range(8, 256))
    lines = held_out_lines([held, free])
    line = held.split("，")[0]
    assert lines == full_lines(held)
    assert poem_split(free, lines) == "train"
    assert poem_split(_also_training(line + "，" + free), lines) == "excluded"
    assert poem_split(_also_training(line[:-1] + "，" + free), lines) == "train"
    assert poem_split(_also_training(line + "山，" + free), lines) == "train"


def test_a_held_out_poem_that_shares_a_line_stays_held_out() -> None:
    held = poem_with_byte(range(4, 8))
    assert poem_split(held, held_out_lines([held])) == "untouched"


def test_lines_end_at_any_mark_and_rare_ideographs_give_both_readings() -> None:
    assert full_lines("春眠、不觉晓！处处（闻）啼鸟\n夜来") == {"春眠", "不觉晓", "处处", "闻", "啼鸟", "夜来"}
    assert full_lines("春\U00020000眠不觉，") == {"春眠不觉", "春", "眠不觉"}


def test_a_marked_poem_is_excluded_without_its_source() -> None:
    free = poem_with_byte(range(8, 256))
    mark = body_digest(free).hex()[:16]
    assert poem_split(free, frozenset(), frozenset({mark})) == "excluded"
    assert poem_split(poem_with_byte(range(0, 4)), frozenset(), frozenset({mark})) == "report"


def test_prose_that_is_held_out() -> None:
    assert NOVELS == {"Northanger Abbey": "report", "Persuasion": "untouched"}
    assert {book: split for book, split in BIBLE_BOOKS.items() if split == "report"} == {"Ruth": "report",
                                                                                       "Jude": "report"}
    assert BIBLE_BOOKS.keys() == {"Ruth", "Esther", "Philippians", "Jude"}


def _also_training(poem: str) -> str:
    """Return the poem with characters added behind until its own hash does not hold it out."""
    while hash_split(poem) != "train":
        poem += "一"
    return poem
