"""Writes docs/benchmarks.md from the JSON lines of a run."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from wudao_rt.bench.goals import Verdict, verdicts
from wudao_rt.bench.screen import figure
from wudao_rt.errors import ConfigError
from wudao_rt.files import reason, write_whole

_TITLES = {
    "train": "Training",
    "attention": "Attention",
    "decode": "Decoding one text",
    "prefill": "Prefill",
    "batch": "Sixteen texts together",
    "load": "Loading",
    "kernels": "Products and attention alone",
    "moe": "A layer of experts",
    "vq": "Image tokenizers",
    "draw": "Drawing",
    "alltoall": "Rows between ranks",
    "scaling": "How cost grows with work",
}
_HEAD = """# Benchmarks

Written by `wudao-rt bench report` from the lines of a run; do not edit it here.

{machine}. Command: `make bench` (`wudao-rt bench all`), {date}.

Every engine is a process in an environment of its own, with {threads} threads. Both get the same weights and inputs;
what they compute is compared first, and a mismatch is an error. Then they take turns (ours, peer, peer, ours, ...),
and the idle one is stopped. Figures are medians; `ratio` is the median over the pairs of the peer's time (or memory)
over ours, so above 1 we are better. The roof was measured in the same run: for what computes, our best matrix product
at the same shapes; for what reads, reading as many bytes again and again with all threads. Operations are the model's
alone: of a training step 6 for each parameter and token, and 12 · layers · width for each pair of query and key that
the mask shows; recomputation, packing and the optimizer count for nothing.
"""


def read_lines(path: Path) -> list[dict[str, Any]]:
    """Return the lines of a run.

    Raises:
        ConfigError: the file cannot be read, holds something else, or nothing.
    """
    try:
        lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    except (OSError, ValueError) as error:
        raise ConfigError(f"bench report: {path}: expected JSON lines of `wudao-rt bench all --json`, got: "
                          f"{reason(error)}. Check the file.") from None
    if not lines or not all(isinstance(line, dict) and {"bench", "cpu", "threads"} <= line.keys() for line in lines):
        raise ConfigError(f"bench report: {path}: expected lines with bench, cpu and threads, got others or none. Give "
                          "the output of `wudao-rt bench all --json`.")
    return lines


def write_report(lines: Sequence[dict[str, Any]], target: Path) -> None:
    """Write the page, and roofline.png, bars.png and scaling.png beside it; TARGET_notes.md is put in as it is."""
    from wudao_rt.bench import pictures

    target.parent.mkdir(parents=True, exist_ok=True)
    made = pictures.draw(lines, target.parent)
    notes = target.with_name(f"{target.stem}_notes.md")
    text = page(lines, [path.name for path in made], notes.read_text(encoding="utf-8") if notes.is_file() else "")
    write_whole(target, text)


def page(lines: Sequence[dict[str, Any]], pictures: Sequence[str], notes: str) -> str:
    """Return the whole page."""
    first = lines[0]
    versions = {k: v for line in lines for k, v in line.get("versions", {}).items() if k != "llama.cpp"}
    machine = (f"{first['cpu']}, {first['threads']} threads, {first.get('isa', '')}; commit {first['commit']}; "
               + ", ".join(f"{name} {version}" for name, version in sorted(versions.items())))
    head = _HEAD.format(machine=machine, date=first.get("date", "on an unknown date"), threads=first["threads"])
    parts = [head, "## Goals\n\n" + goal_table(verdicts(lines)), notes.strip()]
    parts += [f"![{Path(name).stem}]({name})" for name in pictures if not name.startswith("scaling")]
    parts += [_section(bench, title, lines, pictures) for bench, title in _TITLES.items()]
    return "\n\n".join(part.strip() for part in parts if part.strip()) + "\n"


def goal_table(found: Iterable[Verdict]) -> str:
    """Return the goals beside what was measured."""
    rows = [[v.work, v.goal, v.measured or "not measured", {True: "yes", False: "**no**", None: ""}[v.met]]
            for v in found]
    return markdown(["work", "goal", "measured", "met"], rows)


def _section(bench: str, title: str, lines: Sequence[dict[str, Any]], pictures: Sequence[str]) -> str:
    own = [line for line in lines if line["bench"] == bench]
    if not own:
        return ""
    if bench == "scaling":
        return f"## {title}\n\n![scaling](scaling.png)" if "scaling.png" in pictures else ""
    heads = ["case", "dtype", "unit", "ours", "quartiles", "peer", "quartiles", "ratio", "of roof", "against"]
    return f"## {title}\n\n" + markdown(heads, [_row(line) for line in own]) + _counted(own)


def _row(line: dict[str, Any]) -> list[str]:
    against = " ".join(dict.fromkeys(filter(None, (line["peer_name"], line["variant"]))))
    head = [line["case"], line["dtype"], line["unit"]]
    if "error" in line:
        return [*head, "failed", "", "", "", "", "", f"{against}: {line['error']}"]
    share = line.get("share_of_roof")
    return [*head, figure(line["ours"]), _range(line["ours_quartiles"]), figure(line["peer"]),
            _range(line["peer_quartiles"]), figure(line["ratio"]),
            "" if share is None else f"{100 * share:.0f} %", against]


def _range(quartiles: Sequence[float] | None) -> str:
    return f"{figure(quartiles[0])} to {figure(quartiles[1])}" if quartiles else ""


def _counted(lines: Sequence[dict[str, Any]]) -> str:
    """Tell what a cold start opens and reads."""
    told = {line["dtype"]: f"{line['dtype']}: {line['files_opened']} files opened or mapped, "
                           f"{line['megabytes_read']:.0f} MB read (mapped pages apart)"
            for line in lines if "files_opened" in line}
    return f"\n\nFrom the start of the interpreter to the first token: {'; '.join(told.values())}." if told else ""


def markdown(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table.

    Example:
        >>> print(markdown(["a", "b"], [["1", "2"]]))
        | a | b |
        |---|---|
        | 1 | 2 |
    """
    lines = [f"| {' | '.join(word.replace('|', '/') for word in row)} |" for row in (heads, *rows)]
    return "\n".join([lines[0], "|" + "---|" * len(heads), *lines[1:]])
