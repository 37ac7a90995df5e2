"""The baseline that a verse model has to beat: how often each character is written, whatever came before."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import log

from wudao_rt.data.tokenizer import Tokenizer
from wudao_rt.data.verse.vocabulary import QuatrainVocabulary, unknown_types
from wudao_rt.evaluation.loss import HeldOut


@dataclass(frozen=True)
class Unigram:
    """Hold the log-probability of every character, of an unknown one, and of the end mark.

    p(c) = (count(c) + 1) / (tokens + types), counted over the training poems

    Adding one lets no token be impossible. The types are the vocabulary, the unknown and the end mark.

    Args:
        characters: natural logarithm of p by character of the vocabulary.
        unknown: the same of any character that the vocabulary lacks.
        end: the same of the end mark, which every poem has once.
    """

    characters: dict[str, float]
    unknown: float
    end: float

    @classmethod
    def fit(cls, poems: Iterable[str], vocabulary: QuatrainVocabulary) -> Unigram:
        """Count the characters of poems.

        Args:
            poems: training poems, hanzi and punctuation.
            vocabulary: `quatrain_vocabulary(...)`.

        Example:
            >>> unigram = Unigram.fit(["甲甲，", "乙"], QuatrainVocabulary(("甲", "，")))
            >>> round(1 / 2.718281828 ** -unigram.characters["甲"], 1)  # 3 of 10: counts 2 1 1 2, plus one each
            0.3
        """
        counts, ends = Counter[str](), 0
        for poem in poems:
            counts.update(poem)
            ends += 1
        total = log(counts.total() + ends + len(vocabulary.characters) + 2)
        known = {character: counts.pop(character, 0) for character in vocabulary.characters}
        logs = {character: log(count + 1) - total for character, count in known.items()}
        return cls(logs, log(counts.total() + 1) - total, log(ends + 1) - total)

    def nats(self, poem: str) -> float:
        """Return the cost of a poem and its end mark; an unknown is told to be one, but not which."""
        return -self.end - sum(self.characters.get(character, self.unknown) for character in poem)


def unigram_loss(poems: Sequence[str], unigram: Unigram, vocabulary: QuatrainVocabulary) -> HeldOut:
    """Sum the unigram's cost of poems over the tokens that `evaluation.verse` counts: hanzi, punctuation, end mark.

    Each unknown character costs ln(n) more, n being how many different ones these poems hold: naming which it is.
    """
    known = set(vocabulary.characters)
    unknown = sum(character not in known for poem in poems for character in poem)
    extra = unknown * log(max(1, unknown_types(poems, vocabulary)))
    nats = sum(unigram.nats(poem) for poem in poems) + extra
    return HeldOut(nats, sum(len(poem) + 1 for poem in poems), len(poems))


def spells_with(tokenizer: Tokenizer, vocabulary: QuatrainVocabulary) -> bool:
    """Return whether a tokenizer's plain tokens are exactly the characters of the vocabulary."""
    special = tokenizer.special_ids()
    plain = (tokenizer.token(number) for number in range(tokenizer.num_tokens) if number not in special)
    return sorted(plain) == sorted(vocabulary.characters)
