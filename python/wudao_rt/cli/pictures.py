"""What the commands that draw and look at pictures share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from wudao_rt.cli.options import FILE, Number, echo_json
from wudao_rt.errors import ConfigError

if TYPE_CHECKING:
    from wudao_rt.cogview import CogView
    from wudao_rt.ops.types import Array

MODEL = "runs/emoji-cogview"  # where `wudao-rt train emoji-cogview` leaves its model

picture_model_option = click.option("--model", default=MODEL, show_default=True, metavar="DIR",
                                    help="Run folder, checkpoint, or folder of a saved CogView.")
target_option = click.option("--to", "target", type=FILE, default=Path("drawn"), show_default=True, metavar="DIR",
                             help="Folder for the PNG files.")
truncate_option = click.option("--truncate", is_flag=True,
                               help="Cut texts that are too long, instead of refusing them.")


def sampling_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add -n, --temperature, --top-k, --top-p, --guidance and --seed."""
    for option in (
        click.option("--seed", metavar="N", type=click.IntRange(min=0), default=0, show_default=True,
                     help="A seed gives the same picture, whatever else is drawn."),
        click.option("--guidance", metavar="G", type=Number(min=0), default=1.0, show_default=True,
                     help="Above 1: pictures follow their text more closely and differ less; twice the work."),
        click.option("--top-p", metavar="P", type=Number(0, 1), default=0.0, show_default=True,
                     help="Draw among the fewest codes whose probability reaches P; 0: off."),
        click.option("--top-k", metavar="K", type=click.IntRange(min=0), default=100, show_default=True,
                     help="Draw among the K most probable codes; 0: all."),
        click.option("--temperature", metavar="T", type=Number(min=0), default=1.0, show_default=True,
                     help="0: always the most probable code."),
        click.option("-n", "n", metavar="N", type=click.IntRange(min=1), default=4, show_default=True,
                     help="Pictures of each text."),
    ):
        command = option(command)
    return command


def open_cogview(folder: str, op: str) -> CogView:
    """Return the CogView of a folder, with both its tokenizers."""
    import wudao_rt

    if folder == MODEL and not Path(folder).exists():
        raise ConfigError(f"{op}: --model: expected the folder of a CogView, there is none at {folder}. Train one with "
                          "`wudao-rt train emoji-cogview`, or give --model DIR.")
    return require_cogview(wudao_rt.load(folder), folder, op)


def require_cogview(model: Any, folder: str, op: str) -> CogView:
    """Return the model of a folder, if it is a CogView with both its tokenizers."""
    import wudao_rt

    if not isinstance(model, wudao_rt.CogView):
        raise ConfigError(f"{op}: --model: expected a CogView, got a {type(model).__name__} in {folder}. Give the "
                          "folder of `wudao-rt train emoji-cogview`.")
    for name in ("tokenizer", "image_tokenizer"):
        if getattr(model, name) is None:
            raise ConfigError(f"{op}: --model: expected a folder with {name}/, {folder} has none. Copy the whole "
                              "folder.")
    return model


def codes_of(model: CogView, files: tuple[Path, ...]) -> Array:
    """Return the codes of picture files, cropped and scaled to what the model draws."""
    import numpy as np

    from wudao_rt.data.pictures import on_white
    from wudao_rt.data.pictures.decoding import read_square

    tokenizer = model.image_tokenizer
    assert tokenizer is not None  # open_cogview has seen to it
    size = model.config.side * tokenizer.config.pixels
    return tokenizer.encode(on_white(np.stack([read_square(file, size, True) for file in files])))


def keep_pictures(model: CogView, prompts: list[str], codes: Array, target: Path, *, seed: int, rerank: bool = False,
                  as_json: bool = False, truncate: bool = False) -> None:
    """Write pictures (B, n) and their sheet, and say what was written; `rerank`: the best of each prompt first."""
    import numpy as np

    from wudao_rt.cogview.ranking import best_first
    from wudao_rt.image.gallery import SHEET, write_picture, write_sheet

    assert model.image_tokenizer is not None  # open_cogview has seen to it
    shown = []
    for place, prompt in enumerate(prompts):
        pictures = model.image_tokenizer.decode(codes[place])
        order, losses = best_first(model, prompt, codes[place], truncate=truncate) if prompt else ([], [])
        for index in map(int, order if rerank and prompt else range(len(pictures))):
            file = write_picture(target / f"{place:02d}-{index:02d}.png", pictures[index])
            shown.append(pictures[index])
            _tell({"prompt": prompt, "seed": seed, "index": index, "file": str(file),
                   "codes": codes[place, index].tolist(),
                   "caption_loss": float(losses[index]) if prompt else None}, as_json)
    sheet = write_sheet(target / SHEET, np.stack(shown), codes.shape[1])
    if not as_json:
        click.echo(f"sheet: {sheet}")


def _tell(record: dict[str, Any], as_json: bool) -> None:
    if as_json:
        return echo_json(record)
    loss = record["caption_loss"]
    click.echo(record["file"] + ("" if loss is None else f"  caption loss {loss:.3f}") + f"  {record['prompt']}")
