"""Drawing, completing, captioning. Numbers are the checks of the specification, section 12."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from conftest import CONFIG, lively, pictures
from scipy.stats import chi2_contingency, chisquare
from wudao_rt import CogView, ConfigError, DTypeError, ShapeError
from wudao_rt.quantization import quantize

SEP = CONFIG.image_codes + CONFIG.text_tokens + 10


def test_a_seed_gives_the_same_picture_whatever_the_batch(model: CogView) -> None:  # check 23
    texts = [[1, 2, 3], [4], []]
    whole = model.draw(texts, n=3, seed=7)
    assert whole.shape == (3, 3, 8, 8) and whole.dtype == np.int32
    np.testing.assert_array_equal(model.draw(texts, n=3, seed=7, max_streams=2), whole)
    np.testing.assert_array_equal(model.draw([[4]], n=2, seed=7)[0], whole[1, :2])
    assert (model.draw(texts, n=3, seed=8) != whole).any()


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_forbidden_ids_are_never_drawn(sign: float) -> None:  # check 22
    loud = lively(dataclasses.replace(CONFIG, num_layers=1))
    state = loud.state_dict()
    state["transformer.final_layernorm.weight"][:] = 0
    state["transformer.final_layernorm.bias"][:] = sign
    allowed = np.zeros(CONFIG.vocab_size, bool)
    allowed[: CONFIG.image_codes] = True
    state["word_embeddings.weight"][~allowed] = sign * 1e4 / CONFIG.hidden_size  # logits of 1e4
    loud.load_state_dict(state)
    codes = loud.draw([[1]] * 10, n=16, temperature=2.0, top_k=0, seed=1)  # 10,240 draws
    assert 0 <= codes.min() <= codes.max() < CONFIG.image_codes
    state["word_embeddings.weight"][:] = sign * 1e4 / CONFIG.hidden_size
    loud.load_state_dict(state)
    ids = [one for said in loud.caption(pictures(16), n=64, top_k=0, seed=1) for text in said for one in text]
    assert len(ids) > 5000 and 0 <= min(ids) <= max(ids) < CONFIG.text_tokens


def test_cold_draws_are_the_most_probable(model: CogView) -> None:  # check 23
    codes = model.draw([[1, 2]], temperature=0)[0, 0].ravel()
    template = model.templates.text_first([1, 2], codes)
    logits = model.logits(template.ids[None, :-1], template.positions[None, :-1])[0]
    np.testing.assert_array_equal(logits[4:-1, : CONFIG.image_codes].argmax(1), codes)


def _cold_caption_is_most_probable(model: CogView) -> None:
    codes = pictures(1)[0]
    text = model.caption(codes[None], temperature=0)[0][0]
    template = model.templates.picture_first(text, codes)
    logits = model.logits(template.ids[None, :-1], template.positions[None, :-1])[0]
    roi = len(template.ids) - len(text) - 2  # its row tells the first token
    allowed = [*range(CONFIG.image_codes, CONFIG.image_codes + CONFIG.text_tokens), SEP]
    best = np.array(allowed)[logits[roi:, allowed].argmax(1)]
    np.testing.assert_array_equal(best[: len(text)] - CONFIG.image_codes, text)
    assert len(text) == CONFIG.max_text or best[len(text)] == SEP


def test_cold_captions_are_the_most_probable(model: CogView) -> None:
    _cold_caption_is_most_probable(model)


def test_drawing_with_a_word_table_of_few_bits() -> None:
    config = dataclasses.replace(CONFIG, hidden_size=64, num_heads=2)
    state = lively(config).state_dict()
    word = quantize(state["word_embeddings.weight"], "int8")
    few = CogView.from_arrays(config, state | {"word_embeddings.weight": word})
    codes = few.draw([[1, 2]], temperature=0)[0, 0].ravel()
    template = few.templates.text_first([1, 2], codes)
    logits = few.logits(template.ids[None, :-1], template.positions[None, :-1])[0]
    np.testing.assert_array_equal(logits[4:-1, : CONFIG.image_codes].argmax(1), codes)
    _cold_caption_is_most_probable(few)


def test_draws_have_the_frequencies_of_the_softmax(model: CogView) -> None:  # check 23
    template = model.templates.text_first([1, 2], np.zeros(64, int))
    logits = model.logits(template.ids[None, :5], template.positions[None, :5])[0, 4, : CONFIG.image_codes]
    chances = np.exp(logits - logits.max(), dtype=np.float64)
    first = _first_codes(model, [1, 2], 100_000)
    assert chisquare(np.bincount(first, minlength=20), 100_000 * chances / chances.sum()).pvalue > 0.001


def test_top_k_keeps_ties(model: CogView) -> None:  # check 23
    state = model.state_dict()
    state["word_embeddings.weight"][3:9] = state["word_embeddings.weight"][2]
    equal = CogView.from_arrays(CONFIG, state)
    seen = set(_first_codes(equal, [1, 2], 400, top_k=1)) | set(_first_codes(equal, [1, 2], 400, top_k=8))
    assert set(range(2, 9)) <= seen or not seen & set(range(2, 9))
    few = {top_k: len(set(_first_codes(equal, [5], 3000, top_k=top_k))) for top_k in (1, 2, 20)}
    assert few[1] in (1, 7) and few[2] in (2, 7, 8) and few[20] >= 8


def test_shared_beginnings_leave_chances_alone(model: CogView) -> None:  # check 24
    together = np.bincount(_first_codes(model, [1, 2], 4000), minlength=20)
    alone = np.bincount([_first_codes(model, [1, 2], 1, seed=seed)[0] for seed in range(1000, 5000)], minlength=20)
    seen = (together + alone) > 0
    assert chi2_contingency(np.stack([together, alone])[:, seen]).pvalue > 0.001


def _first_codes(model: CogView, text: list[int], count: int, seed: int = 5, top_k: int = 0) -> np.ndarray:
    """Return first codes alone: the rest of each picture is given."""
    from wudao_rt import _core
    from wudao_rt.cogview.drawing import picture_request

    known, both, slots = picture_request(model.templates, text, np.zeros((8, 8), int), np.zeros((8, 8), bool))
    found = _core.fill(model.core, [(known, both, slots[:2])], {
        "n": count, "temperature": 1.0, "top_k": top_k, "top_p": 0.0, "seed": seed, "guidance": 1.0, "max_streams": 64})
    return np.array([ids[0] for _, _, ids in found])


@pytest.mark.parametrize("shape", ["top", "box", "scattered", "all", "none"])
def test_what_is_kept_stays(model: CogView, shape: str) -> None:  # check 25
    codes, keep = pictures(2), np.ones((8, 8), bool)
    if shape == "top":
        keep[4:] = False
    elif shape == "box":
        keep[2:6, 3:5] = False
    elif shape == "scattered":
        keep = np.random.default_rng(3).random((8, 8)) < 0.5
    elif shape == "none":
        keep[:] = False
    found = model.complete([[1], [2, 3]], codes, keep, n=3, seed=2, top_k=0)
    assert found.shape == (2, 3, 8, 8)
    np.testing.assert_array_equal(found[:, :, keep], np.repeat(codes[:, None], 3, 1)[:, :, keep])
    changed = (found != codes[:, None])[:, :, ~keep]
    assert changed.mean() > 0.8 if shape != "all" else not changed.size


def test_filled_holes_are_drawn_from_the_model_with_all_around_them_in_sight(model: CogView) -> None:
    codes, holes = pictures(1)[0], np.zeros((8, 8), bool)
    holes[2:4, 3:5] = True
    found = model.complete([[1]], codes, ~holes, temperature=0)[0, 0]
    from wudao_rt.cogview.templates import completion_sample

    sample = completion_sample(model.templates, [1], found, holes)
    logits = model.logits(sample.ids[None], sample.positions[None], np.array([sample.sep]))[0]
    np.testing.assert_array_equal(logits[sample.slots, : CONFIG.image_codes].argmax(1), found[holes])


def test_captions_end_where_the_model_says_so(model: CogView) -> None:
    said = model.caption(pictures(3), n=2, seed=4, top_k=0)
    assert len(said) == 3 and all(len(one) == 2 for one in said)
    lengths = [len(text) for one in said for text in one]
    assert max(lengths) <= CONFIG.max_text
    assert all(len(text) <= 3 for one in model.caption(pictures(3), n=4, max_tokens=3) for text in one)
    np.testing.assert_array_equal(model.caption(pictures(3)[1:2], n=2, seed=4, top_k=0)[0][1], said[1][1])


@pytest.mark.parametrize(("texts", "error", "message"), [
    ([[1] * 13], ConfigError, "draw: texts: expected at most 12 tokens, got 13"),
    ([[30]], ShapeError, "draw: texts: expected ids below 30, got 30"),
    (["a"], ConfigError, "draw: texts: expected lists of ids, for this model has no text tokenizer, got 'a'"),
    ([], ConfigError, "draw: texts: expected at least one, got none"),
])
def test_texts_that_cannot_be_drawn(model: CogView, texts: list, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        model.draw(texts)


def test_a_long_text_is_cut_when_asked_to(model: CogView) -> None:
    np.testing.assert_array_equal(model.draw([[1] * 13], truncate=True), model.draw([[1] * 12]))


@pytest.mark.parametrize(("options", "message"), [
    ({"temperature": -1.0}, "temperature: expected a number of at least 0"),
    ({"top_k": -1}, "top_k: expected a whole number of at least 0"),
    ({"guidance": float("nan")}, r"guidance: expected a number \(1: none\), got nan"),
    ({"n": 0}, "n: expected a whole number of at least 1"),
])
def test_numbers_outside_their_range(model: CogView, options: dict, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        model.draw([[1]], **options)


@pytest.mark.parametrize(("codes", "error", "message"), [
    (np.full((1, 8, 8), 20), ShapeError, "codes: expected numbers from 0 to 19, got 20 to 20"),
    (np.zeros((1, 4, 4), int), ShapeError, r"codes: expected shape \(1, 8, 8\), got \(1, 4, 4\)"),
    (np.zeros((1, 8, 8)), DTypeError, "codes: expected whole numbers, got float64"),
])
def test_codes_that_are_none(model: CogView, codes: np.ndarray, error: type[Exception], message: str) -> None:
    for verb in (lambda: model.complete([[1]], codes, np.ones((8, 8), bool)), lambda: model.caption(codes),
                 lambda: model.caption_loss([[1]], codes)):
        with pytest.raises(error, match=message):
            verb()


def test_guidance_draws_from_what_the_text_changes(model: CogView) -> None:
    found = model.draw([[1, 2]], guidance=3.0, temperature=0)[0, 0].ravel()
    logits = []
    for text in ([1, 2], []):
        template = model.templates.text_first(text, found)
        logits.append(model.logits(template.ids[None, :-1], template.positions[None, :-1])[0, len(text) + 2 : -1, :20])
    asked, plain = (one.astype(np.float64) for one in logits)
    np.testing.assert_array_equal((plain + 3 * (asked - plain)).argmax(1), found)
    np.testing.assert_array_equal(model.draw([[1, 2]], guidance=1.0, seed=3), model.draw([[1, 2]], seed=3))
    both = model.draw([[1, 2], [3]], n=3, guidance=2.0, seed=3)
    np.testing.assert_array_equal(model.draw([[3]], n=2, guidance=2.0, seed=3, max_streams=1)[0], both[1, :2])
