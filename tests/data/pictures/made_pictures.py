"""Small records and pictures for tests."""

from __future__ import annotations

import numpy as np
from wudao_rt.data.pictures import Picture, PictureRecord

PIZZA = PictureRecord(
    "twitter/1F355", "1F355", "1F355", "twitter", "Food & Drink", "food-prepared", "pizza", "披萨",
    ("cheese", "pizza", "slice", "hungry"), ("披萨", "比萨饼", "食物"),
)


def square(size: int = 32, side: int = 12, colour: tuple[int, int, int] = (200, 40, 40)) -> np.ndarray:
    """Return a plain opaque square in the middle of a transparent picture."""
    pixels = np.zeros((size, size, 4), np.uint8)
    edge = (size - side) // 2
    pixels[edge : edge + side, edge : edge + side] = (*colour, 255)
    return pixels


def picture(name: str, split: str = "train", size: int = 32, skin_tone: bool = False) -> Picture:
    return Picture(PictureRecord(name, name, name_en=name, split=split, skin_tone=skin_tone), square(size))
