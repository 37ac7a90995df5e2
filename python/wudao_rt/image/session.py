"""A run that trains an image tokenizer, ready to step: new, or restored from its last good checkpoint."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from wudao_rt import _core, data
from wudao_rt.config.files import load_config, to_toml
from wudao_rt.config.image import ImageConfig
from wudao_rt.data.pictures import MOVED, TOKENIZER, Pictures, PictureSampler, augmented, on_white
from wudao_rt.errors import CheckpointError, ConfigError
from wudao_rt.files import reason, write_whole
from wudao_rt.image.pixels import normalised
from wudao_rt.image.tokenizer import VQTokenizer
from wudao_rt.model_folder import CONFIG
from wudao_rt.ops.types import Array
from wudao_rt.schedules import schedule_from_config
from wudao_rt.training import checkpoint
from wudao_rt.training.checkpoint import Snapshot
from wudao_rt.training.ranks import Ranks

HELD_OUT = "validation"  # what a run looks at; `report` is for the end


@dataclass(eq=False)
class TokenizerSession:
    """Hold a run: what it is made of, how far it is, and the ranks that train it together."""

    config: ImageConfig
    folder: Path
    tokenizer: VQTokenizer
    pictures: Pictures
    step: int = 0
    ranks: Ranks = field(default_factory=Ranks.alone)

    def __post_init__(self) -> None:
        train = self.config.train
        self._sampler = PictureSampler(self.pictures.records, skin_tone=self.config.data.skin_tone)
        self._schedule = schedule_from_config("cosine", {
            "lr": train.lr, "steps": train.steps, "warmup": train.warmup, "decay_ratio": train.decay_ratio})

    def batch(self, step: int) -> Array:
        """Return the pictures of a step, as the engine takes them: a function of (seed, step) alone."""
        train = self.config.train
        pixels = self.pictures.pixels[self._sampler.batch(train.seed, step, train.batch)]
        how = {"full": TOKENIZER, "moved": MOVED}.get(self.config.data.augment)
        seen = augmented(pixels, train.seed, step, how=how) if how else on_white(pixels)
        return normalised("train", seen, self.config.vq, train.dtype)

    def held_out(self) -> Array:
        """Return held-out pictures on white."""
        return on_white(self.pictures.pixels[self.pictures.indices(HELD_OUT)])

    def advance(self, images: Array) -> dict[str, Any]:
        """Take a step and return what the engine tells; before the first, the book is laid among the features."""
        train, core, has_book = self.config.train, self.tokenizer.core, self.config.vq.has_book
        shards = train.virtual_shards
        if self.step == 0 and has_book:
            core.loss_and_gradients(images, shards, train.micro_shards or shards)
            self.tokenizer.revive(train.seed, least=float("inf"), size=train.revive_below or 1.0)
        lr = self._schedule.lr_at(self.step + 1)
        told = core.step(images, lr, train.clip, shards, train.micro_shards or shards, self.temperature(self.step),
                         train.seed, self.step)
        self.step += 1
        revived, due = 0, train.revive_every and self.step % train.revive_every == 0
        if has_book and due and self.step <= train.revive_until * train.steps:
            revived = self.tokenizer.revive(train.seed, train.revive_below, step=self.step)
        used = np.count_nonzero(core.counts) / self.config.vq.codes
        return told | {"lr": lr, "revived": revived, "code_use": used}

    def temperature(self, step: int) -> float:
        """Return that of gumbel's mixture after `step` steps: a geometric way from the first to the last."""
        train = self.config.train
        return train.temperature * (train.temperature_end / train.temperature) ** (step / max(1, train.steps - 1))

    def snapshot(self) -> Snapshot:
        """Return the state to save."""
        core = self.tokenizer.core
        moments = {name: core.get(name) for name in core.state_names()}
        seen = self.step * self.config.train.batch
        return Snapshot(self.step, core.steps, seen, self.tokenizer.state_dict(),
                        {name: np.array(value) for name, value in moments.items()}, to_toml(self.config, layout=False))


def start(config: ImageConfig, folder: Path, ranks: Ranks) -> TokenizerSession:
    """Begin a run in a folder that holds none.

    Raises:
        ConfigError: the folder holds a run, or cannot be written.
        wudao_rt.data.DataError: there are no such pictures.
    """
    if ranks.first and checkpoint.steps_of(folder):
        raise ConfigError(f"image train-tokenizer: {folder}: expected a folder without a run, it holds checkpoints. "
                          "Add --resume to go on with it, or choose another with --set output.folder=NAME.")
    session = _assemble(config, folder, ranks)
    _keep_config(session)
    return session


def resume(folder: Path, changes: tuple[str, ...], say: Callable[[str], None], ranks: Ranks) -> TokenizerSession:
    """Go on with a run from its newest checkpoint that is whole, with as many ranks as there are.

    Raises:
        CheckpointError: there is none.
        ConfigError: a change does not fit.
    """
    restored = checkpoint.restore(checkpoint.newest_good(folder, say, ranks))
    session = _assemble(load_config(folder / CONFIG, changes, ImageConfig), folder, ranks)
    session.tokenizer.load_state_dict(restored.weights)
    for name in session.tokenizer.core.state_names():
        if name not in restored.optimizer:
            raise CheckpointError(f"resume: {restored.path}: expected the optimizer's {name}, got none. Is it of "
                                  "another run?")
        session.tokenizer.core.set(name, restored.optimizer[name])
    session.tokenizer.core.steps = restored.state["updates"]
    session.step = restored.state["step"]
    _keep_config(session)
    return session


def _assemble(config: ImageConfig, folder: Path, ranks: Ranks) -> TokenizerSession:
    train = config.train
    own = Path(config.data.corpus)
    pictures = ranks.first_alone(lambda: Pictures(own if own.is_dir() else data.prepare(config.data.corpus).path))
    _core.set_threads(train.threads)
    comm = ranks.world if ranks.size > 1 else None
    tokenizer = VQTokenizer(config.vq, train.seed, train.dtype, comm)  # type: ignore[arg-type]  # checked by the table
    tokenizer.core.optimize_with({"name": "adamw", "beta1": train.beta1, "beta2": train.beta2, "eps": 1e-8,
                                  "weight_decay": train.weight_decay})
    return TokenizerSession(config, folder, tokenizer, pictures, ranks=ranks)


def _keep_config(session: TokenizerSession) -> None:
    if not session.ranks.first:
        return
    try:
        session.folder.mkdir(parents=True, exist_ok=True)
        write_whole(session.folder / CONFIG, to_toml(session.config))
    except OSError as error:
        raise ConfigError(f"image train-tokenizer: output.folder: expected a folder to write to, got "
                          f"'{reason(error)}' for {session.folder}. Choose another with --set output.folder=NAME."
                          ) from None
