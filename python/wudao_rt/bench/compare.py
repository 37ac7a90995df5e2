"""What both engines computed has to be the same before anything is timed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from wudao_rt.errors import Error


class Mismatch(Error, ValueError):
    """Two engines computed different things."""


def compare(ours: Path, peer: Path, bounds: Mapping[str, float], name: str) -> dict[str, float]:
    """Return the error of every array, max |a - b| / max |b|.

    Args:
        ours, peer: .npz files of the same names.
        bounds: largest error by name of the array.
        name: of the peer, for the message.

    Raises:
        Mismatch: names or shapes differ, a value is not finite, or an error is above its bound.
    """
    with np.load(ours) as a, np.load(peer) as b:
        if sorted(a) != sorted(bounds) or sorted(b) != sorted(bounds):
            raise Mismatch(f"bench: {name}: expected the arrays {sorted(bounds)}, got {sorted(a)} of ours and "
                           f"{sorted(b)} of theirs. This is a defect of the bench.")
        errors = {key: _error(a[key], b[key]) for key in bounds}
    for key, error in errors.items():
        if not error <= bounds[key]:
            raise Mismatch(f"bench: {name}: expected {key} within {bounds[key]:g} of ours, got {error:.3g}. Nothing "
                           "was timed: the two do not compute the same thing.")
    return errors


def _error(a: np.ndarray, b: np.ndarray) -> float:
    if a.shape != b.shape or not (np.isfinite(a).all() and np.isfinite(b).all()):
        return float("inf")
    scale = np.abs(b).max(initial=0.0)
    difference = np.abs(a.astype(np.float64) - b.astype(np.float64)).max(initial=0.0)
    return float(difference / scale) if scale else float(difference)
