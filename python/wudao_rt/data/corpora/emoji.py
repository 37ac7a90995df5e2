"""`emoji`: pictures of 32 by 32 pixels by two vendors, with names and keywords in English and Chinese."""

from __future__ import annotations

from ..held_out import PICTURE_SPLITS
from ..pictures.emoji import emoji_pictures, read_emoji
from ..pictures.sheets import SIZE
from ..pictures.texts import DOMAINS, caption_records
from ..pictures.writing import write_pictures
from .family import Build, Corpus, Family


def build(build: Build) -> None:
    """Write the packed pictures and, as text records, what their captions can say."""
    emoji = read_emoji(build.packages)
    pictures = write_pictures(build.folder / "emoji", emoji_pictures(build.packages["emoji-datasource"], emoji), SIZE)
    about = {**pictures, "items": len(emoji), "bases": sum(not one.record.skin_tone for one in emoji)}
    records = caption_records((one.record for one in emoji), "emoji")
    build.write("emoji", records, PICTURE_SPLITS, pictures=about)


FAMILY = Family(
    name="emoji",
    version=1,
    packages=("emoji-datasource", "cldr-annotations-full", "cldr-annotations-derived-full"),
    corpora=(Corpus("emoji", "Pictures of all emoji by Google and Twitter, 32 pixels wide, with English and Chinese "
                    "names and keywords", tuple(DOMAINS.values())),),
    build=build,
)
