"""Every command explains itself, with an example."""

from __future__ import annotations

import pytest

COMMANDS = ["data", "data list", "data fetch", "data prepare", "data dedup", "tokenizer", "tokenizer train", "train",
            "generate", "score", "eval", "eval image", "convert", "replay", "merge", "inspect", "inspect balance",
            "inspect domains", "mpi", "info", "bench"]


@pytest.mark.parametrize("command", COMMANDS)
def test_help_has_an_example(cli, command: str):
    done = cli(*command.split(), "--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert "Example:" in done.stdout and f"wudao-rt {command.split()[0]}" in done.stdout


def test_the_root_lists_every_command(cli):
    done = cli("--help")
    assert done.returncode == 0 and "Example:" in done.stdout
    assert all(f"  {command.split()[0]} " in done.stdout for command in COMMANDS)


def test_version(cli):
    done = cli("--version")
    assert done.returncode == 0 and done.stdout.startswith("wudao-rt ")


def test_no_command_shows_the_help_and_is_a_mistake(cli):
    done = cli()
    assert done.returncode == 2 and "Commands:" in done.stderr
