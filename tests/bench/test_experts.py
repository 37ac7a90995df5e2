"""What the benches of experts and of the exchange feed to all engines, and what they make of their times."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from wudao_rt import _core
from wudao_rt.bench.alltoall import _line
from wudao_rt.bench.cases import chosen
from wudao_rt.bench.cases.moe import HIDDEN, TOKENS, WIDTH, cases, choices
from wudao_rt.bench.measure import Options
from wudao_rt.errors import ConfigError, ShapeError
from wudao_rt.moe import route

LAYERS = [case for case in cases(False) if case.dtype == "float32" and case.module == "moe"]
PRODUCTS = [case for case in cases(False) if case.module == "experts"]


@pytest.mark.parametrize("count", [8, 64])
def test_routings_are_what_they_are_called(count: int) -> None:
    rows = {routing: np.bincount(choices(count, routing).ravel(), minlength=count)
            for routing in ("uniform", "zipf", "all to one")}
    assert all(found.sum() == 2 * TOKENS for found in rows.values())
    assert (rows["uniform"] == 2 * TOKENS // count).all()
    assert rows["all to one"][0] == TOKENS
    assert rows["zipf"][0] > 1.5 * rows["zipf"][1] > 1.5 * rows["zipf"][3] and rows["zipf"][-1] > 0


@pytest.mark.parametrize("case", LAYERS, ids=lambda case: case.name)
def test_tokens_go_where_they_are_meant_to(case, tmp_path: Path) -> None:
    case.arrays(tmp_path)
    count, k = case.spec["experts"], case.spec["k"]
    with np.load(tmp_path / "inputs.npz") as arrays:
        x, gate = arrays["x"], arrays["gate"]
    logits = x @ gate.T
    assert x.shape == (case.ranks * TOKENS, HIDDEN) and logits.shape == (case.ranks * TOKENS, count)
    routing = next((one for one in ("zipf", "all to one") if one in case.name), "uniform")
    best = np.sort(logits)
    assert (best[:, -k] - best[:, -k - 1] > 0.9).all()  # no type can take another expert
    wanted = np.tile(choices(count, routing)[:, :k], (case.ranks, 1))
    assert np.array_equal(route(logits, k, case.spec["gate"]).indices, wanted)


def test_what_is_measured() -> None:
    found = {case.name: case for case in LAYERS}
    routings = ("uniform", "zipf", "all to one")
    assert {f"{count} experts, {routing}" for count in (8, 64) for routing in routings} <= set(found)
    assert found["2 ranks, 64 experts, uniform"].ranks == 2
    assert found["2 ranks, 8 experts, uniform"].amount == 2 * TOKENS
    assert found["8 experts, switch"].spec["k"] == 1
    assert found["8 experts, uniform, capacity 1.25"].spec["capacity"] == 1.25
    assert {case.unit for name, case in found.items() if "memory" in name} == {"MB"}
    assert [case.name for case in cases(True)] == 2 * ["8 experts, uniform"]


@pytest.mark.parametrize("case", PRODUCTS, ids=lambda case: f"{case.name}, {case.dtype}")
def test_operations_of_the_parts(case) -> None:
    """The roof is for the work of a turn: both matrices of all experts at once."""
    spec = case.spec
    shapes = case.roof.spec["products"]
    assert 1e9 * case.amount == pytest.approx(spec["experts"] * sum(2 * m * n * k for m, n, k in shapes))
    assert spec["experts"] * spec["rows"] <= 4096 and case.roof.cost == 1e9
    assert sorted(shapes[0]) == sorted((spec["rows"], WIDTH, HIDDEN)) == sorted(shapes[1])
    assert {k for *_, k in shapes} == ({spec["rows"]} if spec["part"] == "weight" else {WIDTH, HIDDEN})
    assert not case.rivals


def test_parts_are_timed_and_wrong_ones_told() -> None:
    for part in ("forward", "input", "weight"):
        for dtype in ("float32", "bfloat16"):
            product = _core.ExpertProducts(part, dtype, 3, 5, 16, 24)
            assert 0 < product.seconds(False) < 1 and 0 < product.seconds(True) < 1
    with pytest.raises(ConfigError, match="expected forward, input or weight, got \"sideways\""):
        _core.ExpertProducts("sideways", "float32", 1, 1, 1, 1)
    with pytest.raises(ShapeError, match="expected at least 1, got 0"):
        _core.ExpertProducts("forward", "float32", 1, 0, 1, 1)


def test_choice_of_cases() -> None:
    every = cases(False)
    assert {case.name for case in chosen(every, ["64 experts, z"], [], "bench moe")} == {"64 experts, zipf"}
    both = chosen(every, ["gradient, 256", "switch"], ["float32"], "bench moe")
    assert {case.dtype for case in both} == {"float32"} and len(both) == 4
    assert chosen(every, [], [], "bench moe") == every
    assert {case.name for case in chosen(every, ["2*uniform"], [], "")} >= {"2 ranks, 8 experts, uniform"}


@pytest.mark.parametrize(("patterns", "dtypes", "message"), [
    (["9 experts"], [], "bench moe: --case: expected part of one of these: 8 experts, uniform; .* got 9 experts"),
    ([], ["int9"], "bench moe: --dtype: expected a known name, got 'int9'|expected one of bfloat16, float32"),
])
def test_a_choice_of_nothing(patterns: list[str], dtypes: list[str], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        chosen(cases(False), patterns, dtypes, "bench moe")


def test_a_line_of_the_exchange() -> None:
    line = _line(Options(3), 2, 4096, "messages", [1e-6, 2e-6, 3e-6], "gloo", [4e-6, 8e-6, 9e-6])
    assert (line["ours"], line["peer"], line["ratio"]) == pytest.approx((2, 8, 4))
    assert line["case"] == "2 ranks, 4 KiB to each, messages" and line["peer_name"] == "gloo"
