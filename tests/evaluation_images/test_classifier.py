"""emoji-cnn: its gradients, that it learns, that the same comes of it every time, and how it lies on disk."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from wudao_rt import CheckpointError, _core, ops
from wudao_rt.data import DataError
from wudao_rt.data.pictures import PictureRecord, Pictures, on_white
from wudao_rt.evaluation.classifier import Classifier, Recipe, emoji_cnn, train_classifier
from wudao_rt.evaluation.classifier import folder as folder_module
from wudao_rt.evaluation.classifier.classifier import classes_of, label
from wudao_rt.evaluation.classifier.network import backward, first_weights, forward

SHORT = Recipe(steps=60, batch=32)


@pytest.fixture(scope="module")
def classifier(pictures: Pictures) -> Classifier:
    return train_classifier(pictures, SHORT)


def test_gradients_are_central_differences() -> None:
    rng = np.random.default_rng(0)
    weights = {name: array + 0.1 * rng.normal(size=array.shape) for name, array in first_weights(5, 0).items()}
    images, slopes = rng.random((2, 8, 8, 3)), rng.normal(size=(2, 5))
    found = backward(weights, forward(weights, images), slopes)
    for name, array in weights.items():
        for place in rng.integers(0, array.size, 3):
            at, near = np.unravel_index(place, array.shape), []
            for step in (1e-6, -1e-6):
                moved = weights | {name: array.copy()}
                moved[name][at] += step
                near.append((forward(moved, images).logits * slopes).sum())
            assert found[name][at] == pytest.approx((near[0] - near[1]) / 2e-6, rel=1e-4, abs=1e-6), name


def test_it_learns_what_pictures_show(pictures: Pictures, classifier: Classifier) -> None:
    places = pictures.indices("report")
    images, records = on_white(np.asarray(pictures.pixels[places])), [pictures.records[place] for place in places]
    right = classifier.predict(images, "category") == classifier.targets(records, "category")
    assert right.mean() > 0.9  # of four colours
    chances = classifier.chances(images, "category")
    np.testing.assert_allclose(chances.sum(axis=1), 1)
    assert classifier.features(images).shape == (32, 64) and (classifier.features(images) >= 0).all()
    np.testing.assert_array_equal(classifier.predict(images / 255, "category"), classifier.predict(images, "category"))


def test_the_same_comes_of_it_on_any_number_of_threads(pictures: Pictures) -> None:
    few = Recipe(steps=3, batch=8)
    try:
        found = []
        for threads in (1, 2):
            _core.set_threads(threads)
            found.append(train_classifier(pictures, few).fingerprint())
    finally:
        _core.set_threads(0)
    assert found[0] == found[1] != train_classifier(pictures, Recipe(steps=3, batch=8, seed=1)).fingerprint()


def test_classes_are_what_enough_things_bear() -> None:
    records = [PictureRecord(f"{i}", f"b{i // 2}", category="ab"[i % 4 // 2] if i < 20 else "c") for i in range(22)]
    assert classes_of(records, 2) == {"category": ("a", "b")}
    assert classes_of(records, 1) == {"category": ("a", "b", "c")}
    assert classes_of(records, 6) == {}
    told = Classifier({}, {"category": ("a", "b")}).targets(records[18:], "category")
    np.testing.assert_array_equal(told, [1, 1, -1, -1])


def test_only_one_tone_is_a_tone() -> None:
    def tone(unified: str, skin_tone: bool = True) -> str:
        return label(PictureRecord("a", "a", unified, skin_tone=skin_tone), "skin tone")

    assert tone("1F44B-1F3FE") == "medium-dark" and tone("1F468-1F3FB-200D-1F9AF") == "light"
    assert tone("1F469-1F3FB-200D-2764-FE0F-200D-1F468-1F3FF") == "" == tone("1F3FB", skin_tone=False)
    assert tone("1F9D1-1F3FD-200D-1F91D-200D-1F9D1-1F3FD") == "medium"


def test_levels_lie_one_after_the_other() -> None:
    two = Classifier({}, {"category": ("a", "b"), "subcategory": ("c", "d", "e")})
    assert (two.columns("category"), two.columns("subcategory")) == (slice(0, 2), slice(2, 5))


def test_it_is_trained_once_and_known_by_its_hash(pictures: Pictures, classifier: Classifier, tmp_path: Path,
                                                  monkeypatch: pytest.MonkeyPatch) -> None:
    place = tmp_path / "deep" / "judge"
    first = emoji_cnn(pictures, place, SHORT)
    said = json.loads((place / "classifier.json").read_text())
    assert first.fingerprint() == classifier.fingerprint() == said["sha256"]
    monkeypatch.setattr(folder_module, "train_classifier", lambda *_: pytest.fail("trained again"))
    again = emoji_cnn(pictures, place)
    image = on_white(np.asarray(pictures.pixels[:1]))
    np.testing.assert_array_equal(again.chances(image, "category"), first.chances(image, "category"))
    assert again.classes == first.classes


def test_the_cache_holds_one_for_each_recipe(pictures: Pictures, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
                                             ) -> None:
    monkeypatch.setenv("WUDAO_CACHE", str(tmp_path))
    for seed in (0, 1, 0):
        emoji_cnn(pictures, recipe=Recipe(steps=1, batch=8, seed=seed))
    assert len(list((tmp_path / "classifiers").glob("emoji-cnn-*"))) == 2


@pytest.mark.parametrize(("change", "message"), [
    ("weights", "got weights whose checksum differs"),
    ("classes", "got weights of another shape"),
    ("description", "got no description that can be read"),
    ("pictures", "expected one with pictures = "),
    ("gone", "expected a file of weights, got none"),
])
def test_a_damaged_classifier_is_refused(pictures: Pictures, tmp_path: Path, change: str, message: str) -> None:
    place = tmp_path / "judge"
    emoji_cnn(pictures, place, Recipe(steps=1, batch=8))
    about, weights = place / "classifier.json", place / "model.safetensors"
    said = json.loads(about.read_text())
    if change == "weights":
        raw = bytearray(weights.read_bytes())
        raw[-2] ^= 1
        weights.write_bytes(raw)
    elif change == "gone":
        weights.unlink()
    else:
        said |= {"classes": {"classes": {"category": ["a", "b"]}}, "pictures": {"pictures": "0" * 64}}.get(change, {})
        about.write_text("[]" if change == "description" else json.dumps(said))
    with pytest.raises(CheckpointError, match=message):
        emoji_cnn(pictures, place)
    shutil.rmtree(place)


def test_pictures_without_categories_teach_nothing(pictures: Pictures) -> None:
    with pytest.raises(DataError, match="classifier: pictures: expected at least two categories of 99 things"):
        train_classifier(pictures, Recipe(least=99))


def test_log_softmax_of_one_level_leaves_the_other_alone() -> None:
    weights = first_weights(5, 0)
    two = Classifier(weights, {"category": ("a", "b"), "subcategory": ("c", "d", "e")})
    image = np.zeros((1, 8, 8, 3))
    logits = forward(weights, image).logits
    np.testing.assert_allclose(two.chances(image, "subcategory"), np.exp(ops.log_softmax(logits[:, 2:])), rtol=1e-5)
