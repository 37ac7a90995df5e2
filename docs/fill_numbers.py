"""Write what `make quickstart` measured into README.md, between the marks `numbers: begin` and `numbers: end`.

    python docs/fill_numbers.py runs/quickstart/quickstart.json
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

README = Path(__file__).parents[1] / "README.md"
BEGIN, END = "<!-- numbers: begin -->\n", "<!-- numbers: end -->"


def table(found: dict[str, Any]) -> str:
    """Return the table of one quickstart."""
    about, losses, made, real, mixed = (found[key] for key in ("about", "losses", "written", "real", "shuffled"))
    reached = about["goal_after"]
    rows = [
        ("model", f"{about['parameters']:,} parameters, {about['dtype']}"),
        ("machine", f"{about['threads']} threads, {about['level']}"),
        ("training", f"{found['train_seconds']:.0f} s, {about['tokens_per_second']:,.0f} tokens/s, "
                     f"{100 * about['share_of_peak']:.0f} % of the best matrix product"),
        ("held-out loss", f"{losses['model']:.2f} nats per token (unigram {losses['unigram']:.2f})"),
        (f"{about['goal']} nats per token", "not reached" if reached is None else f"after {reached:.0f} s"),
        ("200 poems in the form asked for", f"{100 * made['form_rate']:.1f} %"),
        ("lines copied from training poems", f"{100 * made['copy_rate']:.2f} %"),
        ("characters that repeat within a poem", f"{100 * made['repeated_characters']:.1f} % (people "
                                                 f"{100 * real['repeated_characters']:.1f} %)"),
        ("lines whose tones alternate", f"{100 * made['tone_alternation']:.1f} % (people "
                                        f"{100 * real['tone_alternation']:.1f} %, shuffled "
                                        f"{100 * mixed['tone_alternation']:.1f} %)"),
        ("true poem preferred to its shuffled twin", f"{100 * found['true_preferred']:.1f} %"),
    ]
    body = "".join(f"| {name} | {value} |\n" for name, value in rows)
    return f"`make quickstart` on two cores:\n\n| | |\n|---|---|\n{body}"


def filled(text: str, found: dict[str, Any]) -> str:
    """Return a document with the table between its marks."""
    head, rest = text.split(BEGIN)
    return head + BEGIN + table(found) + END + rest.split(END)[1]


if __name__ == "__main__":
    measured = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    README.write_text(filled(README.read_text(encoding="utf-8"), measured), encoding="utf-8")
