"""Options that several commands share."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import click

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON, one object a line.")
model_option = click.option("--model", required=True, metavar="DIR",
                            help="Run folder, checkpoint, or folder of a saved model.")
set_option = click.option("--set", "changes", multiple=True, metavar="KEY=VALUE",
                          help="Change a key of the config, as in --set train.lr=1e-3. May be given several times.")


def threads_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add --threads, which acts before the command does."""
    return click.option("--threads", type=click.IntRange(0, 4096), default=0, expose_value=False, callback=_set_threads,
                        help="Threads; 0: as many as this machine grants.")(command)


def _set_threads(ctx: click.Context, parameter: click.Parameter, count: int) -> None:
    if count:
        from wudao_rt import _core

        _core.set_threads(count)


def echo_json(record: Any) -> None:
    """Print one JSON object on a line; Chinese stays readable."""
    click.echo(json.dumps(record, ensure_ascii=False))
