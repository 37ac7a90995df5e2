"""Types of arguments and the choice of the compute type."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from wudao_rt.compute_types import DType

Array: TypeAlias = NDArray[Any]


def compute_type(x: Array, dtype: DType | None) -> str:
    """Return `dtype`, or float64 for a float64 array and float32 for any other."""
    if dtype is not None:
        return dtype
    return "float64" if np.asarray(x).dtype == np.float64 else "float32"
