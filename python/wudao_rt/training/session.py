"""A run that is ready to step: new, or restored from its last good checkpoint."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from errno import EACCES
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from wudao_rt import _core
from wudao_rt.cogview import CogView
from wudao_rt.config import CogViewConfig, Config, GLMConfig, ModelTable, ParallelTable, load_config
from wudao_rt.config.files import to_toml
from wudao_rt.data.tokenizer import Tokenizer
from wudao_rt.datasets import Rows, Source
from wudao_rt.errors import CheckpointError, ConfigError
from wudao_rt.files import write_whole
from wudao_rt.glm import GLM
from wudao_rt.model_folder import CONFIG, TOKENIZER
from wudao_rt.parameters import Place, expert_of, joined, views
from wudao_rt.training import checkpoint
from wudao_rt.training.checkpoint import Restored, Snapshot
from wudao_rt.training.corpora import Corpora
from wudao_rt.training.prompts import check_prompt
from wudao_rt.training.ranks import Ranks


@dataclass(eq=False)
class Session:
    """Hold a run: what it is made of, and how far it is.

    Args:
        config: with the shape of the model spelled out.
        folder: run folder.
        model: with the live weights.
        trainer: the engine's optimizer.
        source: of batches.
        step: steps done.
        tokens: tokens seen, padding left out.
        resumed_at: steps done when this process took over.
        ranks: that train it together.
    """

    config: Config
    folder: Path
    model: GLM | CogView
    trainer: Any
    source: Source
    step: int = 0
    tokens: int = 0
    resumed_at: int = 0
    ranks: Ranks = field(default_factory=Ranks.alone)

    def snapshot(self) -> Snapshot:
        """Return the state to save; arrays are views, valid until the next step."""
        return Snapshot(self.step, self.trainer.steps, self.tokens, self.model.state_dict(copy=False),
                        self._moments(), to_toml(self.config, layout=False), self.model.tokenizer,
                        getattr(self.model, "image_tokenizer", None),
                        self.trainer.loss_scale if self.config.train.dtype == "float16" else None)

    def advance(self, rows: Rows, share: float, recorder: _core.Recorder | None = None) -> dict[str, Any]:
        """Take a step and return what the engine tells of it.

        Args:
            rows: batch of the step.
            share: of the peak learning rates.
            recorder: takes down what is computed.
        """
        train = self.config.train
        result = self.trainer.step(dict(rows.arrays), lr=train.lr * share, muon_lr=train.muon_lr * share,
                                   clip=train.clip, recorder=recorder, **self.pass_options())
        self.step += 1
        self.tokens += rows.tokens
        return result

    def pass_options(self) -> dict[str, Any]:
        """Return how the batch of the next step goes through the model."""
        train = self.config.train
        return {"shards": train.shards, "micro_shards": train.micro_shards, "recompute": train.recompute,
                "int8": train.products == "int8", "dropout": self.model.config.dropout > 0, "seed": train.seed,
                "step": self.step}

    def _moments(self) -> dict[str, Any]:
        where = moment_places(self.model.places, self.trainer.state_names)
        return views(where, self.trainer.state)

    def restore_moments(self, moments: Mapping[str, Any]) -> None:
        """Give the optimizer the moments of a checkpoint; those of other ranks' experts may be among them."""
        where = moment_places(self.model.places, self.trainer.state_names)
        missing = [name for name in where if name not in moments]
        unknown = [name for name in moments if name not in where and expert_of(name[2:]) is None]
        if missing or unknown:
            raise CheckpointError(f"resume: optimizer state: expected {len(where)} arrays, got {len(missing)} missing "
                                  f"and {len(unknown)} unknown. Was it written with another optimizer?")
        for name, array in joined(where, moments).items():
            self.trainer.set_state(name, array)


def moment_places(places: Mapping[str, Place], names: Iterable[str]) -> dict[str, Place]:
    """Return where the optimizer keeps the moments of each parameter; `names` are those of its arrays."""
    known = set(names)
    return {f"{kind}.{name}": Place(f"{kind}.{place.array}", place.index) for name, place in places.items()
            for kind in ("m", "v") if f"{kind}.{place.array}" in known}


def start(config: Config, folder: Path, ranks: Ranks) -> Session:
    """Begin a run in a folder that holds none.

    Raises:
        ConfigError: the folder holds a run; the model is too short for the rows.
    """
    if ranks.first and checkpoint.steps_of(folder):
        raise ConfigError(f"train: {folder}: expected a folder without a run, it holds checkpoints. "
                          "Add --resume to go on with it, or choose another with --set output.folder=NAME.")
    config.require_length()
    if ranks.first:
        _make(folder)
    corpora = ranks.first_alone(lambda: Corpora(config, folder))
    tokenizer = _tokenizer(corpora, ranks)
    shape = corpora.shape(tokenizer)
    config = config.with_table("model", **vars(ModelTable.of(shape)))
    session = _assemble(config, folder, shape, tokenizer, corpora, ranks)
    _keep_config(session)
    return session


