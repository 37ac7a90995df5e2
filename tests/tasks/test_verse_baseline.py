"""The unigram baseline against hand-worked numbers, and on the very tokens that the held-out loss counts."""

from __future__ import annotations

from dataclasses import dataclass
from math import exp, log

import numpy as np
import pytest
from wudao_rt.data.record import Record
from wudao_rt.data.tokenizer import train_character
from wudao_rt.data.verse.vocabulary import QuatrainVocabulary
from wudao_rt.datasets import VERSE_TOKENS, report_rows
from wudao_rt.evaluation import held_out_loss
from wudao_rt.tasks.verse_baseline import Unigram, spells_with, unigram_loss

TRAIN = ["甲甲，", "甲乙，丙。"]  # 甲 three times, ， twice, the others once; two ends
VOCABULARY = QuatrainVocabulary(("甲", "，"))
LOWER = 10 + 4  # tokens with ends, plus one for each of four types


def unigram() -> Unigram:
    return Unigram.fit(TRAIN, VOCABULARY)


def test_probabilities_by_hand() -> None:
    fitted = unigram()
    assert {c: round(exp(p) * LOWER, 9) for c, p in fitted.characters.items()} == {"甲": 4, "，": 3}
    assert exp(fitted.unknown) * LOWER == pytest.approx(3 + 1)
    assert exp(fitted.end) * LOWER == pytest.approx(2 + 1)


def test_probabilities_sum_to_one() -> None:
    fitted = unigram()
    assert sum(map(exp, [*fitted.characters.values(), fitted.unknown, fitted.end])) == pytest.approx(1)


def test_loss_by_hand() -> None:
    found = unigram_loss(["甲，", "丁戊丁"], unigram(), VOCABULARY)
    probabilities = [4, 3, 3, 4, 4, 4, 3]  # 甲 ， end; unknown three times, end
    nats = -sum(log(p / LOWER) for p in probabilities) + 3 * log(2)  # two unknown types, written three times
    assert found.nats == pytest.approx(nats)
    assert (found.tokens, found.n) == (7, 2)


def test_a_single_unknown_type_costs_nothing_more() -> None:
    assert unigram_loss(["丁"], unigram(), VOCABULARY).nats == pytest.approx(-log(4 / LOWER) - log(3 / LOWER))


def test_without_unknowns_there_is_no_extra_cost() -> None:
    assert unigram_loss(["甲"], unigram(), VOCABULARY).nats == pytest.approx(-log(4 / LOWER) - log(3 / LOWER))
    assert unigram_loss([], unigram(), VOCABULARY).tokens == 0


@dataclass
class FakeCore:
    """A model that knows the unigram and nothing else."""

    logs: np.ndarray

    def loss(self, batch: dict, **plan: object) -> float:
        return -float(self.logs[batch["targets"][batch["loss_mask"] > 0]].mean())


@dataclass
class FakeModel:
    core: FakeCore


def test_held_out_loss_counts_the_same_tokens() -> None:
    """A model that predicts the unigram's probabilities has exactly the unigram's loss, unknowns included."""
    tokenizer = train_character(["甲甲，，"], 2, VERSE_TOKENS)
    assert spells_with(tokenizer, VOCABULARY)
    fitted, logs = unigram(), np.full(tokenizer.vocab_size, -np.inf)
    for character, value in fitted.characters.items():
        logs[tokenizer.encode(character)] = value
    logs[tokenizer.commands.unk], logs[tokenizer.commands.pad] = fitted.unknown, fitted.end
    poems = ["甲，甲甲，", "丁甲，戊己，", "甲甲丁，"]
    records = [Record(poem, str(i), "report", title="甲", author="乙", form="五绝") for i, poem in enumerate(poems)]
    found = held_out_loss(FakeModel(FakeCore(logs)), report_rows(records, tokenizer, 2))
    expected = unigram_loss(poems, fitted, VOCABULARY)
    assert (found.tokens, found.n) == (expected.tokens, expected.n)
    assert found.nats == pytest.approx(expected.nats)


def test_another_vocabulary_is_noticed() -> None:
    assert not spells_with(train_character(["甲甲，，乙乙"], 2, VERSE_TOKENS), VOCABULARY)
    assert not spells_with(train_character(["甲甲"], 2, VERSE_TOKENS), VOCABULARY)
