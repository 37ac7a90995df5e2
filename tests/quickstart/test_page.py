"""The page on a terminal and elsewhere, the watcher, and the pictures."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from rich.console import Console
from wudao_rt.plots import loss_curve, smooth
from wudao_rt.quickstart.learning import free_folder
from wudao_rt.quickstart.page import Page
from wudao_rt.quickstart.watcher import Watcher
from wudao_rt.tasks.verse_poems import Written
from wudao_rt.training import StepInfo
from wudao_rt.training.history import History

POEM = Written("五绝", "登楼", "白日依山尽，黄河入海流。欲穷千里目，更上一层楼。")


def page(terminal: bool) -> Page:
    return Page(Console(file=io.StringIO(), force_terminal=terminal, width=100, highlight=False, color_system=None))


def text(shown: Page) -> str:
    return shown.console.file.getvalue()


def test_poems_in_frames_on_a_terminal_and_one_a_line_elsewhere() -> None:
    terminal, plain = page(True), page(False)
    for one in (terminal, plain):
        one.section("Poems")
        one.poems([POEM, POEM])
    assert text(plain) == f"\n== Poems\n  登楼：{POEM.text}\n  登楼：{POEM.text}\n"
    couplets = [line for line in text(terminal).splitlines() if "欲穷千里目，更上一层楼。" in line]
    assert len(couplets) == 1 and couplets[0].count("欲穷千里目") == 2  # side by side
    assert "白日依山尽，黄河入海流。欲" not in text(terminal)


def test_columns_line_up_with_wide_characters() -> None:
    shown = page(False)
    shown.table(("", "n"), [("春a", "1.5"), ("abcd", "10.25")])
    assert text(shown) == "               n\n".replace(" " * 15, " " * 13) + "  春a      1.5\n  abcd   10.25\n"


def test_long_lines_are_not_wrapped_and_marks_are_not_styles() -> None:
    shown = page(False)
    shown.say("[bold]" + "字" * 200)
    shown.facts({"a": "x" * 300, "long": "[/]"})
    assert text(shown) == "[bold]" + "字" * 200 + "\n  a     " + "x" * 300 + "\n  long  [/]\n"


def info(step: int, seconds: float, **more: object) -> StepInfo:
    return StepInfo(step, 5.0, 1.0, 0.1, 1000, 100.0, 0.5, seconds, **more)


def test_watcher_tells_samples_with_the_last_losses() -> None:
    shown, begun = page(False), []
    with Watcher(shown, 60.0, lambda: begun.append(True)) as watcher:
        watcher.on_step(info(1, 2.0))
        watcher.on_sample(["甲" * 50, "乙"])
        watcher.on_evaluation(1, {"nats_per_token": 4.5})
        watcher.on_step(info(2, 30.0, skipped=True, reason="loss is nan"))
        watcher.on_sample(["丙"])
    lines = text(shown).splitlines()
    assert begun == [True]
    assert lines[0].split() == ["2", "s", "loss", "5.00", "甲" * 36 + "…"]
    assert lines[1].strip() == "step 2 skipped: loss is nan"
    assert lines[2].split() == ["30", "s", "loss", "5.00", "held-out", "4.50", "丙"]


def test_free_folder(tmp_path: Path) -> None:
    wanted = tmp_path / "runs" / "quickstart"
    assert free_folder(wanted) == wanted
    wanted.mkdir(parents=True)
    assert free_folder(wanted).name == "quickstart-2"
    (tmp_path / "runs" / "quickstart-2").mkdir()
    assert free_folder(wanted).name == "quickstart-3"


def write_log(run: Path) -> Path:
    steps = [{"step": i, "loss": 8 - i / 10, "tokens": 100 * i, "seconds": i / 2,
              "share_of_peak": 0.2 if i < 3 else 0.8} for i in range(1, 5)]
    steps[2]["loss"] = None  # a skipped step
    (run / "log.jsonl").write_text("".join(json.dumps(s) + "\n" for s in steps), encoding="utf-8")
    evaluations = [{"step": 2, "nats_per_token": 5.0}, {"step": 4, "nats_per_token": 4.2}]
    (run / "eval.jsonl").write_text("".join(json.dumps(e) + "\n" for e in evaluations), encoding="utf-8")
    return run


def test_history_by_hand(tmp_path: Path) -> None:
    found = History.read(write_log(tmp_path))
    assert (found.steps, found.tokens, found.seconds, found.tokens_per_second) == (4, 400, 2.0, 200.0)
    assert found.share_of_peak == pytest.approx(0.5)
    assert found.held_out == ((1.0, 5.0), (2.0, 4.2))
    assert (found.reached(4.31), found.reached(4.0)) == (2.0, None)
    assert History.read(tmp_path / "nothing") == History()


def test_curve_is_drawn_without_a_screen(tmp_path: Path) -> None:
    target = loss_curve(write_log(tmp_path), tmp_path / "loss.png", 6.4)
    assert target.read_bytes().startswith(b"\x89PNG")


def test_smoothing_by_hand() -> None:
    assert smooth([1.0, 4.0], 0.5) == [1.0, 3.0]
    assert smooth([]) == []