def resume(folder: Path, changes: tuple[str, ...], say: Callable[[str], None], ranks: Ranks) -> Session:
    """Go on with a run from its newest checkpoint that is whole.

    Args:
        folder: run folder.
        changes: `table.key=value` texts; the model's shape cannot change.
        say: is told about damaged checkpoints.
        ranks: that go on with it, as many as there are.
    Raises:
        CheckpointError: there is no whole checkpoint.
        ConfigError: the change does not fit.
    """
    restored = checkpoint.restore(checkpoint.newest_good(folder, say, ranks))
    config = load_config(folder / CONFIG, changes).require_length()
    tokenizer = Tokenizer.load(restored.path / TOKENIZER)
    corpora = ranks.first_alone(lambda: Corpora(config, folder))
    session = _assemble(config, folder, config.model.shape(), tokenizer, corpora, ranks)
    _restore(session, restored)
    _keep_config(session)  # only now: a change that does not fit must not be kept
    return session


def reopen(config: Config, folder: Path, at: Path | None) -> Session:
    """Return a run as one process sees it at a checkpoint, or before its first step; nothing is written.

    Args:
        config: with the shape of the model spelled out.
        folder: run folder.
        at: a verified checkpoint; None: before the first step.
    """
    config = replace(config, parallel=ParallelTable())  # this process alone
    corpora = Corpora(config, folder)
    kept = at or next((folder / checkpoint.FOLDER / f"step-{step}" for step in checkpoint.steps_of(folder)), None)
    tokenizer = Tokenizer.load(kept / TOKENIZER) if kept else corpora.tokenizer()
    session = _assemble(config, folder, config.model.shape(), tokenizer, corpora, Ranks.alone())
    if at is not None:
        _restore(session, checkpoint.restore(at))
    return session


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not os.access(folder, os.W_OK):
            raise PermissionError(EACCES, "Permission denied")
    except OSError as error:
        raise ConfigError(f"train: output.folder: expected a folder to write to, got '{error.strerror}' for {folder}. "
                          "Choose another with --set output.folder=NAME.") from None


def _tokenizer(corpora: Corpora, ranks: Ranks) -> Tokenizer:
    """Return the tokenizer that the first rank makes, on every rank."""
    made = ranks.first_makes(corpora.tokenizer)
    with TemporaryDirectory() as folder:
        home = Path(folder)
        if made is not None and ranks.size > 1:
            made.save(home)
        files = ranks.told_by_first({path.name: path.read_bytes() for path in home.iterdir()})
        if made is not None:
            return made
        for name, content in files.items():
            (home / name).write_bytes(content)
        return Tokenizer.load(home)


def _keep_config(session: Session) -> None:
    if not session.ranks.first:
        return
    try:
        write_whole(session.folder / CONFIG, to_toml(session.config))
    except OSError as error:
        raise CheckpointError(f"train: {session.folder / CONFIG}: expected to write it, got: {error.strerror}. Make "
                              "room and run again; what was there is as it was.") from None


def _assemble(config: Config, folder: Path, shape: GLMConfig | CogViewConfig, tokenizer: Tokenizer, corpora: Corpora,
              ranks: Ranks) -> Session:
    train = config.train
    if isinstance(shape, GLMConfig):
        _check_rows(config, shape, tokenizer)
    _core.set_threads(train.threads)
    model = _model(config, shape, tokenizer, corpora, ranks)
    optimizer = {"name": train.optimizer, "beta1": train.beta1, "beta2": train.beta2, "eps": train.eps,
                 "weight_decay": train.weight_decay, "momentum": train.momentum, "newton_schulz": train.newton_schulz}
    world, column = (None, None) if ranks.column is None else (ranks.world.core, ranks.column.core)
    trainer = _core.Trainer(model.core, optimizer, world, column)
    if train.dtype == "float16":
        trainer.set_loss_scale(train.loss_scale, 0, train.loss_scale_every)
    return Session(config, folder, model, trainer, corpora.source(tokenizer, shape), ranks=ranks)


def _check_rows(config: Config, shape: GLMConfig, tokenizer: Tokenizer) -> None:
    train = config.train
    if train.length > shape.max_positions:
        raise ConfigError(f"config: train.length: expected at most model.max_positions = {shape.max_positions}, got "
                          f"{train.length}. Change one of them.")
    for number, prompt in enumerate(config.output.prompts):
        check_prompt(f"output.prompts[{number}]", prompt, tokenizer, shape)


def _model(config: Config, shape: GLMConfig | CogViewConfig, tokenizer: Tokenizer, corpora: Corpora, ranks: Ranks
           ) -> GLM | CogView:
    train = config.train
    parallel = config.parallel if ranks.row else ParallelTable()  # a run of many ranks may go on with one
    shared: dict[str, Any] = {"comm": ranks.row, "exchange": parallel.exchange,
                              "supernode_size": parallel.supernode_size}
    if isinstance(shape, CogViewConfig):
        return CogView(shape, train.seed, train.dtype, tokenizer, corpora.image_tokenizer, **shared)
    return GLM(shape, train.seed, train.dtype, tokenizer, **shared)


def _restore(session: Session, restored: Restored) -> None:
    session.model.load_state_dict(restored.weights)
    session.restore_moments(restored.optimizer)
    session.trainer.steps = restored.state["updates"]
    if "loss_scale" in restored.state:
        session.trainer.set_loss_scale(*restored.state["loss_scale"], session.config.train.loss_scale_every)
    session.step = session.resumed_at = restored.state["step"]
    session.tokens = restored.state["tokens"]
