"""CapLoss and the loss of pictures. Numbers are the checks of the specification, section 12."""

from __future__ import annotations

import numpy as np
import pytest
from conftest import CONFIG, pictures
from wudao_rt import CogView, ConfigError


def _by_hand(model: CogView, text: list[int], codes: np.ndarray) -> np.ndarray:
    template = model.templates.picture_first(text, codes)
    logits = model.logits(template.ids[None, :-1], template.positions[None, :-1])[0].astype(np.float64)
    logits = logits[:, : CONFIG.unpadded_vocab_size]
    each = np.log(np.exp(logits).sum(1)) - logits[np.arange(len(logits)), template.ids[1:]]
    return each[-len(text) - 1 : -1]  # SEP does not count


def test_caption_loss_is_the_mean_of_log_chances(model: CogView) -> None:  # check 26
    codes, texts = pictures(3), [[1, 2, 3], [4], [5, 6]]
    wanted = [_by_hand(model, text, one) for text, one in zip(texts, codes, strict=True)]
    np.testing.assert_allclose(model.caption_loss(texts, codes), [one.mean() for one in wanted], atol=1e-5)
    np.testing.assert_allclose(model.caption_loss(texts, codes, "sum"), [one.sum() for one in wanted], atol=2e-5)


def test_one_text_ranks_pictures_alike_by_mean_and_sum(model: CogView) -> None:  # check 26
    codes = pictures(40)
    mean, total = model.caption_loss([1, 2, 3], codes), model.caption_loss([1, 2, 3], codes, "sum")
    np.testing.assert_array_equal(np.argsort(mean), np.argsort(total))


def test_losses_do_not_depend_on_what_is_scored_beside(model: CogView) -> None:  # check 26
    codes, order = pictures(70), np.random.default_rng(1).permutation(70)
    whole = model.caption_loss([1, 2, 3], codes)
    np.testing.assert_array_equal(model.caption_loss([1, 2, 3], codes[order]), whole[order])
    np.testing.assert_array_equal(model.caption_loss([1, 2, 3], codes[5:6]), whole[5:6])
    mixed = model.caption_loss([[1, 2, 3], [1] * 9], codes[:2])
    assert mixed[0] == whole[0]


def test_image_loss_is_that_of_the_codes(model: CogView) -> None:
    codes = pictures(2)
    template = model.templates.text_first([], codes[0])
    logits = model.logits(template.ids[None, :-1], template.positions[None, :-1])[0, 2:-1].astype(np.float64)
    logits = logits[:, : CONFIG.unpadded_vocab_size]
    each = np.log(np.exp(logits).sum(1)) - logits[np.arange(64), codes[0].ravel()]
    np.testing.assert_allclose(model.image_loss([[], [1]], codes)[0], each.mean(), atol=1e-5)


def test_an_empty_text_has_no_caption_loss(model: CogView) -> None:
    with pytest.raises(ConfigError, match="caption_loss: texts: expected a text with something in it"):
        model.caption_loss([[]], pictures(1))
