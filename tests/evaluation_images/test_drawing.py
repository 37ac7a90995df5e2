"""What is drawn, how it is judged, what was copied, what is completed: with planted models and classifiers."""

from __future__ import annotations

import numpy as np
import pytest
from wudao_rt import CogView
from wudao_rt.data.pictures import PictureRecord, Pictures, on_white
from wudao_rt.evaluation.images.completion import completions
from wudao_rt.evaluation.images.drawing import Drawn, Sampling, draw, shifted_codes, together
from wudao_rt.evaluation.images.held_out import held_out
from wudao_rt.evaluation.images.judged import accuracies, likeness
from wudao_rt.evaluation.images.memorisation import memorised, nearest
from wudao_rt.evaluation.images.prompts import SEEN, TONES, UNSEEN, Prompts, prompts_of


class Reader:
    """Stand in for a classifier: a picture's class is the value of its first pixel, in eighths."""

    classes = {"category": ("a", "b", "c")}  # noqa: RUF012  # a table that nobody changes

    def predict(self, images: np.ndarray, level: str) -> np.ndarray:
        return np.rint(images[:, 0, 0, 0].astype(float) * 8).astype(int)

    def targets(self, records: list[PictureRecord], level: str) -> np.ndarray:
        return np.array(["abc".find(record.category) for record in records])

    def chances(self, images: np.ndarray, level: str) -> np.ndarray:
        return np.eye(3)[self.predict(images, level)]

    def features(self, images: np.ndarray) -> np.ndarray:
        return images[:, :1, :1, 0].reshape(-1, 1).astype(float)


def planted(seen: list[list[int]], wanted: str, best: list[int], real: list[int]) -> Drawn:
    """Return pictures of these classes, drawn for texts of those."""
    records = [PictureRecord(f"{i}", f"b{i}", category=name) for i, name in enumerate(wanted)]
    images = np.broadcast_to(np.array(seen)[:, :, None, None, None] / 8, (*np.shape(seen), 4, 4, 3))
    real_images = np.broadcast_to(np.array(real)[:, None, None, None] / 8, (len(real), 4, 4, 3))
    codes = np.array(seen)[:, :, None, None].repeat(2, 2).repeat(2, 3)
    real_codes = np.array(real)[:, None, None].repeat(2, 1).repeat(2, 2)
    prompts = Prompts(UNSEEN, list(wanted), records, np.arange(len(real)))
    losses = 1.0 - (np.arange(images.shape[1]) == np.array(best)[:, None])
    return Drawn(prompts, codes, images, losses, real_images, [f"b{i}" for i in range(len(real))], real_codes,
                 real_images)


def test_accuracies_by_hand() -> None:
    drawn = planted([[0, 0, 1, 2], [0, 0, 0, 0], [2, 2, 1, 1]], "abc", best=[0, 1, 2], real=[0, 1, 1])
    found = {r.measure: r for r in accuracies(drawn, Reader(), {"category": np.array([0, 1, 2])})}  # type: ignore[arg-type]
    value = {name: result.value for name, result in found.items()}
    assert value["accuracy, real pictures"] == pytest.approx(2 / 3)
    assert value["accuracy, random of 4"] == pytest.approx((0.5 + 0 + 0.5) / 3)
    assert value["accuracy, best of 4"] == pytest.approx(1 / 3)
    assert value["accuracy, oracle of 4"] == pytest.approx(2 / 3)
    assert value["best of 4 minus random of 4"] == pytest.approx(0)
    assert found["accuracy, random of 4"].chance == pytest.approx(1 / 3)  # each class is asked for once


def test_a_choice_that_knows_beats_a_random_one() -> None:
    seen = [[i % 3, (i + 1) % 3, (i + 1) % 3, (i + 2) % 3] for i in range(40)]
    drawn = planted(seen, "".join("abc"[i % 3] for i in range(40)), best=[0] * 40, real=[0] * 3)
    found = {r.measure: r for r in accuracies(drawn, Reader(), {"category": np.zeros(3, int)})}  # type: ignore[arg-type]
    gain = found["best of 4 minus random of 4"]
    assert gain.value == pytest.approx(0.75) and gain.low is not None and gain.low > 0


def test_groups_are_judged_together_too() -> None:
    few = planted([[0, 1]], "a", best=[0], real=[0])
    many = planted([[2, 2], [1, 0], [2, 2]], "cbc", best=[0, 1, 0], real=[1, 2])
    both = together([few, many])
    targets = {"category": np.array([0, 1, 1])}
    found = {r.measure: r for r in accuracies(both, Reader(), targets)}  # type: ignore[arg-type]
    gain = found["best of 2 minus random of 2"]
    assert gain.of["group"] == "all" and gain.n == 4
    assert gain.value == pytest.approx((0.5 + 0 - 0.5 + 0) / 4)
    assert found["accuracy, random of 2"].value == pytest.approx((0.5 + 1 + 0.5 + 1) / 4)
    assert found["accuracy, real pictures"].value == pytest.approx(2 / 3)


