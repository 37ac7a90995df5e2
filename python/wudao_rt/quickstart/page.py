"""What a person sees: headings, facts, tables and poems; colours and a bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

from collections.abc import Sequence

from rich.cells import cell_len
from rich.columns import Columns
from rich.console import Console
from rich.panel import Panel
from rich.progress import BarColumn, Progress, TextColumn
from rich.text import Text

from wudao_rt.tasks.verse_poems import Written

_PLAIN_WIDTH = 110
_FRAME = 38  # a couplet of seven characters takes 32 columns; two frames fit side by side into 80


class Page:
    """Print a report, part by part.

    Args:
        console: where to; default standard output.
    """

    def __init__(self, console: Console | None = None) -> None:
        console = console or Console(highlight=False)
        if not console.is_terminal:
            console.width = _PLAIN_WIDTH
        self.console = console

    @property
    def on_terminal(self) -> bool:
        """Whether a person watches it live."""
        return self.console.is_terminal

    def section(self, title: str) -> None:
        """Begin a part."""
        self.console.print()
        if self.on_terminal:
            self.console.rule(Text(title, style="bold"), align="left", style="blue")
        else:
            self.say(f"== {title}")

    def say(self, text: str = "", style: str = "") -> None:
        """Print a line, however long."""
        self.console.print(Text(text, style=style), soft_wrap=True)

    def facts(self, facts: dict[str, str]) -> None:
        """Print names and values in two columns."""
        width = max(map(cell_len, facts))
        for name, value in facts.items():
            gap = " " * (width - cell_len(name))
            self.console.print(Text.assemble((f"  {name}{gap}  ", "dim"), value), soft_wrap=True)

    def table(self, header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """Print a table; all columns but the first are numbers."""
        widths = [max(map(cell_len, column)) for column in zip(header, *rows, strict=True)]
        for row, style in [(header, "dim"), *((row, "") for row in rows)]:
            gaps = [" " * (width - cell_len(cell)) for cell, width in zip(row, widths, strict=True)]
            numbers = (gap + cell for gap, cell in zip(gaps[1:], row[1:], strict=True))
            self.say("  " + "   ".join([row[0] + gaps[0], *numbers]).rstrip(), style)

    def poems(self, poems: Sequence[Written]) -> None:
        """Print poems: in frames side by side on a terminal, one a line elsewhere."""
        if self.on_terminal:
            frames = [Panel(Text(_couplets(p.text), justify="center"), title=p.title or p.form, border_style="blue",
                            padding=(0, 1), width=_FRAME) for p in poems]
            self.console.print(Columns(frames, padding=(0, 1)))
        else:
            for poem in poems:
                self.say(f"  {poem.title or poem.form}：{poem.text}")

    def bar(self) -> Progress:
        """Return a bar for this page; it shows only on a terminal."""
        return Progress(TextColumn("  training"), BarColumn(bar_width=40), TextColumn("{task.description}"),
                        console=self.console, transient=True, disable=not self.on_terminal)


def _couplets(text: str) -> str:
    """Break a poem behind every stop.

    >>> _couplets("甲，乙。丙，丁。")
    '甲，乙。\\n丙，丁。'
    """
    return "".join(c + "\n" if c in "。？！；" else c for c in text).rstrip("\n")
