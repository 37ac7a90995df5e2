"""Finding captions, with a planted model; and sorting pictures by a caption."""

from __future__ import annotations

import numpy as np
import pytest
from wudao_rt import CogView
from wudao_rt.cogview.ranking import best_first
from wudao_rt.data.pictures import Pictures
from wudao_rt.evaluation.images.held_out import PictureSet, held_out
from wudao_rt.evaluation.images.retrieval import candidates, hits, measure_retrieval, one_of_each_base


class Planted:
    """Stand in for a model that knows which caption fits, or that knows nothing."""

    def __init__(self, held: PictureSet, knows: bool) -> None:
        self._names = {codes.tobytes(): {record.name_en, record.name_zh}
                       for codes, record in zip(held.codes, held.records, strict=True)}
        self._knows = knows

    def image_loss(self, texts: list[str], codes: np.ndarray, truncate: bool) -> np.ndarray:
        right = [text in self._names[one.tobytes()] for text, one in zip(texts, codes, strict=True)]
        return -np.array(right, float) if self._knows else np.ones(len(texts))

    def caption_loss(self, texts: list[str], codes: np.ndarray, truncate: bool) -> np.ndarray:
        return -self.image_loss(texts, codes, truncate)  # the worst that can be


@pytest.fixture
def held(model: CogView, pictures: Pictures) -> PictureSet:
    assert model.image_tokenizer is not None
    found = held_out(pictures, model.image_tokenizer, "report")
    distinct = np.arange(len(found) * 64).reshape(-1, 8, 8)
    return PictureSet(found.records, found.images, distinct)


def test_who_knows_finds_every_caption(held: PictureSet) -> None:
    found = list(measure_retrieval(Planted(held, True), held, sizes=(2, 16, 64)))  # type: ignore[arg-type]
    assert {(r.of["language"], r.of["by"], r.measure): r.value for r in found} == {
        (language, by, f"right caption of {size}"): float(by == "picture likelihood")
        for language in ("en", "zh") for by in ("picture likelihood", "caption loss") for size in (2, 16)}
    assert {r.chance for r in found} == {1 / 2, 1 / 16}


def test_who_knows_nothing_finds_what_chance_gives(held: PictureSet) -> None:
    found = list(measure_retrieval(Planted(held, False), held, sizes=(16,)))  # type: ignore[arg-type]
    assert [r.value for r in found] == [1 / 16] * 4


def test_others_are_different_and_the_seed_chooses_them() -> None:
    texts = [f"t{i}" for i in range(20)]
    for place, offered in enumerate(candidates(texts, 8, seed=1)):
        assert offered[0] == texts[place] and len(set(offered)) == 8
    assert candidates(texts, 8, seed=1) == candidates(texts, 8, seed=1) != candidates(texts, 8, seed=2)
    assert [one[:4] for one in candidates(texts, 8, seed=1)] == candidates(texts, 4, seed=1)


def test_equal_losses_share_the_hit() -> None:
    np.testing.assert_allclose(hits(np.array([[0.0, 1, 2], [0, 0, 1], [0, 0, 0], [1, 0, 2]])), [1, 0.5, 1 / 3, 0])


def test_each_base_is_asked_for_once_and_vendors_in_turn(held: PictureSet) -> None:
    places = one_of_each_base(held)
    asked = [held.records[place] for place in places]
    assert len({record.base for record in asked}) == len(asked) == len(set(held.bases))
    assert {record.vendor for record in asked} == {"google", "twitter"}


def test_pictures_are_sorted_by_their_caption_loss(model: CogView) -> None:
    codes = np.random.default_rng(0).integers(0, 32, (9, 8, 8))
    order, losses = best_first(model, "red 1", codes)
    np.testing.assert_array_equal(losses, model.caption_loss("red 1", codes))
    assert sorted(order) == list(range(9)) and np.all(np.diff(losses[order]) >= 0)
    twice = best_first(model, "red 1", codes[[0, 0, 0]])[0]
    np.testing.assert_array_equal(twice, [0, 1, 2])
