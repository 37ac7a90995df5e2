"""A sample is a function of its prompt, its number and the seed: nothing of the batch shows, to the last bit."""

import pytest
from infer.reference import SPECIAL, tiny
from wudao_rt import _core

PROMPTS = [[9], [10, 11, 12, 2, 13], [2, 14, 2, 15, 2], [16, 17], list(range(7, 20))]
SETTINGS = {"num_samples": 3, "seed": 11, "temperature": 0.9, "special": SPECIAL}


def outcome(one):
    return [(blank.token_ids, blank.token_log_probs, blank.end_log_prob, blank.finish_reason) for blank in one.blanks]


def alone(model, **settings):
    return [outcome(one) for prompt in PROMPTS for one in model.generate([prompt], 7, **SETTINGS | settings)]


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16"])
@pytest.mark.parametrize("max_streams", [1, 2, 5, 100])
def test_streams_do_not_show(max_streams, dtype):
    model = tiny(dtype=dtype)
    found = model.generate(PROMPTS, 7, max_streams=max_streams, **SETTINGS)
    assert [outcome(one) for one in found] == alone(model)
    assert [(one.prompt_index, one.sample) for one in found] == [(p, s) for p in range(5) for s in range(3)]
    assert [one.prompt for one in found[::3]] == PROMPTS


@pytest.mark.parametrize("num_beams", [1, 3])
def test_streams_do_not_show_with_an_int8_cache(num_beams):
    model, settings = tiny(dtype="bfloat16"), {"cache": "int8", "num_beams": num_beams}
    found = model.generate(PROMPTS, 7, max_streams=5, **SETTINGS | settings)
    assert [outcome(one) for one in found] == alone(model, **settings)
    assert [outcome(one) for one in found] != alone(model, num_beams=num_beams)


def test_order_does_not_show():
    model = tiny()
    found = model.generate(PROMPTS[::-1], 7, **SETTINGS)
    parts = [found[i : i + 3] for i in range(0, 15, 3)][::-1]
    assert [outcome(one) for part in parts for one in part] == alone(model)


def test_more_samples_begin_with_the_same():
    model = tiny()
    few, many = (model.generate(PROMPTS[:1], 7, **SETTINGS | {"num_samples": n}) for n in (2, 9))
    assert [outcome(one) for one in many[:2]] == [outcome(one) for one in few]


def test_threads_do_not_show():
    try:
        outcomes = []
        for threads in (1, 2, 3):
            _core.set_threads(threads)
            outcomes.append([outcome(one) for one in tiny().generate(PROMPTS, 7, **SETTINGS)])
    finally:
        _core.set_threads(0)
    assert outcomes[0] == outcomes[1] == outcomes[2]


def test_beams_of_one_prompt_ignore_the_others():
    model = tiny()
    settings = {"num_beams": 3, "num_samples": 2, "special": SPECIAL}
    together = model.generate(PROMPTS, 5, **settings)
    apart = [one for prompt in PROMPTS for one in model.generate([prompt], 5, **settings)]
    assert [(outcome(one), one.score) for one in together] == [(outcome(one), one.score) for one in apart]
