"""One call from a config to a finished or interrupted run."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import closing
from pathlib import Path
from shlex import quote
from typing import Any

from wudao_rt.config import Config
from wudao_rt.config.cogview import KIND
from wudao_rt.data import PreparedCorpus
from wudao_rt.data.prepared import CARD
from wudao_rt.errors import CheckpointError
from wudao_rt.training.checkpoint import last_good
from wudao_rt.training.corpora import OWN_TEXT
from wudao_rt.training.cost import Report, matmul_roof
from wudao_rt.training.events import Listeners
from wudao_rt.training.interrupt import Interrupt
from wudao_rt.training.log import NoLog, RunLog
from wudao_rt.training.loop import Limits, StepLoop
from wudao_rt.training.profile import StepTrace
from wudao_rt.training.ranks import Ranks
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
    """Train a model and return what came of it; in a job of several ranks, together with the others.

    Args:
        config: a Config, a TOML file, the name of a recipe, or (with `resumed`) a run folder.
        callbacks: an object, or several, with any of on_step(info), on_checkpoint(path), on_sample(texts) and
            on_evaluation(step, result); see `Callbacks`. In a job of several ranks the first tells its own.
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
    changes = tuple(changes)
    ranks = Ranks.of_job()
    plan = read_run(config, changes, resumed)
    ranks.require_same(plan.config, folder=str(plan.folder), resumed=resumed, max_seconds=max_seconds, watch=watch)
    ranks.arrange(plan.config)
    screen = Screen.of(plan.config, quiet or not ranks.first)
    try:
        with Interrupt() as interrupt:
            session = _open(plan.config, plan.folder, changes, resumed, screen.say, ranks)
            mine = list(callbacks) if isinstance(callbacks, (list, tuple)) else [callbacks]
            if profile is not None:
                mine.append(StepTrace(session.model.core, Path(profile), screen.say))
            listeners = Listeners([screen, *mine] if ranks.first else [])
            report = _drive(session, listeners, screen.say, Limits(max_seconds, watch), interrupt)
    finally:
        screen.close()
    _close(report, session, screen.say)
    return report


def _open(config: Config, folder: Path, changes: tuple[str, ...], resumed: bool, say: Callable[[str], None],
          ranks: Ranks) -> Session:
    if not resumed:
        if config.data.source == "text":
            say("reading the texts and removing duplicates")
        return start(config, folder, ranks)
    session = resume(folder, changes, say, ranks)
    say(f"resumed at step {session.step} of {folder}")
    return session


def _drive(session: Session, listeners: Listeners, say: Callable[[str], None], limits: Limits,
           interrupt: Interrupt) -> Report:
    ranks = session.ranks
    roof = float(ranks.numbers(matmul_roof(session.config.train.dtype)).sum())
    say(_opening(session, roof))
    try:
        log = RunLog(session.folder, session.step, session.config.output.tensorboard) if ranks.first else None
        log = log or NoLog(0.0)
        log.seconds = ranks.told_by_first(log.seconds)
        with closing(log):
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
    active = model.config.active_parameter_count
    of_token = f" ({active:,} of them for a token)" if active < model.parameter_count else ""
    return (f"{_own_text(session)}model: {model.parameter_count:,} parameters{of_token}, {train.dtype}\n"
            f"{session.ranks.describe()}"
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
        verb = "draw --model {} {}" if session.config.model.kind == KIND else "generate --model {} --prompt {}"
        prompt = (*session.config.output.prompts, *session.source.prompts)[0]
        say(f"done: wudao-rt {verb.format(quote(report.folder), quote(prompt))}")
    else:
        say(f"stopped by {report.reason} at step {report.steps}, everything is saved. "
            f"Go on with: wudao-rt train {report.folder} --resume")
