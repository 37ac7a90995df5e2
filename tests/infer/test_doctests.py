"""The examples in the docstrings of generation and scoring run and print what they say."""

import doctest
import importlib

import pytest

MODULES = ["generation.generate", "generation.prompts", "scoring.rows", "scoring.score", "scoring.spans"]


@pytest.mark.parametrize("name", MODULES)
def test_examples(name):
    result = doctest.testmod(importlib.import_module(f"wudao_rt.{name}"))
    assert result.attempted > 0 and result.failed == 0
