"""The stamps of Tux Paint: pictures with captions in many languages, of which English and Chinese are read."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from ..held_out import picture_split
from ..own_text.reading import read_utf8
from ..package import PackageFiles
from .decoding import read_padded
from .record import Picture, PictureRecord
from .words import STAMP_CATEGORIES

SIZE = 64
VENDOR = "tuxpaint"
_ROOT = "usr/share/tuxpaint/stamps/"
_CHINESE = re.compile(r"^zh_CN\.utf8=(.*)$", re.MULTILINE)
_ARTICLE = re.compile(r"^(An?|The)(?= )")


@dataclass(frozen=True, slots=True)
class Stamps:
    """Stamps that have a picture and a caption, and how many of the others were left out."""

    records: list[PictureRecord]
    left_out: dict[str, int]


def read_stamps(files: PackageFiles) -> Stamps:
    """Read the captions of all stamps, split them, and count what has no pixels or no caption."""
    pictures, texts = (set(files.paths(f"{_ROOT}**/*{suffix}")) for suffix in (".png", ".txt"))
    both = sorted((path for path in pictures if path.with_suffix(".txt") in texts), key=Path.as_posix)
    records = [_record(path.relative_to(files.path(_ROOT)), read_utf8(path.with_suffix(".txt"))) for path in both]
    left_out = {"captions without PNG": len(texts) - len(both), "PNG without caption": len(pictures) - len(both)}
    return Stamps(_without_shared_names(records), left_out)


def stamp_pictures(files: PackageFiles, stamps: Stamps) -> Iterator[Picture]:
    """Yield the pictures, each scaled to fit into a transparent square."""
    return (Picture(record, read_padded(files.path(_ROOT) / record.base, SIZE)) for record in stamps.records)


def _record(path: Path, text: str) -> PictureRecord:
    english, _, others = text.partition("\n")
    chinese = _CHINESE.search(others)
    name = _ARTICLE.sub(lambda found: found[0].lower(), english.strip().removesuffix("."))
    category, subcategory = (*path.parts[:-1], "")[:2]
    return PictureRecord(f"{VENDOR}/{path.as_posix()}", path.as_posix(), "", VENDOR,
                         STAMP_CATEGORIES.get(category, category), subcategory, name,
                         chinese[1].strip().removesuffix("。") if chinese else "",
                         split=picture_split(path.as_posix()), flag="flags" in path.parts)


def _without_shared_names(records: list[PictureRecord]) -> list[PictureRecord]:
    """Exclude pictures to train on that bear the name of a held-out one."""
    held = {name for one in records if one.split != "train" for name in (one.name_en, one.name_zh) if name}
    return [replace(one, split="excluded") if one.split == "train" and held & {one.name_en, one.name_zh} else one
            for one in records]
