"""Train emoji-cnn."""

from __future__ import annotations

from dataclasses import dataclass
from math import cos, pi

import numpy as np

from wudao_rt import ops
from wudao_rt.data import DataError
from wudao_rt.data.pictures import Augmentation, Pictures, PictureSampler, augmented
from wudao_rt.evaluation.classifier.classifier import Classifier, classes_of
from wudao_rt.evaluation.classifier.network import backward, first_weights, forward
from wudao_rt.evaluation.images.progress import Watch, silent
from wudao_rt.image.measures import unit
from wudao_rt.ops.types import Array

_LIGHT = Augmentation(shift=2, smallest=0.9, largest=1.1, hue=0.0, brightness=0.1, flip=0.5, pastel=0.0)


@dataclass(frozen=True)
class Recipe:
    """How emoji-cnn is trained; another recipe makes another classifier.

    Args:
        steps, batch: of the training.
        lr: highest learning rate; it falls to 0 as half a cosine.
        weight_decay: of AdamW.
        least: bases that a class has to have.
        seed: of the first weights, the batches and their augmentation.
    """

    steps: int = 1600
    batch: int = 64
    lr: float = 3e-3
    weight_decay: float = 0.1
    least: int = 5
    seed: int = 0


def train_classifier(pictures: Pictures, recipe: Recipe | None = None, watch: Watch = silent) -> Classifier:
    """Train emoji-cnn on the split `train` of pictures, as they are, shifted, scaled and mirrored a little.

    loss = sum over levels of mean -log p(class | picture), over the pictures that have one of its classes; AdamW

    Args:
        pictures: prepared ones, with categories.
        recipe: how; default `Recipe()`.
        watch: is told how far it is.

    Returns: the classifier, a function of the pictures and the recipe alone: same bytes on any number of threads.

    Raises:
        DataError: the pictures have no categories, or one only.
    """
    recipe = recipe or Recipe()
    records = [pictures.records[place] for place in pictures.indices("train")]
    classes = classes_of(records, recipe.least)
    if "category" not in classes:
        raise DataError(f"classifier: pictures: expected at least two categories of {recipe.least} things to learn "
                        "from, got fewer. Leave out the part `drawing`, or give records a category.")
    weights = first_weights(sum(map(len, classes.values())), recipe.seed)
    moments = {name: (np.zeros_like(array), np.zeros_like(array)) for name, array in weights.items()}
    classifier = Classifier(weights, classes)
    sampler = PictureSampler(pictures.records)
    targets = {level: classifier.targets(pictures.records, level) for level in classes}
    for step in watch(range(recipe.steps), "training emoji-cnn"):
        places = sampler.batch(recipe.seed, step, recipe.batch)
        images = unit(augmented(np.asarray(pictures.pixels[places]), recipe.seed, step, how=_LIGHT))
        done = forward(weights, images)
        dlogits = _slopes(classifier, done.logits, {level: own[places] for level, own in targets.items()})
        lr = recipe.lr * (1 + cos(pi * step / recipe.steps)) / 2 * min(1.0, (step + 1) / 20)
        for name, gradient in backward(weights, done, dlogits).items():
            decay = recipe.weight_decay if gradient.ndim > 1 else 0.0
            weights[name], *rest = ops.adamw(weights[name], gradient, *moments[name], step + 1, lr, weight_decay=decay)
            moments[name] = (rest[0], rest[1])
    return classifier


def _slopes(classifier: Classifier, logits: Array, targets: dict[str, Array]) -> Array:
    """Return the gradient of the loss by the logits: at each level (p - one at the target) / pictures that have one."""
    slopes = np.zeros_like(logits)
    for level, own in targets.items():
        has, columns = np.flatnonzero(own >= 0), classifier.columns(level)
        part = np.exp(ops.log_softmax(logits[has, columns]))
        part[np.arange(len(has)), own[has]] -= 1
        slopes[has, columns] = part / max(len(has), 1)
    return slopes
