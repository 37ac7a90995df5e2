"""32,768 small experts in a layer, on one process and on four: the same bits, and memory linear in what is stored."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

from jobs import mpi

EXPERTS = 32_768
SCRIPT = Path(__file__).with_name("many_experts.py")
# Bytes for each expert: weights, gradients and the arrays that these are handed out in; a logit for each token in float32
# and a probability in float64.
TOKENS, WEIGHTS = 512, 2 * 32 * 16 + 16 + 32


@cache
def told(experts: int, ranks: int) -> dict:
    done = mpi(ranks, str(SCRIPT), str(experts), limit=180)
    assert done.code == 0, done.err
    return json.loads(done.out)


def test_every_rank_holds_its_share():
    assert [told(EXPERTS, ranks)["held"] for ranks in (1, 4)] == [EXPERTS, EXPERTS // 4]


def test_the_bits_are_those_of_one_process():
    assert told(EXPERTS, 4)["digest"] == told(EXPERTS, 1)["digest"]


def test_memory_is_linear():
    whole, quarter = told(EXPERTS, 1)["bytes"], told(EXPERTS // 4, 1)["bytes"]
    assert whole < 4.2 * quarter
    assert whole < EXPERTS * (3 * 4 * WEIGHTS + 12 * TOKENS)
