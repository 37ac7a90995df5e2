"""What was drawn, to look at: a sheet for each group of texts, chosen by their places and not by eye."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from wudao_rt.evaluation.images.drawing import Drawn
from wudao_rt.evaluation.images.held_out import spaced
from wudao_rt.image.gallery import write_sheet

_TEXTS = 8


def write_sheet_of(folder: Path, drawn: Drawn, seed: int) -> Path:
    """Write `GROUP.png` with a row for each of eight texts, evenly spaced, `GROUP.txt` with those, and `GROUP.jsonl`.

    In a row the picture with the lowest CapLoss comes first, the others as they were drawn. The third file has a line
    for every picture that was drawn: prompt, seed, index, file (the sheet that it is on, or null), codes, caption_loss.

    Raises:
        wudao_rt.data.DataError: the folder cannot be written.
    """
    name = drawn.prompts.group.replace(" ", "-")
    rows = spaced(list(range(len(drawn.prompts.texts))), _TEXTS)
    pictures = np.stack([drawn.images[row][order] for row in rows for order in _best_first(drawn, row)])
    file = write_sheet(folder / f"{name}.png", np.rint(pictures * 255).astype(np.uint8), drawn.images.shape[1])
    texts = "".join(f"{drawn.prompts.texts[row]}\n" for row in rows)
    (folder / f"{name}.txt").write_text(texts, encoding="utf-8")
    lines = (json.dumps(record, ensure_ascii=False) + "\n" for record in _records(drawn, seed, rows, str(file)))
    (folder / f"{name}.jsonl").write_text("".join(lines), encoding="utf-8")
    return file


def _records(drawn: Drawn, seed: int, rows: Sequence[int], sheet: str) -> Iterator[dict[str, Any]]:
    for row, text in enumerate(drawn.prompts.texts):
        for index, codes in enumerate(drawn.codes[row]):
            yield {"prompt": text, "seed": seed, "index": index, "file": sheet if row in rows else None,
                   "codes": codes.tolist(), "caption_loss": float(drawn.losses[row, index])}


def _best_first(drawn: Drawn, row: int) -> list[int]:
    best = int(drawn.best[row])
    return [best, *(number for number in range(drawn.images.shape[1]) if number != best)]
