"""Train an image tokenizer, from a config to a run folder."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from wudao_rt.config.files import load_config
from wudao_rt.config.image import ImageConfig
from wudao_rt.errors import ConfigError
from wudao_rt.image.measures import Reconstruction, reconstruction
from wudao_rt.image.session import TokenizerSession, resume, start
from wudao_rt.model_folder import CONFIG
from wudao_rt.training import checkpoint
from wudao_rt.training.interrupt import Interrupt
from wudao_rt.training.log import EVALUATIONS, LOG
from wudao_rt.training.prefetch import Prefetch
from wudao_rt.training.recipes import recipe_file, recipe_names

_DEPTH = 2  # batches that are made ahead


@dataclass(frozen=True)
class TokenizerReport:
    """Hold what came of a run.

    Args:
        steps: done since its beginning.
        seconds: of this call, without preparing pictures.
        pictures_per_second: of this call, evaluation included.
        held_out: of pictures that were not learned from.
        finished: whether the run has its full length.
        reason: why it stopped before.
        folder: of the run.
    """

    steps: int
    seconds: float
    pictures_per_second: float
    held_out: Reconstruction
    finished: bool
    reason: str
    folder: str

    def to_json(self) -> dict[str, Any]:
        """Return plain values."""
        return asdict(self)


def train_tokenizer(
    config: ImageConfig | Path | str, *, changes: Iterable[str] = (), resumed: bool = False, max_seconds: float = 0.0,
    say: Callable[[str], None] = print,
) -> TokenizerReport:
    """Train an image tokenizer and return what came of it.

    loss = mean (l1 |y - x| + l2 (y - x)^2) + commitment mean (q - z)^2, AdamW; the book of codes follows by averages

    The bits of a checkpoint do not depend on threads, micro-batches, or where a run was stopped and resumed.

    Args:
        config: an ImageConfig, a TOML file, the name of a recipe, or (with `resumed`) a run folder.
        changes: `table.key=value` texts that take precedence over the file.
        resumed: go on from the last good checkpoint of the run folder.
        max_seconds: save and stop after so many seconds; 0: never. So do SIGTERM, SIGINT and SIGUSR1.
        say: is given what a person would read, line by line.

    Raises:
        ConfigError: a setting that cannot be.
        CheckpointError: a checkpoint that cannot be written or read.
        wudao_rt.data.DataError: pictures that cannot be had.
    """
    changes = tuple(changes)
    made, folder = _plan(config, changes, resumed)
    with Interrupt() as interrupt:
        session = resume(folder, changes, say) if resumed else start(made, folder)
        say(f"{'resumed at step ' + str(session.step) + ' of ' if resumed else ''}{folder}: "
            f"{sum(a.size for a in session.tokenizer.state_dict().values()):,} values, "
            f"{session.config.vq.codes} codes, {len(session.pictures.indices())} pictures to learn from")
        interrupt.stepping = True
        return _drive(session, interrupt, max_seconds, say)


def _plan(config: ImageConfig | Path | str, changes: tuple[str, ...], resumed: bool) -> tuple[ImageConfig, Path]:
    if isinstance(config, ImageConfig):
        return config, Path(config.output.folder or "runs/tokenizer")
    path = Path(config)
    if resumed and (path / CONFIG).is_file():
        return load_config(path / CONFIG, changes, ImageConfig), path
    if not path.is_file() and str(config) not in recipe_names(images=True):
        raise ConfigError(f"image train-tokenizer: {path}: expected a TOML file, a recipe "
                          f"({', '.join(recipe_names(images=True))}), or a run folder with --resume, got none of them. "
                          "Check the name.")
    file = path if path.is_file() else recipe_file(str(config))
    found = load_config(file, changes, ImageConfig)
    return found, Path(found.output.folder or f"runs/{file.stem}")


def _drive(session: TokenizerSession, interrupt: Interrupt, max_seconds: float, say: Callable[[str], None]
           ) -> TokenizerReport:
    train, first, begin = session.config.train, session.step, time.perf_counter()
    _cut(session.folder, session.step)
    reason, saved = "", session.step
    seen: tuple[int, Reconstruction | None] = (-1, None)
    batches = Prefetch(session.batch, session.step, _DEPTH)
    try:
        while session.step < train.steps and not reason:
            told = session.advance(batches.get(session.step))
            _tell(session, told, time.perf_counter() - begin, first, say)
            if train.checkpoint_every and session.step % train.checkpoint_every == 0:
                saved = _save(session, say)
            if train.eval_every and session.step % train.eval_every == 0:
                seen = (session.step, _look(session, say))
            over = max_seconds and time.perf_counter() - begin >= max_seconds
            reason = interrupt.reason or (f"--max-seconds {max_seconds:g}" if over else "")
    finally:
        batches.close()
    if saved != session.step:
        _save(session, say)
    held_out = seen[1] if seen[0] == session.step and seen[1] else _look(session, say)
    seconds = time.perf_counter() - begin
    pictures = (session.step - first) * train.batch
    return TokenizerReport(session.step, seconds, pictures / seconds, held_out, session.step >= train.steps,
                           "" if session.step >= train.steps else reason, str(session.folder))


def _tell(session: TokenizerSession, told: dict[str, Any], seconds: float, first: int, say: Callable[[str], None]
          ) -> None:
    """Write a step to the log, and now and then to the screen."""
    train = session.config.train
    rate = (session.step - first) * train.batch / seconds
    record = {"step": session.step, **told, "pictures_per_second": rate, "seconds": seconds}
    _append(session.folder / LOG, record)
    if session.step % session.config.output.log_every == 0 or session.step == 1 or told["skipped"]:
        say(f"step {session.step} | pixels {told['pixels']:.5f} | commitment {told['commitment']:.4f} | grad_norm "
            f"{told['grad_norm']:.4f} | lr {told['lr']:.3e} | code_use {told['code_use']:.3f} | revived "
            f"{told['revived']} | pictures_per_second {rate:.0f} | skipped {int(told['skipped'])}")


def _save(session: TokenizerSession, say: Callable[[str], None]) -> int:
    path = checkpoint.save(session.folder, session.snapshot(), session.config.output.keep_last)
    say(f"checkpoint {path}")
    return session.step


def _look(session: TokenizerSession, say: Callable[[str], None]) -> Reconstruction:
    found = reconstruction(session.tokenizer, session.held_out())
    _append(session.folder / EVALUATIONS, {"step": session.step, **found.to_json()})
    say(f"held-out at step {session.step}: {found.line()}")
    return found


def _append(path: Path, record: dict[str, Any]) -> None:
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(record) + "\n")


def _cut(folder: Path, step: int) -> None:
    """Drop what the logs say of steps that are going to be done again."""
    for name in (LOG, EVALUATIONS):
        path = folder / name
        lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
        path.write_text("".join(line + "\n" for line in lines if json.loads(line)["step"] <= step), encoding="utf-8")
