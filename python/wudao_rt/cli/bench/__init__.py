"""wudao-rt bench."""

from __future__ import annotations

import click

from wudao_rt.cli.bench.alltoall import alltoall
from wudao_rt.cli.bench.peers import make
from wudao_rt.cli.bench.preset import preset
from wudao_rt.cli.bench.report import report
from wudao_rt.cli.bench.scaling import scaling
from wudao_rt.cli.mistakes import Group

_COMMANDS = {
    "train": "Training steps, and the memory that they take.",
    "attention": "Attention forward and backward under GLM's mask.",
    "decode": "One text written token by token.",
    "prefill": "A prompt of 512 tokens read at once.",
    "batch": "Sixteen texts written together.",
    "load": "The import, and loading a model up to its first token.",
    "kernels": "Matrix products and attention alone, against the roof.",
    "moe": "A layer of experts forward and backward: even, skewed and collapsed routing.",
    "vq": "Image tokenizers: pictures to codes, training steps, the nearest code.",
    "draw": "Pictures of a text, code by code.",
    "all": "Everything above, one after the other.",
}


@click.group("bench", cls=Group)
def command() -> None:
    """Measure speed: side by side with other engines, or one of our presets alone.

    \b
    Example:
      wudao-rt bench train --peer torch
      wudao-rt bench decode --peer llama.cpp --json
      wudao-rt bench all --quick --json > results.jsonl
      wudao-rt bench preset --preset verse
    """


for _name, _text in _COMMANDS.items():
    command.add_command(make(_name, _text))
for _other in (alltoall, scaling, report, preset):
    command.add_command(_other)
