"""Scores are the log-probabilities that the full forward gives, and those that generation reports."""

import numpy as np
import pytest
from infer.reference import SPECIAL, log_softmax, next_logits, tiny
from wudao_rt import ConfigError, DTypeError, ShapeError
from wudao_rt.generation import PartA, part_a
from wudao_rt.scoring import best_ids, log_probs, score
from wudao_rt.tasks import continuation

CONTEXT, ANSWER = [9, 10, 11], [12, 13, 14]


def by_hand(model, context, tokens, before=(), written=()):
    """log p of each token, one full forward each."""
    blank = list(written)
    out = []
    for token in tokens:
        out.append(log_softmax(next_logits(model, context, [*before, blank]))[token])
        blank = [*blank, token]
    return out


@pytest.mark.parametrize("end", [False, True, "eop", "eos"])
@pytest.mark.parametrize("mode", ["bi", "uni"])
def test_score_equals_the_full_forward(mode, end):
    model = tiny(dtype="float64")
    mark = {False: [], True: [SPECIAL.eop], "eop": [SPECIAL.eop], "eos": [SPECIAL.eos]}[end]
    found = score(model, [CONTEXT], [ANSWER], mode, end, special=SPECIAL)[0]
    context = part_a(CONTEXT, SPECIAL) if mode == "bi" else PartA([SPECIAL.cls, SPECIAL.gmask], [1])
    expected = by_hand(model, context, ANSWER + mark, written=() if mode == "bi" else CONTEXT)
    assert found.token_ids == ANSWER + mark
    np.testing.assert_allclose(found.token_log_probs, expected, rtol=1e-10)
    assert found.log_prob == pytest.approx(sum(expected), rel=1e-10)


def test_blanks_see_the_ones_before():
    model, prompt, texts = tiny(dtype="float64"), [9, 2, 10, 2], [[12, 13], [14]]
    found = score(model, [prompt], [texts], include_end=True, special=SPECIAL)[0]
    context = part_a(prompt, SPECIAL)
    first = by_hand(model, context, [12, 13, SPECIAL.eop])
    second = by_hand(model, context, [14, SPECIAL.eop], before=[[12, 13]])
    np.testing.assert_allclose(found.token_log_probs, first + second, rtol=1e-10)


@pytest.mark.parametrize("prompt", [CONTEXT, [9, 2, 10, 2], [2, 9]], ids=str)
@pytest.mark.parametrize("beams", [1, 3])
def test_log_prob_of_generation_is_the_score(prompt, beams):
    model = tiny()
    settings = {"temperature": 0.7, "no_repeat_ngram": 2, "min_new_tokens": 2}
    found = model.generate([prompt], 8, num_beams=beams, num_samples=beams, special=SPECIAL, **settings)
    for one in found:
        texts = [blank.token_ids for blank in one.blanks]
        again = score(model, [prompt], [texts], special=SPECIAL)[0]
        assert again.token_ids == one.token_ids
        np.testing.assert_allclose(one.token_log_probs, again.token_log_probs, atol=2e-5)
        assert one.log_prob == pytest.approx(again.log_prob, abs=1e-4)


def test_batches_do_not_show():
    model = tiny()
    contexts = [[9] * n for n in (1, 7, 3, 12, 20, 2)]
    answers = [[10 + n] * (1 + n % 3) for n in range(6)]
    together = score(model, contexts, answers, special=SPECIAL)
    for one, context, answer in zip(together, contexts, answers, strict=True):
        assert score(model, [context], [answer], special=SPECIAL)[0].token_log_probs == one.token_log_probs


def test_probabilities_sum_to_one():
    model = tiny(dtype="float64", unpadded_vocab_size=30)
    found = score(model, [CONTEXT] * 30, [[token] for token in range(7, 30)] + [[8]] * 7, special=SPECIAL)
    rows = [continuation(np.array(CONTEXT), np.array([token]), SPECIAL) for token in range(30)]
    assert np.exp(np.concatenate(log_probs(model, rows))).sum() == pytest.approx(1.0, abs=1e-12)
    assert found[0].log_prob == log_probs(model, rows)[7][0]


def test_best_ids_are_the_arg_max():
    model = tiny(unpadded_vocab_size=30)
    row = continuation(np.array(CONTEXT), np.array(ANSWER), SPECIAL)
    logits = model.logits(row.ids[None], row.positions[None], row.block_positions[None], sep=np.array([row.sep]))
    assert best_ids(model, [row])[0].tolist() == logits[0, row.slots, :30].argmax(-1).tolist()


def test_empty_context_and_one_context_for_many():
    model = tiny()
    assert len(score(model, [[]], [[9]], special=SPECIAL)) == 1
    assert score(model, [], [], special=SPECIAL) == []


ERRORS = [
    (ShapeError, [CONTEXT], [], {}, "continuations: expected one for each of 1"),
    (ShapeError, [CONTEXT], [[]], {}, r"continuations\[0\]: expected at least one token"),
    (ShapeError, [CONTEXT], [[32]], {}, r"continuations\[0\]: expected ids from 0 to 31, got 32"),
    (ShapeError, [[9] * 24], [[9]], {}, r"contexts\[0\]: expected a context of at most 25 tokens"),
    (ShapeError, [[9]], [[9] * 25], {}, "expected at most 24 tokens to write"),
    (ShapeError, [[9, 2, 2]], [[9]], {}, "expected one text for each of 2 blanks, got 1"),
    (ConfigError, [[9, 2]], [[9]], {"mode": "uni"}, "expected no mask in mode uni"),
    (ConfigError, [CONTEXT], [[9]], {"mode": "both"}, "mode: expected bi or uni"),
    (ConfigError, [CONTEXT], [[9]], {"include_end": "end"}, "include_end"),
    (DTypeError, ["text"], [[9]], {}, "Set model.tokenizer"),
    (DTypeError, [[0.5]], [[9]], {}, "expected text or a list of token ids"),
]


@pytest.mark.parametrize(("kind", "contexts", "answers", "settings", "message"), ERRORS)
def test_bad_requests(kind, contexts, answers, settings, message):
    with pytest.raises(kind, match="score: .*" + message):
        score(tiny(), contexts, answers, special=SPECIAL, **settings)


def test_command_tokens_are_needed():
    with pytest.raises(ConfigError, match="score: special: expected the ids of the command tokens"):
        tiny().score([CONTEXT], [ANSWER])
