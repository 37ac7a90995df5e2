"""The examples in the docstrings of the whole package run and print what they say."""

import doctest
import importlib
from pathlib import Path

import pytest
import wudao_rt

PACKAGE = Path(wudao_rt.__file__).resolve().parent
TEXTS = {path.relative_to(PACKAGE).with_suffix(""): path.read_text("utf-8") for path in sorted(PACKAGE.rglob("*.py"))}
NAMES = [".".join(part for part in path.parts if part != "__init__") for path, text in TEXTS.items() if ">>> " in text]


@pytest.mark.parametrize("name", NAMES)
def test_examples(name):
    result = doctest.testmod(importlib.import_module(f"wudao_rt.{name}"))
    assert result.attempted > 0 and result.failed == 0


def test_the_faces_have_examples():
    assert {"glm", "generation.generate", "scoring.score", "config.glm", "ops.rows"} <= set(NAMES)
