"""The rule for pictures on hashes computed by hand (`printf %s NAME | sha256sum`)."""

from __future__ import annotations

import pytest
from wudao_rt.data.held_out import PICTURE_SPLITS, picture_split


@pytest.mark.parametrize(("base", "split"), [
    ("1F191", "report"),  # 052c...
    ("2764-FE0F", "untouched"),  # 163d...
    ("1F1E6-1F1F1", "validation"),  # 2b42...
    ("1F355", "train"),  # 3442...
    ("1F469-200D-1F680", "train"),  # f...
])
def test_the_first_digit_of_the_base_decides(base: str, split: str) -> None:
    assert picture_split(base) == split


def test_a_skin_tone_of_a_training_base_goes_by_its_own_hash() -> None:
    assert picture_split("1F44B", "1F44B-1F3FB") == "skin_tone"  # 966d..., 0a70...
    assert picture_split("1F44B-1F3FB") == "report"  # the same name as a base
    assert picture_split("1F469-200D-1F680", "1F469-1F3FD-200D-1F680") == "train"


def test_a_skin_tone_of_a_held_out_base_follows_it_whatever_its_own_hash() -> None:
    assert picture_split("2764-FE0F", "1F44B-1F3FB") == "untouched"


def test_names_are_ascii_as_the_source_has_them() -> None:
    assert [picture_split(name) for name in ("2764-fe0f", "2764")] == ["train", "train"]  # 53cf..., df97...
    with pytest.raises(UnicodeEncodeError):
        picture_split("\u2764")
    assert PICTURE_SPLITS == ("train", "validation", "report", "untouched", "skin_tone", "excluded")
