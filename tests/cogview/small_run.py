"""A data set of coloured blobs, a tokenizer for it, and the config of a CogView: small enough to train in seconds."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import tomli_w
from wudao_rt.data.pictures import Picture, PictureRecord, write_pictures
from wudao_rt.image.training import train_tokenizer

COLOURS = {"red": (220, 30, 30), "green": (30, 180, 40), "blue": (40, 60, 220), "yellow": (230, 210, 40)}
CHINESE = {"red": "红", "green": "绿", "blue": "蓝", "yellow": "黄"}
PLACES = [(top, left) for top in (0, 8, 16) for left in (0, 8, 16)]
SIZE = 32


def write_blobs(folder: Path) -> Path:
    """Write 36 blobs, each at a place of nine and in a colour of four; every sixth is held out."""
    made = []
    for i, (name, colour) in enumerate((n, c) for n, c in COLOURS.items() for _ in PLACES):
        pixels = np.zeros((SIZE, SIZE, 4), np.uint8)
        top, left = PLACES[i % len(PLACES)]
        pixels[top : top + 16, left : left + 16] = [*colour, 255]
        record = PictureRecord(f"p{i}", f"p{i}", name_en=f"{name} at {top} {left}",
                               name_zh=f"{CHINESE[name]}{top}之{left}", split="validation" if i % 6 == 5 else "train")
        made.append(Picture(record, pixels))
    write_pictures(folder, made, size=SIZE)
    return folder


def train_blob_tokenizer(pictures: Path, folder: Path, steps: int = 150) -> Path:
    """Train a tokenizer of 8 x 8 codes of 32."""
    changes = ("vq.channels=16", "vq.residual_blocks=1", "vq.residual_channels=8", "vq.codes=32", "vq.code_width=8",
               "train.batch=16", "train.lr=5e-3", f"train.steps={steps}", "train.eval_every=0",
               "train.checkpoint_every=0", "data.augment=none", f"data.corpus={pictures}", f"output.folder={folder}")
    train_tokenizer("emoji-vq", changes=changes, say=lambda _: None)
    return folder


def write_config(path: Path, pictures: Path, tokenizer: Path, model: dict | None = None, **train: object) -> Path:
    tables = {
        "model": {"kind": "cogview", "hidden_size": 48, "num_layers": 2, "num_heads": 4, "max_positions": 96, "side": 8,
                  "fixed_positions": True} | (model or {}),
        "tokenizer": {"kind": "character", "min_count": 1},
        "data": {"source": "pictures", "corpora": [str(pictures)],
                 "pictures": {"image_tokenizer": str(tokenizer), "shift": 0}},
        "train": {"steps": 6, "batch": 16, "lr": 3e-3, "warmup": 0.0, "checkpoint_every": 3} | train,
        "output": {"tensorboard": False},
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(tomli_w.dumps(tables), encoding="utf-8")
    return path
