"""Augmentation: a function of the key, within its bounds, exact where nothing is interpolated."""

from __future__ import annotations

import colorsys
from dataclasses import replace

import numpy as np
import pytest
from data.pictures.made_pictures import square
from wudao_rt.data import DataError
from wudao_rt.data.pictures import CAPTIONED, TOKENIZER, Augmentation, augmented, on_white

NOTHING = Augmentation(shift=0, smallest=1, largest=1, hue=0, brightness=0, flip=0, pastel=0)
MANY = 512


def _noise(count: int = 8) -> np.ndarray:
    return np.random.default_rng(1).integers(0, 256, (count, 32, 32, 4), dtype=np.uint8)


def _squares(**colour) -> np.ndarray:
    return np.repeat(square(**colour)[None], MANY, axis=0)


def _boxes(pictures: np.ndarray) -> np.ndarray:
    """Return left, right, top and bottom (exclusive) of what is not white."""
    ink = (pictures != 255).any(axis=-1)
    spans = []
    for axis in (1, 2):
        line = ink.any(axis=axis)
        spans += [line.argmax(axis=1), line.shape[1] - line[:, ::-1].argmax(axis=1)]
    return np.stack(spans, axis=1)


def test_a_row_is_a_function_of_seed_step_and_place() -> None:
    pixels = _noise()
    whole = augmented(pixels, 7, 3)
    assert np.array_equal(augmented(pixels, 7, 3), whole)
    assert np.array_equal(augmented(pixels[5:], 7, 3, first=5), whole[5:])
    assert not np.array_equal(augmented(pixels, 7, 4), whole)
    assert not np.array_equal(augmented(pixels, 8, 3), whole)
    assert augmented(pixels[:0], 7, 3).shape == (0, 32, 32, 3)


def test_nothing_changed_is_the_picture_on_white() -> None:
    assert np.array_equal(augmented(_noise(), 7, 3, how=NOTHING), on_white(_noise()))


def test_white_paper_is_exact_and_rounded() -> None:
    pixels = np.array([[[[10, 20, 30, 0], [10, 20, 30, 255], [10, 20, 30, 128]]]], np.uint8)
    assert on_white(pixels).tolist() == [[[[255, 255, 255], [10, 20, 30], [132, 137, 142]]]]


def test_shifts_are_whole_pixels_of_both_signs_within_the_bound() -> None:
    moved = _boxes(augmented(_squares(), 7, 0, how=replace(NOTHING, shift=2))) - _boxes(on_white(_squares()))
    assert np.array_equal(moved[:, 0], moved[:, 1])
    assert np.array_equal(moved[:, 2], moved[:, 3])
    assert {tuple(row) for row in moved[:, ::2]} == {(x, y) for x in range(-2, 3) for y in range(-2, 3)}


def test_scale_stays_within_its_bounds_and_keeps_the_centre() -> None:
    boxes = _boxes(augmented(_squares(side=20), 7, 0, how=replace(NOTHING, smallest=0.85, largest=1.1)))
    width = boxes[:, 1] - boxes[:, 0]
    assert 17 <= width.min() < 19
    assert 22 <= width.max() <= 24  # bilinear edges reach half a pixel further on each side
    assert np.abs(boxes[:, 0] + boxes[:, 1] - 32).max() <= 1


def test_half_are_mirrored_exactly() -> None:
    pixels = np.repeat(_noise(1), MANY, axis=0)
    made = augmented(pixels, 7, 0, how=replace(NOTHING, flip=0.5))
    plain, mirror = on_white(pixels[0]), on_white(pixels[0])[:, ::-1]
    mirrored = np.array([np.array_equal(one, mirror) for one in made])
    assert all(flag or np.array_equal(one, plain) for one, flag in zip(made, mirrored, strict=True))
    assert mirrored.mean() == pytest.approx(0.5, abs=0.09)  # four standard deviations


def test_hue_and_brightness_stay_within_their_bounds() -> None:
    centre = augmented(_squares(colour=(200, 100, 60)), 7, 0, how=replace(NOTHING, hue=0.03))[:, 16, 16]
    hues = np.array([colorsys.rgb_to_hsv(*(one / 255))[0] for one in centre])
    hue = colorsys.rgb_to_hsv(200 / 255, 100 / 255, 60 / 255)[0]
    assert 0.02 < np.abs(hues - hue).max() < 0.04  # a turn around the grey axis is not exactly one of HSV
    assert np.abs(centre.astype(int).sum(axis=1) - 360).max() <= 2
    grey = augmented(_squares(colour=(100, 100, 100)), 7, 0, how=replace(NOTHING, hue=0.03, brightness=0.1))[:, 16, 16]
    assert np.ptp(grey, axis=1).max() == 0
    assert (grey.min(), grey.max()) == (90, 110)


def test_a_few_lie_on_pastels() -> None:
    corners = augmented(_squares(), 7, 0, how=replace(NOTHING, pastel=0.1))[:, 0, 0]
    pastel = (corners != 255).any(axis=1)
    assert corners.min() >= 192
    assert pastel.mean() == pytest.approx(0.1, abs=0.055)  # four standard deviations
    assert len(np.unique(corners[pastel], axis=0)) > 10


@pytest.mark.parametrize("pixels", [np.zeros((2, 8, 8, 3), np.uint8), np.zeros((2, 8, 9, 4), np.uint8),
                                    np.zeros((8, 8, 4), np.uint8), np.zeros((2, 8, 8, 4), np.float32)])
def test_other_pixels_are_refused(pixels) -> None:
    with pytest.raises(DataError, match=r"pixels: expected uint8 \[B, S, S, 4\], got (uint8|float32) \["):
        augmented(pixels, 7, 0)


def test_what_has_a_caption_is_only_shifted() -> None:
    assert replace(CAPTIONED, shift=0) == NOTHING
    assert TOKENIZER.pastel < 0.1 < TOKENIZER.flip
