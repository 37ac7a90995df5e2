"""Configurations from anywhere: known and unknown tables, keys and values, and files that are no TOML at all."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
from damage import NUMBERS, WORDS, damaged
from trial import fuzz, outcome
from wudao_rt.config import Config, load_config
from wudao_rt.config.files import to_toml

ROOT = Path(__file__).parents[3]
TEXTS = ["nan", "inf", "-inf", "true", "1979-05-27", "07:32:00", "1979-05-27T07:32:00Z", "0x" + "f" * 6000, "9" * 5000,
         "0b1", "1e999", "1_000", '"""\na\nb"""', "'''x'''", "{a = 1}", "{}", "[]", "[[]]", "[" * 3000, "[1, 'a']",
         '"verse"', '"text"', '["verse"]', '"adamw"', "0.5", "64", "2", "1", "8", '"verse-tiny"', "8192", '{tang = 2}',
         '"float64"', "bare", "", '"\\u0000"', '"\\ud800"']
HEADS = ["[model]", "[train]", "[[train]]", "[data.objectives]", "[x]", "[data.repeats]", '["a\\nb"]', "[train.lr]",
         "[output]"]
KEYS = ["train.lr", "train.steps", "train.seconds", "model.preset", "data.repeats.tang", "data.objectives.token_prob",
        "train", "", "=", "train.lr.x", "x.y", "output.folder", "a\nb.c", "train." + "k" * 9000, "."]


@pytest.fixture(scope="module")
def sound() -> list[str]:
    """Texts to begin with: every key with its default, and the recipes."""
    recipes = sorted((ROOT / "python" / "wudao_rt" / "recipes").glob("*.toml"))
    return [to_toml(Config()), *(path.read_text(encoding="utf-8") for path in recipes)]


def value(rng: random.Random) -> str:
    kind = rng.randrange(4)
    if kind == 0:
        return str(rng.choice(NUMBERS))
    if kind == 1:
        return '"' + rng.choice(WORDS).replace("\n", "\\n").replace("\x00", "\\u0000").replace("\x1b", "\\u001b") + '"'
    return rng.choice(TEXTS)


def changed(rng: random.Random, text: str) -> str:
    """Give some keys other values, other names or other tables; lengths of the run come and go."""
    lines = text.splitlines()
    for _ in range(rng.randint(1, 4)):
        place = rng.randrange(len(lines)) if lines else 0
        key = lines[place].partition(" = ")[0] if lines else ""
        kind = rng.randrange(6)
        if kind < 2:
            lines[place : place + 1] = [f"{key} = {value(rng)}"]
        elif kind == 2:
            lines.insert(place, f"{rng.choice([key, key[:-1], key + '.x', 'steps', 'preset', '春'])} = {value(rng)}")
        elif kind == 3:
            lines.insert(place, rng.choice(HEADS))
        elif kind == 4:
            del lines[place : place + rng.choice([1, 1, 9])]
        else:
            lines.insert(place, '"' + "k" * rng.choice([1, 30000]) + f'" = {value(rng)}')
    return "\n".join(lines)


def document(rng: random.Random, sound: list[str]) -> bytes:
    kind = rng.random()
    if kind < 0.05:
        return rng.randbytes(rng.randint(0, 400))
    text = rng.choice(sound)
    data = (changed(rng, text) if kind < 0.8 else text).encode("utf-8", "surrogatepass")
    return damaged(rng, data) if kind > 0.75 else data


def changes(rng: random.Random) -> list[str]:
    return [f"{rng.choice(KEYS)}={value(rng)}" for _ in range(rng.choice([0, 0, 0, 1, 2]))]


def use(config: Config, folder: Path) -> None:
    """What was read comes back the same from what it writes, and gives a shape or says why not."""
    again = folder / "again.toml"
    again.write_text(to_toml(config), encoding="utf-8")
    assert load_config(again) == config
    outcome(lambda: config.model.glm(vocab_size=100))
    outcome(config.require_length)


def test_run_files(sound: list[str]) -> None:
    def trial(rng: random.Random, folder: Path) -> Any:
        (folder / "run.toml").write_bytes(document(rng, sound))
        options = changes(rng)
        (folder / "changes").write_text(repr(options), encoding="utf-8")
        found = outcome(lambda: load_config(folder / "run.toml", options))
        if isinstance(found, Config):
            use(found, folder)
        return found

    counts = fuzz("config", trial)
    assert counts.keys() == {"Config", "ConfigError"}, counts
