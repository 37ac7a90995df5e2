"""Measures of pictures against numbers worked out by hand, and against a plain loop."""

from __future__ import annotations

import numpy as np
import pytest
from wudao_rt import ShapeError
from wudao_rt.evaluation.images.likelihood import unigram_nats
from wudao_rt.image.measures import Reconstruction, squared_errors
from wudao_rt.image.similarity import ssim

RNG = np.random.default_rng(0)


def test_one_error_over_all_pixels_and_the_median_of_single_ones() -> None:
    images = np.zeros((2, 4, 4, 3))
    shown = images.copy()
    shown[0], shown[1] = 0.1, 0.01  # errors of 0.01 and 0.0001: 20 and 40 dB
    found = Reconstruction.of(squared_errors(shown, images), np.array([1, 1, 2, 0]))
    assert found.psnr == pytest.approx(-10 * np.log10(0.00505))
    assert found.psnr_median == pytest.approx(30)
    assert found.code_use == 0.75
    assert found.perplexity == pytest.approx(2 ** 1.5)  # an entropy of 1.5 bits


def test_bytes_count_as_parts_of_one() -> None:
    images = np.full((1, 2, 2, 3), 51, np.uint8)
    assert squared_errors(np.zeros((1, 2, 2, 3), np.float32), images)[0] == pytest.approx(0.04)


def _window(size: int) -> np.ndarray:
    at = np.arange(size) - size // 2
    weights = np.exp(-(at[:, None] ** 2 + at**2) / (2 * 1.5**2))
    return weights / weights.sum()


def _plain_ssim(a: np.ndarray, b: np.ndarray, size: int = 11) -> float:
    x, y = a @ [0.299, 0.587, 0.114], b @ [0.299, 0.587, 0.114]
    weights, found = _window(size), []
    for top in range(x.shape[0] - size + 1):
        for left in range(x.shape[1] - size + 1):
            p, q = (one[top : top + size, left : left + size] for one in (x, y))
            mp, mq = (weights * p).sum(), (weights * q).sum()
            vp, vq = (weights * (p - mp) ** 2).sum(), (weights * (q - mq) ** 2).sum()
            cov = (weights * (p - mp) * (q - mq)).sum()
            found.append((2 * mp * mq + 1e-4) * (2 * cov + 9e-4) / ((mp**2 + mq**2 + 1e-4) * (vp + vq + 9e-4)))
    return float(np.mean(found))


def test_similarity_of_random_pictures_is_that_of_a_plain_loop() -> None:
    a, b = RNG.random((3, 14, 17, 3)), RNG.random((3, 14, 17, 3))
    b[1] = 0.9 * a[1] + 0.05
    np.testing.assert_allclose(ssim(a, b), [_plain_ssim(*pair) for pair in zip(a, b, strict=True)], atol=1e-12)
    assert ssim(a, b)[1] > 0.95 > ssim(a, b)[0]


def test_similarity_by_hand() -> None:
    grey, light = np.full((1, 32, 32, 3), 0.25), np.full((1, 32, 32, 3), 0.5)
    assert ssim(grey, light)[0] == pytest.approx((2 * 0.125 + 1e-4) / (0.0625 + 0.25 + 1e-4))
    black, white = np.zeros((1, 16, 16, 3), np.uint8), np.full((1, 16, 16, 3), 255, np.uint8)
    assert ssim(white, white) == pytest.approx(1, abs=1e-12)
    assert ssim(black, white)[0] == pytest.approx(1e-4 / 1.0001)
    stripes = np.tile(np.arange(16) % 2, (1, 16, 1))[..., None].repeat(3, 3).astype(float)
    assert ssim(stripes, 1 - stripes)[0] < -0.9


def test_small_pictures_have_a_smaller_window() -> None:
    a, b = RNG.random((1, 8, 8, 3)), RNG.random((1, 8, 8, 3))
    assert ssim(a, b)[0] == pytest.approx(_plain_ssim(a[0], b[0], 7))


def test_pictures_of_two_sizes_are_no_pair() -> None:
    with pytest.raises(ShapeError, match=r"ssim: shown: expected two arrays .* of one shape"):
        ssim(np.zeros((1, 8, 8, 3)), np.zeros((1, 8, 9, 3)))


def test_unigram_is_the_frequency_with_one_added() -> None:
    learned, codes = np.array([[[0, 0], [0, 2]]]), np.array([[[0, 1], [2, 2]]])
    chances = np.array([4, 1, 2, 1]) / 8
    assert unigram_nats(learned, codes, 4)[0] == pytest.approx(-np.log(chances[[0, 1, 2, 2]]).sum())
