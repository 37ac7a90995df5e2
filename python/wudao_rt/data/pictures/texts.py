"""What captions say, as text records: for text tokenizers, by the splits of the pictures."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ..record import Record
from .captioning import fixed_captions
from .record import PictureRecord

DOMAINS = {"en": "captions-en", "zh": "captions-zh"}


def caption_records(pictures: Iterable[PictureRecord], source: str) -> Iterator[Record]:
    """Yield one text for each picture and language that it has words in."""
    for picture in pictures:
        for language, domain in DOMAINS.items():
            if text := "\n".join(fixed_captions(picture, language)):
                title = picture.name_en if language == "en" else picture.name_zh
                yield Record(text, f"{language}/{picture.unified or picture.base}",
                             picture.split, domain, source, language, title)
