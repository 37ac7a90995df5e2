"""The emoji corpus from made packages: a missing name, an empty cell, and which sheets are read."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile

import numpy as np
import pytest
from PIL import Image
from wudao_rt import data
from wudao_rt.data import DataError, pins
from wudao_rt.data.package import Package
from wudao_rt.data.pictures import Pictures

HEART, WAVE, TONE = "2764-FE0F", "1F44B", "1F44B-1F3FB"
CELLS = {HEART: (0, 0), WAVE: (0, 1), TONE: (1, 0)}


def _entry(unified: str, **more) -> dict:
    column, row = CELLS[unified]
    return {"unified": unified, "sheet_x": column, "sheet_y": row, "category": "Objects", "subcategory": "toy", **more}


def _sheet(empty: str = "") -> bytes:
    """Return a sheet of 2 x 2 cells; every picture has the colour of its place, every border is green."""
    sheet = np.full((68, 68, 4), (0, 255, 0, 255), np.uint8)
    for unified, (column, row) in CELLS.items():
        colour = (column, row, 9, 0 if unified == empty else 255)
        sheet[row * 34 + 1 : row * 34 + 33, column * 34 + 1 : column * 34 + 33] = colour
    file = io.BytesIO()
    Image.fromarray(sheet).save(file, "PNG")
    return file.getvalue()


def _names(*emoji: str) -> dict:
    return {one: {"default": [f"word {one}"], "tts": [f"name {one}"]} for one in emoji}


def _pin(monkeypatch, cache, name: str, files: dict[str, bytes]) -> None:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for path, content in files.items():
            entry = tarfile.TarInfo(f"package/{path}")
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    archive = f"{name}-1.tgz"
    package = Package("npm", name, "1", "free", "a shelf", 0.1,
                      {archive: hashlib.sha256(buffer.getvalue()).hexdigest()})
    monkeypatch.setitem(pins.PACKAGES, name, package)
    package.folder(cache).mkdir(parents=True)
    (package.folder(cache) / archive).write_bytes(buffer.getvalue())


@pytest.fixture
def packages(cache, monkeypatch):
    """Return a function that makes the three packages."""

    def make(derived: dict, empty: str = "") -> None:
        entries = [_entry(HEART), _entry(WAVE, skin_variations={"1F3FB": _entry(TONE)})]
        sheets = {f"img/{vendor}/sheets/32.png": _sheet(empty) for vendor in ("google", "twitter")}
        closed = {f"img/{vendor}/sheets/32.png": b"not to be read" for vendor in ("apple", "facebook")}
        _pin(monkeypatch, cache, "emoji-datasource", {"emoji.json": json.dumps(entries).encode(), **sheets, **closed})
        for kind, found in (("annotations", _names("\u2764", "\U0001f44b")), ("annotationsDerived", derived)):
            content = json.dumps({kind: {"annotations": found}}).encode()
            name = "cldr-annotations-full" if kind == "annotations" else "cldr-annotations-derived-full"
            _pin(monkeypatch, cache, name, {f"{kind}/{code}/annotations.json": content for code in ("en", "zh")})

    return make


def test_names_come_from_both_packages_and_the_full_one_first(packages) -> None:
    packages({**_names("\U0001f44b\U0001f3fb"), "\u2764": {"default": ["other"], "tts": ["other"]}})
    corpus = data.prepare("emoji", progress=False)
    pictures = Pictures(corpus.path)
    assert [(one.id, one.name_en, one.split, one.skin_tone) for one in pictures.records[:3]] == [
        (f"google/{HEART}", "name \u2764", "untouched", False), (f"google/{WAVE}", "name \U0001f44b", "train", False),
        (f"google/{TONE}", "name \U0001f44b\U0001f3fb", "skin_tone", True)]
    assert pictures.pixels[:, :, :, :2].reshape(6, -1, 2).max(axis=1).tolist() == [list(c) for c in CELLS.values()] * 2
    assert corpus.card["records"] == {"train": 2, "validation": 0, "report": 0, "untouched": 2, "skin_tone": 2,
                                      "excluded": 0}
    assert [record.title for record in corpus.records("untouched")] == ["name \u2764"] * 2


def test_an_emoji_without_a_name_stops_the_preparation(packages, cache) -> None:
    packages({})
    with pytest.raises(DataError, match=r"names in 'en' for all 3 emoji, 1 have none \(1F44B-1F3FB\)\. Use the pinned"):
        data.prepare("emoji", progress=False)
    assert not list((cache / "prepared").glob("*"))


def test_an_empty_cell_stops_the_preparation(packages) -> None:
    packages(_names("\U0001f44b\U0001f3fb"), empty=WAVE)
    with pytest.raises(DataError, match="expected a picture at column 0, row 1, the cell is empty"):
        data.prepare("emoji", progress=False)


def test_records_of_an_unknown_split_are_refused(packages) -> None:
    packages(_names("\U0001f44b\U0001f3fb"))
    corpus = data.prepare("emoji", progress=False)
    with pytest.raises(DataError, match=r"split: expected one of train, .*, validation, skin_tone, got 'pictures'"):
        corpus.records("pictures")
