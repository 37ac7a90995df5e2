"""What the page shows while a model learns."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from wudao_rt.quickstart.page import Page
from wudao_rt.training import Callbacks, StepInfo

_SHOWN = 36  # characters of a sample; a quatrain of seven has 32


class Watcher(Callbacks):
    """Listen to a run and print how it goes.

    Args:
        page: where to.
        seconds: length of the training, for the bar.
        on_begin: called before the first step is shown.
    """

    def __init__(self, page: Page, seconds: float, on_begin: Callable[[], None]) -> None:
        self._page, self._on_begin = page, on_begin
        self._last = StepInfo(0, 0.0, 0.0, 0.0, 0, 0.0, 0.0, 0.0)
        self._bar = page.bar()
        self._task = self._bar.add_task("", total=seconds)
        self._begun = False
        self._held_out = ""

    def __enter__(self) -> Watcher:
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def on_step(self, info: StepInfo) -> None:
        if not self._begun:
            self._begun = True
            self._on_begin()
            self._bar.start()
        self._last = info
        speed = info.tokens / info.seconds if info.seconds else 0.0
        told = f"{info.seconds:3.0f} s   step {info.step}   loss {info.loss:.2f}   {speed:,.0f} tokens/s"
        self._bar.update(self._task, completed=info.seconds, description=told)
        if info.skipped:
            self._page.say(f"  step {info.step} skipped: {info.reason}")

    def on_evaluation(self, step: int, result: dict[str, Any]) -> None:
        self._held_out = f"   held-out {result['nats_per_token']:.2f}"

    def on_sample(self, texts: list[str]) -> None:
        for text in texts[:1]:
            shown = text if len(text) <= _SHOWN else text[:_SHOWN] + "…"
            self._page.say(f"  {self._last.seconds:4.0f} s   loss {self._last.loss:.2f}{self._held_out:<16}   {shown}")
