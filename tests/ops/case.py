"""What a case file of an op states, and how the engine is held against it.

A case gives a NumPy reference (forward and backward) that computes in whatever type its inputs have. In a wider type
(float64; 80-bit floats to judge float64) it is the truth; run in the type under test it is the plain composition whose
error sets the bound:

    error of the engine <= max(2 x error of the plain composition, 4 units in the last place of the largest value)
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

Arrays = dict[str, np.ndarray]

UNIT = {"float64": 2.0**-52, "float32": 2.0**-23, "bfloat16": 2.0**-7, "float16": 2.0**-10}
HALVES = ("bfloat16", "float16")  # the types whose sums, parameters and residual stream are float32


@dataclass(frozen=True)
class Case:
    """One op at several sizes.

    make(rng, **size) -> inputs by name (float64). `differentiable` names those with a gradient, in the order in which
    backward returns them. run/run_backward call the engine; reference/reference_backward are NumPy.
    `stream` names inputs that stay in float32 when the compute type is a half (parameters, residual stream).
    `smooth` is what an op that rounds passes its gradient to, straight through: central differences are taken of it.
    """

    name: str
    sizes: list[dict]
    make: Callable[..., Arrays]
    run: Callable[..., np.ndarray]
    reference: Callable[[Arrays], np.ndarray]
    differentiable: tuple[str, ...] = ()
    run_backward: Callable[..., tuple] | None = None
    reference_backward: Callable[[Arrays, np.ndarray], tuple] | None = None
    stream: tuple[str, ...] = ()
    wide_output: bool = False  # the result is in the accumulator type even when computing in a half
    smooth: Callable[[Arrays], np.ndarray] | None = None
    dtypes: tuple[str, ...] = ("float64", "float32", *HALVES)
    errors: list[tuple[Callable[[], object], str]] = field(default_factory=list)


def round_to(x: np.ndarray, dtype: str) -> np.ndarray:
    """Round floats to a type, keeping them in an array that NumPy can compute with."""
    if not np.issubdtype(np.asarray(x).dtype, np.floating):
        return x
    if dtype == "float64":
        return x.astype(np.float64)
    single = x.astype(np.float32)
    if dtype == "float32":
        return single
    if dtype == "float16":
        return single.astype(np.float16).astype(np.float32)
    bits = single.view(np.uint32)
    rounded = (bits + 0x7FFF + ((bits >> 16) & 1)) & np.uint32(0xFFFF0000)
    return rounded.view(np.float32)


def rounded_inputs(case: Case, inputs: Arrays, dtype: str) -> Arrays:
    """Round the inputs as the engine does for a compute type."""
    narrow = {k: "float32" if dtype in HALVES and k in case.stream else dtype for k in inputs}
    return {k: round_to(v, narrow[k]) for k, v in inputs.items()}


def widened(inputs: Arrays, dtype: str) -> Arrays:
    """The same values in the type in which the truth is computed."""
    wide = np.longdouble if dtype == "float64" else np.float64
    return {k: v.astype(wide) if np.issubdtype(v.dtype, np.floating) else v for k, v in inputs.items()}


def relative_error(plain: np.ndarray, exact: np.ndarray) -> float:
    """The largest error of the plain composition, in units of the largest value."""
    return float(np.max(np.abs(plain - exact), initial=0.0) / max(np.max(np.abs(exact), initial=0.0), 1e-300))


def assert_close(got: np.ndarray, plain: float, exact: np.ndarray, dtype: str, what: str) -> None:
    """Hold a result against the truth; `plain` is the relative error of the plain composition."""
    assert got.shape == exact.shape, f"{what}: shape {got.shape}, expected {exact.shape}"
    error, largest = np.max(np.abs(got - exact), initial=0.0), np.max(np.abs(exact), initial=0.0)
    limit = max(2 * plain, 4 * UNIT[dtype]) * largest
    assert error <= limit, f"{what}: error {error:.3g} above {limit:.3g}"


def in_order(product: str, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Sum the products of an einsum one after the other: the plain loop (NumPy's own sums keep several parts).

    `product` leaves the summed axis last.
    """
    return np.add.accumulate(np.einsum(product, a, b), axis=-1)[..., -1]


def central_difference(function: Callable[[np.ndarray], float], x: np.ndarray, step: float = 1e-5) -> np.ndarray:
    """The gradient of a scalar function at x, element by element, in float64."""
    gradient = np.zeros_like(x)
    for index in np.ndindex(x.shape):
        kept = x[index]
        x[index] = kept + step
        high = function(x)
        x[index] = kept - step
        low = function(x)
        x[index] = kept
        gradient[index] = (high - low) / (2 * step)
    return gradient
