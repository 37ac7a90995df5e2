"""The commands by name; a module is imported when its command is called, so that --help is quick."""

from __future__ import annotations

import importlib

import click

from wudao_rt.cli.mistakes import Group

_COMMANDS: dict[str, tuple[str, ...]] = {
    "data": ("data", "List, fetch, prepare and de-duplicate text."),
    "tokenizer": ("tokenizer", "Train a tokenizer."),
    "train": ("train", "Train a model on a corpus, a recipe or your own text."),
    "generate": ("generate", "Write text with a model."),
    "score": ("score", "Compute log-probabilities of continuations."),
    "eval": ("evaluate", "Measure a model on held-out text or pictures."),
    "draw": ("draw", "Draw pictures of texts."),
    "complete": ("complete", "Draw a part of a picture anew.", "complete"),
    "edit": ("complete", "Draw variations of a picture.", "edit"),
    "caption": ("caption", "Say what pictures show.", "caption"),
    "rerank": ("caption", "Sort pictures by how well a text fits them.", "rerank"),
    "image": ("image", "Train an image tokenizer; turn pictures into codes and back."),
    "convert": ("convert", "Turn weights into a model folder, or a folder into weights."),
    "replay": ("replay", "Compute a recorded step again and name the rank that computed something else."),
    "merge": ("merge", "Put the files of a checkpoint of several ranks together."),
    "inspect": ("inspect", "Look into a run with experts: their balance, and the domains that they serve."),
    "mpi": ("mpi", "Show the MPI libraries of this machine, or make a plugin for one."),
    "info": ("info", "Show what the engine is and what it chose on this machine."),
    "bench": ("bench", "Measure training and decoding."),
}


class LazyGroup(Group):
    """A group that knows the names of its commands before their modules."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names in the order of the table."""
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the command's module; None for an unknown name."""
        if cmd_name not in _COMMANDS:
            return None
        module, _, *own = _COMMANDS[cmd_name]
        return getattr(importlib.import_module(f"wudao_rt.cli.{module}"), own[0] if own else "command")

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the table without importing anything."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text, *_) in _COMMANDS.items()])


def _print_version(ctx: click.Context, parameter: click.Parameter, wanted: bool) -> None:
    if wanted:
        import wudao_rt

        click.echo(f"wudao-rt {wudao_rt.__version__}")
        ctx.exit()


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120})
@click.option("--version", is_flag=True, expose_value=False, is_eager=True, callback=_print_version,
              help="Show the version.")
def root() -> None:
    """Train, generate and score with GLM and CogView on the CPU.

    \b
    Example:
      wudao-rt train verse-tiny
      wudao-rt generate --model runs/verse-tiny --prompt "<五绝><题>春望[gMASK]" -n 3
      wudao-rt draw "a red apple" -n 8 --rerank
    """
