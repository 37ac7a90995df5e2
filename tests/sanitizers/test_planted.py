"""Each sanitizer build is shown a fault and must end with a report of it; the same program without one must pass."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FAULTS = [
    ("asan-ubsan", "overflow", "heap-buffer-overflow"),
    ("asan-ubsan", "undefined", "signed integer overflow"),
    ("tsan", "race", "data race"),
]


def run(preset: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    program = ROOT / "build" / preset / "tests" / "cpp" / "wudao_unit_tests"
    clean = {k: v for k, v in os.environ.items() if not k.endswith("SAN_OPTIONS") and k != "LD_PRELOAD"}
    return subprocess.run([program, *arguments], capture_output=True, text=True, timeout=120, env=clean)


@pytest.mark.parametrize(("preset", "fault", "report"), FAULTS)
def test_planted_fault_goes_red(preset: str, fault: str, report: str) -> None:
    done = run(preset, "--plant", fault)
    assert done.returncode != 0
    assert report in done.stderr


@pytest.mark.parametrize("preset", ["asan-ubsan", "tsan"])
def test_sound_case_stays_green(preset: str) -> None:
    done = run(preset, "thread_pool_regions_do_not_mix")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(("preset", "symbol"), [("asan-ubsan", "__asan_init"), ("tsan", "__tsan_init")])
def test_extension_is_instrumented(preset: str, symbol: str) -> None:
    extension = next((ROOT / "build" / preset / "python" / "wudao_rt").glob("_core*.so"))
    symbols = subprocess.run(["nm", "-D", extension], capture_output=True, text=True, check=True).stdout
    assert f"U {symbol}" in symbols
