"""One call from a config to a finished or interrupted run."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from contextlib import closing
from pathlib import Path
from shlex import quote
from typing import Any

from wudao_rt.config import Config
from wudao_rt.data import PreparedCorpus
from wudao_rt.data.prepared import CARD
from wudao_rt.distributed.launchers import find_launcher
from wudao_rt.errors import CheckpointError, ConfigError
from wudao_rt.training.checkpoint import last_good
from wudao_rt.training.corpora import OWN_TEXT
from wudao_rt.training.cost import Report, matmul_roof
from wudao_rt.training.events import Listeners
from wudao_rt.training.interrupt import Interrupt
from wudao_rt.training.log import RunLog
from wudao_rt.training.loop import Limits, StepLoop
from wudao_rt.training.profile import StepTrace
from wudao_rt.training.recipes import read_run
from wudao_rt.training.screen import Screen
from wudao_rt.training.session import Session, resume, start


def train(
    config: Config | Path | str,
    callbacks: Any = (),
    *,
    changes: Iterable[str] = (),
    resumed: bool = False,
    max_seconds: float = 0.0,
    watch: float = 0.0,
    quiet: bool = False,
    profile: Path | str | None = None,
) -> Report:
    """Train a model and return what came of it.

    Args:
        config: a Config, a TOML file, the name of a recipe, or (with `resumed`) a run folder.
        callbacks: an object, or several, with any of on_step(info), on_checkpoint(path), on_sample(texts) and
            on_evaluation(step, result); see `Callbacks`.
        changes: `table.key=value` texts that take precedence over the file.
        resumed: go on from the last good checkpoint of the run folder.
        max_seconds: save and stop after so many seconds of steps; 0: never.
        watch: print samples from the live weights every so many seconds; 0: never.
        quiet: print nothing; callbacks are told what happens.
        profile: file for a trace of steps 11 to 20 of this call, which Perfetto and chrome://tracing show.
    Returns: steps, loss, held-out loss, cost. The run folder holds config.toml, log.jsonl, eval.jsonl, tensorboard/,
        checkpoints/step-N/ and last.
    Raises:
        ConfigError: a setting that cannot be.
        CheckpointError: a checkpoint that cannot be written or read.
        wudao_rt.data.DataError: text that cannot be had.
    """
    _refuse_ranks()
    changes = tuple(changes)
    plan = read_run(config, changes, resumed)
    screen = Screen.of(plan.config, quiet)
    try:
        with Interrupt() as interrupt:
            session = _open(plan.config, plan.folder, changes, resumed, screen.say)
            mine = list(callbacks) if isinstance(callbacks, (list, tuple)) else [callbacks]
            if profile is not None:
                mine.append(StepTrace(session.model.core, Path(profile), screen.say))
            report = _drive(session, Listeners([screen, *mine]), screen.say, Limits(max_seconds, watch), interrupt)
    finally:
        screen.close()
    _close(report, session, screen.say)
    return report


def _refuse_ranks() -> None:
    """Ranks that train side by side without knowing of each other would write one run folder."""
    launcher = find_launcher(os.environ)
    if launcher is not None and launcher.size > 1:
        raise ConfigError(f"train: ranks: expected one process, got the {launcher.size} that {launcher.name} started "
                          f"({launcher.evidence}). Training over ranks is not there yet: start it alone.")


def _open(config: Config, folder: Path, changes: tuple[str, ...], resumed: bool, say: Callable[[str], None]) -> Session:
    if not resumed:
        if config.data.source == "text":
            say("reading the texts and removing duplicates")
        return start(config, folder)
    session = resume(folder, changes, say)
    say(f"resumed at step {session.step} of {folder}")
    return session


def _drive(session: Session, listeners: Listeners, say: Callable[[str], None], limits: Limits,
           interrupt: Interrupt) -> Report:
    roof = matmul_roof(session.config.train.dtype)
    say(_opening(session, roof))
    try:
        with closing(RunLog(session.folder, session.step, session.config.output.tensorboard)) as log:
            interrupt.stepping = True
            return StepLoop(session, log, listeners, limits, roof).run(interrupt)
    except OSError as error:
        raise CheckpointError(f"train: {session.folder}: expected to write its logs, got: {error.strerror or error}; "
                              f"{last_good(session.folder)}. Make room and run again with --resume.") from None


def _own_text(session: Session) -> str:
    """Return what the user's own text came to, for people; empty for other sources."""
    folder = session.folder / OWN_TEXT
    return PreparedCorpus("own-text", folder).summary() + "\n" if (folder / CARD).is_file() else ""


def _opening(session: Session, roof: float) -> str:
    train, model, tokenizer = session.config.train, session.model, session.source.tokenizer
    return (f"{_own_text(session)}model: {model.parameter_count:,} parameters, {train.dtype}\n"
            f"vocabulary: {tokenizer.num_tokens} tokens, SHA-256 {tokenizer.fingerprint()}\n"
            f"peak: {roof / 1e9:.0f} GFLOP/s, the best {train.dtype} product of 1024 x 1024 x 1024 measured just now; "
            "share_of_peak counts 6 * parameters * tokens and attention\n"
            f"run folder: {session.folder}")


def _close(report: Report, session: Session, say: Callable[[str], None]) -> None:
    if report.finished and session.step == session.resumed_at:
        say(f"nothing to do: the run has its full length, {report.steps} steps. "
            "Give it more with --set train.steps=N, seconds or tokens")
    else:
        say(report.lines())
    if report.finished:
        prompt = (*session.config.output.prompts, *session.source.prompts)[0]
        say(f"done: wudao-rt generate --model {quote(report.folder)} --prompt {quote(prompt)}")
    else:
        say(f"stopped by {report.reason} at step {report.steps}, everything is saved. "
            f"Go on with: wudao-rt train {report.folder} --resume")
