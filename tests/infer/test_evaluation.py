"""Choices, last words and long texts."""

import numpy as np
import pytest
from infer.reference import SPECIAL, log_softmax, next_logits, tiny
from wudao_rt import ShapeError
from wudao_rt.generation import PartA, part_a
from wudao_rt.scoring import score, score_choices, score_last_words, score_text
from wudao_rt.tasks import perplexity_windows

CHOICES = [[12, 13], [14], [15, 16, 17]]


@pytest.mark.parametrize("question", [[9, 2, 10], [9, 10]], ids=["mask inside", "no mask"])
def test_packed_choices_equal_choices_alone(question):
    model = tiny()
    packed = score_choices(model, [question, [8, 2]], [CHOICES, CHOICES[:2]], special=SPECIAL)
    apart = [score_choices(model, [question], [[choice]], special=SPECIAL)[0][0] for choice in CHOICES]
    np.testing.assert_allclose(packed[0], apart, atol=1e-5)
    context = question if 2 in question else [*question, 2, 0]
    spans = score(model, [context] * 3, CHOICES, special=SPECIAL)
    np.testing.assert_allclose(packed[0], [one.log_prob for one in spans], atol=1e-5)
    assert len(packed[1]) == 2


def test_choices_left_to_right():
    model = tiny()
    found = score_choices(model, [[9, 10]], [CHOICES], "uni", special=SPECIAL)[0]
    expected = score(model, [[9, 10]] * 3, CHOICES, "uni", special=SPECIAL)
    np.testing.assert_allclose(found, [one.log_prob for one in expected], rtol=1e-12)


@pytest.mark.parametrize("mode", ["bi", "uni"])
def test_last_word_is_right_when_every_token_is_the_arg_max(mode):
    model, context = tiny(), [9, 10, 11]
    part = PartA([1, 9, 10, 11, 5, 0], [4]) if mode == "bi" else PartA([1, 9, 5, 0], [2])
    written = [] if mode == "bi" else [10, 11]
    word = []
    for _ in range(2):
        word.append(int(next_logits(model, part, [written + word]).argmax()))
    wrong = [word[0], (word[1] + 1) % 32]
    right, other = score_last_words(model, [(context, word), (context, wrong)], mode, special=SPECIAL)
    assert right.correct and not other.correct
    assert right.token_ids == word
    first = log_softmax(next_logits(model, part, [written]))[word[0]]
    second = log_softmax(next_logits(model, part, [[*written, word[0]]]))
    assert right.log_prob == pytest.approx(first + second[word[1]], abs=1e-5)
    assert other.log_prob == pytest.approx(first + second[wrong[1]], abs=1e-5)


def test_long_passages_lose_their_left_end():
    model = tiny()
    long, short = ([*range(7, 32)] * 3, [*range(7, 32)] * 2)
    found = score_last_words(model, [(long, [9]), (short, [9])], special=SPECIAL)
    assert found[0].log_prob == found[1].log_prob


@pytest.mark.parametrize("mode", ["bi", "uni"])
@pytest.mark.parametrize("length", [2, 19, 20, 21, 40, 53])
def test_every_token_but_the_first_is_scored_once(mode, length):
    model = tiny()
    text = (np.arange(length) * 7 % 25 + 7).tolist()
    found = score_text(model, text, overlap=8, seq_length=21, mode=mode, special=SPECIAL)
    windows = list(perplexity_windows(np.array(text), 21, 8, SPECIAL, mode))
    counts = np.bincount(np.concatenate([window.tokens for window in windows]), minlength=length)
    assert counts.tolist() == [0] + [1] * (length - 1)
    assert np.isnan(found.log_probs[0]) and (found.log_probs[1:] < 0).all()
    assert found.tokens == length - 1
    assert found.nats == pytest.approx(-found.log_probs[1:].sum())
    assert found.per_token == pytest.approx(np.exp(found.nats / found.tokens))


def test_the_example_of_forty_tokens():
    """40 tokens, windows of 20, overlap 8: 4 windows, 39 scored; the second reads 12 tokens both ways."""
    model, text = tiny(dtype="float64"), list(range(7, 32)) + list(range(7, 22))
    found = score_text(model, text, overlap=8, seq_length=21, special=SPECIAL)
    part = part_a([*text[8:20], SPECIAL.gmask], SPECIAL)
    expected = log_softmax(next_logits(model, part, [text[20:23]]))[text[23]]
    assert found.log_probs[23] == pytest.approx(expected, rel=1e-10)
    assert found.tokens == 39


def test_defaults_fit_the_model():
    for blocks in (True, False):
        model = tiny(block_positions=blocks)
        assert score_text(model, list(range(7, 30)) * 4, special=SPECIAL).tokens == 91
        assert score_text(model, list(range(7, 30)) * 4, mode="uni", special=SPECIAL).tokens == 91


def test_bad_requests():
    model = tiny()
    with pytest.raises(ShapeError, match="score_choices: choices: expected a list for each of 1 questions, got 2"):
        score_choices(model, [[9]], [CHOICES, CHOICES], special=SPECIAL)
    with pytest.raises(ShapeError, match=r"choices\[0\]: expected at least one, got none"):
        score_choices(model, [[9]], [[]], special=SPECIAL)
    with pytest.raises(ShapeError, match=r"questions\[0\]: expected at most 25 tokens"):
        score_choices(model, [[9] * 30], [CHOICES], special=SPECIAL)
    with pytest.raises(ShapeError, match="score_text: text: expected at least one token, got none"):
        score_text(model, [], special=SPECIAL)
