"""Distances and scores in closed form, and the blur beside SciPy's."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.linalg import sqrtm
from scipy.ndimage import gaussian_filter
from wudao_rt import ShapeError
from wudao_rt.evaluation.images.distances import blurred, frechet_distance, inception_style_score

RNG = np.random.default_rng(0)


def white(count: int, width: int, seed: int) -> np.ndarray:
    """Return rows whose mean is exactly 0 and whose covariance is exactly the identity."""
    rows = np.random.default_rng(seed).normal(size=(count, width))
    rows -= rows.mean(axis=0)
    return rows @ np.linalg.inv(np.linalg.cholesky(np.cov(rows, rowvar=False))).T


def test_distance_of_two_gaussians_in_closed_form() -> None:
    mean, one, two = np.array([1.0, -2.0, 0.5]), np.array([1.0, 2.0, 3.0]), np.array([2.0, 0.5, 3.0])
    first, second = white(50, 3, 0) * one + 5, white(80, 3, 1) * two + 5 + mean
    assert frechet_distance(first, second) == pytest.approx((mean**2).sum() + ((one - two) ** 2).sum())
    assert frechet_distance(first, first) == pytest.approx(0, abs=1e-9)
    assert frechet_distance(first, first + mean) == pytest.approx((mean**2).sum())


def test_distance_of_covariances_that_do_not_commute() -> None:
    first, second = (RNG.normal(size=(count, 6)) @ RNG.normal(size=(6, 6)) for count in (40, 50))
    c1, c2 = np.cov(first, rowvar=False), np.cov(second, rowvar=False)
    wanted = ((first.mean(0) - second.mean(0)) ** 2).sum() + np.trace(c1 + c2 - 2 * sqrtm(c1 @ c2).real)
    assert frechet_distance(first, second) == pytest.approx(wanted)
    assert frechet_distance(second, first) == pytest.approx(wanted)


def test_distance_of_singular_covariances_is_a_number() -> None:
    first, second = RNG.normal(size=(4, 16)), np.zeros((3, 16))
    wanted = (first.mean(0) ** 2).sum() + np.cov(first, rowvar=False).trace()
    assert frechet_distance(first, second) == pytest.approx(wanted)


def test_one_picture_has_no_covariance() -> None:
    with pytest.raises(ShapeError, match="frechet_distance: first: expected"):
        frechet_distance(np.zeros((1, 4)), np.zeros((9, 4)))


def test_scores_lie_between_one_and_the_number_of_classes() -> None:
    assert inception_style_score(np.tile(np.eye(7), (3, 1))) == pytest.approx(7)
    assert inception_style_score(np.tile(np.eye(7)[2], (5, 1))) == pytest.approx(1)
    assert inception_style_score(np.full((4, 7), 1 / 7)) == pytest.approx(1)
    two = np.array([[0.9, 0.1], [0.1, 0.9]])
    assert inception_style_score(two) == pytest.approx(np.exp(np.log(2) + 0.9 * np.log(0.9) + 0.1 * np.log(0.1)))
    for rows in (1, 3, 100):
        chances = RNG.dirichlet(np.full(7, 0.2), rows)
        assert 1 <= inception_style_score(chances) <= 7


@pytest.mark.parametrize("sigma", [0.0, 0.25, 0.5, 1.0])
def test_blur_is_that_of_scipy(sigma: float) -> None:
    images = RNG.random((2, 12, 9, 3))
    wanted = gaussian_filter(images, (0, sigma, sigma, 0), mode="nearest")
    np.testing.assert_allclose(blurred(images, sigma), wanted, atol=1e-12)


def test_blur_reads_bytes_as_parts_of_one() -> None:
    images = RNG.integers(0, 256, (1, 8, 8, 3), np.uint8)
    np.testing.assert_allclose(blurred(images, 0.5), blurred(images / 255, 0.5), atol=1e-12)
