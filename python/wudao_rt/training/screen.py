"""What a person sees of a run: step lines, and a progress bar on a terminal."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from wudao_rt.config import Config
from wudao_rt.training.events import Callbacks
from wudao_rt.training.log import StepInfo


class Screen(Callbacks):
    """Print to standard output; plain lines that grep finds.

    Args:
        total: steps or seconds of the run.
        by_clock: whether `total` is seconds.
        every: steps between step lines; a skipped step is always printed, with its reason.
        quiet: print nothing; the callbacks hear everything.
    """

    def __init__(self, total: float, by_clock: bool, every: int, quiet: bool = False) -> None:
        self._every, self._by_clock, self._quiet = every, by_clock, quiet
        self._bar: Progress | None = None
        if sys.stdout.isatty() and not quiet:
            self._bar = Progress(TextColumn("training"), BarColumn(), TextColumn("{task.percentage:.0f} %"),
                                 TimeElapsedColumn(), console=Console(), transient=True)
            self._task = self._bar.add_task("training", total=total or None)
            self._bar.start()

    @classmethod
    def of(cls, config: Config, quiet: bool = False) -> Screen:
        """Return the screen of a run."""
        train = config.train
        return cls(train.seconds or train.total_steps, bool(train.seconds), config.output.log_every, quiet)

    def say(self, text: str) -> None:
        """Print a text above the bar."""
        if self._quiet:
            return
        if self._bar:
            self._bar.console.print(text, markup=False, highlight=False, soft_wrap=True)
        else:
            print(text, flush=True)

    def on_step(self, info: StepInfo) -> None:
        if self._bar:
            self._bar.update(self._task, completed=info.seconds if self._by_clock else info.step)
        if info.step % self._every == 0 or info.step == 1 or info.skipped:
            self.say(info.line())
        if info.skipped:
            self.say(f"step {info.step} skipped: {info.reason}")

    def on_checkpoint(self, path: Path) -> None:
        self.say(f"checkpoint {path}")

    def on_evaluation(self, step: int, result: dict[str, Any]) -> None:
        self.say(f"held-out at step {step}: {result['nats_per_token']:.4f} nats/token over {result['tokens']} tokens")

    def on_sample(self, texts: list[str]) -> None:
        for text in texts:
            self.say(f"sample: {text}")

    def on_trouble(self, text: str) -> None:
        self.say(text)

    def close(self) -> None:
        """Take the bar away."""
        if self._bar:
            self._bar.stop()
