"""The 66 books in their order, with the short names that the two packages use."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from ...held_out import BIBLE_BOOKS


class Verse(NamedTuple):
    """The key that aligns the two translations."""

    book: str
    chapter: int
    number: int

    def __str__(self) -> str:
        return f"{self.book} {self.chapter}:{self.number}"


@dataclass(frozen=True, slots=True)
class Book:
    """A book: its name, its mark in the English file and its mark in the Chinese table."""

    name: str
    english: str
    chinese: str

    @property
    def split(self) -> str:
        """The split of every verse of the book."""
        return BIBLE_BOOKS.get(self.name, "train")


_TABLE = """
Genesis Ge gen, Exodus Exo ex, Leviticus Lev lev, Numbers Num num, Deuteronomy Deu deut, Joshua Josh josh,
Judges Jdgs judg, Ruth Ruth ruth, 1_Samuel 1Sm 1sam, 2_Samuel 2Sm 2sam, 1_Kings 1Ki 1kin, 2_Kings 2Ki 2kin,
1_Chronicles 1Chr 1chr, 2_Chronicles 2Chr 2chr, Ezra Ezra ezra, Nehemiah Neh neh, Esther Est esth, Job Job job,
Psalms Psa ps, Proverbs Prv prov, Ecclesiastes Eccl eccl, Song_of_Solomon SSol song, Isaiah Isa is, Jeremiah Jer jer,
Lamentations Lam lam, Ezekiel Eze ezek, Daniel Dan dan, Hosea Hos hos, Joel Joel joel, Amos Amos amos,
Obadiah Obad obad, Jonah Jonah jon, Micah Mic mic, Nahum Nahum nah, Habakkuk Hab hab, Zephaniah Zep zeph,
Haggai Hag hag, Zechariah Zec zech, Malachi Mal mal, Matthew Mat matt, Mark Mark mark, Luke Luke luke, John John john,
Acts Acts acts, Romans Rom rom, 1_Corinthians 1Cor 1cor, 2_Corinthians 2Cor 2cor, Galatians Gal gal, Ephesians Eph eph,
Philippians Phi phil, Colossians Col col, 1_Thessalonians 1Th 1thess, 2_Thessalonians 2Th 2thess, 1_Timothy 1Tim 1tim,
2_Timothy 2Tim 2tim, Titus Titus titus, Philemon Phmn philem, Hebrews Heb heb, James Jas james, 1_Peter 1Pet 1pet,
2_Peter 2Pet 2pet, 1_John 1Jn 1john, 2_John 2Jn 2john, 3_John 3Jn 3john, Jude Jude jude, Revelation Rev rev
"""


def _book(row: str) -> Book:
    name, english, chinese = row.split()
    return Book(name.replace("_", " "), english, chinese)


BOOKS: tuple[Book, ...] = tuple(_book(row) for row in _TABLE.split(","))
