"""What a run tells those who listen."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from wudao_rt.training.log import StepInfo


class Callbacks:
    """Listen to a run; override what you need. Everything runs in the thread of the step loop, between steps."""

    def on_step(self, info: StepInfo) -> None:
        """Take note of a step."""

    def on_checkpoint(self, path: Path) -> None:
        """Take note of a complete checkpoint."""

    def on_sample(self, texts: list[str]) -> None:
        """Take note of samples from the live weights."""

    def on_evaluation(self, step: int, result: dict[str, Any]) -> None:
        """Take note of a held-out evaluation."""


class Listeners:
    """Call the same method of several listeners; a listener may lack methods that it does not need."""

    def __init__(self, listeners: Iterable[Any]) -> None:
        self._listeners = tuple(listeners)

    def tell(self, event: str, *values: Any) -> None:
        """Call `event` of every listener that has it."""
        for listener in self._listeners:
            if method := getattr(listener, event, None):
                method(*values)
