"""The page that is made of a run's lines."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from wudao_rt.bench.goals import verdicts
from wudao_rt.bench.report import read_lines, write_report
from wudao_rt.errors import ConfigError

COMMON = {"commit": "abc", "cpu": "a processor", "isa": "avx2", "threads": 2, "date": "2026-01-02", "pairs": 7,
          "versions": {"torch": "2.13.0"}, "variant": "eager", "ours_quartiles": [9, 11], "peer_quartiles": [4, 6],
          "roof": 16.0, "roof_rate": 1e12, "share_of_roof": 0.8, "intensity": 100.0}
TRAIN = {"bench": "train", "case": "91.7M", "dtype": "bfloat16", "unit": "tokens/s", "peer_name": "torch",
         "ours": 10.0, "peer": 5.0, "ratio": 2.0} | COMMON
DECODE = TRAIN | {"bench": "decode", "peer_name": "llama.cpp", "ratio": 1.0, "share_of_roof": 0.5, "intensity": 1.0}


def met(lines: list[dict]) -> dict[tuple[str, str], bool | None]:
    return {(one.work, one.goal.split()[-1]): one.met for one in verdicts(lines)}


def test_goals_are_met_or_not() -> None:
    found = met([TRAIN, DECODE])
    assert found["training step, 91.7 M, bfloat16", "roof"] is True
    assert found["training step, 91.7 M, bfloat16", "peer"] is True
    assert found["decoding, 91.7 M, bfloat16", "peer"] is False
    assert found["training step, 91.7 M, float32", "peer"] is None


def test_the_best_way_of_a_peer_counts() -> None:
    better = TRAIN | {"variant": "compiled", "ratio": 1.5}
    assert met([TRAIN, better])["training step, 91.7 M, bfloat16", "peer"] is False


def test_goals_of_experts() -> None:
    moe = TRAIN | {"bench": "moe", "case": "64 experts, zipf", "dtype": "float32", "peer_name": "deepspeed",
                   "ratio": 2.5}
    mixtral = moe | {"peer_name": "transformers", "ratio": 2.1}
    memory = moe | {"case": "64 experts, memory", "unit": "MB", "ratio": 1.5}
    part = moe | {"case": "forward, 64 rows", "unit": "GFLOP/s", "ratio": None, "peer_name": None}
    few = part | {"case": "forward, 16 rows", "share_of_roof": 0.1}
    lines = [moe, mixtral, memory, part, few]
    found = {(one.work, one.goal): one.met for one in verdicts(lines) if one.met is not None}
    assert found == {
        ("experts, 64, any routing, float32", "at least 2 x the peer"): True,
        ("experts, against DeepSpeed on one rank, float32", "at least 3 x the peer"): False,
        ("memory of a layer of experts", "at most 0.5 x of it"): False,
        ("experts, forward products of 64 rows and more, float32", "at least 70 % of the roof"): True,
    }


def test_goals_of_the_exchange() -> None:
    line = TRAIN | {"bench": "alltoall", "dtype": "bytes", "unit": "us", "peer_name": "MPI_Alltoallv", "variant": ""}
    lines = [line | {"case": f"2 ranks, {size} KiB to each, {way}", "ratio": ratio}
             for size, way, ratio in ((4, "shared memory", 6.0), (64, "shared memory", 1.0),
                                      (256, "shared memory", 3.5), (4096, "shared memory", 2.9),
                                      (4, "messages", 0.95))]
    found = {one.work: (one.measured, one.met) for one in verdicts(lines) if one.met is not None}
    assert found == {"exchange in the node, 256 KiB and more to each": ("2.9", False),
                     "exchange in the node, 4 KiB to each": ("6", True),
                     "exchange by messages": ("1.05", True)}


def test_a_page_with_pictures(tmp_path: Path) -> None:
    (tmp_path / "benchmarks_notes.md").write_text("What explains it.")
    exchange = TRAIN | {"bench": "alltoall", "case": "2 ranks, 4 KiB to each, messages"}
    write_report([TRAIN, DECODE, TRAIN | {"error": "it broke"}, exchange], tmp_path / "benchmarks.md")
    text = (tmp_path / "benchmarks.md").read_text()
    assert "What explains it." in text and "| 91.7M | bfloat16 | tokens/s | 10" in text and "it broke" in text
    assert "## Rows between ranks\n" in text and "| 2 ranks, 4 KiB to each, messages |" in text
    for name in ("roofline.png", "bars.png"):
        assert f"({name})" in text and (tmp_path / name).stat().st_size > 1000


@pytest.mark.parametrize("content", ["", "not json", json.dumps({"bench": "train"}), "[1]"])
def test_other_files_are_told(content: str, tmp_path: Path) -> None:
    path = tmp_path / "lines.jsonl"
    path.write_text(content)
    with pytest.raises(ConfigError, match=r"bench report: .*expected"):
        read_lines(path)
