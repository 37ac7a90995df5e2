"""The quickstart, step by step."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from pathlib import Path

import click

import wudao_rt
from wudao_rt import _core
from wudao_rt.config import Config
from wudao_rt.glm import GLM
from wudao_rt.plots import loss_curve
from wudao_rt.quickstart.measured import Measured, measure_model
from wudao_rt.quickstart.page import Page
from wudao_rt.quickstart.poems import Poems
from wudao_rt.quickstart.watcher import Watcher, reached
from wudao_rt.tasks.verse_baseline import spells_with
from wudao_rt.training import Report
from wudao_rt.training.recipes import read_run

_GOAL = 4.31  # what a model of 1.6 million parameters reached after 240 s in another framework
_SAMPLES, _EVALUATE_EVERY = 8, 100


@dataclass(frozen=True)
class Plan:
    """What to do.

    Args:
        recipe: recipe or TOML file to train.
        seconds: of training; 0: the recipe's.
        folder: run folder.
        model: measure this one instead of training; None: train.
        poems: of each form, to write and measure.
    """

    recipe: str
    seconds: float
    folder: Path
    model: Path | None
    poems: int


def run(plan: Plan, page: Page) -> Measured:
    """Do it all, and print it."""
    begin = time.perf_counter()
    page.section("The poems")
    poems = Poems.prepared()
    page.facts(poems.facts())
    folder, seconds = (plan.model, _trained_seconds(plan.model)) if plan.model else _train(plan, page)
    model = wudao_rt.load(folder)
    with page.console.status("writing and measuring poems"):
        found = measure_model(model, poems, plan.poems, seconds)
    _show(found, model, poems, page)
    _files(found, folder, page, time.perf_counter() - begin)
    page.say(found.last_line(), "bold")
    return found


# -- training ---------------------------------------------------------------------------------------------------------


def _train(plan: Plan, page: Page) -> tuple[Path, float]:
    folder = free_folder(plan.folder)
    changes = _changes(plan, folder)
    config = read_run(plan.recipe, changes, False).config
    page.section("Training")
    page.facts(_setting(config))
    seconds = config.train.seconds
    with page.console.status("reading poems") as status, Watcher(page, seconds, status.stop) as watcher:
        watch = max(1.0, seconds / _SAMPLES)
        report = wudao_rt.train(config, watcher, watch=watch, quiet=True)
    if not report.finished:
        page.say(f"stopped by {report.reason} at step {report.steps}, everything is saved. Go on with: wudao-rt train "
                 f"{folder} --resume, then: python -m wudao_rt.quickstart --model {folder}")
        raise click.exceptions.Exit(1)
    page.facts(_cost(report, watcher))
    return folder, report.seconds


def _changes(plan: Plan, folder: Path) -> tuple[str, ...]:
    changes = [f"output.folder={json.dumps(str(folder))}", 'output.prompts=["<五绝>[gMASK]"]']
    changes += [f"train.seconds={plan.seconds}"] if plan.seconds else []
    every = read_run(plan.recipe, (), False).config.train.eval_every
    return tuple(changes if every else [*changes, f"train.eval_every={_EVALUATE_EVERY}"])


def free_folder(wanted: Path) -> Path:
    """Return a run folder that holds no run: the wanted one, else with a number behind it."""
    number, folder = 1, wanted
    while folder.exists():
        number += 1
        folder = wanted.with_name(f"{wanted.name}-{number}")
    return folder


def _trained_seconds(folder: Path) -> float:
    log = folder / "log.jsonl"
    lines = log.read_text(encoding="utf-8").splitlines() if log.is_file() else []
    return json.loads(lines[-1])["seconds"] if lines else 0.0


def _setting(config: Config) -> dict[str, str]:
    train, kernels = config.train, _core.kernels()
    shape = config.model.glm(vocab_size=1)
    return {
        "model": f"GLM, {shape.num_layers} layers of width {shape.hidden_size}, {shape.num_heads} heads, {train.dtype}",
        "engine": f"{kernels['threads']} threads, kernels {kernels['level']}, {kernels[f'matmul_{train.dtype}']}",
        "length": f"{train.seconds:.0f} s, {train.batch} poems a step, {train.optimizer}",
    }


def _cost(report: Report, watcher: Watcher) -> dict[str, str]:
    goal = reached(watcher.held_out, _GOAL)
    return {
        "trained": f"{report.steps:,} steps, {report.tokens:,} tokens in {report.seconds:.1f} s (evaluation and "
                   "sampling left out)",
        "speed": f"{report.tokens_per_second:,.0f} tokens/s, {100 * report.share_of_peak:.0f} % of the best matrix "
                 f"product, {report.core_hours_per_million_tokens:.3f} core-hours per million tokens",
        "peak memory": f"{report.peak_memory_bytes / 2**20:.0f} MiB",
        f"held-out {_GOAL}": "not reached" if goal is None else f"after {goal:.0f} s",
    }


# -- what came of it --------------------------------------------------------------------------------------------------


def _show(found: Measured, model: GLM, poems: Poems, page: Page) -> None:
    page.section("Held-out loss")
    losses = found.losses
    page.table(("nats per token, the lower the better", ""), [
        (f"this model, {model.parameter_count:,} parameters", f"{losses.model:.3f}"),
        ("unigram: every character by how often it is written", f"{losses.unigram:.3f}")])
    page.say(f"  {losses.poems} poems, {losses.tokens:,} tokens: hanzi, punctuation, end marks; only the form is given")
    if not spells_with(model.tokenizer, poems.vocabulary):
        page.say("  This model spells with another vocabulary than the unigram: the two losses are not comparable.")
    page.section("Ten poems by given titles")
    page.poems(found.titles)
    page.section(f"{len(found.samples)} poems measured")
    page.table(("", "written", "held-out", "shuffled"), found.rows())
    for line in found.comparison.written.copied:
        page.say(f"  copied: {line}")
    page.section("A true poem against the same characters shuffled")
    page.table(("", "log-probability"), found.order())
    page.say(f"  {found.order_of_all()}")


def _files(found: Measured, folder: Path, page: Page, seconds: float) -> None:
    page.section("Files")
    (folder / "quickstart.json").write_text(json.dumps(found.to_json(), ensure_ascii=False, indent=1), encoding="utf-8")
    (folder / "poems.txt").write_text("".join(f"{p.form}\t{p.text}\n" for p in found.samples), encoding="utf-8")
    places = {"model": folder, "log": folder / "log.jsonl", "TensorBoard": folder / "tensorboard",
              "measurements": folder / "quickstart.json", "poems": folder / "poems.txt"}
    if (folder / "log.jsonl").is_file():
        places["loss curve"] = loss_curve(folder, folder / "loss.png", found.losses.unigram)
    page.facts({name: str(path) for name, path in places.items() if path.exists()})
    page.section("Next")
    page.facts({
        "more poems": f'wudao-rt generate --model {folder} --prompt "<七绝><题>春夜[gMASK]" -n 3',
        "your own text": "wudao-rt train my_texts/ --watch 20",
        "this took": f"{seconds:.0f} s in all",
    })
    page.say()
