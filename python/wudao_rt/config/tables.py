"""The tables of a run, each a frozen dataclass."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass, replace
from typing import Any

from wudao_rt.config.cogview import KIND
from wudao_rt.config.model_table import ModelTable
from wudao_rt.config.settings import check, setting
from wudao_rt.data.blanks import Objectives
from wudao_rt.errors import ConfigError, shown


@dataclass(frozen=True)
class TokenizerTable:
    """[tokenizer]: which one, or how to train it."""

    kind: str = setting("character", "how text is split", choices=("character", "bpe", "sentencepiece"))
    path: str = setting("", "folder of a trained tokenizer; empty: train one of `kind` on the training texts")
    corpora: tuple[str, ...] = setting((), "prepared corpora to train it on; default those of [data]")
    vocab_size: int = setting(8000, "tokens of bpe and sentencepiece", low=1)
    min_count: int = setting(2, "least number of occurrences of a character", low=1)
    own_tokens: tuple[str, ...] = setting((), "further special tokens")

    def __post_init__(self) -> None:
        check(self, "config: tokenizer")


@dataclass(frozen=True)
class PicturesTable:
    """[data.pictures]: how pictures and their captions become samples."""

    image_tokenizer: str = setting("", "folder of wudao-rt image train-tokenizer")
    picture_first: float = setting(0.3, "share of samples in which the text follows its picture", low=0, high=1)
    holes: float = setting(0.2, "share of samples that learn holes of a picture from what surrounds them", low=0,
                           high=1)
    text_weight: float = setting(1.0, "weight in the loss of slots whose input is text", low=0)
    skin_tone: float = setting(0.3, "weight of a skin tone beside other pictures", low=0)
    shift: int = setting(1, "pixels that pictures are shifted by, each way, before they become codes", low=0, high=4)

    def __post_init__(self) -> None:
        check(self, "config: data.pictures")
        if self.picture_first + self.holes > 1:
            raise ConfigError(f"config: data.pictures: expected shares picture_first and holes of 1 together at the "
                              f"most, got {self.picture_first + self.holes:g}. Lower one of them.")


@dataclass(frozen=True)
class DataTable:
    """[data]: what is trained on."""

    source: str = setting("verse", "verse: poems by form tag; packed: GLM's mixed objectives over prepared corpora; "
                          "text: your own files; pictures: pictures with captions, for a cogview",
                          choices=("verse", "packed", "text", "pictures"))
    corpora: tuple[str, ...] = setting(("verse",), "prepared corpora, by name")
    report: tuple[str, ...] = setting(("tang-quatrains",), "verse: corpora whose held-out split is reported on")
    paths: tuple[str, ...] = setting((), "files and folders of your own text (source = \"text\")")
    field: str = setting("text", "field of .jsonl files that holds the text")
    held_out: float = setting(0.01, "share of your own text that is never trained on", low=0, high=0.5)
    near_duplicates: float = setting(0.8, "MinHash similarity from which texts count as one; 1: exact only", low=0.3,
                                     high=1)
    forms: tuple[str, ...] = setting((), "verse: only these forms; empty: all")
    repeats: dict[str, int] = dataclasses.field(
        default_factory=dict, metadata={
            "doc": "verse: times that records of a source (tang, song), or of a form in it (\"song 七律\"), stand "
                   "in an epoch"})
    finish: float = setting(0.0, "verse: share of the run, at its end, in which `finish_repeats` stands for `repeats`",
                            low=0, high=1)
    finish_repeats: dict[str, int] = dataclasses.field(
        default_factory=dict, metadata={"doc": "verse: as `repeats`, for the end of the run"})
    title_prob: float = setting(0.5, "verse: probability that a batch is given its poems' titles", low=0, high=1)
    author_prob: float = setting(0.25, "verse: probability that a batch is given their authors", low=0, high=1)
    longest_title: int = setting(12, "verse: longer titles and authors are left out, as they would pad the others",
                                 low=0)
    causal_prob: float = setting(0.5, "text: probability of a sample without any given context", low=0, high=1)
    pictures: PicturesTable = dataclasses.field(
        default_factory=PicturesTable, metadata={"doc": "pictures: table of its own"})
    objectives: Objectives = dataclasses.field(
        default_factory=Objectives, metadata={"doc": "packed: ratios and numbers of the objectives"})

    def __post_init__(self) -> None:
        check(self, "config: data")
        for key in ("repeats", "finish_repeats"):
            for name, times in getattr(self, key).items():
                if not 0 <= times <= 1000:
                    raise ConfigError(f"config: data.{key}.{shown(name)}: expected 0..1000, got {times}. Change it.")
        if self.source == "text" and not self.paths:
            raise ConfigError("config: data.paths: expected files or folders, got none. Add the key.")
        if self.source != "text" and not self.corpora:
            raise ConfigError("config: data.corpora: expected a corpus, got none. See `wudao-rt data list`.")


@dataclass(frozen=True)
class TrainTable:
    """[train]: how long, how large a step, which optimizer."""

    steps: int = setting(0, "length of the run in optimizer steps (or give seconds or tokens)", low=0)
    seconds: float = setting(0.0, "length of the run in seconds of training; the schedule follows the clock", low=0)
    tokens: int = setting(0, "length of the run in tokens of batch * length", low=0)
    batch: int = setting(64, "samples of one step", low=1)
    length: int = setting(128, "largest number of tokens of a sample", low=8)
    virtual_shards: int = setting(0, "parts V whose gradients are summed in a fixed tree; a power of two that divides "
                                  "the batch; 0: the largest up to 8", low=0)
    micro_shards: int = setting(0, "parts that go through the model together; 0: all", low=0, layout=True)
    recompute: bool = setting(False, "keep only the layers' inputs for the backward pass", layout=True)
    dtype: str = setting("float32", "compute type", choices=("float32", "bfloat16", "float16", "float64"))
    loss_scale: float = setting(65536.0, "float16: what gradients are multiplied by at first, a power of two; halved "
                                "when one overflows", low=1, high=2.0**60)
    loss_scale_every: int = setting(2000, "float16: steps without overflow that double it; 0: it stays", low=0)
    products: str = setting("float", "of the linear layers inside the blocks, forward and for the gradient of their "
                                     "input: float (the compute type), or int8; weight gradients stay float",
                            choices=("float", "int8"))
    optimizer: str = setting("adamw", "adamw, or muon for the matrices inside the layers", choices=("adamw", "muon"))
    lr: float = setting(1e-3, "peak learning rate", low=0)
    muon_lr: float = setting(0.02, "peak learning rate of muon's matrices", low=0)
    beta1: float = setting(0.9, "decay of the first moment", low=0, high=0.9999999)
    beta2: float = setting(0.98, "decay of the second moment", low=0, high=0.9999999)
    eps: float = setting(1e-6, "added to the root of the second moment", low=0)
    weight_decay: float = setting(0.1, "decoupled decay; biases and layer norms do not decay", low=0)
    momentum: float = setting(0.95, "muon's momentum", low=0, high=0.9999999)
    newton_schulz: str = setting("float32", "type of muon's products", choices=("float32", "bfloat16"))
    schedule: str = setting("cosine", "learning rate over the run",
                            choices=("constant", "linear", "cosine", "warmup-stable-decay"))
    warmup: float = setting(0.02, "share of the run that rises to the peak", low=0, high=0.999)
    decay_ratio: float = setting(0.1, "learning rate at the end over the peak", low=0, high=1)
    decay: float = setting(0.2, "warmup-stable-decay: share of the run that falls", low=1e-9, high=1)
    clip: float = setting(1.0, "largest global gradient norm; 0: none", low=0)
    seed: int = setting(0, "of weights, data order and dropout", low=0, high=2**63 - 1)
    eval_every: int = setting(0, "steps between held-out evaluations; 0: at the end only", low=0)
    eval_batches: int = setting(0, "batches of one evaluation; 0: the whole held-out split", low=0)
    checkpoint_every: int = setting(500, "steps between checkpoints; 0: at the end only", low=0)
    record: int = setting(100, "steps between those that are recorded for wudao-rt replay, beside the first after "
                             "every checkpoint; 0: none", low=0, layout=True)
    sample_every: int = setting(0, "steps between samples from the live weights; 0: none", low=0)
    threads: int = setting(0, "threads; 0: as many as this machine grants", low=0, high=1024, layout=True)

    def __post_init__(self) -> None:
        check(self, "config: train")
        given = [name for name in LENGTHS if getattr(self, name)]
        if len(given) > 1:
            raise ConfigError(f"config: train.{given[1]}: expected one of steps, seconds or tokens, got "
                              f"{' and '.join(given)}. Keep one of them.")
        if self.products == "int8" and self.dtype == "float64":
            raise ConfigError("config: train.products: expected float for a dtype of float64, got int8. Take bfloat16.")
        if math.frexp(self.loss_scale)[0] != 0.5:
            raise ConfigError(f"config: train.loss_scale: expected a power of two, got {self.loss_scale:g}. "
                              "Take 65536.")
        shards = self.virtual_shards
        if shards and (shards & (shards - 1) or self.batch % shards):
            raise ConfigError("config: train.virtual_shards: expected a power of two that divides batch = "
                              f"{self.batch}, got {shards}. Change one of them.")
        if self.micro_shards & (self.micro_shards - 1) or self.micro_shards > self.shards:
            raise ConfigError(f"config: train.micro_shards: expected a power of two up to {self.shards}, got "
                              f"{self.micro_shards}. Lower it.")

    @property
    def shards(self) -> int:
        """Return V: as configured, else the largest power of two up to 8 that divides the batch."""
        return self.virtual_shards or min(8, self.batch & -self.batch)

    @property
    def total_steps(self) -> int:
        """Return the length in steps; 0 when the clock decides."""
        return self.steps or -(-self.tokens // (self.batch * self.length))


LENGTHS = ("steps", "seconds", "tokens")


@dataclass(frozen=True)
class OutputTable:
    """[output]: where the run goes and what is shown of it."""

    folder: str = setting("", "run folder; default runs/ and the name of the config", layout=True)
    keep_last: int = setting(3, "checkpoints to keep", low=1, layout=True)
    log_every: int = setting(10, "steps between lines on the screen (log.jsonl has every step)", low=1, layout=True)
    tensorboard: bool = setting(True, "write TensorBoard events", layout=True)
    prompts: tuple[str, ...] = setting((), "prompts of samples; default the data source's", layout=True)
    sample_tokens: int = setting(72, "longest sample", low=1, layout=True)
    temperature: float = setting(0.8, "of samples", low=0, layout=True)
    top_k: int = setting(30, "of samples; 0: all", low=0, layout=True)

    def __post_init__(self) -> None:
        check(self, "config: output")


@dataclass(frozen=True)
class ParallelTable:
    """[parallel]: how the ranks of a job share the work. None of it changes what comes out."""

    experts: int = setting(0, "ranks that share one set of experts, a divisor of all ranks; 0: as many as can", low=0,
                           layout=True)
    placement: str = setting("rows", "which ranks these are: rows: consecutive ones, so that their exchange stays "
                             "within a supernode; columns: every (ranks / experts)-th, so that sums of gradients do",
                             choices=("rows", "columns"), layout=True)
    exchange: str = setting("flat", "how rows travel: flat: to every rank at once; two_level: within supernodes and "
                            "across", choices=("flat", "two_level"), layout=True)
    supernode_size: int = setting(0, "ranks of a supernode; 0: all", low=0, layout=True)

    def __post_init__(self) -> None:
        check(self, "config: parallel")


@dataclass(frozen=True)
class Config:
    """A whole run."""

    model: ModelTable = dataclasses.field(default_factory=ModelTable)
    tokenizer: TokenizerTable = dataclasses.field(default_factory=TokenizerTable)
    data: DataTable = dataclasses.field(default_factory=DataTable)
    train: TrainTable = dataclasses.field(default_factory=TrainTable)
    output: OutputTable = dataclasses.field(default_factory=OutputTable)
    parallel: ParallelTable = dataclasses.field(default_factory=ParallelTable)

    def __post_init__(self) -> None:
        if (self.model.kind == KIND) is not (self.data.source == "pictures"):
            raise ConfigError(f"config: data.source: expected \"pictures\" for a cogview and only for it, got "
                              f"\"{self.data.source}\" for a {self.model.kind}. Change one of them.")
        groups, shards, batch = (self.model.moe.groups if self.model.moe else 0), self.train.shards, self.train.batch
        if groups % shards or (groups and batch % groups):
            raise ConfigError(f"config: model.moe.groups: expected a multiple of the {shards} virtual shards that "
                              f"divides batch = {batch}, got {groups}. Change one of them, or leave it out.")

    def with_table(self, name: str, **changes: Any) -> Config:
        """Return the config with some keys of one table changed."""
        return replace(self, **{name: replace(getattr(self, name), **changes)})

    def require_length(self) -> Config:
        """Return the config itself; raise ConfigError when nothing says how long to train."""
        if not any(getattr(self.train, name) for name in LENGTHS):
            raise ConfigError("config: train.steps: expected steps, seconds or tokens, got none of them. "
                              "Add one, or --set train.steps=1000.")
        return self
