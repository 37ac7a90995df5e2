"""wudao-rt generate."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from wudao_rt.cli.live import Live
from wudao_rt.cli.options import (
    FILE,
    Number,
    echo_json,
    json_option,
    model_option,
    open_model,
    read_text,
    threads_option,
)
from wudao_rt.errors import ConfigError

if TYPE_CHECKING:
    from wudao_rt.glm import GLM


@click.command("generate")
@model_option
@click.option("--prompt", "prompts", multiple=True, metavar="TEXT", help="Text with masks to fill; [gMASK] is added at "
              "the end where there is none. May be given several times.")
@click.option("--file", "file", type=FILE, metavar="F", help="File with one prompt a line.")
@click.option("-n", "num_samples", metavar="N", type=click.IntRange(min=1), default=1, show_default=True,
              help="Samples for each prompt.")
@click.option("--max-new-tokens", metavar="N", type=click.IntRange(min=1), default=64, show_default=True,
              help="For each mask.")
@click.option("--min-new-tokens", metavar="N", type=click.IntRange(min=0), default=0, show_default=True,
              help="For each mask.")
@click.option("--temperature", metavar="T", type=Number(min=0), default=0.9, show_default=True,
              help="0: greedy.")
@click.option("--top-k", metavar="K", type=click.IntRange(min=0), default=40, show_default=True, help="0: all tokens.")
@click.option("--top-p", metavar="P", type=Number(0, 1), default=0.0, show_default=True,
              help="Draw among the fewest tokens whose probability reaches P; 0: off.")
@click.option("--num-beams", metavar="N", type=click.IntRange(min=1), default=1, show_default=True,
              help="Above 1: search for the texts with the best score, in place of drawing.")
@click.option("--length-penalty", metavar="P", type=Number(), default=1.0, show_default=True,
              help="Beam search: score = sum of log p / length^P.")
@click.option("--repetition-penalty", metavar="R", type=Number(min=0, min_open=True), default=1.0,
              show_default=True,
              help="Above 1: tokens written before become less likely.")
@click.option("--no-repeat-ngram", type=click.IntRange(min=0), default=0, show_default=True, metavar="N",
              help="No N tokens in a row occur twice; 0: they may.")
@click.option("--forbidden-id", "forbidden_ids", type=click.IntRange(min=0), multiple=True, metavar="ID",
              help="Token that is never written. May be given several times.")
@click.option("--seed", metavar="N", type=click.IntRange(min=0), default=0, show_default=True)
@click.option("--cache", type=click.Choice(["float", "int8"]), default="float", show_default=True,
              help="int8: keys and values in 8 bits, for many or long texts.")
@click.option("--stream", is_flag=True, help="Print the text as it is written, one sample after the other.")
@threads_option
@json_option
def command(model: str, prompts: tuple[str, ...], file: Path | None, stream: bool, as_json: bool,
            **settings: Any) -> None:
    """Write text: fill the masks of each prompt from left to right.

    With --json one object for each sample: prompt, sample, text, token_ids, log_prob, finish_reason.

    \b
    Example:
      wudao-rt generate --model runs/verse-tiny --prompt "<七绝><题>春夜[gMASK]" -n 3 --temperature 0.8 --top-k 30
      wudao-rt generate --model runs/my_texts --prompt "Once upon a time" --top-p 0.9 --repetition-penalty 1.2 --stream
      wudao-rt generate --model runs/my_texts --file prompts.txt --num-beams 4 --length-penalty 0.7 --json
    """
    texts = [*prompts, *_lines(file)]
    if not texts:
        raise ConfigError("generate: --prompt: expected at least one prompt, got none. Give --prompt TEXT or --file F.")
    if stream and as_json:
        raise ConfigError("generate: --stream: expected plain text, got --json too. Leave one of them out.")
    loaded = open_model(model, "generate")
    if stream:
        _written_live(loaded, texts, settings)
        return
    for one in loaded.generate(texts, **settings):
        echo_json(one.to_json()) if as_json else click.echo(one.text)


def _written_live(model: GLM, texts: list[str], settings: dict[str, Any]) -> None:
    live = Live(settings["num_samples"])
    model.generate(texts, stream=live.hear, max_streams=1, **settings)  # one stream: a text is whole before the next
    live.close(len(texts))


def _lines(file: Path | None) -> list[str]:
    if file is None:
        return []
    return [line for line in read_text(file, "generate: --file").splitlines() if line.strip()]
