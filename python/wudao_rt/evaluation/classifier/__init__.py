"""emoji-cnn: a small classifier of pictures, the judge of drawn ones. It has seen originals only, never a tokenizer's.

    from wudao_rt.evaluation.classifier import emoji_cnn

    classifier = emoji_cnn(pictures)                     # trained on their split `train` on first use
    classifier.predict(images, "category")               # int64 (N,) places in classifier.classes["category"]
    classifier.chances(images, "category")               # p(class | picture), float64 (N, classes)
    classifier.features(images)                          # float32 (N, 64), the layer before the classes
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wudao_rt.lazy import lazy

if TYPE_CHECKING:
    from wudao_rt.evaluation.classifier.classifier import LEVELS, Classifier
    from wudao_rt.evaluation.classifier.folder import emoji_cnn
    from wudao_rt.evaluation.classifier.learning import Recipe, train_classifier

__all__ = ["LEVELS", "Classifier", "Recipe", "emoji_cnn", "train_classifier"]

__getattr__, __dir__ = lazy(__name__, {
    "classifier": ("LEVELS", "Classifier"),
    "folder": ("emoji_cnn",),
    "learning": ("Recipe", "train_classifier"),
})
