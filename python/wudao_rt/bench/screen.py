"""What people see: a table, or JSON lines; progress on a terminal only."""

from __future__ import annotations

import json
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

_FILE_WIDTH = 160  # of a table that goes to a file
_COLUMNS = ("bench", "case", "dtype", "unit", "ours", "peer", "ratio", "of roof", "against")


class Screen:
    """Shows lines as they come; the table at the end."""

    def __init__(self, as_json: bool) -> None:
        self._json = as_json
        self._out, self._progress = Console(highlight=False), Console(stderr=True, highlight=False)
        if not self._out.is_terminal:
            self._out.width = _FILE_WIDTH
        self._status = self._progress.status("bench")
        self._lines: list[dict[str, Any]] = []

    def __enter__(self) -> Screen:
        if self._progress.is_terminal:
            self._status.start()
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        self._status.stop()
        if not self._json and self._lines:
            self._out.print(table(self._lines))

    def say(self, text: str) -> None:
        """Show what is going on."""
        if self._progress.is_terminal:
            self._status.update(escape(text))
        elif text.startswith("bench: installing"):
            self._progress.print(text, markup=False)  # it takes minutes: told without a terminal too

    def line(self, line: dict[str, Any]) -> dict[str, Any]:
        """Show one result and return it."""
        self._lines.append(line)
        if self._json:
            print(json.dumps(line, ensure_ascii=False), flush=True)
        elif "error" in line:
            self._progress.print(line["error"], markup=False, soft_wrap=True)
        return line


def table(lines: list[dict[str, Any]]) -> Table:
    """Return the lines as a table."""
    out = Table(*_COLUMNS, box=None, pad_edge=False)
    for line in lines:
        out.add_row(*(escape(word) for word in row(line)))
    return out


def row(line: dict[str, Any]) -> list[str]:
    """Return the words of one line.

    Example:
        >>> line = {"bench": "train", "case": "91.7M", "dtype": "float32", "unit": "tokens/s", "ours": 640.2,
        ...         "peer": 307.0, "ratio": 2.085, "share_of_roof": 0.78, "peer_name": "torch", "variant": "eager"}
        >>> row(line)
        ['train', '91.7M', 'float32', 'tokens/s', '640', '307', '2.08', '78 %', 'torch eager']
    """
    head = [line["bench"], line["case"], line["dtype"], line["unit"]]
    against = " ".join(dict.fromkeys(filter(None, (line["peer_name"], line["variant"]))))
    if "error" in line:
        return [*head, "failed", "", "", "", against]
    share = line.get("share_of_roof")
    return [*head, figure(line["ours"]), figure(line["peer"]), figure(line["ratio"]),
            "" if share is None else f"{100 * share:.0f} %", against]


def figure(value: float | None) -> str:
    """Return a number with three digits that say something.

    Example:
        >>> figure(5123.4), figure(2.084), figure(0.04412), figure(None)
        ('5,123', '2.08', '0.0441', '')
    """
    if value is None:
        return ""
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}"
