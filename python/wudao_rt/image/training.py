"""Train an image tokenizer, from a config to a run folder."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from wudao_rt.config.files import load_config
from wudao_rt.config.image import ImageConfig
from wudao_rt.errors import CheckpointError, ConfigError
from wudao_rt.files import reason
from wudao_rt.image.loop import TokenizerLoop, TokenizerReport
from wudao_rt.image.session import TokenizerSession, resume, start
from wudao_rt.model_folder import CONFIG
from wudao_rt.training.checkpoint import last_good
from wudao_rt.training.interrupt import Interrupt
from wudao_rt.training.ranks import Ranks
from wudao_rt.training.recipes import recipe_file, recipe_names


def train_tokenizer(
    config: ImageConfig | Path | str, *, changes: Iterable[str] = (), resumed: bool = False, max_seconds: float = 0.0,
    say: Callable[[str], None] = print,
) -> TokenizerReport:
    """Train an image tokenizer and return what came of it; in a job of several ranks, together with the others.

    loss = mean (l1 |y - x| + l2 (y - x)^2) + commitment mean (q - z)^2, AdamW; the book of codes follows by averages

    The bits of a checkpoint do not depend on ranks, threads, micro-batches, or where a run was stopped and resumed.

    Args:
        config: an ImageConfig, a TOML file, the name of a recipe, or (with `resumed`) a run folder.
        changes: `table.key=value` texts that take precedence over the file.
        resumed: go on from the last good checkpoint of the run folder.
        max_seconds: save and stop after so many seconds; 0: never. So do SIGTERM, SIGINT and SIGUSR1.
        say: is given what a person would read, line by line, on the first rank.

    Raises:
        ConfigError: a setting that cannot be.
        CheckpointError: a checkpoint that cannot be written or read.
        wudao_rt.data.DataError: pictures that cannot be had.
    """
    changes = tuple(changes)
    ranks = Ranks.of_job()
    made, folder = _plan(config, changes, resumed)
    ranks.require_same(made, folder=str(folder), resumed=resumed, max_seconds=max_seconds)
    tell = say if ranks.first else _silent
    with Interrupt() as interrupt:
        session = resume(folder, changes, tell, ranks) if resumed else start(made, folder, ranks)
        tell(_opening(session, resumed))
        interrupt.stepping = True
        try:
            report = TokenizerLoop(session, tell, max_seconds).run(interrupt)
        except OSError as error:
            raise CheckpointError(f"image train-tokenizer: {folder}: expected to write its logs, got: {reason(error)}; "
                                  f"{last_good(folder)}. Make room and run again with --resume.") from None
    tell(report.lines())
    return report


def _silent(text: str) -> None:
    """Say nothing: the first rank speaks for all."""


def _opening(session: TokenizerSession, resumed: bool) -> str:
    values = sum(array.size for array in session.tokenizer.state_dict().values())
    return (f"{f'resumed at step {session.step} of ' if resumed else ''}{session.folder}: {values:,} values, "
            f"{session.config.vq.codes} codes, {len(session.pictures.indices())} pictures to learn from"
            f"{f', {session.ranks.size} ranks' if session.ranks.size > 1 else ''}")


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
