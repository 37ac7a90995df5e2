"""Text on the screen while it is being written."""

from __future__ import annotations

import click


class Live:
    """Print samples piece by piece, one line or paragraph each, in the order of prompts and samples.

    Args:
        samples: of each prompt.
    """

    def __init__(self, samples: int) -> None:
        self._samples = samples
        self._at = 0

    def hear(self, prompt: int, sample: int, token: int, piece: str) -> None:
        """Print a piece; see `wudao_rt.generation.stream`."""
        self._move_to(prompt * self._samples + sample)
        click.echo(piece, nl=False)

    def close(self, prompts: int) -> None:
        """End the line of the last sample, and those of samples without a token."""
        self._move_to(prompts * self._samples)

    def _move_to(self, number: int) -> None:
        click.echo("\n" * (number - self._at), nl=False)
        self._at = number
