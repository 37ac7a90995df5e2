"""The quickstart, part by part."""

from __future__ import annotations

import json
import time
from pathlib import Path

import wudao_rt
from wudao_rt import _core
from wudao_rt.glm import GLM
from wudao_rt.plots import loss_curve
from wudao_rt.quickstart.learning import GOAL, Plan, learn
from wudao_rt.quickstart.measured import Measured, measure_model
from wudao_rt.quickstart.page import Page
from wudao_rt.quickstart.poems import Poems
from wudao_rt.tasks.verse_baseline import spells_with
from wudao_rt.training.history import History

RESULTS, SAMPLES, CURVE = "quickstart.json", "poems.txt", "loss.png"


def run(plan: Plan, page: Page) -> Measured:
    """Fetch, train, measure, and print it all."""
    begin = time.perf_counter()
    page.section("The poems")
    poems = Poems.prepared()
    page.facts(poems.facts())
    folder = plan.model or learn(plan, page)
    model, history = wudao_rt.load(folder), History.read(folder)
    with page.console.status("writing and measuring poems"):
        found = measure_model(model, poems, plan.poems, history.seconds, _about(model, history))
    _show_losses(found, model, poems, page)
    _show_poems(found, page)
    _write_files(found, folder)
    _show_files(folder, page)
    _show_next(folder, page, time.perf_counter() - begin)
    page.say(found.last_line(), "bold")
    return found


def _about(model: GLM, history: History) -> dict[str, object]:
    kernels = _core.kernels()
    return {"parameters": model.parameter_count, "dtype": model.dtype, "threads": kernels["threads"],
            "level": kernels["level"], "matmul": kernels["matmul"], "steps": history.steps, "tokens": history.tokens,
            "tokens_per_second": history.tokens_per_second, "share_of_peak": history.share_of_peak,
            "goal": GOAL, "goal_after": history.reached(GOAL)}


def _show_losses(found: Measured, model: GLM, poems: Poems, page: Page) -> None:
    page.section("Held-out loss")
    losses = found.losses
    page.table(("nats per token, the lower the better", ""), [
        (f"this model, {model.parameter_count:,} parameters", f"{losses.model:.3f}"),
        ("unigram: every character by how often it is written", f"{losses.unigram:.3f}")])
    page.say(f"  {losses.poems} poems, {losses.tokens:,} tokens: hanzi, punctuation, end marks; only the form is given")
    if not spells_with(model.tokenizer, poems.vocabulary):
        page.say("  This model spells with another vocabulary than the unigram: the two losses are not comparable.")


def _show_poems(found: Measured, page: Page) -> None:
    page.section("Ten poems by given titles")
    page.poems(found.titles)
    page.section(f"{len(found.samples)} poems measured")
    page.table(("", "written", "held-out", "shuffled"), found.rows())
    for line in found.comparison.written.copied:
        page.say(f"  copied: {line}")
    page.section("A true poem against the same characters shuffled")
    page.table(("", "log-probability"), found.order())
    page.say(f"  {found.order_of_all()}")


def _write_files(found: Measured, folder: Path) -> None:
    (folder / RESULTS).write_text(json.dumps(found.to_json(), ensure_ascii=False, indent=1), encoding="utf-8")
    (folder / SAMPLES).write_text("".join(f"{p.form}\t{p.text}\n" for p in found.samples), encoding="utf-8")
    if (folder / "log.jsonl").is_file():
        loss_curve(folder, folder / CURVE, found.losses.unigram)


def _show_files(folder: Path, page: Page) -> None:
    page.section("Files")
    places = {"model": folder, "log": folder / "log.jsonl", "TensorBoard": folder / "tensorboard",
              "loss curve": folder / CURVE, "measurements": folder / RESULTS, "poems": folder / SAMPLES}
    page.facts({name: str(path) for name, path in places.items() if path.exists()})


def _show_next(folder: Path, page: Page, seconds: float) -> None:
    page.section("Next")
    page.facts({
        "more poems": f'wudao-rt generate --model {folder} --prompt "<七绝><题>春夜[gMASK]" -n 3',
        "your own text": "wudao-rt train my_texts/ --watch 20",
        "this took": f"{seconds:.0f} s in all",
    })
    page.say()
