"""Your own pictures: what is read properly, and one clear line for what cannot be read."""

from __future__ import annotations

import json
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from wudao_rt.data import DataError
from wudao_rt.data.pictures import Pictures, SampleKey, captions, read_folder, read_jsonl, write_pictures
from wudao_rt.data.pictures.decoding import read_square


def _save(path: Path, pixels: np.ndarray, **options) -> Path:
    Image.fromarray(pixels).save(path, **options)
    return path


def _plain(width: int = 16, height: int = 16, colour=(200, 100, 50)) -> np.ndarray:
    return np.full((height, width, 3), colour, np.uint8)


def _png(width: int, height: int, rows: bytes = b"", depth: int = 8, colour: int = 0) -> bytes:
    """Return a PNG written by hand: header, one block of data, end."""
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


@pytest.fixture
def folder(tmp_path) -> Path:
    for name, text in (("a", "a red cat\n\n一只红猫\n"), ("b", "a dog")):
        _save(tmp_path / f"{name}.png", _plain())
        (tmp_path / f"{name}.txt").write_text(text, encoding="utf-8")
    return tmp_path


def test_a_folder_becomes_packed_pictures(folder, tmp_path) -> None:
    _save(folder / "c.webp", _plain(20, 16), lossless=True)
    (folder / "c.txt").write_text("a bird", encoding="utf-8")
    (folder / "notes.md").write_text("not a picture")
    write_pictures(tmp_path / "packed", read_folder(folder, 8), 8)
    pictures = Pictures(tmp_path / "packed")
    assert [record.id for record in pictures.records] == ["a.png", "b.png", "c.webp"]
    assert pictures.records[0].captions == ("a red cat", "一只红猫")
    assert {captions(pictures.records[0], SampleKey(1, 0, i)) for i in range(99)} == {"", "a red cat", "一只红猫"}
    assert np.unique(pictures.pixels.reshape(-1, 4), axis=0).tolist() == [[200, 100, 50, 255]]


def test_json_lines(folder) -> None:
    lines = [{"image": "a.png", "text": "one"}, {"image": "b.png", "text": ["two", "zwei"]}]
    (folder / "list.jsonl").write_text("\n".join(map(json.dumps, lines)) + "\n\n")
    assert [one.record.captions for one in read_jsonl(folder / "list.jsonl", 8)] == [("one",), ("two", "zwei")]


def test_the_same_picture_is_held_out_wherever_it_lies(folder) -> None:
    kept = {one.record.split for one in read_folder(folder, 8, held_out=0)}
    held = {one.record.split for one in read_folder(folder, 8, held_out=1)}
    assert (kept, held) == ({"train"}, {"report"})


def test_16_bits_become_8(tmp_path) -> None:
    rows = b"".join(b"\0" + struct.pack(">16H", *[0x8000 + 128] * 16) for _ in range(16))
    (tmp_path / "grey.png").write_bytes(_png(16, 16, rows, depth=16))
    assert np.unique(read_square(tmp_path / "grey.png", 8).reshape(-1, 4), axis=0).tolist() == [[128, 128, 128, 255]]
    rows = b"".join(b"\0" + struct.pack(">48H", *[0xFFFF, 0x8000, 0] * 16) for _ in range(16))
    (tmp_path / "rgb.png").write_bytes(_png(16, 16, rows, depth=16, colour=2))
    assert np.unique(read_square(tmp_path / "rgb.png", 8).reshape(-1, 4), axis=0).tolist() == [[255, 128, 0, 255]]


def test_cmyk_palettes_and_grey_become_colours(tmp_path) -> None:
    Image.new("CMYK", (16, 16), (0, 255, 255, 0)).save(tmp_path / "a.jpg", quality=95)
    assert np.abs(read_square(tmp_path / "a.jpg", 8).astype(int) - [255, 0, 0, 255]).max() <= 4
    Image.new("L", (16, 16), 77).save(tmp_path / "a.png")
    assert np.unique(read_square(tmp_path / "a.png", 8).reshape(-1, 4), axis=0).tolist() == [[77, 77, 77, 255]]
    palette = Image.new("P", (16, 16), 1)
    palette.putpalette([0, 0, 0, 9, 8, 7])
    palette.save(tmp_path / "p.png", transparency=1)
    assert read_square(tmp_path / "p.png", 8)[..., 3].max() == 0


def test_odd_metadata_does_not_matter(tmp_path) -> None:
    exif = b"Exif\0\0II*\0\x08\0\0\0\xff\xff" + bytes(9)  # says 65535 entries, has none
    _save(tmp_path / "a.jpg", _plain(), exif=exif)
    assert read_square(tmp_path / "a.jpg", 8).shape == (8, 8, 4)


