"""Coloured squares with names, and a CogView of random weights for them."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from wudao_rt import CogView, CogViewConfig, VQConfig, VQTokenizer
from wudao_rt.data.pictures import Picture, PictureRecord, Pictures, on_white, write_pictures
from wudao_rt.data.tokenizer import train_character

sys.path.insert(0, str(Path(__file__).parent))

COLOURS = {"red": (220, 30, 30), "green": (30, 180, 40), "blue": (40, 60, 220), "yellow": (230, 210, 40)}
CHINESE = {"red": "红", "green": "绿", "blue": "蓝", "yellow": "黄"}
SIZE = 16


def squares() -> list[Picture]:
    """Return 96 squares: 48 things, each by two vendors; a quarter of them held out, and one with skin tones."""
    made = []
    for vendor in ("google", "twitter"):
        for i in range(48):
            name, place = list(COLOURS)[i % 4], i // 4
            pixels = np.zeros((SIZE, SIZE, 4), np.uint8)
            top, left = 2 * (place % 4), 3 * (place // 4)
            pixels[top : top + 8, left : left + 6 + (vendor == "google")] = [*COLOURS[name], 255]
            split = "skin_tone" if i == 7 else "report" if i % 3 == 0 else "train"
            record = PictureRecord(f"{vendor}/{i}", f"b{i}", f"{i}", vendor, f"{name} things", f"place {place}",
                                   f"{name} {place}", f"{CHINESE[name]}{place}", split=split, skin_tone=i == 7,
                                   flag=i % 12 == 0)
            made.append(Picture(record, pixels))
    return made


@pytest.fixture(scope="session")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Pictures:
    folder = tmp_path_factory.mktemp("squares")
    write_pictures(folder, squares(), size=SIZE)
    return Pictures(folder)


@pytest.fixture(scope="session")
def model(pictures: Pictures) -> CogView:
    """A CogView of random weights; its tokenizer has its codes among the features of pictures."""
    vq = VQTokenizer(VQConfig(channels=8, halvings=1, residual_blocks=0, codes=32, code_width=8), seed=1)
    vq.loss_and_gradients(on_white(pictures.pixels[:32]))
    vq.revive(0, least=float("inf"), size=1.0)
    text = train_character([record.name_en + record.name_zh for record in pictures.records], min_count=1)
    config = CogViewConfig(32, text.num_tokens, 24, 1, 2, 96, side=8, fixed_positions=True,
                           image_tokenizer=vq.fingerprint())
    return CogView(config, seed=1, tokenizer=text, image_tokenizer=vq)


@pytest.fixture(scope="session")
def folder(model: CogView, tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("models") / "squares"
    model.save(place)
    return place
