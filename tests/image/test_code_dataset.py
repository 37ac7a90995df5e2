"""Codes with captions: what is written comes back, and what is not whole, or of another tokenizer, is refused."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from wudao_rt import ShapeError, VQConfig, VQTokenizer
from wudao_rt.data import DataError
from wudao_rt.data.pictures import Picture, PictureRecord, on_white, write_pictures
from wudao_rt.image import CodeDataset, encode_dataset, write_code_dataset
from wudao_rt.image.code_file import write_codes

CODES = np.arange(3 * 2 * 4).reshape(3, 2, 4)
RECORDS = [PictureRecord("a/1", "a", captions=("an apple", "苹果")), PictureRecord("b", "b", split="validation"),
           PictureRecord("c", "c", name_en="pizza", name_zh="披萨", keywords_en=("cheese", "slice"))]
TOKENIZER = "f" * 64


@pytest.fixture
def folder(tmp_path) -> Path:
    write_code_dataset(tmp_path / "set", CODES, RECORDS, 24, TOKENIZER)
    return tmp_path / "set"


def test_what_is_written_comes_back(folder) -> None:
    found = CodeDataset(folder, TOKENIZER)
    assert len(found) == 3 and found.records == RECORDS and (found.book, found.tokenizer) == (24, TOKENIZER)
    assert isinstance(found.codes, np.memmap) and found.codes.dtype == np.uint16
    for i in range(3):
        codes, captions = found[i]
        np.testing.assert_array_equal(codes, CODES[i])
        assert captions == (RECORDS[i].captions or captions)
    assert found[0][1] == ("an apple", "苹果") and found[1][1] == ()
    assert "pizza" in found[2][1] and "披萨" in found[2][1] and "cheese, slice" in found[2][1]
    np.testing.assert_array_equal(found.indices(), [0, 2])
    np.testing.assert_array_equal(found[-1][0], CODES[2])
    with pytest.raises(ValueError, match="read-only"):
        found[0][0][0, 0] = 1


def cut(path: Path, size: int) -> None:
    path.write_bytes(path.read_bytes()[:size])


def with_header(path: Path, **changes: object) -> None:
    """Change what the head of a file of codes says, and the room that it takes."""
    content = path.read_bytes()
    length = int.from_bytes(content[8:12], "little")
    codes = content[-(-(12 + length) // 64) * 64 :]
    text = json.dumps(json.loads(content[12 : 12 + length]) | changes).encode()
    head = content[:8] + len(text).to_bytes(4, "little") + text
    path.write_bytes(head.ljust(-(-len(head) // 64) * 64, b"\0") + codes)



@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda f: cut(f / "pictures.codes", -2), "expected a whole file of codes, got 46 bytes of codes for"),
        (lambda f: cut(f / "pictures.codes", 100), "expected a whole file of codes"),
        (lambda f: cut(f / "pictures.codes", 0), "expected a whole file of codes, got other bytes at its beginning"),
        (lambda f: with_header(f / "pictures.codes", dtype="<i8"), "expected a whole file of codes, got a header of"),
        (lambda f: with_header(f / "pictures.codes", dtype="<u4"), "got 48 bytes of codes for 3 x 2 x 4"),
        (lambda f: with_header(f / "pictures.codes", shape=[3, 4, 4]), "got 48 bytes of codes for 3 x 4 x 4"),
        (lambda f: with_header(f / "pictures.codes", codes=23), "got the code 23 of a tokenizer that has 23"),
        (lambda f: with_header(f / "pictures.codes", sha256="0" * 64), "got codes whose checksum differs"),
        (lambda f: with_header(f / "pictures.codes", names=["a", "b", "c"]), "expected the 3 pictures whose codes lie"),
        (lambda f: (f / "pictures.codes").unlink(), "expected a file of codes, got: No such file"),
        (lambda f: (f / "pictures.jsonl").unlink(), "expected records of pictures, got: No such file"),
        (lambda f: cut(f / "pictures.jsonl", -5), "expected the records that were written with the codes beside them"),
        (lambda f: (f / "pictures.jsonl").write_text("{}\n"), "expected the records that were written with the codes"),
        (lambda f: write_codes(f / "pictures.codes", CODES, 24, TOKENIZER), "expected the records that were written"),
    ],
)
def test_what_is_not_whole_is_refused(folder, damage, message: str) -> None:  # check 32
    damage(folder)
    with pytest.raises(DataError, match=message) as error:
        CodeDataset(folder, TOKENIZER)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("line", ["nothing", "[]", '{"id": "a"}', '{"id": "a", "base": "a", "x": 1}'])
def test_records_that_are_none_are_refused(folder, line: str) -> None:
    text = (line + "\n").encode()
    (folder / "pictures.jsonl").write_bytes(text)
    with_header(folder / "pictures.codes", records=sha256(text).hexdigest())
    with pytest.raises(DataError, match=r"pictures\.jsonl: expected records of pictures, got: "):
        CodeDataset(folder)


def test_codes_of_another_tokenizer_are_refused(folder) -> None:  # check 32
    with pytest.raises(DataError, match=r"expected codes of the tokenizer abcabcabcabc\.\.\., got those of ffff"):
        CodeDataset(folder, "abc" * 20)
    assert len(CodeDataset(folder)) == 3


@pytest.mark.parametrize(
    ("codes", "records", "message"),
    [
        (CODES, RECORDS[:2], "write_code_dataset: records: expected 3, one for each picture, got 2"),
        (CODES + 1, RECORDS, "codes: expected numbers from 0 to 23, got 1 to 24"),
        (CODES / 2, RECORDS, r"codes: expected integers \(pictures, height, width\), got float64"),
    ],
)
def test_what_does_not_fit_is_not_written(tmp_path, codes, records, message: str) -> None:
    with pytest.raises(ShapeError, match=message):
        write_code_dataset(tmp_path / "set", codes, records, 24, TOKENIZER)
    assert not (tmp_path / "set").exists() or not list((tmp_path / "set").iterdir())


def test_a_place_that_cannot_be_written_is_told() -> None:
    with pytest.raises(DataError, match="/proc/none/set: expected to write a data set of codes, got: "):
        write_code_dataset("/proc/none/set", CODES, RECORDS, 24, TOKENIZER)


@pytest.mark.parametrize("source", ["packed", "pairs", "lines"])
def test_pictures_of_any_source_are_encoded(tmp_path, source: str) -> None:
    """From the command line: packed pictures, name.png with name.txt, JSON lines."""
    tokenizer = VQTokenizer(VQConfig(channels=8, residual_blocks=0, codes=16, code_width=4), seed=2)
    tokenizer.save(tmp_path / "model")
    home, rng = tmp_path / "pictures", np.random.default_rng(0)
    home.mkdir()
    made = [Picture(PictureRecord(f"{i}", f"{i}", captions=(f"colour {i}", f"颜色 {i}")),
                    np.concatenate([np.broadcast_to(rng.integers(0, 256, 3), (16, 16, 3)), np.full((16, 16, 1), 255)],
                                   axis=2).astype(np.uint8)) for i in range(70)]
    if source == "packed":
        write_pictures(home, made, size=16)
    for record, pixels in made if source != "packed" else ():
        Image.fromarray(pixels).save(home / f"{record.id.zfill(2)}.png")
        (home / f"{record.id.zfill(2)}.txt").write_text("\n".join(record.captions), encoding="utf-8")
    if source == "lines":
        (home / "all.jsonl").write_text("".join(
            json.dumps({"image": f"{r.id.zfill(2)}.png", "text": list(r.captions)}) + "\n" for r, _ in made))
    named = home / "all.jsonl" if source == "lines" else home
    done = subprocess.run([sys.executable, "-m", "wudao_rt", "image", "encode-dataset", str(named), "--model",
                           str(tmp_path / "model"), "--to", str(tmp_path / "set"), "--size", "16"], capture_output=True,
                          text=True, timeout=60, env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)})
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip().endswith("70 pictures of 4 x 4 codes")
    found = CodeDataset(tmp_path / "set", tokenizer)
    np.testing.assert_array_equal(found.codes, tokenizer.encode(on_white(np.stack([pixels for _, pixels in made]))))
    assert [found[i][1] for i in range(70)] == [record.captions for record, _ in made]


def test_no_pictures_are_no_data_set(tmp_path) -> None:
    with pytest.raises(DataError, match="expected pictures to encode, got none"):
        encode_dataset(tmp_path / "set", [], VQTokenizer(VQConfig.preset("small")))
