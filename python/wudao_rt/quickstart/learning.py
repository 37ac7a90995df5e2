"""The training part of the quickstart."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import click

import wudao_rt
from wudao_rt import _core
from wudao_rt.config import Config
from wudao_rt.quickstart.page import Page
from wudao_rt.quickstart.watcher import Watcher
from wudao_rt.training import Report
from wudao_rt.training.history import History
from wudao_rt.training.recipes import read_run

GOAL = 4.31  # nats per token that 1.6 million parameters reached after 240 s in another framework
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


def learn(plan: Plan, page: Page) -> Path:
    """Train and return the run folder; a run that was interrupted ends the program."""
    folder = free_folder(plan.folder)
    config = read_run(plan.recipe, _changes(plan, folder), False).config
    page.section("Training")
    page.facts(_setting(config))
    seconds = config.train.seconds
    with page.console.status("reading poems") as status, Watcher(page, seconds, status.stop) as watcher:
        report = wudao_rt.train(config, watcher, watch=max(1.0, seconds / _SAMPLES), quiet=True)
    if not report.finished:
        page.say(f"stopped by {report.reason} at step {report.steps}, everything is saved. Go on with: wudao-rt train "
                 f"{folder} --resume, then: python -m wudao_rt.quickstart --model {folder}")
        raise click.exceptions.Exit(1)
    page.facts(_cost(report, History.read(folder)))
    return folder


def free_folder(wanted: Path) -> Path:
    """Return a folder that is not there yet: the wanted one, else with a number behind it."""
    number, folder = 1, wanted
    while folder.exists():
        number += 1
        folder = wanted.with_name(f"{wanted.name}-{number}")
    return folder


def _changes(plan: Plan, folder: Path) -> tuple[str, ...]:
    changes = [f"output.folder={json.dumps(str(folder))}", 'output.prompts=["<五绝>[gMASK]"]']
    changes += [f"train.seconds={plan.seconds}"] if plan.seconds else []
    every = read_run(plan.recipe, (), False).config.train.eval_every
    return tuple(changes if every else [*changes, f"train.eval_every={_EVALUATE_EVERY}"])


def _setting(config: Config) -> dict[str, str]:
    train, kernels = config.train, _core.kernels()
    shape = config.model.glm(vocab_size=1)
    length = f"{train.seconds:.0f} s" if train.seconds else f"{train.total_steps} steps"
    return {
        "model": f"GLM, {shape.num_layers} layers of width {shape.hidden_size}, {shape.num_heads} heads, {train.dtype}",
        "engine": f"{kernels['threads']} threads, kernels {kernels['level']}, {kernels[f'matmul_{train.dtype}']}",
        "length": f"{length}, {train.batch} poems a step, {train.optimizer}",
    }


def _cost(report: Report, history: History) -> dict[str, str]:
    goal = history.reached(GOAL)
    return {
        "trained": f"{report.steps:,} steps, {report.tokens:,} tokens in {report.seconds:.1f} s (evaluation and "
                   "sampling left out)",
        "speed": f"{report.tokens_per_second:,.0f} tokens/s, {100 * report.share_of_peak:.0f} % of the best matrix "
                 f"product, {report.core_hours_per_million_tokens:.3f} core-hours per million tokens",
        "peak memory": f"{report.peak_memory_bytes / 2**20:.0f} MiB",
        f"held-out {GOAL}": "not reached" if goal is None else f"after {goal:.0f} s",
    }
