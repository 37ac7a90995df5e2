"""Intervals over clusters, and exchanges without a fixed point."""

from __future__ import annotations

import numpy as np
import pytest
from wudao_rt import ConfigError, ShapeError
from wudao_rt.evaluation.images.intervals import derangement, mean_interval


def _covered(clustered: bool) -> float:
    """Return how often the interval holds the true mean, 0, of values that their clusters share."""
    rng, inside = np.random.default_rng(0), 0
    names = np.repeat(np.arange(30), 6)
    for seed in range(200):
        values = np.repeat(rng.normal(size=30), 6) + 0.3 * rng.normal(size=180)
        found = mean_interval(values, names if clustered else np.arange(180), seed, draws=400)
        inside += found.low <= 0 <= found.high
    return inside / 200


def test_intervals_hold_the_mean_as_often_as_they_say() -> None:
    assert 0.89 <= _covered(clustered=True) <= 0.99  # 0.95 - 4 sqrt(0.95 0.05 / 200), and small samples
    assert _covered(clustered=False) < 0.75  # the values of a cluster are no news of each other


def test_the_seed_decides() -> None:
    values, names = np.random.default_rng(1).random(40), np.arange(40) // 2
    assert mean_interval(values, names, seed=3) == mean_interval(values, names, seed=3)
    assert mean_interval(values, names, seed=3) != mean_interval(values, names, seed=4)


def test_a_decreasing_function_turns_the_ends_round() -> None:
    values, names = np.random.default_rng(1).random(40), np.arange(40)
    plain, turned = mean_interval(values, names), mean_interval(values, names, of=np.negative)
    assert (turned.value, turned.low, turned.high) == pytest.approx((-plain.value, -plain.high, -plain.low))


def test_one_cluster_has_no_interval() -> None:
    found = mean_interval(np.array([1.0, 2.0]), ["a", "a"])
    assert found.value == 1.5 and np.isnan(found.low) and np.isnan(found.high)


def test_no_values_are_refused() -> None:
    with pytest.raises(ShapeError, match="mean_interval: values: expected as many numbers as clusters"):
        mean_interval(np.zeros(0), [])


@pytest.mark.parametrize("sizes", [[1, 1], [2, 1, 1], [3, 3], [5, 1, 4, 2, 2], [1] * 50])
def test_nothing_stays_in_its_group(sizes: list[int]) -> None:
    groups = np.random.default_rng(0).permutation(np.repeat(np.arange(len(sizes)), sizes))
    for seed in range(20):
        found = derangement(groups, seed)
        assert not np.any(groups[found] == groups)
        assert sorted(found) == list(range(len(groups)))


def test_exchanges_differ_by_seed() -> None:
    assert len({tuple(derangement(list(range(9)), seed)) for seed in range(10)}) > 5


@pytest.mark.parametrize("sizes", [[5, 1], [1, 7, 2, 1], [6, 5]])
def test_what_is_left_of_a_large_group_gets_the_others_again(sizes: list[int]) -> None:
    groups = np.random.default_rng(0).permutation(np.repeat(np.arange(len(sizes)), sizes))
    for seed in range(20):
        found = derangement(groups, seed)
        assert not np.any(groups[found] == groups)
        large = groups == int(np.argmax(sizes))
        assert set(found[large]) == set(np.flatnonzero(~large))


def test_one_group_cannot_be_exchanged() -> None:
    with pytest.raises(ConfigError, match="derangement: groups: expected at least two, got 1"):
        derangement(["a", "a"])
