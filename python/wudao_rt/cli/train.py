"""wudao-rt train."""

from __future__ import annotations

from pathlib import Path

import click

from wudao_rt.cli.options import Number, echo_json, set_option
from wudao_rt.errors import ConfigError


@click.command("train")
@click.argument("what", nargs=-1, required=True, metavar="CONFIG.toml|RECIPE|FOLDER|FILES...")
@set_option
@click.option("--watch", type=Number(min=0), default=0.0, metavar="N",
              help="Print samples from the live weights every N seconds.")
@click.option("--max-seconds", type=Number(min=0), default=0.0, metavar="N",
              help="Save and stop after N seconds of training. On your own text: the length of the run.")
@click.option("--resume", "resumed", is_flag=True, help="Go on from the last good checkpoint.")
@click.option("--field", default="text", metavar="KEY", help="Key of the text in .jsonl lines.  [default: text]")
@click.option("--profile", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE",
              help="Write a trace of steps 11 to 20, which Perfetto shows.")
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON on the last line.")
def command(what: tuple[str, ...], changes: tuple[str, ...], watch: float, max_seconds: float, resumed: bool,
            field: str, profile: Path | None, as_json: bool) -> None:
    """Train a model: a config file, a recipe by name, or files and folders of your own UTF-8 text.

    Own text (.txt, .jsonl) is de-duplicated, gets a tokenizer and a model size that fits the time (--max-seconds,
    default 600), and 1 % of it is held out. SIGTERM, SIGINT and SIGUSR1 save and stop; --resume goes on.

    \b
    Example:
      wudao-rt train verse-tiny --max-seconds 60
      wudao-rt train my_texts/ --watch 30
      wudao-rt train run.toml --set train.lr=1e-3
      wudao-rt train runs/run --resume
    """
    from wudao_rt.training import train
    from wudao_rt.training.own_text import own_text_config

    if _is_own_text(what, resumed):
        config = own_text_config(what, max_seconds, field, changes)
        report = train(config, resumed=resumed, max_seconds=max_seconds, watch=watch, profile=profile)
    else:
        report = train(what[0], changes=changes, resumed=resumed, max_seconds=max_seconds, watch=watch,
                       profile=profile)
    if as_json:
        echo_json(report.to_json())


def _is_own_text(what: tuple[str, ...], resumed: bool) -> bool:
    if len(what) > 1:
        return True
    path = Path(what[0])
    if path.is_dir() and (path / "checkpoints").is_dir() and (path / "config.toml").is_file():
        if not resumed:
            raise ConfigError(f"train: {path}: expected a config, a recipe or texts, got the folder of a run. Add "
                              "--resume to go on with it.")
        return False
    if path.is_dir():
        return True
    return path.suffix.lower() in (".txt", ".jsonl")
