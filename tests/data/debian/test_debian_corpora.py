"""The corpora that need Debian packages, really fetched and prepared: sizes of the survey, and what is held out."""

from __future__ import annotations

import re
from collections import Counter

import pytest
from wudao_rt import data
from wudao_rt.data.corpora.bilingual import SHARES
from wudao_rt.data.corpora.wordnet import QUOTING_HELD_OUT
from wudao_rt.data.fetching import fetch_package
from wudao_rt.data.held_out import body_digest, held_out_lines, poem_split
from wudao_rt.data.poetry.fortunes import FORTUNES_MARKS, derive_marks, fortune_poems
from wudao_rt.data.poetry.source import read_poetry


@pytest.fixture(scope="module")
def prepared() -> dict[str, data.PreparedCorpus]:
    names = ("bible", "austen", "factbook", "wordnet", "bilingual")
    return {name: data.prepare(name) for name in names}


def test_bible_verses_are_aligned_and_four_books_are_held_out(prepared, capsys) -> None:
    books: dict[str, set[str]] = {}
    languages = Counter()
    for split in data.SPLITS:
        for record in prepared["bible"].records(split):
            books.setdefault(split, set()).add(record.title.rsplit(" ", 1)[0])
            languages[record.language] += 1
    assert books["report"] == {"Ruth", "Jude"}
    assert books["untouched"] == {"Esther", "Philippians"}
    assert len(books["train"]) == 62
    assert languages["en"] == 31_102
    assert prepared["bible"].card["aligned_verses"] > 31_000
    with capsys.disabled():
        print(f"\nbible: {prepared['bible'].card['records']}, aligned {prepared['bible'].card['aligned_verses']:,}")


def test_known_verses_stand_side_by_side(prepared) -> None:
    records = {record.id: record.text for record in prepared["bible"].records("train")}
    assert records["en/John 11:35"] == "Jesus wept."
    assert records["zh/John 11:35"] == "耶稣哭了。"
    assert records["en/Genesis 1:1"] == "In the beginning God created the heaven and the earth."


def test_two_novels_are_held_out_as_a_whole(prepared) -> None:
    novels = {split: {r.id.split("/")[0] for r in prepared["austen"].records(split)} for split in data.SPLITS}
    assert novels["report"] == {"Northanger Abbey"}
    assert novels["untouched"] == {"Persuasion"}
    assert novels["train"] == {"Emma", "Mansfield Park", "Pride and Prejudice", "Sense and Sensibility"}
    characters = prepared["austen"].card["characters"]
    assert characters["train"] == pytest.approx(3.12e6, rel=0.02)
    assert characters["report"] == pytest.approx(433e3, rel=0.03)
    chapters = Counter(r.id.split("/")[0] for s in data.SPLITS for r in prepared["austen"].records(s))
    assert chapters == {"Emma": 55, "Mansfield Park": 48, "Northanger Abbey": 31, "Persuasion": 24,
                        "Pride and Prejudice": 61, "Sense and Sensibility": 50}


def test_factbook_and_wordnet_are_whole_and_plain(prepared) -> None:
    assert sum(prepared["wordnet"].card["records"].values()) == 117_659
    assert prepared["factbook"].card["characters"]["train"] > 4.9e6
    assert not [t for t in prepared["factbook"].texts() if re.search(r"</?(p|em|strong|br|a)\b|&[a-z]+;", t)]
    text = "\n".join(r.text for r in prepared["factbook"].records() if r.id == "fr/Government")
    assert "France: Government" in text
    assert "Capital: name: Paris" in text


def test_bilingual_has_all_domains_and_none_of_what_is_held_out(prepared) -> None:
    bilingual = prepared["bilingual"]
    assert bilingual.card["shares"] == SHARES
    assert sum(SHARES.values()) == pytest.approx(1)
    train = list(bilingual.records("train"))
    assert {record.domain for record in train} == SHARES.keys()
    held = {"Ruth", "Esther", "Philippians", "Jude", "Northanger Abbey", "Persuasion"}
    assert not held & {_work(record) for record in train if record.source in ("bible", "austen")}
    assert held <= {_work(record) for split in ("report", "untouched") for record in bilingual.records(split)}


def _work(record: data.Record) -> str:
    """Return the novel or the book of the Bible that a record is from; else its title."""
    return re.split(r", chapter | \d+$", record.title)[0]


def test_no_held_out_prose_is_quoted_in_definitions_and_facts(prepared) -> None:
    """Eight words in a row."""
    size, held = 8, set()
    for split in ("report", "untouched"):
        for record in prepared["bilingual"].records(split):
            held.update(_runs(record.text, size) if record.domain == "english" else ())
    quoting = [record.id for record in prepared["bilingual"].records("train")
               if record.source in ("factbook", "wordnet") and not held.isdisjoint(_runs(record.text, size))]
    assert quoting == []
    assert {record.id for record in prepared["bilingual"].records("excluded")} >= QUOTING_HELD_OUT


def _runs(text: str, size: int) -> list[str]:
    words = re.findall(r"[a-z]+", text.lower())
    return [" ".join(words[i : i + size]) for i in range(len(words) - size + 1)]


def test_the_marks_of_fortunes_zh_are_those_of_both_packages() -> None:
    poems = read_poetry(fetch_package("chinese-poetry")).poems
    lines = held_out_lines(poem.text for poem in poems)
    # What is derived but not listed is kept out by other means: its own hash, or a line of another source.
    free = {body_digest(poem.text).hex()[:16] for poem in poems
            if poem.kind != "other" and poem_split(poem.text, lines) == "train"}
    derived = derive_marks((poem.text for poem in poems), fortune_poems(fetch_package("fortunes-zh")))
    assert free.intersection(derived) == FORTUNES_MARKS