def test_what_is_not_square_is_cropped_around_its_centre_or_refused(tmp_path) -> None:
    wide = np.concatenate([_plain(8, 16, (0, 0, 0)), _plain(), _plain(8, 16, (0, 0, 0))], axis=1)
    _save(tmp_path / "wide.png", wide)
    assert np.unique(read_square(tmp_path / "wide.png", 16).reshape(-1, 4), axis=0).tolist() == [[200, 100, 50, 255]]
    with pytest.raises(DataError, match=r"wide.png: expected a square, got 32 by 16\. Crop it, or read with crop=True"):
        read_square(tmp_path / "wide.png", 16, crop=False)


def test_a_photograph_is_turned_upright(tmp_path) -> None:
    halves = np.concatenate([_plain(16, 8, (0, 0, 0)), _plain(16, 8, (255, 255, 255))])
    exif = Image.Exif()
    exif[0x0112] = 3  # upside down
    _save(tmp_path / "a.png", halves, exif=exif)
    assert read_square(tmp_path / "a.png", 8)[[0, -1], 4, 0].tolist() == [255, 0]


WHOLE = _png(16, 16, bytes(17 * 16))


@pytest.mark.parametrize(("content", "text"), [
    (b"", r"expected a picture, the file is empty\. Check the path"),
    (b"no picture", r"expected a whole PNG, JPEG or WebP picture, got: cannot identify image file"),
    (WHOLE[:40], r"expected a whole PNG, JPEG or WebP picture, got: "),
    (WHOLE[:45] + b"\xff" + WHOLE[46:], r"expected a whole PNG, JPEG or WebP picture, got: "),
    (_png(1, 1, bytes(2)), r"expected at least 4 by 4 pixels, got 1 by 1\. Move it"),
    (_png(9000, 9000, bytes(9)), r"expected at most 64,000,000 pixels, got 9000 by 9000\. It is not unpacked"),
    (_png(60000, 60000, bytes(9)), r"expected at most 64,000,000 pixels, got more"),
    (b"GIF89a" + bytes(99), r"expected a whole PNG, JPEG or WebP picture, got: cannot identify"),
])
def test_a_bad_file_is_one_clear_line(tmp_path, content, text) -> None:
    file = tmp_path / "bad.png"
    file.write_bytes(content)
    with pytest.raises(DataError, match=text) as caught:
        read_square(file, 8)
    assert str(caught.value).startswith(f"data pictures: {file}: ")
    assert "\n" not in str(caught.value)


def test_every_cut_that_loses_pixels_is_told(tmp_path) -> None:
    noise = np.random.default_rng(1).integers(0, 256, (16, 16, 3), dtype=np.uint8)
    for suffix in ("png", "jpg", "webp"):
        raw = _save(tmp_path / f"whole.{suffix}", noise).read_bytes()
        for end in range(0, len(raw) - 20, 7):  # the last 20 bytes of a PNG are checksums and its end
            (tmp_path / "cut").write_bytes(raw[:end])
            with pytest.raises(DataError, match="cut: expected a"):
                read_square(tmp_path / "cut", 8)


@pytest.mark.parametrize(("name", "content", "text"), [
    ("b.txt", None, r"b.txt: expected the picture's captions, there is no such file"),
    ("b.txt", b"\n \n", r"b.txt: expected a caption, the file is empty"),
    ("b.txt", b"\xff\xfe", r"b.txt:1: expected UTF-8 text"),
    ("z.txt", b"text", r"z.txt: expected a picture of the same name .*, there is none"),
])
def test_captions_that_are_missing_or_alone_are_told(folder, name, content, text) -> None:
    (folder / name).unlink() if content is None else (folder / name).write_bytes(content)
    with pytest.raises(DataError, match=text):
        list(read_folder(folder, 8))


@pytest.mark.parametrize(("line", "text"), [
    ("{", "list.jsonl:1: expected one JSON object a line, got: "),
    ("[1]", r'list.jsonl:1: expected {"image": path, "text": caption or list of captions}, got \[1\]'),
    ('{"image": "a.png"}', 'expected {"image": path'),
    ('{"image": "a.png", "text": []}', 'expected {"image": path'),
    ('{"image": "a.png", "text": ["a", " "]}', 'expected {"image": path'),
    ('{"image": "x.png", "text": "a"}', r"x.png: expected a picture, there is no such file"),
])
def test_a_bad_line_is_told(folder, line, text) -> None:
    (folder / "list.jsonl").write_text(line)
    with pytest.raises(DataError, match=text):
        list(read_jsonl(folder / "list.jsonl", 8))


def test_a_folder_without_pictures_is_told(tmp_path) -> None:
    with pytest.raises(DataError, match=r"expected pictures .*, found none among 0 files"):
        read_folder(tmp_path, 8)
    with pytest.raises(DataError, match="expected a folder, there is none"):
        read_folder(tmp_path / "nowhere", 8)
