"""Names and keywords of emoji from the CLDR packages."""

from __future__ import annotations

import json
from dataclasses import dataclass

from ..errors import DataError
from ..package import PackageFiles

_VARIATION_SELECTOR = "\ufe0f"


@dataclass(frozen=True, slots=True)
class Annotation:
    """What an emoji is called in one language, and its keywords."""

    name: str
    keywords: tuple[str, ...]


class Annotations:
    """The annotations of one language, those of the full package before the derived ones.

    Args:
        full: package `cldr-annotations-full`.
        derived: package `cldr-annotations-derived-full`: flags, skin tones, families.
        language: `en` or `zh`.
    """

    def __init__(self, full: PackageFiles, derived: PackageFiles, language: str) -> None:
        self.language = language
        self._entries = {**_table(derived, "annotationsDerived", language), **_table(full, "annotations", language)}

    def of(self, unified: str) -> Annotation | None:
        """Return the annotation of an emoji (hexadecimal code points joined by `-`), None if there is none."""
        entry = self._entries.get(characters(unified))
        if not entry or not entry.get("tts") or not entry.get("default"):
            return None
        return Annotation(entry["tts"][0], tuple(entry["default"]))


def characters(unified: str) -> str:
    """Return the key of an emoji in CLDR: its characters without U+FE0F.

    >>> characters("2764-FE0F") == chr(0x2764)
    True
    """
    return "".join(chr(int(code, 16)) for code in unified.split("-")).replace(_VARIATION_SELECTOR, "")


def require_all(annotations: Annotations, emoji: list[str]) -> dict[str, Annotation]:
    """Return the annotation of every emoji.

    Raises:
        DataError: some have none.
    """
    found = {unified: annotations.of(unified) for unified in emoji}
    missing = [unified for unified, annotation in found.items() if annotation is None]
    if missing:
        raise DataError(f"data prepare: emoji: expected names in '{annotations.language}' for all {len(emoji)} emoji, "
                        f"{len(missing)} have none ({', '.join(missing[:3])}). Use the pinned CLDR packages.")
    return found


def _table(files: PackageFiles, kind: str, language: str) -> dict[str, dict[str, list[str]]]:
    return json.loads(files.member(f"package/{kind}/{language}/annotations.json"))[kind]["annotations"]
