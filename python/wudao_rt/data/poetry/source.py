"""Read the poems of the package `chinese-poetry` and turn them into simplified script."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass

import opencc

from ..errors import DataError
from ..package import PackageFiles

_ROOT = "package/dist/"
_MAIN = re.compile(_ROOT + r"quantangshi/poet\.(tang|song)\.\d+\.json")
_CI = re.compile(_ROOT + r"songci/ci\.song\.\w+\.json")
# An edition known to miss lines, fame scores and tone patterns are no poems of their own.
_SKIPPED = ("yudingquantangshi/", "rank/", "strains/")
_STRAINS = re.compile(_ROOT + r"strains/json/poet\.(tang|song)\.\d+\.json")
_BODY_KEYS = ("paragraphs", "para", "content")
_RECORD, _FIELD = "\x1e", "\x1f"


@dataclass(frozen=True, slots=True)
class Poem:
    """A poem in simplified script, punctuation and line breaks as in the source.

    `kind` is `tang`, `song`, `ci`, or `other` for texts that only take part in deciding what is held out.
    """

    kind: str
    id: str
    title: str
    author: str
    text: str


@dataclass(frozen=True, slots=True)
class PoetryPackage:
    """Everything that is read from the package, in one pass over its archive."""

    poems: list[Poem]
    strains: dict[str, list[str]]


def read_poetry(files: PackageFiles) -> PoetryPackage:
    """Read every poem and every tone pattern of the package, Tang first, then Song, ci and the rest."""
    raw: dict[str, list[Poem]] = {"tang": [], "song": [], "ci": [], "other": []}
    strains: dict[str, list[str]] = {}
    for name, content in files.members(_ROOT + r".*\.json"):
        if _STRAINS.fullmatch(name):
            strains.update((entry["id"], entry["strains"]) for entry in json.loads(content))
        elif not name.startswith(tuple(_ROOT + skipped for skipped in _SKIPPED)):
            for poem in _poems_of(name, json.loads(content)):
                raw[poem.kind].append(poem)
    return PoetryPackage(simplified([poem for poems in raw.values() for poem in poems]), strains)


def _poems_of(name: str, content: object) -> Iterator[Poem]:
    if found := _MAIN.fullmatch(name):
        return (_shi(found[1], entry) for entry in content)
    if _CI.fullmatch(name):
        return (Poem("ci", "", e["rhythmic"], e["author"], "\n".join(e["paragraphs"])) for e in content)
    return (Poem("other", "", "", "", text) for text in _bodies(content))


def _shi(kind: str, entry: dict) -> Poem:
    return Poem(kind, entry["id"], entry["title"] or "", entry["author"] or "", "\n".join(entry["paragraphs"]))


def _bodies(content: object) -> Iterator[str]:
    """Yield every poem body of a file of whatever shape: a list of strings under one of the body keys."""
    children = content.items() if isinstance(content, dict) else enumerate(content)
    for key, child in children:
        if key in _BODY_KEYS and isinstance(child, list) and all(isinstance(line, str) for line in child):
            yield "\n".join(child)
        elif isinstance(child, (dict, list)):
            yield from _bodies(child)


def simplified(poems: list[Poem]) -> list[Poem]:
    """Return the poems in simplified script."""
    converted = to_simplified([_FIELD.join((poem.title, poem.author, poem.text)) for poem in poems])
    return [Poem(poem.kind, poem.id, *text.split(_FIELD)) for poem, text in zip(poems, converted, strict=True)]


def to_simplified(texts: list[str]) -> list[str]:
    """Return texts in simplified script, converted as one (call by call would take minutes).

    Source: OpenCC 1.4.2, conversion `t2s`.
    """
    converted = opencc.OpenCC("t2s").convert(_RECORD.join(texts)).split(_RECORD)
    if texts and len(converted) != len(texts):
        raise DataError("data prepare: opencc: expected to keep the record separators, it did not. "
                        "Install opencc 1.4.2.")
    return converted if texts else []
