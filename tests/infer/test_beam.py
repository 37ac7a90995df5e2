"""Beam search against the search through everything."""

import numpy as np
import pytest
from infer.reference import SPECIAL, greedy, log_softmax, next_logits, tiny, with_rules
from wudao_rt import ConfigError
from wudao_rt.generation import part_a

VOCAB, LIMIT = 10, 3
PROMPT = [9, 8]


def every_text(model, prompt, length_penalty=1.0, temperature=1.0, blank_before=None, **rules):
    """(score, tokens, ended) of every text of at most LIMIT tokens, best first."""
    context = part_a(prompt, SPECIAL)
    before = [] if blank_before is None else [blank_before]
    found = []

    def visit(tokens, total):
        if len(tokens) == LIMIT:
            found.append((total / LIMIT**length_penalty, tokens, False))
            return
        logits = next_logits(model, context, [*before, tokens])
        log_p = log_softmax(logits / temperature)
        allowed = with_rules(logits, tokens, **rules) > -np.inf
        for token in np.flatnonzero(allowed):
            if token in (SPECIAL.eop, SPECIAL.eos):
                found.append(((total + log_p[token]) / (len(tokens) + 1) ** length_penalty, tokens, True))
            else:
                visit([*tokens, int(token)], total + log_p[token])

    visit([], 0.0)
    return sorted(found, key=lambda one: -one[0])


@pytest.mark.parametrize("length_penalty", [1.0, 0.0, 0.6, 2.5, -1.0])
@pytest.mark.parametrize("seed", range(3))
def test_wide_beams_find_the_best_texts(seed, length_penalty):
    model = tiny(VOCAB, seed=seed, dtype="float64")
    beams = {"num_beams": 200, "num_samples": 20, "length_penalty": length_penalty}
    found = model.generate([PROMPT], LIMIT, special=SPECIAL, **beams)
    expected = every_text(model, PROMPT, length_penalty)[:20]
    assert [one.token_ids for one in found] == [tokens for _, tokens, _ in expected]
    assert [one.finish_reason != "length" for one in found] == [ended for *_, ended in expected]
    np.testing.assert_allclose([one.score for one in found], [score for score, *_ in expected], rtol=1e-9)


@pytest.mark.parametrize(
    "settings",
    [{"temperature": 0.5}, {"no_repeat_ngram": 1}, {"min_new_tokens": 2}, {"forbidden_ids": [4, 7]}],
    ids=str,
)
def test_wide_beams_honour_the_settings(settings):
    model = tiny(VOCAB, dtype="float64")
    names = {"no_repeat_ngram": "ngram", "min_new_tokens": "minimum", "forbidden_ids": "forbidden"}
    rules = {names.get(name, name): value for name, value in settings.items()}
    found = model.generate([PROMPT], LIMIT, num_beams=200, num_samples=5, special=SPECIAL, **settings)
    expected = every_text(model, PROMPT, **rules)[:5]
    assert [one.token_ids for one in found] == [tokens for _, tokens, _ in expected]
    np.testing.assert_allclose([one.score for one in found], [score for score, *_ in expected], rtol=1e-9)


def test_score_is_the_sum_over_the_length_with_the_end_mark():
    for one in tiny().generate([PROMPT], 6, num_beams=4, num_samples=4, length_penalty=0.7, special=SPECIAL):
        values = one.token_log_probs + ([] if one.blanks[0].end_log_prob is None else [one.blanks[0].end_log_prob])
        assert one.score == pytest.approx(sum(values) / len(values) ** 0.7, rel=1e-6)


def test_best_first_and_never_twice():
    found = tiny().generate([PROMPT], 6, num_beams=6, num_samples=6, special=SPECIAL)
    scores = [one.score for one in found]
    assert len(found) == 6 and scores == sorted(scores, reverse=True)
    assert len({(tuple(one.token_ids), one.finish_reason) for one in found}) == 6


def test_more_beams_never_find_less_here():
    model = tiny(seed=4)
    scores = [model.generate([PROMPT], 8, num_beams=n, special=SPECIAL)[0].score for n in (2, 32)]
    assert scores[1] >= scores[0]


def test_top_k_one_leaves_the_greedy_path():
    model, prompt = tiny(), [9, 2, 10, 2]
    found = model.generate([prompt], 6, num_beams=3, top_k=1, special=SPECIAL)[0]
    assert [blank.token_ids for blank in found.blanks] == greedy(model, part_a(prompt, SPECIAL), 6)


def test_second_blank_sees_the_best_first():
    model, prompt = tiny(VOCAB, dtype="float64"), [9, 2, 8, 2]
    found = model.generate([prompt], LIMIT, num_beams=200, num_samples=3, special=SPECIAL)
    first = every_text(model, prompt)[0][1]
    assert [one.blanks[0].token_ids for one in found] == [first] * 3
    expected = every_text(model, prompt, blank_before=first)[:3]
    assert [one.blanks[1].token_ids for one in found] == [tokens for _, tokens, _ in expected]


def test_requests_that_cannot_be():
    for settings in ({"num_samples": 4}, {"temperature": 0.0}, {"length_penalty": float("nan")}):
        with pytest.raises(ConfigError, match=f"generate: {next(iter(settings))}: expected"):
            tiny().generate([PROMPT], 4, num_beams=3, special=SPECIAL, **settings)


def test_all_texts_are_counted():
    """The reference itself: 8 plain tokens, 2 ends, at most 3 tokens."""
    assert len(every_text(tiny(VOCAB), PROMPT)) == 2 + 2 * 8 + 2 * 8**2 + 8**3
