"""Options that several commands share."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from io import StringIO
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from wudao_rt.errors import ConfigError

if TYPE_CHECKING:
    from wudao_rt.glm import GLM


class Number(click.FloatRange):
    """A number in a range; infinity and NaN are none."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Return the number that a word spells."""
        found = super().convert(value, param, ctx)
        if not isfinite(found):
            self.fail(f"'{value}' is not finite", param, ctx)
        return found


FILE = click.Path(readable=False, path_type=Path)  # whether it can be read is told by who reads it
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON, one object a line.")
model_option = click.option("--model", required=True, metavar="DIR",
                            help="Run folder, checkpoint, or folder of a saved model.")
set_option = click.option("--set", "changes", multiple=True, metavar="KEY=VALUE",
                          help="Change a key of the config, as in --set train.lr=1e-3. May be given several times.")


def threads_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add --threads, which acts before the command does."""
    return click.option("--threads", metavar="N", type=click.IntRange(0, 1024), default=0, expose_value=False,
                        callback=_set_threads,
                        help="Threads; 0: as many as this machine grants.")(command)


def _set_threads(ctx: click.Context, parameter: click.Parameter, count: int) -> None:
    if count:
        from wudao_rt import _core

        _core.set_threads(count)


def echo_json(record: Any) -> None:
    """Print one JSON object on a line; Chinese stays readable."""
    click.echo(json.dumps(record, ensure_ascii=False))


def open_model(folder: str, op: str) -> GLM:
    """Return the model of a folder, with a tokenizer: the command line has text only.

    In a job of several ranks these share the experts, all do the same, and the first alone is heard.
    """
    import wudao_rt
    from wudao_rt.distributed import init

    ranks = init()
    if ranks.rank > 0:
        sys.stdout = StringIO()
    model = wudao_rt.load(folder, comm=ranks if ranks.size > 1 else None)
    if not isinstance(model, wudao_rt.GLM):
        raise ConfigError(f"{op}: --model: expected a language model, got the image tokenizer of {folder}. Give the "
                          "folder of wudao-rt train.")
    if model.tokenizer is None:
        raise ConfigError(f"{op}: --model: expected a folder with a tokenizer, {folder} has none. Make one with: "
                          f"wudao-rt convert {folder} NEW --tokenizer DIR.")
    return model


def read_text(file: Path, where: str) -> str:
    """Return the text of a UTF-8 file; `where` names the command and option in the error."""
    try:
        return file.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise ConfigError(f"{where}: expected a UTF-8 file, there is none at {file}. Check the path.") from None
    except UnicodeDecodeError as error:
        raise ConfigError(f"{where}: expected UTF-8 text, got a file with byte 0x{error.object[error.start]:02x} at "
                          f"{error.start}: {file}. Convert it to UTF-8.") from None
    except OSError as error:
        raise ConfigError(f"{where}: expected a readable file, got '{error.strerror}': {file}. Check it.") from None
