"""wudao-rt tokenizer."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from pathlib import Path

import click

from wudao_rt.cli.mistakes import Group
from wudao_rt.cli.options import FILE, echo_json, json_option
from wudao_rt.errors import ConfigError


@click.group("tokenizer", cls=Group)
def command() -> None:
    """Train a tokenizer.

    \b
    Example:
      wudao-rt tokenizer train --corpus verse --kind character --min-count 5 --to verse-tokenizer
    """


@command.command("train")
@click.argument("paths", nargs=-1, metavar="[FILES|FOLDERS]...")
@click.option("--corpus", "corpora", multiple=True, help="Prepared corpus (its split `train`).")
@click.option("--kind", type=click.Choice(["character", "bpe", "sentencepiece"]), default="bpe", show_default=True)
@click.option("--vocab-size", type=click.IntRange(min=1), default=8000, show_default=True, help="bpe, sentencepiece.")
@click.option("--min-count", type=click.IntRange(min=1), default=2, show_default=True, help="character.")
@click.option("--token", "own_tokens", multiple=True, metavar="TEXT", help="Further special token.")
@click.option("--field", default="text", show_default=True, help="Key of the text in .jsonl lines.")
@click.option("--to", "folder", required=True, type=FILE, metavar="DIR", help="Where it goes.")
@json_option
def train(paths: tuple[str, ...], corpora: tuple[str, ...], kind: str, vocab_size: int, min_count: int,
          own_tokens: tuple[str, ...], field: str, folder: Path, as_json: bool) -> None:
    """Train a tokenizer on prepared corpora, or on your own .txt and .jsonl files.

    \b
    Example:
      wudao-rt tokenizer train my_texts/ --kind bpe --vocab-size 4000 --to my-tokenizer
    """
    from wudao_rt.config import TokenizerTable
    from wudao_rt.data.tokenizer import TrainReport
    from wudao_rt.training.tokenizers import make_tokenizer

    if not paths and not corpora:
        raise ConfigError("tokenizer train: texts: expected files or --corpus NAME, got neither. Name one.")
    table = TokenizerTable(kind=kind, vocab_size=vocab_size, min_count=min_count)
    made = make_tokenizer(table, lambda: chain(_own(paths, field), _prepared(corpora)), own_tokens)
    made.save(folder)
    report = {**TrainReport.of(made, kind).to_json(), "folder": str(folder)}
    if as_json:
        echo_json(report)
    else:
        click.echo("\n".join(f"{name}: {value}" for name, value in report.items()))


def _own(paths: tuple[str, ...], field: str) -> Iterator[str]:
    from wudao_rt.data.own_text import find_files, read_files

    return (text.text for text in read_files(find_files(paths)[0], field)) if paths else iter(())


def _prepared(corpora: tuple[str, ...]) -> Iterator[str]:
    from wudao_rt.data import prepare

    return chain.from_iterable(prepare(name).texts("train") for name in corpora)