def test_texts_without_a_class_are_left_out() -> None:
    drawn = planted([[0, 0], [1, 1]], "ax", best=[0, 0], real=[0, 1])
    found = {r.measure: r for r in accuracies(drawn, Reader(), {"category": np.array([0, -1])})}  # type: ignore[arg-type]
    assert found["accuracy, random of 2"].n == 1 and found["accuracy, real pictures"].n == 1


def test_distance_of_drawn_and_real_pictures() -> None:
    drawn = planted([[1, 2], [1, 2]], "ab", best=[0, 0], real=[1, 1, 2, 2])
    found = list(likeness(drawn, Reader()))  # type: ignore[arg-type]
    score = {r.of["level"] + r.measure.split(",")[-1]: r.value for r in found if "score" in r.measure}
    assert score == pytest.approx({"category drawn": 2, "category real": 2})
    distance = [r.value for r in found if "distance" in r.measure]
    assert len(distance) == 2 * (4 + 3) and max(distance) < 1e-12
    assert all("Inception" not in r.measure and "FID" not in r.measure for r in found)


def test_copies_are_found() -> None:
    learned = np.arange(3)[:, None, None].repeat(2, 1).repeat(2, 2)
    drawn = planted([[0, 5], [7, 0]], "ab", best=[0, 0], real=[1, 2])
    found = {(r.of["set"], r.measure): r.value for r in memorised(drawn, learned)}
    assert found["drawn", "exact copies of learned pictures"] == 0.5
    assert found["drawn", "codes unlike the nearest learned picture"] == 0.5
    assert found["real", "exact copies of learned pictures"] == 1


def test_nearest_is_that_of_all_pairs() -> None:
    rng = np.random.default_rng(0)
    codes, learned = rng.integers(0, 4, (20, 3, 3)), rng.integers(0, 4, (50, 3, 3)).astype(np.uint16)
    wanted = [min((one != other).sum() for other in learned) for one in codes]
    np.testing.assert_array_equal(nearest(codes, learned), wanted)


def test_what_is_drawn_is_chosen_by_place(pictures: Pictures) -> None:
    groups = {one.group: one for one in prompts_of(pictures, "report")}
    assert list(groups) == [SEEN, TONES, UNSEEN]
    assert len(groups[UNSEEN].texts) == len(groups[SEEN].texts) == 16 and len(groups[TONES].texts) == 1
    assert {record.split for record in groups[SEEN].records} == {"train"}
    assert groups[UNSEEN].texts[:2] == [groups[UNSEEN].records[0].name_en, groups[UNSEEN].records[1].name_zh]
    real = [pictures.records[place] for place in groups[UNSEEN].real]
    assert len(real) == 32 and {one.base for one in real} == set(groups[UNSEEN].bases)
    assert [len(one.texts) for one in prompts_of(pictures, "report", 4)] == [4, 1, 4]


def test_pictures_do_not_depend_on_what_else_is_drawn(model: CogView, pictures: Pictures) -> None:
    (few,) = (one for one in prompts_of(pictures, "report", 6) if one.group == UNSEEN)
    drawn = draw(model, few, pictures, Sampling(n=2, seed=3))
    assert drawn.codes.shape == (6, 2, 8, 8) and drawn.images.shape == (6, 2, 16, 16, 3)
    alone = model.draw([few.texts[5]], 2, 1.0, 100, 3)[0]
    np.testing.assert_array_equal(drawn.codes[5], alone)
    losses = model.caption_loss([few.texts[5]], alone)
    assert drawn.best[5] == losses.argmin()


def test_learned_pictures_are_known_wherever_they_are_moved(model: CogView, pictures: Pictures) -> None:
    codes = shifted_codes(model, pictures)
    train = pictures.indices("train")
    assert codes.shape == (9 * len(train), 8, 8)
    assert model.image_tokenizer is not None
    moved = np.zeros_like(pictures.pixels[train[:1]])
    moved[:, 1:] = pictures.pixels[train[:1], :-1]
    assert nearest(model.image_tokenizer.encode(on_white(moved)), codes)[0] == 0


def test_completion_is_judged_by_what_is_not_kept(model: CogView, pictures: Pictures, monkeypatch: pytest.MonkeyPatch
                                                  ) -> None:
    assert model.image_tokenizer is not None
    asked = held_out(pictures, model.image_tokenizer, "report")
    texts = asked.texts("en")

    def knows(own: list[str], codes: np.ndarray, keep: np.ndarray, **_: object) -> np.ndarray:
        right = np.array([text == texts[np.flatnonzero((asked.codes == one).all((1, 2)))[0]]
                          for text, one in zip(own, codes, strict=True)])
        wrong = np.where(keep, codes, (codes + 1) % 32)
        return np.where(right[:, None, None], codes, wrong)[:, None]

    monkeypatch.setattr(model, "complete", knows)
    found = {(r.of["kept"], r.measure): r.value for r in completions(model, asked, texts)}
    for kept in ("25 %", "50 %", "75 %"):
        assert found[kept, "codes right, true caption"] == 1
        assert found[kept, "codes right, true minus shuffled"] == 1 - found[kept, "codes right, shuffled caption"]
        assert found[kept, "psnr of the rest (dB), true caption"] == found[kept, "psnr of the rest (dB), true codes"]
