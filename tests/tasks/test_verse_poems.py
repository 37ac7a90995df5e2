"""What is written, compared and preferred, with a model whose answers are known."""

from __future__ import annotations

import pytest
from data.made_poems import poem_with_byte
from tasks.fake_poet import FakePoet
from wudao_rt.data.poetry.clean import lines_of
from wudao_rt.data.record import Record
from wudao_rt.data.verse.tones import LEVEL, OBLIQUE, ToneClasses
from wudao_rt.errors import InternalError
from wudao_rt.tasks.verse_order import Pair, preferred, true_against_shuffled
from wudao_rt.tasks.verse_poems import Written, compare, require_held_out, write_by_form, write_by_title

FIVE = "平仄平仄仄，平平仄仄平。平平平仄仄，仄仄仄平平。"  # 2nd and 4th: no, yes, yes, yes
SEVEN = "甲乙丙丁戊己庚，辛壬癸子丑寅卯。辰巳午未申酉戌，亥天地人日月星。"


def test_by_form_asks_for_each_form_in_turn() -> None:
    poet = FakePoet([FIVE])
    found = write_by_form(poet, each=3, seed=7)
    assert [poem.form for poem in found] == ["五绝"] * 3 + ["七绝"] * 3
    asked = poet.asked[0]
    assert asked["prompts"] == ["<五绝>[gMASK]", "<七绝>[gMASK]"]
    assert (asked["temperature"], asked["top_k"], asked["seed"], asked["num_samples"]) == (0.8, 30, 7, 3)
    assert asked["max_new_tokens"] > 32  # a poem that runs on must not be cut into shape


def test_by_title_gives_the_title() -> None:
    poet = FakePoet([FIVE, SEVEN])
    found = write_by_title(poet, [("春", "五绝"), ("秋", "七绝")])
    assert found == [Written("五绝", "春", FIVE), Written("七绝", "秋", SEVEN)]
    assert poet.asked[0]["prompts"] == ["<五绝><题>春[gMASK]", "<七绝><题>秋[gMASK]"]


def test_comparison_of_written_real_and_shuffled() -> None:
    tones = ToneClasses({"平": LEVEL, "仄": OBLIQUE})
    written = [Written("五绝", "", FIVE), Written("七绝", "", FIVE), Written("五绝", "", FIVE[:-1])]
    held_out = [Record(FIVE, "1", "report", form="五绝"), Record(SEVEN, "2", "report", form="七绝")]
    found = compare(written, held_out, frozenset({"平平仄仄平"}), tones)
    assert found.written.form_rate == pytest.approx(1 / 3)  # wrong length, missing stop
    assert found.written.copied == ("平平仄仄平",) * 3
    assert found.written.copy_rate == pytest.approx(3 / 12)
    assert found.written.tone_alternation == pytest.approx(9 / 12)
    assert found.real.form_rate == found.mixed.form_rate == 1.0
    assert found.real.repeated_characters == found.mixed.repeated_characters == pytest.approx(18 / 48)
    assert found.real.tone_alternation == pytest.approx(7 / 8)


def test_shuffled_poems_are_really_shuffled() -> None:
    """Lines of a poem in perfect alternation fail now and then once its characters are mixed."""
    perfect = "仄平平仄仄，平仄仄平平。仄仄平平仄，平平仄仄平。"
    tones = ToneClasses({"平": LEVEL, "仄": OBLIQUE})
    held_out = [Record(perfect, str(i), "report", form="五绝") for i in range(50)]
    found = compare([], held_out, frozenset(), tones)
    assert found.real.tone_alternation == 1.0
    assert 0.2 < found.mixed.tone_alternation < 0.8
    assert found.written.form_rate == 0.0 and found.written.poems == 0


def test_true_poem_against_its_shuffled_twin() -> None:
    poem = "".join(sorted("日月山川草木春秋花鸟风雪雨云天地人心水火"))
    poet = FakePoet([])
    pairs = true_against_shuffled(poet, [Record(poem, "1", "report", form="五绝")])
    assert sorted(pairs[0].mixed) == sorted(poem) != list(pairs[0].mixed)
    assert pairs[0].poem_log_prob == 0 > pairs[0].mixed_log_prob
    assert poet.asked[0] == {"contexts": ["<五绝>[gMASK]"] * 2, "include_end": "eos"}


def test_share_of_preferred_poems() -> None:
    pairs = [Pair("", "", -1.0, -2.0), Pair("", "", -3.0, -2.0), Pair("", "", -2.0, -2.0), Pair("", "", 0.0, -1.0)]
    assert preferred(pairs) == 0.5
    assert preferred([]) == 0.0
    assert [pair.margin for pair in pairs] == [1.0, -1.0, 0.0, 1.0]


def test_poems_that_could_be_learned_from_are_refused() -> None:
    held_out = Record(poem_with_byte(range(4)), "1", "report", form="五绝")
    line = lines_of(held_out.text)[2]
    require_held_out([held_out], frozenset({"日月山川草"}))
    with pytest.raises(InternalError, match=f"got {held_out.text} with the line {line} of a training poem"):
        require_held_out([held_out], frozenset({line}))
    for wrong in (range(4, 8), range(8, 256)):
        poem = Record(poem_with_byte(wrong), "2", "report", form="五绝")
        with pytest.raises(InternalError, match="with a hash that begins with 0x"):
            require_held_out([held_out, poem], frozenset())
