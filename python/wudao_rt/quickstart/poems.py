"""The poems that the quickstart trains on and measures with."""

from __future__ import annotations

from dataclasses import dataclass

from wudao_rt.data import PreparedCorpus, Record, prepare
from wudao_rt.data.verse.vocabulary import QuatrainVocabulary, quatrain_vocabulary, unknown_types


@dataclass(frozen=True)
class Poems:
    """Hold the corpora and what is derived from them.

    Args:
        quatrains: the corpus `tang-quatrains`.
        verse: the corpus `verse`, which training uses.
        vocabulary: of the quatrains.
        held_out: the quatrains that are reported on.
    """

    quatrains: PreparedCorpus
    verse: PreparedCorpus
    vocabulary: QuatrainVocabulary
    held_out: list[Record]

    @classmethod
    def prepared(cls) -> Poems:
        """Fetch and prepare what is not there yet.

        Raises:
            DataError: no network, no client, or files that are not what was pinned.
        """
        quatrains, verse = prepare("tang-quatrains"), prepare("verse")
        return cls(quatrains, verse, quatrain_vocabulary(quatrains), list(quatrains.records("report")))

    def facts(self) -> dict[str, str]:
        """Return what there is, for people."""
        counts, package = self.verse.card["records"], self.verse.card["packages"][0]
        texts = [record.text for record in self.held_out]
        return {
            "source": f"{package['source']} {package['version']}",
            "licence": self.verse.licence,
            "to learn from": f"{counts['train']:,} poems, {self.verse.card['characters']['train']:,} characters "
                             f"({self.quatrains.card['records']['train']:,} of them Tang quatrains)",
            "kept apart": f"{counts['report'] + counts['untouched']:,} poems held out, {counts['excluded']:,} more "
                          "because they share a line with one of those",
            "measured on": f"{len(texts)} held-out Tang quatrains, {sum(map(len, texts)):,} characters",
            "vocabulary": f"{len(self.vocabulary.characters):,} characters (at least twice in the Tang quatrains); "
                          f"the held-out poems hold {unknown_types(texts, self.vocabulary)} others",
            "its SHA-256": self.vocabulary.sha256,
        }
