"""The stamps of the Debian package, really fetched and prepared: sizes of the survey, and what is held out."""

from __future__ import annotations

import hashlib

import pytest
from wudao_rt import data
from wudao_rt.data.pictures import Pictures

SPLITS = {"0": "report", "1": "untouched", "2": "validation"}


@pytest.fixture(scope="module")
def pictures() -> Pictures:
    return Pictures(data.prepare("stamps").path)


def test_stamps_are_whole_and_mostly_in_chinese(pictures, capsys) -> None:
    assert (len(pictures), pictures.size) == (785, 64)
    assert sum(bool(record.name_zh) for record in pictures.records) == 713
    assert all(record.name_en for record in pictures.records)
    assert pictures.pixels[..., 3].reshape(785, -1).any(axis=1).all()
    with capsys.disabled():
        print(f"\nstamps: {pictures.about['splits']}")


def test_splits_are_those_of_the_rule_and_no_held_out_name_is_to_be_trained_on(pictures) -> None:
    held = set()
    for record in pictures.records:
        split = SPLITS.get(hashlib.sha256(record.base.encode("ascii")).hexdigest()[0], "train")
        assert record.split == split or (split, record.split) == ("train", "excluded")
        held |= {record.name_en, record.name_zh} - {""} if split != "train" else set()
    train = [record for record in pictures.records if record.split == "train"]
    assert len(train) > 600
    assert not [record.id for record in train if held & {record.name_en, record.name_zh}]
