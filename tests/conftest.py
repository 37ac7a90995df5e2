"""Which build the tests look at: build/release, or the tree that WUDAO_BUILD names (run_tier.py sets it)."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
BUILD = Path(os.environ.get("WUDAO_BUILD", ROOT / "build" / "release"))

# Without an installed package or a PYTHONPATH the tree of the build is what is meant.
if (BUILD / "python").is_dir():
    sys.path.insert(0, str(BUILD / "python"))


@pytest.fixture(scope="session")
def build() -> Path:
    """The build tree; a missing one is an error, never a reason to skip."""
    if not (BUILD / "build.ninja").is_file():
        pytest.fail(f"tests: build: expected a build tree, got none in {BUILD}. Run make test.")
    return BUILD
