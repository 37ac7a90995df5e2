"""`tang-quatrains`, `verse` and `ci`, from one pass over the package `chinese-poetry`."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator

from ..held_out import body, held_out_lines, poem_split
from ..poetry.clean import form_of, is_clean, joined, lines_of, punctuated
from ..poetry.fortunes import FORTUNES_MARKS
from ..poetry.source import Poem, read_poetry
from ..record import Record
from ..verse.tones import count_tones
from .family import Build, Corpus, Family

TONES = "tones.json"
_QUATRAINS = ("五绝", "七绝")


def build(build: Build) -> None:
    """Write the three corpora and, beside the verse, how often each character carries which tone."""
    package = read_poetry(build.packages["chinese-poetry"])
    held_out = held_out_lines(poem.text for poem in package.poems)
    shi = list(_shi_records((p for p in package.poems if p.kind in ("tang", "song")), held_out))
    folder = build.write("verse", shi)
    trained = ((record.text, package.strains.get(record.id, [])) for record in shi if record.split == "train")
    (folder / TONES).write_text(json.dumps(count_tones(trained), ensure_ascii=False), encoding="utf-8")
    build.write("tang-quatrains", (r for r in shi if r.source == "tang" and r.form in _QUATRAINS))
    build.write("ci", _ci_records((p for p in package.poems if p.kind == "ci"), held_out))


def _shi_records(poems: Iterator[Poem], held_out: frozenset[str]) -> Iterator[Record]:
    seen: set[str] = set()
    for poem in poems:
        form = form_of(poem.text) if is_clean(poem.text) else ""
        key = "".join(lines_of(poem.text)) if form else ""
        if form and key not in seen:
            seen.add(key)
            split = poem_split(poem.text, held_out, FORTUNES_MARKS)
            yield Record(punctuated(poem.text), poem.id, split, "verse", poem.kind, title=poem.title,
                         author=poem.author, form=form)


def _ci_records(poems: Iterator[Poem], held_out: frozenset[str]) -> Iterator[Record]:
    seen: set[str] = set()
    for poem in poems:
        key = body(poem.text)
        if key and key not in seen and is_clean(poem.text):
            seen.add(key)
            identity = "ci-" + hashlib.sha256(key.encode()).hexdigest()[:16]
            split = poem_split(poem.text, held_out, FORTUNES_MARKS)
            yield Record(joined(poem.text), identity, split, "ci", "ci", title=poem.title, author=poem.author,
                         form="词")


FAMILY = Family(
    name="poetry",
    version=2,
    packages=("chinese-poetry",),
    corpora=(
        Corpus("tang-quatrains", "Tang quatrains of five and seven characters, simplified script", ("verse",)),
        Corpus("verse", "Tang and Song regulated verse: quatrains and eight-line poems, simplified script", ("verse",)),
        Corpus("ci", "Song ci with their tune names, simplified script", ("ci",)),
    ),
    build=build,
)
