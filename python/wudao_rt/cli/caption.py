"""wudao-rt caption and wudao-rt rerank, and what `wudao-rt score IMAGE TEXT` does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from wudao_rt.cli.options import FILE, echo_json, json_option, threads_option
from wudao_rt.cli.pictures import codes_of, open_cogview, picture_model_option, sampling_options, truncate_option

sum_option = click.option("--sum", "by_sum", is_flag=True, help="Sum over the tokens of the text, not their mean.")


@click.command("caption")
@click.argument("pictures", nargs=-1, required=True, type=FILE, metavar="IMAGE...")
@picture_model_option
@sampling_options
@threads_option
@json_option
def caption(pictures: tuple[Path, ...], model: str, as_json: bool, **sampling: Any) -> None:
    """Say what pictures show.

    With --json one object for each caption: file, index, caption, caption_loss.

    \b
    Example:
      wudao-rt caption drawn/00-00.png -n 4 --temperature 0.7
    """
    loaded = open_cogview(model, "caption")
    codes = codes_of(loaded, pictures)
    sampling.pop("guidance")  # of pictures by texts
    for file, own, said in zip(pictures, codes, loaded.caption(codes, **sampling), strict=True):
        for index, text in enumerate(said):
            loss = float(loaded.caption_loss(str(text), own)[0]) if text else None
            record = {"file": str(file), "index": index, "caption": text, "caption_loss": loss}
            echo_json(record) if as_json else click.echo(f"{file}  {text}")


@click.command("rerank")
@click.argument("text", metavar="TEXT")
@click.argument("pictures", nargs=-1, required=True, type=FILE, metavar="IMAGE...")
@picture_model_option
@sum_option
@truncate_option
@threads_option
@json_option
def rerank(text: str, pictures: tuple[Path, ...], model: str, by_sum: bool, truncate: bool, as_json: bool) -> None:
    """Sort pictures by how well a text says what they show: CapLoss, the lowest first.

    \b
    Example:
      wudao-rt rerank "a red apple" drawn/*.png
    """
    order, records = _ranked("rerank", model, pictures, text, by_sum, truncate)
    for record in (records[place] for place in order):
        echo_json(record) if as_json else click.echo(f"{record['caption_loss']:.4f}\t{record['file']}")


def scores(op: str, model: str, pictures: tuple[Path, ...], text: str, by_sum: bool, truncate: bool
           ) -> list[dict[str, Any]]:
    """Return a record for each picture: prompt, index, file, codes, caption_loss."""
    return _ranked(op, model, pictures, text, by_sum, truncate)[1]


def _ranked(op: str, model: str, pictures: tuple[Path, ...], text: str, by_sum: bool, truncate: bool
            ) -> tuple[list[int], list[dict[str, Any]]]:
    """Return the places of the pictures, the best first, and their records as they came."""
    from wudao_rt.cogview.ranking import best_first

    loaded = open_cogview(model, op)
    codes = codes_of(loaded, pictures)
    order, losses = best_first(loaded, text, codes, "sum" if by_sum else "mean", truncate=truncate)
    return order.tolist(), [{"prompt": text, "index": index, "file": str(file), "codes": codes[index].tolist(),
                             "caption_loss": float(losses[index])} for index, file in enumerate(pictures)]
