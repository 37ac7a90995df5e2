"""Measures of verse against hand-worked numbers."""

from __future__ import annotations

import hashlib

import pytest
from wudao_rt.data.poetry.clean import form_of, is_clean, joined, lines_of, punctuated
from wudao_rt.data.prepared import PreparedCorpus
from wudao_rt.data.record import Record, RecordWriter
from wudao_rt.data.verse.measures import copied_lines, has_form, measure, repeated_characters, shuffled, training_lines
from wudao_rt.data.verse.titles import DEMO_TITLES
from wudao_rt.data.verse.tones import EITHER, LEVEL, OBLIQUE, ToneClasses, count_tones, tone_alternation
from wudao_rt.data.verse.vocabulary import quatrain_vocabulary, unknown_types

POEM = "白日依山尽，黄河入海流。欲穷千里目，更上一层楼。"


@pytest.mark.parametrize(("text", "form"), [
    (POEM, "五绝"), (POEM * 2, "五律"), ("两个黄鹂鸣翠柳，一行白鹭上青天。" * 2, "七绝"),
    ("两个黄鹂鸣翠柳，一行白鹭上青天。" * 4, "七律"), (POEM[:12], ""), (POEM.replace("白日", "白"), ""), ("", ""),
])
def test_form_by_line_lengths(text: str, form: str) -> None:
    assert form_of(text) == form


@pytest.mark.parametrize("change", [lambda t: t[:-1], lambda t: t + "山", lambda t: t.replace("日", "a"),
                                    lambda t: t.replace("，", "\n", 1), lambda t: "，" + t])
def test_exact_form_allows_nothing_else(change) -> None:
    assert has_form(POEM, "五绝")
    assert not has_form(POEM, "七绝")
    assert not has_form(change(POEM), "五绝")


@pytest.mark.parametrize("text", ["□山", "山（注）", "山a", "山1", "", "\n", "「山」", "山 水", "《山》"])
def test_gaps_brackets_letters_and_blanks_are_not_clean(text: str) -> None:
    assert not is_clean(text)


def test_marks_are_kept_and_missing_ones_added() -> None:
    assert punctuated("甲乙？丙丁\n戊己") == "甲乙？丙丁。戊己，"
    assert joined("甲乙，丙。\n丁") == "甲乙，丙。丁。"
    assert lines_of("甲\U00020000，丙") == ["甲\U00020000", "丙"]


def test_tone_classes_need_ninety_percent() -> None:
    counts = {"甲": [9, 1, 0], "乙": [1, 9, 0], "丙": [8, 2, 0], "丁": [17, 1, 1], "戊": [0, 0, 0], "己": [0, 0, 3]}
    tones = ToneClasses.from_counts(counts)
    assert [tones.of(c) for c in "甲乙丙丁戊己庚"] == [LEVEL, OBLIQUE, EITHER, EITHER, EITHER, EITHER, EITHER]


def test_tones_are_counted_only_where_lines_align() -> None:
    counts = count_tones([("甲乙，丙甲。", ["平仄，", "○平。"]), ("甲乙，丙甲。", ["平仄，平。"]), ("乙", ["？"]),
                          ("乙", [])])
    assert counts == {"甲": [2, 0, 0], "乙": [0, 1, 0], "丙": [0, 0, 1]}


def test_alternation_of_second_fourth_and_sixth() -> None:
    tones = ToneClasses({"平": LEVEL, "仄": OBLIQUE})
    good = ["仄平平仄仄", "平仄仄平平", "平平仄仄平平仄", "仄仄平平仄仄平", "x平x?x", "x?x仄x?x"]
    bad = ["平平平平平", "仄仄仄仄平仄平", "平平仄仄平仄平", "x平x?x仄x", "平仄", "平"]
    assert [tones.alternates(line) for line in good] == [True] * 6
    assert tone_alternation(good, tones) == 1.0
    assert tone_alternation(bad, tones) == 0.0
    assert tone_alternation([*good, *bad], tones) == 0.5
    assert tone_alternation([], tones) == 0.0


def test_repeated_and_copied() -> None:
    assert repeated_characters(["甲甲，乙乙。", "甲乙"]) == pytest.approx(2 / 6)
    assert copied_lines(["甲乙，丙丁。甲乙。"], frozenset({"甲乙"})) == ["甲乙", "甲乙"]


def test_shuffled_keeps_characters_and_marks() -> None:
    mixed = shuffled(POEM, 3)
    assert mixed != POEM
    assert sorted(mixed) == sorted(POEM)
    assert [i for i, c in enumerate(mixed) if c in "，。"] == [5, 11, 17, 23]
    assert shuffled(POEM, 3) == mixed != shuffled(POEM, 4)


def _corpus(tmp_path, texts: dict[str, str]) -> PreparedCorpus:
    RecordWriter(tmp_path).write_all(Record(text, str(i), split) for i, (text, split) in enumerate(texts.items()))
    return PreparedCorpus("tang-quatrains", tmp_path)


def test_vocabulary_counts_training_poems_only(tmp_path) -> None:
    corpus = _corpus(tmp_path, {"丙乙甲，": "train", "甲，": "train", "丙丙丙丁": "report", "乙": "excluded"})
    vocabulary = quatrain_vocabulary(corpus)
    assert vocabulary.characters == ("甲", "，")
    assert vocabulary.sha256 == hashlib.sha256("甲，".encode()).hexdigest()
    assert unknown_types(["甲丙丙", "丁"], vocabulary) == 2


def test_report_of_measured_poems(tmp_path) -> None:
    corpus = _corpus(tmp_path, {POEM: "train", "甲乙丙丁戊。": "report"})
    report = measure([POEM, "甲乙丙丁戊，"], ["五绝", "五绝"], training_lines(corpus), ToneClasses({}))
    assert (report.form_rate, report.lines, len(report.copied)) == (0.5, 5, 4)
    assert report.to_json()["copy_rate"] == 0.8
    assert report.tone_alternation == 1.0


def test_ten_titles() -> None:
    assert len({title for title, _ in DEMO_TITLES}) == 10
    assert {form for _, form in DEMO_TITLES} == {"五绝", "七绝"}
