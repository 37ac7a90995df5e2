"""The stamps from a made package: names, splits, what is left out, and how pictures are fitted."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image
from wudao_rt import data
from wudao_rt.data import pins
from wudao_rt.data.held_out import picture_split
from wudao_rt.data.package import Package
from wudao_rt.data.pictures import Pictures

ROOT = "usr/share/tuxpaint/stamps/"


def _path_of(split: str, stem: str) -> str:
    """Return a path whose hash gives the split."""
    return next(path for path in (f"animals/birds/{stem}{i}.png" for i in range(200)) if picture_split(path) == split)


def _package(files: dict[str, str]) -> Package:
    return Package("apt", "tuxpaint-stamps-default", "1", "free", "a shelf", 0.1, files)


@pytest.fixture
def make(cache, monkeypatch):
    """Return a function that makes a package of stamps {path: caption file}, 40 by 20 and red, and one that pins it."""

    def build(stamps: dict[str, str]) -> Path:
        folder = _package({}).folder(cache)
        for name, text in stamps.items():
            path = folder / ROOT / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.with_suffix(".txt").write_text(text, encoding="utf-8")
            Image.new("RGB", (40, 20), (250, 0, 0)).save(path)
        return folder

    def pin(folder: Path) -> data.PreparedCorpus:
        names = (f"{ROOT}**/*.png", f"{ROOT}**/*.txt")
        package = _package({name: _package({}).digest(folder, name) for name in names})
        monkeypatch.setitem(pins.PACKAGES, package.name, package)
        return data.prepare("stamps", progress=False)

    return build, pin


def test_names_lose_article_capitals_and_full_stops(make) -> None:
    build, prepare = make
    path = _path_of("train", "robin")
    folder = build({path: "A Robin.\nde.utf8=Ein Rotkehlchen.\nzh_CN.utf8=一只知更鸟。\nzh_TW.utf8=知更鳥。\n",
                    "naturalforces/x.png": "Ann is here!"})
    (folder / ROOT / "only.txt").write_text("Only an SVG.")
    Image.new("L", (9, 9)).save(folder / ROOT / "mute.png")
    corpus = prepare(folder)
    records = {record.base: record for record in Pictures(corpus.path).records}
    robin, other = records[path], records["naturalforces/x.png"]
    assert (robin.name_en, robin.name_zh) == ("a Robin", "一只知更鸟")
    assert (robin.category, robin.subcategory, robin.vendor) == ("animals", "birds", "tuxpaint")
    assert (other.name_en, other.name_zh) == ("Ann is here!", "")
    assert (other.category, other.subcategory) == ("natural forces", "")
    assert corpus.card["pictures"]["left_out"] == {"captions without PNG": 1, "PNG without caption": 1}
    assert corpus.card["pictures"]["with_chinese"] == 1
    texts = {record.id: record.text for split in corpus.card["records"] for record in corpus.records(split)}
    assert texts[f"zh/{path}"] == "一只知更鸟\n一只知更鸟的图片\n动物：一只知更鸟"
    assert "zh/naturalforces/x.png" not in texts


def test_a_training_stamp_with_a_held_out_name_is_excluded(make) -> None:
    build, prepare = make
    held, same, chinese, free = _path_of("report", "a"), *(_path_of("train", stem) for stem in "bcd")
    corpus = prepare(build({held: "A fly.\nzh_CN.utf8=苍蝇。", same: "A fly.", chinese: "A gnat.\nzh_CN.utf8=苍蝇。",
                            free: "A wasp."}))
    assert {record.base: record.split for record in Pictures(corpus.path).records} == {
        held: "report", same: "excluded", chinese: "excluded", free: "train"}
    assert [record.title for record in corpus.records("train")] == ["a wasp"]


def test_pictures_are_fitted_whole_into_the_middle(make) -> None:
    build, prepare = make
    pixels = Pictures(prepare(build({_path_of("train", "a"): "A fly."})).path).pixels[0]
    assert pixels.shape == (64, 64, 4)
    assert pixels[32].min(axis=0).tolist() == [250, 0, 0, 255]
    rows = pixels[:, :, 3].all(axis=1)
    assert (rows.argmax(), rows.sum()) == (16, 32)
