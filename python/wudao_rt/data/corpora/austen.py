"""`austen`: six novels, chapter by chapter, from the Debian package `r-cran-janeaustenr`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import groupby

from ..formats.r_lazy_load import read_lazy_load
from ..held_out import NOVELS
from ..record import Record
from .family import Build, Corpus, Family

_FOLDER = "usr/lib/R/site-library/janeaustenr/data/"
_TITLES = {
    "emma": "Emma", "mansfieldpark": "Mansfield Park", "northangerabbey": "Northanger Abbey",
    "persuasion": "Persuasion", "prideprejudice": "Pride and Prejudice", "sensesensibility": "Sense and Sensibility",
}
_CHAPTER = re.compile(r"chapter (\d+|[ivxlc]+)\.?", re.IGNORECASE)
_VOLUME = re.compile(r"volume [ivx]+|finis|the end|[_*\s]+", re.IGNORECASE)


def build(build: Build) -> None:
    """Write the chapters of all novels; two novels are held out as a whole."""
    files = build.packages["r-cran-janeaustenr"]
    novels = read_lazy_load(*(files.path(_FOLDER + name).read_bytes() for name in ("Rdata.rdx", "Rdata.rdb")))
    build.write("austen", (record for name, title in _TITLES.items() for record in _chapters(title, novels[name])))


def _chapters(title: str, lines: list[str]) -> Iterator[Record]:
    split = NOVELS.get(title, "train")
    starts = [i for i, line in enumerate(lines) if _CHAPTER.fullmatch(line.strip())]
    for number, (start, end) in enumerate(zip(starts, (*starts[1:], len(lines)), strict=True), 1):
        text = "\n".join(_paragraphs(lines[start + 1 : end]))
        yield Record(text, f"{title}/{number}", split, "english", "austen", "en", f"{title}, chapter {number}",
                     "Jane Austen")


def _paragraphs(lines: list[str]) -> Iterator[str]:
    """Yield paragraphs as single lines, without volume headings and end marks."""
    for has_text, part in groupby(lines, lambda line: bool(line.strip())):
        if has_text and not _VOLUME.fullmatch(paragraph := " ".join(" ".join(part).split())):
            yield paragraph


FAMILY = Family(
    name="austen",
    version=1,
    packages=("r-cran-janeaustenr",),
    corpora=(Corpus("austen", "Six novels by Jane Austen, by chapter; two of them held out", ("english",)),),
    build=build,
)
