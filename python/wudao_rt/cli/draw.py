"""wudao-rt draw."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from wudao_rt.cli.options import json_option, threads_option
from wudao_rt.cli.pictures import (
    keep_pictures,
    open_cogview,
    picture_model_option,
    sampling_options,
    target_option,
    truncate_option,
)


@click.command("draw")
@click.argument("texts", nargs=-1, required=True, metavar="TEXT...")
@picture_model_option
@sampling_options
@click.option("--rerank", is_flag=True, help="Show the pictures first that the model itself captions best (CapLoss).")
@target_option
@truncate_option
@threads_option
@json_option
def command(texts: tuple[str, ...], model: str, n: int, rerank: bool, target: Path, truncate: bool, as_json: bool,
            seed: int, **sampling: Any) -> None:
    """Draw pictures of texts: a PNG file for each, and one sheet with all of them.

    With --json one object for each picture: prompt, seed, index, file, codes, caption_loss.

    \b
    Example:
      wudao-rt draw "a red apple" "红苹果" -n 8 --rerank
      wudao-rt draw "smiling cat" --temperature 0.9 --top-k 50 --seed 7 --to cats/ --json
    """
    loaded = open_cogview(model, "draw")
    codes = loaded.draw(list(texts), n, seed=seed, truncate=truncate, **sampling)
    keep_pictures(loaded, list(texts), codes, target, seed=seed, rerank=rerank, as_json=as_json, truncate=truncate)
