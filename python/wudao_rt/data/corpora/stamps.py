"""`stamps`: the stamps of Tux Paint, 64 pixels wide, with captions in English and mostly in Chinese."""

from __future__ import annotations

from ..held_out import PICTURE_SPLITS
from ..pictures.stamps import SIZE, read_stamps, stamp_pictures
from ..pictures.texts import DOMAINS, caption_records
from ..pictures.writing import write_pictures
from .family import Build, Corpus, Family


def build(build: Build) -> None:
    """Write the packed pictures and, as text records, what their captions can say."""
    files = build.packages["tuxpaint-stamps-default"]
    stamps = read_stamps(files)
    pictures = write_pictures(build.folder / "stamps", stamp_pictures(files, stamps), SIZE)
    about = {**pictures, "with_chinese": sum(bool(one.name_zh) for one in stamps.records), "left_out": stamps.left_out}
    build.write("stamps", caption_records(stamps.records, "stamps"), PICTURE_SPLITS, pictures=about)


FAMILY = Family(
    name="stamps",
    version=1,
    packages=("tuxpaint-stamps-default",),
    corpora=(Corpus("stamps", "Stamps of Tux Paint, 64 pixels wide, with captions in English and mostly in Chinese",
                    tuple(DOMAINS.values())),),
    build=build,
)
