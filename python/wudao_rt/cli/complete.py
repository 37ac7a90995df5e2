"""wudao-rt complete and wudao-rt edit."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from wudao_rt.cli.options import FILE, Number, json_option, threads_option
from wudao_rt.cli.pictures import (
    codes_of,
    keep_pictures,
    open_cogview,
    picture_model_option,
    sampling_options,
    target_option,
)
from wudao_rt.errors import ConfigError

if TYPE_CHECKING:
    from wudao_rt.ops.types import Array

_text_option = click.option("--text", default="", metavar="TEXT", help="What the picture shows.")


@click.command("complete")
@click.argument("picture", type=FILE, metavar="IMAGE")
@click.option("--keep", type=click.Choice(["top", "bottom", "left", "right"]), help="Half of the picture that stays.")
@click.option("--box", metavar="X0,Y0,X1,Y1", help="Part that is drawn anew, in pixels of the square picture, from its "
              "upper left corner.")
@_text_option
@picture_model_option
@sampling_options
@target_option
@threads_option
@json_option
def complete(picture: Path, keep: str | None, box: str | None, text: str, model: str, n: int, target: Path,
             as_json: bool, seed: int, **sampling: Any) -> None:
    """Draw a part of a picture anew, with the rest in sight.

    \b
    Example:
      wudao-rt complete cat.png --keep top --text "cat face" -n 8
      wudao-rt complete cat.png --box 8,8,24,24
    """
    if (keep is None) is (box is None):
        raise ConfigError(f"complete: --keep: expected either --keep or --box, got {'both' if keep else 'neither'}. "
                          "Give one of them.")
    loaded = open_cogview(model, "complete")
    codes = codes_of(loaded, (picture,))
    assert loaded.image_tokenizer is not None  # open_cogview has seen to it
    kept = _half(keep, loaded.config.side) if keep else ~_boxed(str(box), loaded.config.side,
                                                               loaded.image_tokenizer.config.pixels)
    found = loaded.complete([text], codes, kept, n, seed=seed, **sampling)
    keep_pictures(loaded, [text], found, target, seed=seed, as_json=as_json)


@click.command("edit")
@click.argument("picture", type=FILE, metavar="IMAGE")
@click.option("--share", type=Number(0, 1), default=0.5, show_default=True, metavar="S",
              help="Share of the codes that are drawn anew.")
@_text_option
@picture_model_option
@sampling_options
@target_option
@threads_option
@json_option
def edit(picture: Path, share: float, text: str, model: str, n: int, target: Path, as_json: bool, seed: int,
         **sampling: Any) -> None:
    """Draw variations of a picture: codes at random places are drawn anew, the others stay.

    \b
    Example:
      wudao-rt edit cat.png --share 0.3 --text "cat face" -n 8
    """
    import numpy as np

    loaded = open_cogview(model, "edit")
    codes = codes_of(loaded, (picture,))
    kept = np.random.default_rng(seed).random(codes.shape[1:]) >= share
    found = loaded.complete([text], codes, kept, n, seed=seed, **sampling)
    keep_pictures(loaded, [text], found, target, seed=seed, as_json=as_json)


def _half(which: str, side: int) -> Array:
    import numpy as np

    down, right = np.mgrid[:side, :side]
    return {"top": down < side // 2, "bottom": down >= side // 2, "left": right < side // 2,
            "right": right >= side // 2}[which]


def _boxed(box: str, side: int, pixels: int) -> Array:
    """Return the codes that a box in pixels touches."""
    import numpy as np

    try:
        left, top, right, bottom = (int(number) for number in box.split(","))
    except ValueError:
        raise ConfigError(f"complete: --box: expected four whole numbers X0,Y0,X1,Y1, got '{box}'. Write them with "
                          "commas.") from None
    size = side * pixels
    if not (0 <= left < right <= size and 0 <= top < bottom <= size):
        raise ConfigError(f"complete: --box: expected 0 <= X0 < X1 <= {size} and 0 <= Y0 < Y1 <= {size}, got '{box}'. "
                          f"The picture is read as {size} x {size} pixels.")
    inside = np.zeros((side, side), bool)
    inside[top // pixels : -(-bottom // pixels), left // pixels : -(-right // pixels)] = True
    return inside
