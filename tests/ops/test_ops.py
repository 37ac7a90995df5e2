"""Every op against its case file: values, gradients, errors, and that the comparison itself can fail."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from case import HALVES, Case, assert_close, central_difference, relative_error, round_to, rounded_inputs, widened
from cases import CASES

GRADIENTS = [case for case in CASES if case.run_backward is not None]
RUNS = [(case, size, dtype) for case in CASES for size in case.sizes for dtype in case.dtypes]
BACKWARD_RUNS = [(case, size, dtype) for case in GRADIENTS for size in case.sizes for dtype in case.dtypes]


def name_of(value: object) -> str | None:
    if isinstance(value, Case):
        return value.name
    return ",".join(f"{k}={v}" for k, v in value.items()) if isinstance(value, dict) else None


DRAWS = (7, 8, 9, 10)  # the largest error of one draw is itself a random number: the yardstick is taken over four


def make(case: Case, size: dict, draw: int = DRAWS[0]) -> dict[str, np.ndarray]:
    return case.make(np.random.default_rng(draw), **size)


def output_type(case: Case, dtype: str) -> str:
    return "float32" if case.wide_output and dtype in HALVES else dtype


def remembered(make_yardstick: Callable) -> Callable:
    """Keep what it returned last: the disturbed run follows the plain one of the same case, size and type."""
    kept: dict[tuple, object] = {}

    def of(case: Case, size: dict, dtype: str) -> object:
        key = (case.name, tuple(size.items()), dtype)
        if key not in kept:
            kept[key] = make_yardstick(case, size, dtype)
        return kept[key]

    return of


@remembered
def forward_yardstick(case: Case, size: dict, dtype: str) -> tuple[float, np.ndarray]:
    """Return the error of the plain composition, and what is right for the first draw."""
    plain, exact = 0.0, {}
    for draw in DRAWS:
        inputs = rounded_inputs(case, make(case, size, draw), dtype)
        exact[draw] = case.reference(widened(inputs, dtype))
        plain = max(plain, relative_error(round_to(case.reference(inputs), output_type(case, dtype)), exact[draw]))
    return plain, exact[DRAWS[0]]


def check_forward(case: Case, size: dict, dtype: str, disturb: float = 0.0) -> None:
    plain, exact = forward_yardstick(case, size, dtype)
    got = np.array(case.run(rounded_inputs(case, make(case, size), dtype), dtype), dtype=np.float64)
    if got.size:
        got.flat[got.size // 2] += disturb * (1 + np.max(np.abs(got)))
    assert_close(got, plain, exact, dtype, case.name)


def gradients_of(case: Case, size: dict, dtype: str, draw: int) -> tuple[dict, np.ndarray, tuple, tuple]:
    """Inputs, dy, the exact gradients and those of the plain composition."""
    inputs = rounded_inputs(case, make(case, size, draw), dtype)
    shape = case.reference(widened(inputs, dtype)).shape
    dy = round_to(np.random.default_rng(100 + draw).normal(size=shape), output_type(case, dtype))
    exact = case.reference_backward(widened(inputs, dtype), widened({"dy": dy}, dtype)["dy"])
    return inputs, dy, exact, case.reference_backward(inputs, dy)


@remembered
def backward_yardstick(case: Case, size: dict, dtype: str) -> tuple[dict, np.ndarray, tuple, list[float]]:
    """Return the first draw's inputs, dy and exact gradients, and for each the error of the plain composition."""
    runs = [gradients_of(case, size, dtype, draw) for draw in DRAWS]
    plain = [
        max(relative_error(round_to(run[3][i], dtype), run[2][i]) for run in runs) for i in range(len(runs[0][2]))
    ]
    return *runs[0][:3], plain


def check_backward(case: Case, size: dict, dtype: str, disturb: float = 0.0) -> None:
    inputs, dy, exact, errors = backward_yardstick(case, size, dtype)
    got = case.run_backward(inputs, dy, dtype)
    for i, (name, mine, plain) in enumerate(zip(case.differentiable, got, errors, strict=True)):
        values = np.asarray(mine, dtype=np.float64)
        values = values + disturb * (1 + np.max(np.abs(values), initial=0.0))
        assert_close(values, plain, exact[i], dtype, f"{case.name}: gradient of {name}")


@pytest.mark.parametrize(("case", "size", "dtype"), RUNS, ids=name_of)
def test_forward_matches_float64_reference(case: Case, size: dict, dtype: str) -> None:
    check_forward(case, size, dtype)


@pytest.mark.parametrize(("case", "size", "dtype"), BACKWARD_RUNS, ids=name_of)
def test_backward_matches_float64_reference(case: Case, size: dict, dtype: str) -> None:
    check_backward(case, size, dtype)


@pytest.mark.parametrize("case", GRADIENTS, ids=name_of)
def test_gradients_match_central_differences(case: Case) -> None:
    inputs = make(case, case.sizes[0])
    dy = np.random.default_rng(9).normal(size=case.reference(inputs).shape)
    got = case.run_backward(inputs, dy, "float64")
    for name, mine in zip(case.differentiable, got, strict=True):
        def value(x: np.ndarray, name: str = name) -> float:
            changed = {**inputs, name: x}
            y = case.smooth(changed) if case.smooth else case.run(changed, "float64")
            return float(np.sum(np.asarray(y, dtype=np.float64) * dy))

        numeric = central_difference(value, inputs[name].copy())
        assert np.max(np.abs(mine - numeric)) <= 1e-6 * (1 + np.max(np.abs(numeric))), f"{case.name}: {name}"


@pytest.mark.parametrize("case", CASES, ids=name_of)
def test_a_disturbed_output_is_noticed(case: Case) -> None:
    for dtype in case.dtypes:
        with pytest.raises(AssertionError, match="error"):
            check_forward(case, case.sizes[-1], dtype, disturb=0.1)
        if case.run_backward is not None:
            with pytest.raises(AssertionError, match="error"):
                check_backward(case, case.sizes[-1], dtype, disturb=0.1)


@pytest.mark.parametrize(("case", "index"), [(c, i) for c in CASES for i in range(len(c.errors))], ids=name_of)
def test_wrong_input_gets_one_clear_error(case: Case, index: int) -> None:
    call, message = case.errors[index]
    import wudao_rt

    with pytest.raises(wudao_rt.Error, match=message):
        call()
