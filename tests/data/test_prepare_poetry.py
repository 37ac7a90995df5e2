"""Preparing from a hand-made package: cleaning, splits, tones, cache."""

from __future__ import annotations

import json

import pytest
from data.made_poems import poem_with_byte
from wudao_rt import data
from wudao_rt.data.verse.tones import EITHER, LEVEL, OBLIQUE, ToneClasses

GOOD = "白日依山盡，黃河入海流。|欲窮千里目，更上一層樓。"
STRAINS = ["仄仄平平仄，平平仄仄平。", "仄平平仄仄，○仄仄平平。"]


def _poem(identity: str, text: str, **more: str) -> dict[str, object]:
    return {"id": identity, "title": "題", "author": "某", "paragraphs": text.split("|"), **more}


@pytest.fixture
def prepared(cache, poetry_package):
    held = poem_with_byte(range(0, 4))
    sharing = held.split("。")[0] + "。" + poem_with_byte(range(8, 256), start=500).split("。")[0] + "。"
    tang = [_poem("good", GOOD), _poem("again", GOOD.replace("，", "；")), _poem("held", held),
            _poem("sharing", sharing), _poem("gap", GOOD.replace("依", "□")), _poem("note", GOOD + "（註）"),
            _poem("uneven", "白日依山盡，黃河入海。|欲窮千里目，更上一層樓。"), _poem("empty", "")]
    song = [_poem("song-copy", GOOD), _poem("eight", GOOD.replace("日", "月") + GOOD.replace("山", "水"))]
    primer = {"content": [{"chapter": "x", "paragraphs": [poem_with_byte(range(0, 8), start=9000)]}]}
    poetry_package(cache, {
        "quantangshi/poet.tang.0.json": tang, "quantangshi/poet.song.0.json": song, "mengxue/primer.json": primer,
        "strains/json/poet.tang.0.json": [{"id": "good", "strains": STRAINS}],
        "songci/ci.song.0.json": [{"rhythmic": "如梦令", "author": "某", "paragraphs": ["昨夜雨疏風驟。", "浓睡"]}]})
    return {name: data.prepare(name, progress=False) for name in ("tang-quatrains", "verse", "ci")}


def test_cleaning_keeps_whole_regulated_poems_once_and_simplifies_them(prepared) -> None:
    train = {record.id: record for record in prepared["verse"].records("train")}
    assert train.keys() == {"good", "eight"}
    assert train["good"].text == "白日依山尽，黄河入海流。欲穷千里目，更上一层楼。"
    assert (train["good"].form, train["good"].source, train["good"].title) == ("五绝", "tang", "题")
    assert (train["eight"].form, train["eight"].source) == ("五律", "song")


def test_held_out_and_sharing_poems_are_not_in_train(prepared) -> None:
    splits = {split: [record.id for record in prepared["tang-quatrains"].records(split)] for split in data.SPLITS}
    assert splits == {"train": ["good"], "report": ["held"], "untouched": [], "excluded": ["sharing"]}
    assert all(record.split == "report" for record in prepared["verse"].records("report"))


def test_tones_are_counted_over_aligned_training_poems(prepared) -> None:
    tones = ToneClasses.load(prepared["verse"])
    assert (tones.of("白"), tones.of("山"), tones.of("更"), tones.of("雪")) == (OBLIQUE, LEVEL, EITHER, EITHER)


def test_ci_keep_their_tune_name_and_end_in_a_mark(prepared) -> None:
    (record,) = (r for split in data.SPLITS for r in prepared["ci"].records(split))
    assert (record.text, record.title, record.domain) == ("昨夜雨疏风骤。浓睡。", "如梦令", "ci")


def test_card_names_source_licence_and_counts(prepared) -> None:
    card = prepared["tang-quatrains"].to_json()
    assert card["records"] == {"train": 1, "report": 1, "untouched": 0, "excluded": 1}
    assert prepared["tang-quatrains"].licence == "chinese-poetry: test"
    assert "train 1" in prepared["tang-quatrains"].summary()
    json.dumps(card)


def test_a_second_call_uses_the_prepared_folder(prepared, cache) -> None:
    (cache / "packages").rename(cache / "gone")
    assert data.prepare("verse").path == prepared["verse"].path


def test_nothing_unfinished_is_left_behind(prepared, cache) -> None:
    assert sorted(path.name for path in cache.iterdir()) == ["packages", "prepared"]


def test_prepare_reads_a_carried_folder(cache, poetry_package, tmp_path) -> None:
    poetry_package(tmp_path / "usb", {"quantangshi/poet.tang.0.json": [_poem("good", GOOD)]})
    assert [r.id for r in data.prepare("verse", source=tmp_path / "usb", progress=False).records()] == ["good"]


def test_a_carried_folder_without_the_package_is_one_clear_error(cache, tmp_path) -> None:
    with pytest.raises(data.DataError, match=r"chinese-poetry: expected version 2\.0\.1 below .*fetch NAME --to DIR"):
        data.prepare("verse", source=tmp_path, progress=False)


def test_unknown_names_are_one_clear_error(cache, prepared) -> None:
    with pytest.raises(data.DataError, match=r"corpus: expected one of tang-quatrains, verse.*got 'tang'"):
        data.prepare("tang")
    with pytest.raises(data.DataError, match="split: expected one of train, report"):
        prepared["verse"].records("test")
