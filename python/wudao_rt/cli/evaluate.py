"""wudao-rt eval."""

from __future__ import annotations

from pathlib import Path

import click

from wudao_rt.cli.evaluate_image import command as image
from wudao_rt.cli.mistakes import CommandWithOthers
from wudao_rt.cli.options import FILE, echo_json, json_option, model_option, open_model, read_text, threads_option
from wudao_rt.errors import ConfigError


@click.command("eval", cls=CommandWithOthers, others={"image": image})
@model_option
@click.option("--task", type=click.Choice(["verse", "perplexity", "last-word"]), default="verse", show_default=True,
              help="verse: whole poems from the form tag; perplexity: a text in overlapping windows; "
                   "last-word: the last word of each line.")
@click.option("--corpus", default="tang-quatrains", show_default=True, help="Prepared corpus.")
@click.option("--split", type=click.Choice(["report", "untouched"]), default="report", show_default=True)
@click.option("--file", "file", type=FILE, metavar="F",
              help="UTF-8 text instead of a corpus (perplexity, last-word).")
@click.option("--mode", type=click.Choice(["bi", "uni"]), default="bi", show_default=True)
@click.option("--length", type=click.IntRange(min=4), help="perplexity: row length; default the model's positions.")
@click.option("--overlap", type=click.IntRange(min=1),
              help="perplexity: tokens that each window adds.")
@threads_option
@json_option
def command(model: str, task: str, corpus: str, split: str, file: Path | None, mode: str, length: int | None,
            overlap: int | None, as_json: bool) -> None:
    """Compute the held-out loss of a language model, in nats per token; `eval image` measures models of pictures.

    With --json one object: task, split, nats_per_token, tokens, n, and what the task adds.

    \b
    Example:
      wudao-rt eval --model runs/verse-tiny --task verse --json
      wudao-rt eval --model runs/my_texts --task perplexity --file book.txt --mode uni
      wudao-rt eval image --model runs/emoji-cogview --json
    """
    from wudao_rt.evaluation import last_words, perplexity, verse

    loaded = open_model(model, "eval")
    if task == "verse":
        _refuse("verse", {"--file": file, "--length": length, "--overlap": overlap})
        result = verse(loaded, corpus, split)
    else:
        texts = [read_text(file, "eval: --file")] if file else _corpus_texts(corpus, split)
        windows = perplexity(loaded, texts, length, overlap, mode) if task == "perplexity" else None
        result = windows or last_words(loaded, texts, mode)
    record = {"task": task, "split": str(file) if file else split, **result}
    if as_json:
        echo_json(record)
    else:
        click.echo("\n".join(f"{name}: {_shown(value)}" for name, value in record.items()))


def _shown(value: object) -> str:
    return f"{value:.4f}" if isinstance(value, float) else str(value)


def _refuse(task: str, options: dict[str, object]) -> None:
    for name, value in options.items():
        if value is not None:
            raise ConfigError(f"eval: {name}: expected only with another task, got it with {task}. Leave it out, or "
                              "give --task perplexity.")


def _corpus_texts(corpus: str, split: str) -> list[str]:
    from wudao_rt.data import prepare

    return [record.text for record in prepare(corpus).records(split)]
