"""Packed pictures: what is written comes back, and damage is told."""

from __future__ import annotations

import numpy as np
import pytest
from data.pictures.made_pictures import PIZZA, picture, square
from wudao_rt.data import DataError
from wudao_rt.data.pictures import Picture, Pictures, PictureSampler, write_pictures


@pytest.fixture
def folder(tmp_path):
    pictures = [Picture(PIZZA, square()), picture("b", "report"), picture("c", skin_tone=True)]
    write_pictures(tmp_path, pictures, 32)
    return tmp_path


def test_pictures_come_back_mapped(folder) -> None:
    pictures = Pictures(folder)
    assert (len(pictures), pictures.size) == (3, 32)
    assert isinstance(pictures.pixels, np.memmap)
    assert pictures[0].record == PIZZA
    assert np.array_equal(pictures[0].pixels, square())
    assert pictures.indices("train").tolist() == [0, 2]
    assert pictures.indices("train", vendor="twitter").tolist() == [0]
    assert pictures.about["splits"]["report"] == 1
    assert np.array_equal(np.load(folder / "pictures.npy"), pictures.pixels)


def test_no_picture_at_all(tmp_path) -> None:
    write_pictures(tmp_path, [], 8)
    assert len(Pictures(tmp_path)) == 0


def test_an_unknown_split_is_told(folder) -> None:
    with pytest.raises(DataError, match=r"split: expected one of train, validation, .*, got 'test'"):
        Pictures(folder).indices("test")


def test_another_size_is_refused(tmp_path) -> None:
    with pytest.raises(DataError, match=r"a: expected uint8 pixels \[16, 16, 4\], got uint8 \[32, 32, 4\]"):
        write_pictures(tmp_path, [picture("a")], 16)


@pytest.mark.parametrize(("file", "change", "why"), [
    ("pictures.npy", lambda raw: raw[:-1] + b"x", "its checksum differs"),
    ("pictures.npy", lambda raw: raw[:-9], "packed pictures, got"),
    ("pictures.npy", lambda raw: b"", "packed pictures, got"),
    ("pictures.jsonl", lambda raw: raw.split(b"\n")[0] + b"\n", "3 pictures and 1 records"),
    ("pictures.jsonl", lambda raw: b'{"idea": 1}\n', "unexpected keyword argument 'idea'"),
    ("pictures.json", lambda raw: raw[:20], "packed pictures, got"),
    ("pictures.json", lambda raw: b"[]", "packed pictures, got"),
])
def test_damage_is_told(folder, file, change, why) -> None:
    path = folder / file
    path.write_bytes(change(path.read_bytes()))
    with pytest.raises(DataError, match=why) as caught:
        Pictures(folder)
    assert "prepare it again" in str(caught.value)


def test_a_folder_without_pictures_is_told(tmp_path) -> None:
    with pytest.raises(DataError, match="expected packed pictures, got: No such file"):
        Pictures(tmp_path / "nowhere")


def test_a_batch_is_a_function_of_seed_and_step(folder) -> None:
    sampler = PictureSampler(Pictures(folder).records)
    batch = sampler.batch(7, 3, 64)
    assert batch.dtype == np.int64
    assert np.array_equal(PictureSampler(Pictures(folder).records).batch(7, 3, 64), batch)
    assert np.array_equal(sampler.batch(7, 3, 16), batch[:16])
    assert not np.array_equal(sampler.batch(7, 4, 64), batch)
    assert not np.array_equal(sampler.batch(8, 3, 64), batch)


def test_skin_tones_are_drawn_at_their_weight_and_other_splits_never(folder) -> None:
    drawn = np.concatenate([PictureSampler(Pictures(folder).records).batch(7, step, 100) for step in range(100)])
    assert set(drawn.tolist()) == {0, 2}
    assert np.mean(drawn == 2) == pytest.approx(0.3 / 1.3, abs=0.017)  # four standard deviations
    never = PictureSampler(Pictures(folder).records, skin_tone=0).batch(7, 0, 100)
    assert set(never.tolist()) == {0}


def test_a_split_without_pictures_cannot_be_drawn_from(folder) -> None:
    with pytest.raises(DataError, match="skin_tone: expected a weight of 0 or more, got -1"):
        PictureSampler(Pictures(folder).records, skin_tone=-1)
    with pytest.raises(DataError, match="expected pictures to draw from in 'validation', none of 3"):
        PictureSampler(Pictures(folder).records, "validation")
