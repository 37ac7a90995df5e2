"""The examples in the docstrings run."""

from __future__ import annotations

import doctest
import importlib

import pytest

MODULES = ("plots", "quickstart.page", "tasks.verse_baseline", "training.history")


@pytest.mark.parametrize("name", MODULES)
def test_examples(name: str) -> None:
    found = doctest.testmod(importlib.import_module(f"wudao_rt.{name}"))
    assert found.attempted > 0
    assert found.failed == 0
