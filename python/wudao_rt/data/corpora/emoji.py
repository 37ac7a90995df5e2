"""`emoji`: pictures of 32 by 32 pixels by two vendors, with names and keywords in English and Chinese."""

from __future__ import annotations

from collections.abc import Iterator

from ..held_out import PICTURE_SPLITS
from ..pictures.captioning import fixed_captions
from ..pictures.emoji import LANGUAGES, emoji_pictures, read_emoji
from ..pictures.record import PictureRecord
from ..pictures.sheets import SIZE
from ..pictures.writing import write_pictures
from ..record import Record
from .family import Build, Corpus, Family

_DOMAINS = {"zh": "captions-zh", "en": "captions-en"}


def build(build: Build) -> None:
    """Write the packed pictures and, as text records, what their captions can say."""
    emoji = read_emoji(build.packages)
    pictures = write_pictures(build.folder / "emoji", emoji_pictures(build.packages["emoji-datasource"], emoji), SIZE)
    about = {**pictures, "items": len(emoji), "bases": sum(not one.record.skin_tone for one in emoji)}
    records = (record for one in emoji for record in _texts(one.record))
    build.write("emoji", records, PICTURE_SPLITS, pictures=about)


def _texts(record: PictureRecord) -> Iterator[Record]:
    """Yield one text for each language; vendors differ in their pictures only."""
    for language in LANGUAGES:
        title = record.name_en if language == "en" else record.name_zh
        yield Record("\n".join(fixed_captions(record, language)), f"{language}/{record.unified}", record.split,
                     _DOMAINS[language], "emoji", language, title)


FAMILY = Family(
    name="emoji",
    version=1,
    packages=("emoji-datasource", "cldr-annotations-full", "cldr-annotations-derived-full"),
    corpora=(Corpus("emoji", "Pictures of all emoji by Google and Twitter, 32 pixels wide, with English and Chinese "
                    "names and keywords", tuple(_DOMAINS.values())),),
    build=build,
)
