"""wudao-rt score."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from wudao_rt.cli.caption import scores, sum_option
from wudao_rt.cli.options import FILE, echo_json, json_option, model_option, open_model, read_text, threads_option
from wudao_rt.cli.pictures import truncate_option
from wudao_rt.errors import ConfigError


@click.command("score")
@click.argument("pictures", nargs=-1, metavar="[IMAGE TEXT]")
@model_option
@click.option("--context", "contexts", multiple=True, metavar="TEXT", help="Text before.")
@click.option("--continuation", "continuations", multiple=True, metavar="TEXT",
              help="What to score; one for each --context, or several for one.")
@click.option("--file", "file", type=FILE, metavar="F",
              help='JSON lines {"context": ..., "continuation": ...}.')
@click.option("--mode", type=click.Choice(["bi", "uni"]), default="bi", show_default=True,
              help="Read the context in both directions, or left to right.")
@click.option("--include-end", is_flag=True, help="Score the end mark too.")
@sum_option
@truncate_option
@threads_option
@json_option
def command(pictures: tuple[str, ...], model: str, by_sum: bool, truncate: bool, as_json: bool, **texts: Any) -> None:
    """Compute the natural-log probability of continuations; or how well a text says what a picture shows.

    With --json one object for each continuation: context, continuation, log_prob, tokens; for a picture: prompt, index,
    file, codes, caption_loss (CapLoss, nats per token of the text).

    \b
    Example:
      wudao-rt score --model runs/verse-tiny --context "<五绝>[gMASK]" --continuation "床前明月光，疑是地上霜。"
      wudao-rt score drawn/00-00.png "a red apple" --model runs/emoji-cogview
    """
    if pictures:
        return _score_picture(pictures, model, by_sum, truncate, as_json)
    return _score_texts(model, as_json=as_json, **texts)


def _score_picture(words: tuple[str, ...], model: str, by_sum: bool, truncate: bool, as_json: bool) -> None:
    if len(words) != 2:
        raise ConfigError(f"score: IMAGE TEXT: expected a picture and a text, got {len(words)} arguments. Put texts in "
                          "quotes, or give --context and --continuation.")
    record = scores("score", model, (Path(words[0]),), words[1], by_sum, truncate)[0]
    echo_json(record) if as_json else click.echo(f"{record['caption_loss']:.4f}\t{words[0]}\t{words[1]}")


def _score_texts(model: str, contexts: tuple[str, ...], continuations: tuple[str, ...], file: Path | None, mode: str,
                 include_end: bool, as_json: bool) -> None:
    pairs = [*_paired(contexts, continuations), *_from_file(file)]
    if not pairs:
        raise ConfigError("score: --context: expected at least one context and continuation, got none. "
                          "Give --context and --continuation, or --file F.")
    befores, afters = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    found = open_model(model, "score").score(befores, afters, mode=mode, include_end=include_end)
    for (context, continuation), one in zip(pairs, found, strict=True):
        record = {"context": context, "continuation": continuation, "log_prob": one.log_prob,
                  "tokens": len(one.token_ids)}
        echo_json(record) if as_json else click.echo(f"{one.log_prob:.4f}\t{len(one.token_ids)}\t{continuation}")


def _paired(contexts: tuple[str, ...], continuations: tuple[str, ...]) -> list[tuple[str, str]]:
    if len(contexts) == 1:
        contexts = contexts * len(continuations)
    if len(contexts) != len(continuations):
        raise ConfigError(f"score: --continuation: expected one for each of {len(contexts)} contexts, got "
                          f"{len(continuations)}. Give as many.")
    return list(zip(contexts, continuations, strict=True))


def _from_file(file: Path | None) -> list[tuple[str, str]]:
    if file is None:
        return []
    return list(_pairs(file, read_text(file, "score: --file").splitlines()))


def _pairs(file: Path, lines: list[str]) -> Iterator[tuple[str, str]]:
    for number, line in enumerate(lines, 1):
        if line.strip():
            entry = _entry(line)
            if not all(isinstance(entry.get(key), str) for key in ("context", "continuation")):
                raise ConfigError(f"score: {file}:{number}: expected a JSON object with strings under 'context' and "
                                  "'continuation', got something else. Repair the line.")
            yield entry["context"], entry["continuation"]


def _entry(line: str) -> dict[str, Any]:
    try:
        entry = json.loads(line)
    except ValueError:
        return {}
    return entry if isinstance(entry, dict) else {}
