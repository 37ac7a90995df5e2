"""Sequences and what is learned of them. Numbers are the checks of the specification, section 12."""

from __future__ import annotations

import dataclasses

import numpy as np
from conftest import CONFIG, pictures
from wudao_rt.cogview.templates import Templates, completion_sample, running_positions, sample_of

FIXED = dataclasses.replace(CONFIG, fixed_positions=True)
ONE = Templates(CONFIG)
C = ONE.ids.command
T = CONFIG.image_codes


def test_text_first() -> None:
    codes = pictures(1)[0]
    found = ONE.text_first([3, 4], codes)
    assert found.ids.tolist() == [C("ROI1"), T + 3, T + 4, C("TINY"), C("BOI1"), *codes.ravel(), C("EOI1")]
    assert found.positions.tolist() == list(range(2 + 4 + 64))


def test_picture_first() -> None:
    codes = pictures(1)[0]
    found = ONE.picture_first([3, 4], codes)
    assert found.ids.tolist() == [C("TINY"), C("BOI1"), *codes.ravel(), C("EOI1"), C("ROI1"), T + 3, T + 4, C("SEP")]
    assert found.positions.tolist() == list(range(2 + 5 + 64))


def test_fixed_positions_are_those_behind_the_longest_text() -> None:
    templates, codes = Templates(FIXED), pictures(1)[0]
    one, two = templates.text_first([3], codes), templates.picture_first([3, 4], codes)
    longest = templates.text_first([3] * FIXED.max_text, codes)
    np.testing.assert_array_equal(one.positions[2:], longest.positions[-67:])
    np.testing.assert_array_equal(two.positions[:67], longest.positions[-67:])
    assert two.positions[67:].tolist() == [0, 1, 2, 3]
    assert longest.positions.tolist() == list(range(FIXED.max_positions))


def test_positions_begin_again_at_the_second_region() -> None:  # check 18
    row = [C("ROI1"), T, C("BASE"), C("BOI1"), 1, 2, C("EOI1"), C("ROI2"), C("POS0"), C("BASE"), C("BOI2"), 3]
    assert running_positions(row, CONFIG).tolist() == [0, 1, 2, 3, 4, 5, 6, 0, 1, 2, 3, 4]
    assert running_positions([1] * 100, CONFIG).max() == CONFIG.max_positions - 1


def test_weights_go_by_the_input() -> None:  # check 19
    found = sample_of(ONE.text_first([3], pictures(1)[0]), CONFIG, text_weight=0.5)
    assert found.ids[:4].tolist() == [C("ROI1"), T + 3, C("TINY"), C("BOI1")]
    assert found.loss_mask[:5].tolist() == [0.5, 0.5, 0.5, 0.5, 1.0]  # the first code counts as text
    assert found.targets[3] == found.ids[4]
    assert found.targets[-1] == C("EOI1") and found.loss_mask[-1] == 1.0  # what ends the picture, as picture


def test_a_hand_made_loss(model) -> None:  # check 19: six tokens, two weights, padding
    ids = np.array([[C("ROI1"), T + 1, C("TINY"), C("BOI1"), 5, 7, C("PAD")]])
    positions, targets = np.arange(7)[None], np.array([[T + 1, C("TINY"), C("BOI1"), 5, 7, C("EOI1"), 0]])
    weights = np.array([[0.25, 0.25, 0.25, 0.25, 1, 1, 0]])
    logits = model.logits(ids, positions)[0].astype(np.float64)
    logits = logits[:, : CONFIG.unpadded_vocab_size]
    each = np.log(np.exp(logits).sum(1)) - logits[np.arange(7), targets[0]]
    loss, gradients = model.loss_and_gradients(ids, positions, targets, weights)
    assert abs(loss - (each * weights[0]).sum() / weights.sum()) < 1e-5
    longer, _ = model.loss_and_gradients(*(np.pad(a, ((0, 0), (0, 3))) for a in (ids, positions, targets, weights)))
    assert longer == loss
    no_text, _ = model.loss_and_gradients(ids, positions, targets, np.where(ids < T, 1.0, 0.0))
    assert abs(no_text - each[4:6].mean()) < 1e-5
    assert np.abs(gradients["word_embeddings.weight"]).max() > 0


def test_holes_are_learned_from_what_lies_around_them() -> None:
    codes, holes = pictures(1)[0], np.zeros((8, 8), bool)
    holes[2:4, 3:5] = True
    found = completion_sample(ONE, [3], codes, holes)
    flat, at = codes.ravel(), np.flatnonzero(holes)
    assert found.sep == 4 + 60
    assert len(found) == found.sep + 6 - 1  # two runs of two with their beginnings, but for the last token
    assert set(found.positions[: found.sep].tolist()) == set(range(68)) - set((at + 4).tolist())
    learned = found.slots
    np.testing.assert_array_equal(found.targets[learned], flat[at])
    np.testing.assert_array_equal(found.ids[learned], flat[at - 1])
    np.testing.assert_array_equal(found.positions[learned], at - 1 + 4)


def test_a_picture_that_is_all_holes_is_learned_from_its_text() -> None:
    codes = pictures(1)[0]
    found = completion_sample(ONE, [3], codes, np.ones((8, 8), bool))
    assert found.ids[: found.sep].tolist() == [C("ROI1"), T + 3, C("TINY"), C("BOI1")]
    np.testing.assert_array_equal(found.targets[found.slots], codes.ravel())
