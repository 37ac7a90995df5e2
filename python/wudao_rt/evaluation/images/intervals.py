"""How sure a mean is: bootstrap intervals over what pictures show."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from wudao_rt.data.blanks.keys import Stream, generator
from wudao_rt.errors import ConfigError, ShapeError
from wudao_rt.ops.types import Array

DRAWS, LEVEL = 2000, 0.95


@dataclass(frozen=True)
class Interval:
    """Hold a mean, the interval that it lies in (NaN where there is none), and how many values it is of."""

    value: float
    low: float
    high: float
    n: int


def mean_interval(
    values: Array, clusters: Sequence[str] | Array, seed: int = 0, draws: int = DRAWS, level: float = LEVEL,
    of: Callable[[Array], Array] = np.asarray,
) -> Interval:
    """Compute a mean and its bootstrap interval, drawing whole clusters.

    Pictures of one emoji, by both vendors and in every skin tone, are alike: as many draws of one thing they would make
    an interval look narrower than it is. So each of `draws` times as many clusters as there are are drawn with
    replacement, and the mean of all their values is taken; the interval lies between percentiles of those means. One
    cluster alone says nothing of others: it has no interval.

    Args:
        values: (N,) numbers, N at least 1.
        clusters: (N,) what each belongs to, for example its base emoji.
        seed: of the draws.
        draws: how often.
        level: share of the means inside of the interval.
        of: is applied to the mean, and to both ends; increasing or decreasing.

    Raises:
        ShapeError: no values, or not one cluster for each.

    Source: Efron and Tibshirani 1993, chapter 13; Field and Welsh 2007 for clusters.

    Example:
        >>> mean_interval(np.array([0.0, 1.0, 1.0, 1.0]), ["a", "b", "b", "b"])
        Interval(value=0.75, low=0.0, high=1.0, n=4)
    """
    values = np.asarray(values, np.float64)
    if values.ndim != 1 or not values.size or len(clusters) != len(values):
        raise ShapeError(f"mean_interval: values: expected as many numbers as clusters and at least one, got "
                         f"{values.shape} and {len(clusters)}. Leave out groups without pictures.")
    _, places = np.unique(np.asarray(clusters), return_inverse=True)
    sizes, sums = np.bincount(places), np.bincount(places, weights=values)
    count, value = len(sizes), float(of(np.array(sums.sum() / sizes.sum())))
    if count == 1:
        return Interval(value, float("nan"), float("nan"), len(values))
    drawn = generator(seed, Stream.RESAMPLE).multinomial(count, np.full(count, 1 / count), draws)
    means = (drawn @ sums) / (drawn @ sizes)
    ends = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
    low, high = sorted(float(end) for end in of(ends))
    return Interval(value, low, high, len(values))


def derangement(groups: Sequence[str] | Array, seed: int = 0) -> Array:
    """Return another place for every place, none in its own group: int64 (N,).

    Members are laid in a row, group by group, groups and members in a drawn order; each gets what lies as far behind it
    as the largest group is long. That is a permutation, unless one group has more than half of the places: then what is
    left of it gets the others' once more.

    Args:
        groups: (N,) what each place belongs to.
        seed: of the orders.

    Raises:
        ConfigError: there is one group only.

    Example:
        >>> groups = ["a", "a", "b", "c"]
        >>> [groups[place] for place in derangement(groups, seed=1)]
        ['c', 'b', 'a', 'a']
    """
    _, own = np.unique(np.asarray(groups), return_inverse=True)
    sizes = np.bincount(own)
    if len(sizes) < 2:
        raise ConfigError(f"derangement: groups: expected at least two, got {len(sizes)}. Take more pictures, of "
                          "different things.")
    draws = generator(seed, Stream.DERANGE)
    order = np.lexsort((draws.random(len(own)), draws.permutation(len(sizes))[own]))
    found = np.empty(len(own), np.int64)
    found[order] = np.roll(order, -sizes.max())
    same = np.flatnonzero(own[found] == own)
    others = order[own[order] != sizes.argmax()]
    found[same] = others[np.arange(len(same)) % len(others)]
    return found
