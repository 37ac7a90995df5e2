"""What is drawn follows the filtered distribution, and rules hold exactly as a plain reference has them."""

from itertools import pairwise

import numpy as np
import pytest
from infer.reference import SPECIAL, greedy, log_softmax, next_logits, tiny
from scipy import stats
from wudao_rt.generation import part_a

PROMPT = [9, 10, 11]
DRAWS = 4000


def filtered(logits, temperature=1.0, top_k=0, top_p=0.0):
    """The distribution that ought to be drawn from, float64 (V,)."""
    scores = logits / temperature
    order = np.argsort(-scores, kind="stable")
    kept = order[: top_k or None]
    if 0 < top_p < 1:
        shares = np.exp(log_softmax(scores[kept]))
        kept = kept[: int(np.searchsorted(np.cumsum(shares), top_p)) + 1]
    out = np.zeros(len(scores))
    out[kept] = np.exp(log_softmax(scores[kept]))
    return out


@pytest.mark.parametrize(
    "sampling",
    [{}, {"temperature": 0.6}, {"temperature": 1.7, "top_k": 5}, {"top_p": 0.7}, {"top_k": 6, "top_p": 0.8},
     {"temperature": 2.0, "top_p": 0.5}],
    ids=str,
)  # fmt: skip
def test_draws_follow_the_distribution(sampling):
    model = tiny(init_std=0.25)
    expected = filtered(next_logits(model, part_a(PROMPT, SPECIAL), [[]]), **sampling)
    found = model.generate([PROMPT], 1, num_samples=DRAWS, seed=5, special=SPECIAL, max_streams=500, **sampling)
    ends = {"eop": SPECIAL.eop, "eos": SPECIAL.eos}
    tokens = [one.token_ids[0] if one.token_ids else ends[one.finish_reason] for one in found]
    counts = np.bincount(tokens, minlength=32)
    assert counts[expected == 0].sum() == 0
    common = expected * DRAWS >= 5
    rest = [counts[~common].sum()], [expected[~common].sum() * DRAWS]
    seen, wanted = (np.append(x[common], y) for x, y in zip((counts, expected * DRAWS), rest, strict=True))
    assert stats.chisquare(seen[wanted > 0], wanted[wanted > 0]).pvalue > 1e-3


def test_every_sample_and_seed_draws_anew():
    model = tiny()
    found = model.generate([PROMPT] * 2, 8, num_samples=20, seed=1, special=SPECIAL)
    texts = [tuple(one.token_ids) for one in found]
    assert len(set(texts[:20])) > 15 and texts[:20] == texts[20:]
    again = model.generate([PROMPT], 8, num_samples=20, seed=2, special=SPECIAL)
    assert [tuple(one.token_ids) for one in again] != texts[:20]


DEGENERATE = [{"temperature": 0.0}, {"top_k": 1}, {"top_p": 1e-9}, {"temperature": 1e-300}]


@pytest.mark.parametrize("sampling", DEGENERATE, ids=str)
def test_degenerate_settings_are_greedy(sampling):
    model, prompt = tiny(), [9, 2, 10, 2]
    expected = greedy(model, part_a(prompt, SPECIAL), 8)
    found = model.generate([prompt], 8, special=SPECIAL, **sampling)[0]
    assert [blank.token_ids for blank in found.blanks] == expected


RULES = [
    ({"repetition_penalty": 1.8}, {"penalty": 1.8}),
    ({"no_repeat_ngram": 2}, {"ngram": 2}),
    ({"no_repeat_ngram": 1}, {"ngram": 1}),
    ({"min_new_tokens": 6}, {"minimum": 6}),
    ({"forbidden_ids": [4, 19, 28]}, {"forbidden": [4, 19, 28]}),
    ({"repetition_penalty": 0.7, "no_repeat_ngram": 3}, {"penalty": 0.7, "ngram": 3}),
]


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(("settings", "reference"), RULES, ids=[str(rule[0]) for rule in RULES])
def test_rules_match_the_reference(settings, reference, seed):
    model, prompt = tiny(seed=seed), [9, 2, 10, 2]
    found = model.generate([prompt], 10, temperature=0, special=SPECIAL, **settings)[0]
    assert [blank.token_ids for blank in found.blanks] == greedy(model, part_a(prompt, SPECIAL), 10, **reference)


def test_one_position_table_is_enough():
    model, prompt = tiny(block_positions=False), [9, 2, 10, 2]
    found = model.generate([prompt], 30, temperature=0, min_new_tokens=30, special=SPECIAL)[0]
    assert [blank.token_ids for blank in found.blanks] == greedy(model, part_a(prompt, SPECIAL), 30, minimum=30)


def test_a_wide_nucleus_reaches_far_into_a_large_vocabulary():
    model = tiny(1500, init_std=0.1)
    share = filtered(next_logits(model, part_a(PROMPT, SPECIAL), [[]]), top_p=0.9)
    assert 600 < (share > 0).sum() < 1450
    found = model.generate([PROMPT], 1, num_samples=3000, top_p=0.9, special=SPECIAL, max_streams=500)
    tokens = {token for one in found for token in one.token_ids}
    assert len(tokens) > 500 and all(share[token] > 0 for token in tokens)


def test_no_ngram_repeats_within_a_blank():
    found = tiny().generate([[9, 2, 10, 2]] * 3, 20, num_samples=10, no_repeat_ngram=2, special=SPECIAL)
    blanks = [blank.token_ids for one in found for blank in one.blanks]
    grams = [list(pairwise(ids)) for ids in blanks]
    assert max(map(len, grams)) > 5 and all(len(set(gram)) == len(gram) for gram in grams)


def test_lengths_stay_in_their_bounds():
    found = tiny().generate([PROMPT], 9, num_samples=60, min_new_tokens=4, special=SPECIAL)
    lengths = {len(one.token_ids) for one in found}
    assert min(lengths) == 4 and max(lengths) == 9
    assert {one.finish_reason for one in found if len(one.token_ids) < 9} <= {"eop", "eos"}
    capped = tiny().generate([PROMPT], 500, num_samples=5, min_new_tokens=400, special=SPECIAL)
    assert {(len(one.token_ids), one.finish_reason) for one in capped} == {(24, "length")}  # max_positions


def test_padding_of_the_vocabulary_is_never_written():
    model = tiny(unpadded_vocab_size=20)
    found = model.generate([PROMPT], 10, num_samples=50, temperature=3.0, special=SPECIAL)
    tokens = [token for one in found for token in one.token_ids]
    assert len(tokens) > 100 and max(tokens) < 20
