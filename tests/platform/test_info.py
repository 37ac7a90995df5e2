"""`info` tells what really runs: kernels, matrix library and threads, and how variables change them."""

from __future__ import annotations

import json

import pytest
import wudao_rt
from processes import printed, python

INFO = "import json, wudao_rt; print(json.dumps(wudao_rt.info()))"
LEVELS = wudao_rt.info()["cpu_levels"]


def info(**env: str) -> dict:
    return json.loads(printed(INFO, **env))


@pytest.mark.parametrize("level", LEVELS)
def test_level_caps_kernels_and_library(level: str) -> None:
    about = info(WUDAO_CPU_ISA=level)
    assert (about["level"], about["kernels"]) == (level, level)
    if about["matmul"] == "plain":
        assert level in about["matmul_float32"]
    if level in ("baseline", "avx2"):
        runs = [about[f"matmul_{dtype}"].partition(" (")[0] for dtype in ("float32", "bfloat16", "float16", "float64")]
        assert "avx512" not in " ".join(runs)


def test_unset_takes_the_highest_level() -> None:
    assert info()["kernels"] == LEVELS[-1]


@pytest.mark.parametrize("value", ["avx9000", "neon" if "neon" not in LEVELS else "avx2"])
def test_unknown_or_impossible_level_is_an_error(value: str) -> None:
    done = python(INFO, WUDAO_CPU_ISA=value)
    assert done.returncode == 1
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("wudao_rt.errors.ConfigError: environment: WUDAO_CPU_ISA: expected one of baseline")
    assert f'got "{value}"' in last


def test_plain_provider_can_be_asked_for() -> None:
    assert info(WUDAO_MATMUL="plain")["matmul"] == "plain"


def test_unknown_provider_is_an_error() -> None:
    done = python(INFO, WUDAO_MATMUL="abacus")
    assert done.returncode == 1 and "ConfigError" in done.stderr and "abacus" in done.stderr


@pytest.mark.parametrize(
    ("env", "threads", "reason"),
    [
        ({"WUDAO_NUM_THREADS": "3"}, 3, "WUDAO_NUM_THREADS"),
        ({"OMPI_COMM_WORLD_LOCAL_SIZE": "4096"}, 1, ""),
        ({"SLURM_NTASKS_PER_NODE": "4096"}, 1, ""),
        ({"OMP_NUM_THREADS": "1"}, 1, ""),
    ],
)
def test_threads_are_chosen_and_explained(env: dict[str, str], threads: int, reason: str) -> None:
    about = info(**env)
    assert about["threads"] == threads
    assert reason in about["threads_reason"]


def test_affinity_bounds_the_threads() -> None:
    code = "import os; os.sched_setaffinity(0, {min(os.sched_getaffinity(0))}); import wudao_rt; "
    assert printed(code + "print(wudao_rt.info()['threads'])") == "1"


def test_pinning_is_told() -> None:
    assert info(WUDAO_PIN_THREADS="1")["pinned"] is True
    assert info()["pinned"] is False


def test_environment_is_listed() -> None:
    environment = info(WUDAO_NUM_THREADS="1")["environment"]
    assert environment["WUDAO_NUM_THREADS"]["value"] == "1"
    assert {"WUDAO_CPU_ISA", "WUDAO_MATMUL", "OMP_NUM_THREADS"} <= set(environment)
    assert all(entry["meaning"] and entry["unset"] for entry in environment.values())
