"""A tiny corpus and a tiny run."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

HANZI = "春夏秋冬山水云月风花雪夜江天人日心白青红一二三不上下中大小来去有无"


def write_texts(folder: Path, lines: int = 400) -> Path:
    """Write lines of random hanzi, one text a line of .jsonl."""
    rng = random.Random(0)
    folder.mkdir(parents=True, exist_ok=True)
    made = ("".join(rng.choices(HANZI, k=rng.randint(12, 40))) + "。" for _ in range(lines))
    (folder / "texts.jsonl").write_text("".join(f'{{"text": "{text}"}}\n' for text in made), encoding="utf-8")
    return folder


def tiny(texts: Path, output: Path, **train: object) -> dict:
    """Return the tables of a run that takes a second."""
    return {
        "model": {"hidden_size": 32, "num_layers": 2, "num_heads": 2, "max_positions": 64, "dropout": 0.1},
        "data": {"source": "text", "paths": [str(texts)]},
        "train": {"steps": 6, "batch": 16, "length": 32, "checkpoint_every": 0, **train},
        "output": {"folder": str(output), "tensorboard": False},
    }


@pytest.fixture(scope="session")
def texts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_texts(tmp_path_factory.mktemp("texts"))
