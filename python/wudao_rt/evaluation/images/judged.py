"""What a classifier sees in drawn pictures: whether they show what was asked for, and how they lie beside real ones."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from wudao_rt.evaluation.classifier.classifier import Classifier
from wudao_rt.evaluation.images.distances import blurred, frechet_distance, inception_style_score
from wudao_rt.evaluation.images.drawing import PART, Drawn
from wudao_rt.evaluation.images.intervals import mean_interval
from wudao_rt.evaluation.images.result import Result
from wudao_rt.ops.types import Array

SIGMAS = (0.0, 0.25, 0.5, 1.0)  # of the blur, in pixels
DISTANCE = "emoji-cnn Fréchet distance"


def accuracies(drawn: Drawn, classifier: Classifier, real_targets: dict[str, Array], seed: int = 0) -> Iterator[Result]:
    """Yield how often the classifier sees what was asked for: in real pictures, in what their codes keep of them, in a
    random one of n that were drawn, in the best by CapLoss, and in any of them.

    Random is the mean over all n. Chance is what pictures would get that are drawn without regard to their text: sum
    over classes of how often it is asked for times how often it is seen.

    Args:
        drawn: pictures of one group.
        classifier: that has not seen them.
        real_targets: classes of the real pictures at each level, -1 for none.
        seed: of the intervals.
    """
    for level in classifier.classes:
        of = {"group": drawn.prompts.group, "level": level}
        yield from _real(drawn, classifier, real_targets[level], of, seed)
        targets = classifier.targets(drawn.prompts.records, level)
        has = targets >= 0
        if has.any():
            seen = classifier.predict(drawn.all_images, level).reshape(drawn.codes.shape[:2])[has]
            bases = [base for base, one in zip(drawn.prompts.bases, has, strict=True) if one]
            yield from _drawn(seen, targets[has], drawn.best[has], bases, of, seed)


def _real(drawn: Drawn, classifier: Classifier, targets: Array, of: dict[str, str], seed: int) -> Iterator[Result]:
    has = targets >= 0
    if has.any():
        bases = [base for base, one in zip(drawn.real_bases, has, strict=True) if one]
        for name, images in (("real pictures", drawn.real), ("real pictures from their codes", drawn.kept)):
            right = classifier.predict(images[has], of["level"]) == targets[has]
            yield Result.between(PART, f"accuracy, {name}", mean_interval(right, bases, seed), of)


def _drawn(seen: Array, targets: Array, best: Array, bases: list[str], of: dict[str, str], seed: int
           ) -> Iterator[Result]:
    right = (seen == targets[:, None]).astype(np.float64)
    n = right.shape[1]
    classes = int(max(seen.max(), targets.max())) + 1
    chance = float(np.bincount(seen.ravel(), minlength=classes) / seen.size
                   @ np.bincount(targets, minlength=classes) / len(targets))
    random, chosen = right.mean(axis=1), right[np.arange(len(right)), best]
    for name, each in ((f"random of {n}", random), (f"best of {n}", chosen), (f"oracle of {n}", right.max(axis=1))):
        found = mean_interval(each, bases, seed)
        yield Result.between(PART, f"accuracy, {name}", found, of, chance=chance if each is random else None)
    yield Result.between(PART, f"best of {n} minus random of {n}", mean_interval(chosen - random, bases, seed), of)


def likeness(drawn: Drawn, classifier: Classifier) -> Iterator[Result]:
    """Yield scores of drawn and of real pictures, and the distances between them in the classifier's features.

    Both sets are blurred with sigma k, or the originals alone, for CogView's paper can be read either way; beside them
    stand the distances of what the tokenizer keeps of the real pictures. A set with no more pictures than the
    classifier has features has no distance.

    Args:
        drawn: pictures of one group.
        classifier: whose features are taken.
    """
    group = drawn.prompts.group
    for level, names in classifier.classes.items():
        for what, images in (("drawn", drawn.all_images), ("real", drawn.real)):
            score = inception_style_score(classifier.chances(images, level))
            yield Result(PART, f"emoji-cnn score, at most {len(names)}, {what}", score, len(images),
                         {"group": group, "level": level})
    features = {sigma: classifier.features(blurred(drawn.real, sigma)) for sigma in SIGMAS}
    if min(len(drawn.real), len(drawn.all_images)) <= features[0.0].shape[1]:
        return
    for what, images in (("drawn", drawn.all_images), ("real from codes", drawn.kept)):
        sharp = classifier.features(images)
        for sigma in SIGMAS:
            of = {"group": group, "set": what, "blur": f"{sigma:g} px"}
            both = classifier.features(blurred(images, sigma)) if sigma else sharp
            yield Result(PART, f"{DISTANCE}, both blurred", frechet_distance(both, features[sigma]), len(images), of)
            if sigma:
                one = frechet_distance(sharp, features[sigma])
                yield Result(PART, f"{DISTANCE}, originals blurred", one, len(images), of)
