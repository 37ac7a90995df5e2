"""The table of README is made from measurements."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).parents[2]


def _module() -> ModuleType:
    spec = importlib.util.spec_from_file_location("fill_numbers", ROOT / "docs" / "fill_numbers.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_table_holds_what_was_measured(playground: Path) -> None:
    found = json.loads((playground / "runs/quickstart/quickstart.json").read_text(encoding="utf-8"))
    filler = _module()
    text = filler.filled((ROOT / "README.md").read_text(encoding="utf-8"), found)
    loss = f"{found['losses']['model']:.2f} nats per token (unigram {found['losses']['unigram']:.2f})"
    assert f"| held-out loss | {loss} |" in text
    assert filler.filled(text, found) == text
