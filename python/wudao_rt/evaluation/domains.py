"""Which domains a model knows how well, and which experts they go to."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np

from wudao_rt.data import Record
from wudao_rt.datasets import Rows
from wudao_rt.evaluation.loss import HeldOut, held_out_loss
from wudao_rt.glm import GLM
from wudao_rt.ops.types import Array


@dataclass(frozen=True)
class Domain:
    """Hold what a model does with the held-out texts of one domain.

    Args:
        name: label of its records.
        loss: left to right, in windows.
        shares: (layers of experts, experts): the share of the domain's rows that an expert got; rows sum to 1.
    """

    name: str
    loss: HeldOut
    shares: Array

    def to_json(self) -> dict[str, object]:
        """Return its numbers."""
        return {"domain": self.name, **self.loss.to_json(), "experts": self.shares.round(4).tolist()}


def held_out_domains(model: GLM, run: Path, windows: int = 0) -> Iterator[Domain]:
    """Yield the domains of the held-out split `report` of what a run was trained on.

    Args:
        model: with the run's tokenizer.
        run: folder with config.toml.
        windows: batches of each domain at most; 0: all.

    Raises:
        ConfigError: no config, or a corpus that is not there.
    """
    from wudao_rt.config import load_config
    from wudao_rt.data.command_ids import special_ids
    from wudao_rt.datasets.documents import causal_windows, encoded
    from wudao_rt.training.corpora import Corpora

    config = load_config(run / "config.toml")
    tokenizer = model.tokenizer
    assert tokenizer is not None
    for name, texts in _by_domain(Corpora(config, run).records("report")).items():
        rows = causal_windows(encoded(texts, tokenizer), special_ids(tokenizer), config.train)
        yield _measured(model, name, islice(rows, windows or None))


def _by_domain(records: Iterable[Record]) -> dict[str, list[str]]:
    texts: dict[str, list[str]] = defaultdict(list)
    for record in records:
        if record.text.strip():
            texts[record.domain].append(record.text)
    return dict(sorted(texts.items()))


def _measured(model: GLM, name: str, batches: Iterable[Rows]) -> Domain:
    layers = len(model.core.telemetry)
    nats, tokens, rows, counts = 0.0, 0, 0, np.zeros((layers, 0 if layers == 0 else model.config.moe.experts))
    for batch in batches:
        part = held_out_loss(model, [batch])
        nats, tokens, rows = nats + part.nats, tokens + part.tokens, rows + part.n
        if layers:
            counts += np.array([layer["counts"] for layer in model.core.telemetry], np.float64)
    return Domain(name, HeldOut(nats, tokens, rows), counts / np.maximum(counts.sum(1, keepdims=True), 1))
