"""emoji-cnn on disk: trained once for each corpus and recipe, and known by its hash."""

from __future__ import annotations

import json
from dataclasses import asdict
from hashlib import sha256
from pathlib import Path

import numpy as np

from wudao_rt.data.cache import cache_root, publish, scratch_folder
from wudao_rt.data.pictures import Pictures
from wudao_rt.errors import CheckpointError
from wudao_rt.evaluation.classifier.classifier import Classifier
from wudao_rt.evaluation.classifier.learning import Recipe, train_classifier
from wudao_rt.evaluation.classifier.network import shapes
from wudao_rt.evaluation.images.progress import Watch, silent
from wudao_rt.files import write_whole
from wudao_rt.model_folder import WEIGHTS, read_weights, save_file

NAME, ABOUT = "emoji-cnn", "classifier.json"
_FORMAT = 1  # of the network and how it is trained: another number makes another classifier


def emoji_cnn(pictures: Pictures, folder: Path | None = None, recipe: Recipe | None = None, watch: Watch = silent
              ) -> Classifier:
    """Return the classifier of a corpus; train it if it is not there yet.

    Args:
        pictures: the corpus, of which its split `train` is learned.
        folder: where it lies or is going to lie; None: in the cache, under what the pictures and the recipe give.
        recipe: of the training; default `Recipe()`. What lies in the folder is taken whatever its recipe.
        watch: is told how far the training is.

    Raises:
        CheckpointError: the folder holds a damaged classifier, or one of other pictures.
        wudao_rt.data.DataError: pictures without categories, or a folder that cannot be written.
    """
    of: dict[str, object] = {"name": NAME, "format": _FORMAT, "pictures": pictures.about["sha256"]}
    about = of | asdict(recipe or Recipe())
    key = sha256(json.dumps(about, sort_keys=True).encode()).hexdigest()[:12]
    place = folder or cache_root() / "classifiers" / f"{NAME}-{key}"
    if not (place / ABOUT).is_file():
        _write(train_classifier(pictures, recipe, watch), place, about)
    return _read(place, of)


def _write(classifier: Classifier, place: Path, about: dict[str, object]) -> None:
    with scratch_folder(place.absolute().parent) as scratch:
        made = scratch / "made"
        made.mkdir()
        save_file(classifier.weights, made / WEIGHTS)
        said = about | {"classes": {level: list(names) for level, names in classifier.classes.items()},
                        "sha256": classifier.fingerprint()}
        write_whole(made / ABOUT, json.dumps(said, ensure_ascii=False, indent=1))
        publish(made, place)


def _read(place: Path, of: dict[str, object]) -> Classifier:
    try:
        said = json.loads((place / ABOUT).read_text(encoding="utf-8"))
        classes = {level: tuple(map(str, names)) for level, names in said["classes"].items()}
        given = {name: said[name] for name in of}
        digest = said["sha256"]
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise _broken(place, f"no description that can be read ({type(error).__name__})") from None
    if other := [name for name in of if given[name] != of[name]]:
        raise CheckpointError(f"classifier: {place}: expected one with {other[0]} = {of[other[0]]}, got "
                              f"{given[other[0]]}. Choose another folder, a new one is trained there.")
    classifier = Classifier({name: np.array(array) for name, array in read_weights(place / WEIGHTS).items()}, classes)
    wanted = shapes(sum(map(len, classes.values())))
    if {name: array.shape for name, array in classifier.weights.items()} != wanted:
        raise _broken(place, "weights of another shape")
    if classifier.fingerprint() != digest:
        raise _broken(place, "weights whose checksum differs")
    return classifier


def _broken(place: Path, why: str) -> CheckpointError:
    return CheckpointError(f"classifier: {place}: expected a whole {NAME}, got {why}. Remove the folder; it is trained "
                           "again.")
