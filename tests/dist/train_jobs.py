"""Runs of a small model with experts, on one process and on ranks, and the bytes that they leave."""

from __future__ import annotations

import hashlib
import random
from pathlib import Path

import tomli_w
from jobs import KIND, Done, command, run
from wudao_rt.training.checkpoint import merge

WORDS = ("春风", "明月", "山水", "the", "cat", "sat", "on", "a", "mat", "江南", "雨", "花")
MODEL = {"hidden_size": 48, "num_layers": 4, "num_heads": 4, "max_positions": 64, "dropout": 0.1}
MOE = {"num_experts": 6, "k": 2, "expert_width": 64, "pattern": "dm", "gate": "noisy", "capacity_factor": 1.25,
       "jitter": 0.01, "shared_width": 32, "losses": {"switch": 0.01, "z": 0.001, "global_batch": 0.01, "load": 0.01}}
TRAIN = {"steps": 6, "batch": 16, "length": 32, "checkpoint_every": 3, "warmup": 0.0}


def write_texts(folder: Path) -> Path:
    rng = random.Random(1)
    texts = "\n\n".join(" ".join(rng.choices(WORDS, k=60)) for _ in range(200))
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "texts.txt").write_text(texts, encoding="utf-8")
    return folder / "texts.txt"


def write_config(path: Path, texts: Path, moe: dict | None = None, **train: object) -> Path:
    moe = MOE if moe is None else moe
    tables = {"model": MODEL | ({"moe": moe} if moe else {}),
              "data": {"source": "text", "paths": [str(texts)], "near_duplicates": 1.0},
              "train": TRAIN | train, "output": {"tensorboard": False}}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(tomli_w.dumps(tables), encoding="utf-8")
    return path


def words(changes: dict[str, object]) -> list[str]:
    return [word for key, value in changes.items() for word in ("--set", f"{key}={value}")]


def train(ranks: int, what: Path, output: Path, *more: str, limit: float = 60, env: dict[str, str] | None = None,
          **changes: object) -> Done:
    """Run `wudao-rt train` on so many ranks; names of changes have two underscores for the dot."""
    dotted = {key.replace("__", "."): value for key, value in changes.items()}
    target = [] if "--resume" in more else ["--set", f"output.folder={output}"]
    arguments = ["-m", "wudao_rt", "train", str(what), *more, *words(dotted), *target]
    return run(command(KIND, ranks, *arguments), limit, **(env or {}))


def files(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of every file of a folder."""
    found = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in found}


def merged(run_folder: Path, step: int = 6) -> dict[str, str]:
    """Return the files of a checkpoint, as one process would have written it."""
    return files(merge(run_folder / "checkpoints" / f"step-{step}", run_folder / f"merged-{step}"))
