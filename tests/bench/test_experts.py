"""What the benches of experts and of the exchange feed to all engines, and what they make of their times."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from wudao_rt.bench.alltoall import _line
from wudao_rt.bench.cases.moe import HIDDEN, TOKENS, cases, choices
from wudao_rt.bench.measure import Options
from wudao_rt.moe import route


@pytest.mark.parametrize("count", [8, 64])
def test_routings_are_what_they_are_called(count: int) -> None:
    rows = {routing: np.bincount(choices(count, routing).ravel(), minlength=count)
            for routing in ("uniform", "zipf", "all to one")}
    assert all(found.sum() == 2 * TOKENS for found in rows.values())
    assert (rows["uniform"] == 2 * TOKENS // count).all()
    assert rows["all to one"][0] == TOKENS
    assert rows["zipf"][0] > 1.5 * rows["zipf"][1] > 1.5 * rows["zipf"][3] and rows["zipf"][-1] > 0


@pytest.mark.parametrize("case", [case for case in cases(False) if case.dtype == "float32"], ids=lambda case: case.name)
def test_tokens_go_where_they_are_meant_to(case, tmp_path: Path) -> None:
    case.arrays(tmp_path)
    count = case.spec["experts"]
    with np.load(tmp_path / "inputs.npz") as arrays:
        x, gate = arrays["x"], arrays["gate"]
    logits = x @ gate.T
    assert x.shape == (TOKENS, HIDDEN) and logits.shape == (TOKENS, count)
    routing = case.name.split(", ")[1].replace("memory", "uniform")
    best = np.sort(logits)
    assert (best[:, -2] - best[:, -3] > 1).all()  # no type can take another expert
    assert np.array_equal(route(logits, 2, "naive").indices, choices(count, routing))


def test_a_line_of_the_exchange() -> None:
    line = _line(Options(3), 2, 4096, "messages", [1e-6, 2e-6, 3e-6], "gloo", [4e-6, 8e-6, 9e-6])
    assert (line["ours"], line["peer"], line["ratio"]) == pytest.approx((2, 8, 4))
    assert line["case"] == "2 ranks, 4 KiB to each, messages" and line["peer_name"] == "gloo"
