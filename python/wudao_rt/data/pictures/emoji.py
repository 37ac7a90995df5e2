"""Every emoji with its skin tones, by both vendors, with its names."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace

from ..held_out import picture_split
from ..package import PackageFiles
from .annotations import Annotation, Annotations, require_all
from .record import Picture, PictureRecord
from .sheets import cut, read_sheet

VENDORS = ("google", "twitter")
"""Whose pictures are read; the other two sheets of the package have no free licence."""

LANGUAGES = ("en", "zh")


@dataclass(frozen=True, slots=True)
class Emoji:
    """An emoji or one of its skin tones: its record without vendor, and its cell in every sheet."""

    record: PictureRecord
    column: int
    row: int


def read_emoji(packages: dict[str, PackageFiles]) -> list[Emoji]:
    """Return every emoji of the package, each base before its skin tones.

    Raises:
        DataError: an emoji without name or keywords in one of the languages.
    """
    found = list(_entries(json.loads(packages["emoji-datasource"].member("package/emoji.json"))))
    full, derived = packages["cldr-annotations-full"], packages["cldr-annotations-derived-full"]
    names = [one.record.unified for one in found]
    english, chinese = (require_all(Annotations(full, derived, language), names) for language in LANGUAGES)
    return [replace(one, record=_named(one.record, english, chinese)) for one in found]


def emoji_pictures(files: PackageFiles, emoji: list[Emoji]) -> Iterator[Picture]:
    """Yield the pictures of all emoji, one vendor after the other."""
    for vendor in VENDORS:
        sheet = read_sheet(files, vendor)
        for one in emoji:
            record = replace(one.record, id=f"{vendor}/{one.record.unified}", vendor=vendor)
            yield Picture(record, cut(sheet, one.column, one.row))


def _entries(content: list[dict]) -> Iterator[Emoji]:
    for base in content:
        yield _emoji(base, base)
        for variant in base.get("skin_variations", {}).values():
            yield _emoji(base, variant)


def _emoji(base: dict, own: dict) -> Emoji:
    skin_tone = own is not base
    split = picture_split(base["unified"], own["unified"] if skin_tone else "")
    record = PictureRecord(own["unified"], base["unified"], own["unified"], "", base["category"], base["subcategory"],
                           split=split, skin_tone=skin_tone, flag=base["category"] == "Flags")
    return Emoji(record, own["sheet_x"], own["sheet_y"])


def _named(record: PictureRecord, english: dict[str, Annotation], chinese: dict[str, Annotation]) -> PictureRecord:
    en, zh = english[record.unified], chinese[record.unified]
    return replace(record, name_en=en.name, name_zh=zh.name, keywords_en=en.keywords, keywords_zh=zh.keywords)
