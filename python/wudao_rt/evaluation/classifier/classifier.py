"""A classifier of pictures that is ready to be asked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256

import numpy as np

from wudao_rt import ops
from wudao_rt.data.pictures import PictureRecord
from wudao_rt.evaluation.classifier.network import Pass, forward
from wudao_rt.image.measures import unit
from wudao_rt.ops.types import Array

LEVELS = ("category", "subcategory", "skin tone")
_TONES = {"1F3FB": "light", "1F3FC": "medium-light", "1F3FD": "medium", "1F3FE": "medium-dark", "1F3FF": "dark"}
_AT_ONCE = 128


@dataclass(frozen=True, eq=False)
class Classifier:
    """Hold emoji-cnn.

    Args:
        weights: of its network.
        classes: names of the classes at each level; a level with fewer than two is left out.
    """

    weights: Mapping[str, Array]
    classes: Mapping[str, tuple[str, ...]]

    def features(self, images: Array) -> Array:
        """Return the layer before the classes, float32 (N, 64), of pictures: (N, H, W, 3), uint8 or floats from 0 to 1.
        """
        return np.concatenate([done.features for done in self._passes(images)])

    def chances(self, images: Array, level: str) -> Array:
        """Return p(class | picture) at a level, float64 (N, classes)."""
        logits = np.concatenate([done.logits[:, self.columns(level)] for done in self._passes(images)])
        return np.exp(ops.log_softmax(logits.astype(np.float64)))

    def predict(self, images: Array, level: str) -> Array:
        """Return the most probable class of each picture, int64 (N,)."""
        return self.chances(images, level).argmax(axis=1)

    def columns(self, level: str) -> slice:
        """Return where the logits of a level lie."""
        begin = 0
        for name, classes in self.classes.items():
            if name == level:
                break
            begin += len(classes)
        return slice(begin, begin + len(self.classes[level]))

    def targets(self, records: Sequence[PictureRecord], level: str) -> Array:
        """Return the class of each record at a level, int64 (N,); -1 where it has none of the classes."""
        place = {name: place for place, name in enumerate(self.classes[level])}
        return np.array([place.get(label(record, level), -1) for record in records], np.int64)

    def fingerprint(self) -> str:
        """Return the SHA-256 of its weights and classes."""
        digest = sha256(repr([(level, tuple(names)) for level, names in self.classes.items()]).encode())
        for name, array in sorted(self.weights.items()):
            digest.update(name.encode())
            digest.update(np.ascontiguousarray(array, "<f4").tobytes())
        return digest.hexdigest()

    def _passes(self, images: Array) -> Iterable[Pass]:
        parts = range(0, len(images), _AT_ONCE)
        return (forward(self.weights, unit(images[begin : begin + _AT_ONCE]).astype(np.float32)) for begin in parts)


def label(record: PictureRecord, level: str) -> str:
    """Return what a record is at a level; empty if it is nothing: only what has one skin tone is of that tone."""
    if level != "skin tone":
        return str(getattr(record, level))
    tones = {code for code in record.unified.split("-") if code in _TONES}
    return _TONES[tones.pop()] if record.skin_tone and len(tones) == 1 else ""


def classes_of(records: Iterable[PictureRecord], least: int) -> dict[str, tuple[str, ...]]:
    """Return the names at each level that at least so many bases bear; a level with fewer than two is left out."""
    bases: dict[str, dict[str, set[str]]] = {level: {} for level in LEVELS}
    for record in records:
        for level in LEVELS:
            bases[level].setdefault(label(record, level), set()).add(record.base)
    found = {level: tuple(sorted(name for name, own in names.items() if name and len(own) >= least))
             for level, names in bases.items()}
    return {level: names for level, names in found.items() if len(names) > 1}
