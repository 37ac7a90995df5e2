"""A cache of invented poems and a recipe that takes a second, so that everything runs without a network."""

from __future__ import annotations

import json
import random
from pathlib import Path

from wudao_rt.data.corpora import find
from wudao_rt.data.corpora.family import Build
from wudao_rt.data.held_out import hash_split
from wudao_rt.data.package import PackageFiles
from wudao_rt.data.pins import pinned
from wudao_rt.data.record import Record

HANZI = "春夏秋冬山水云月风花雪夜江天人日心白青红一二三不上下中大小来去有无"
FORMS = {"五绝": (5, 4), "七绝": (7, 4)}
RECIPE = """
[model]
hidden_size = 32
num_layers = 2
num_heads = 2
max_positions = 64

[tokenizer]
corpora = ["tang-quatrains"]

[train]
steps = 6
batch = 16
length = 64
"""


def poem(rng: random.Random, form: str) -> str:
    """Return an invented poem of a form."""
    length, lines = FORMS[form]
    return "".join("".join(rng.choices(HANZI, k=length)) + "，。"[i % 2] for i in range(lines))


def invented_records(count: int, split: str, seed: int) -> list[Record]:
    """Return records of poems whose hash belongs to the split."""
    rng, records = random.Random(seed), []
    while len(records) < count:
        form = rng.choice(list(FORMS))
        text = poem(rng, form)
        if hash_split(text) == split:
            records.append(Record(text, f"{split}-{len(records)}", split, "verse", "tang", "zh", "山水", "无人", form))
    return records


def fill_cache(cache: Path) -> None:
    """Write the corpora `tang-quatrains` and `verse` where `prepare` looks for them."""
    family = find("verse")[1]
    package = pinned("chinese-poetry")
    folder = cache / "prepared" / f"{family.name}-{family.fingerprint()}"
    build = Build(family, folder, {package.name: PackageFiles(package, folder)})
    records = invented_records(300, "train", 1) + invented_records(20, "report", 2)
    tones = {character: [9, 0, 0] if i % 2 else [0, 9, 0] for i, character in enumerate(HANZI)}
    build.write("tang-quatrains", records)
    verse = build.write("verse", records)
    (verse / "tones.json").write_text(json.dumps(tones), encoding="utf-8")


def fill(folder: Path) -> None:
    """Write a cache, a recipe and a folder of text."""
    fill_cache(folder / "cache")
    (folder / "tiny.toml").write_text(RECIPE, encoding="utf-8")
    (folder / "my_texts").mkdir()
    rng = random.Random(3)
    lines = ("".join(rng.choices(HANZI, k=30)) + "。\n\n" for _ in range(200))
    (folder / "my_texts" / "a.txt").write_text("".join(lines), encoding="utf-8")
