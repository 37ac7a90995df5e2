"""What click complains about, in the words of this house: `op: argument: expected ..., got ... . What to do.`"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import click

from wudao_rt.config.settings import refuse_unknown

_QUOTED = re.compile(r"^'(?P<value>.*)' is ", re.DOTALL)
_BARE = re.compile(r"^(?P<value>\S+) is not in the range")
_EXTRA = re.compile(r"unexpected extra arguments? \((.*)\)", re.DOTALL)
_NAMES = {"integer": "a whole number", "float": "a finite number", "text": "text", "path": "a path"}


class Group(click.Group):
    """A group of commands; an unknown one is told with the nearest that there is."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the command that the words name."""
        if not args[0].startswith("-"):
            refuse_unknown(args[0], self.list_commands(ctx), " ".join([*ctx.command_path.split()[1:], "command"]))
        return super().resolve_command(ctx, args)


class CommandWithOthers(click.Command):
    """A command that others stand below: `eval --task verse` is its own, `eval image` another one's.

    Args:
        others: those below it by name; everything else as of click.Command.
    """

    def __init__(self, *words: Any, others: Mapping[str, click.Command], **settings: Any) -> None:
        super().__init__(*words, **settings)
        self.others = others

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        """Return the context of the command that the words name."""
        if not args or args[0].startswith("-"):
            return super().make_context(info_name, args, parent, **extra)
        refuse_unknown(args[0], list(self.others), f"{info_name} command")
        return self.others[args[0]].make_context(f"{info_name} {args[0]}", args[1:], parent, **extra)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options, and which commands there are."""
        super().format_options(ctx, formatter)
        with formatter.section("Commands"):
            formatter.write_dl([(name, other.get_short_help_str(80)) for name, other in self.others.items()])


def told(error: click.ClickException) -> str:
    """Return the one line for a mistake that click found."""
    ctx = getattr(error, "ctx", None)
    path = ctx.command_path.split() if ctx else []
    op = " ".join(path[1:]) or "command"
    advice = f"See {' '.join([*path, '--help'])}." if path else ""
    if isinstance(error, click.MissingParameter) and error.param:
        return f"{op}: {_name(error.param)}: expected {_wanted(error.param)}, got nothing. {advice}"
    if isinstance(error, click.BadParameter) and error.param and (value := _value(error.message)) is not None:
        return f"{op}: {_name(error.param)}: expected {_wanted(error.param)}, got '{value}'. Change it. {advice}"
    if isinstance(error, click.NoSuchOption):
        return f"{op}: options: expected a known one, got '{error.option_name}'. {_nearest(error)}{advice}"
    if isinstance(error, click.BadOptionUsage):
        got = "one" if "does not take" in error.message else "none"
        return f"{op}: {error.option_name}: expected {'no' if got == 'one' else 'a'} value, got {got}. Change it."
    if match := _EXTRA.search(error.message):
        return f"{op}: arguments: expected no more of them, got '{match[1]}'. Put texts in quotes. {advice}"
    return f"{op}: {error.format_message()} {advice}"


def _nearest(error: click.NoSuchOption) -> str:
    return f"Did you mean '{error.possibilities[0]}'? " if error.possibilities else ""


def _name(parameter: click.Parameter) -> str:
    if isinstance(parameter, click.Argument):
        return parameter.metavar or parameter.human_readable_name
    return max(parameter.opts, key=len)


def _value(message: str) -> str | None:
    match = _QUOTED.match(message) or _BARE.match(message)
    return match["value"] if match else None


def _wanted(parameter: click.Parameter) -> str:
    kind = parameter.type
    if isinstance(kind, click.Choice):
        return f"one of {', '.join(map(str, kind.choices))}"
    if isinstance(kind, (click.IntRange, click.FloatRange)):
        what = "a whole number" if isinstance(kind, click.IntRange) else "a finite number"
        return f"{what}{_range(kind.min, kind.max, kind.min_open)}"
    return _NAMES.get(kind.name, kind.name)


def _range(low: float | None, high: float | None, above: bool) -> str:
    if low is None:
        return ""
    if high is None:
        return f" above {low}" if above else f" of at least {low}"
    return f" from {low} to {high}"
