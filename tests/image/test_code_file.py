"""Files of codes: what is written comes back, and what is not whole is refused."""

from __future__ import annotations

import numpy as np
import pytest
from wudao_rt import ShapeError
from wudao_rt.data import DataError
from wudao_rt.image.code_file import read_codes, write_codes

CODES = np.arange(2 * 3 * 4).reshape(2, 3, 4)


@pytest.mark.parametrize(("book", "kind"), [(24, np.uint16), (2**16, np.uint16), (2**16 + 1, np.uint32)])
def test_what_is_written_comes_back(tmp_path, book: int, kind: type) -> None:
    write_codes(tmp_path / "a.codes", CODES, book, "f" * 64, ["苹果", "b"])
    found = read_codes(tmp_path / "a.codes")
    np.testing.assert_array_equal(found.codes, CODES)
    assert found.codes.dtype == kind and isinstance(found.codes, np.memmap)
    assert (found.book, found.tokenizer, found.names) == (book, "f" * 64, ("苹果", "b"))


def test_no_pictures_are_a_file_too(tmp_path) -> None:
    write_codes(tmp_path / "a.codes", np.zeros((0, 8, 8), int), 16, "")
    assert read_codes(tmp_path / "a.codes").codes.shape == (0, 8, 8)


def test_every_byte_counts(tmp_path) -> None:
    path = tmp_path / "a.codes"
    write_codes(path, CODES, 24, "f", ["a", "b"])
    whole = path.read_bytes()
    padding = whole.index(b"}", 12)  # the end of the header; zeros follow up to the codes
    for place in range(len(whole)):
        if padding < place < len(whole) - CODES.size * 2 or chr(whole[place]) in 'ab" ':
            continue  # padding and names say nothing about the codes
        changed = bytearray(whole)
        changed[place] ^= 1
        path.write_bytes(changed)
        try:
            found = read_codes(path)
        except DataError:
            continue
        np.testing.assert_array_equal(found.codes, CODES, str(place))
    for size in range(len(whole)):
        path.write_bytes(whole[:size])
        with pytest.raises(DataError, match=r"expected a (whole )?file of codes"):
            read_codes(path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "other bytes at its beginning"),
        (b"GIF89a" * 10, "other bytes at its beginning"),
        (b"WUDAOVQC" + b"\xff" * 4 + b"{}", "other bytes at its beginning"),
        (b"WUDAOVQC" + (2).to_bytes(4, "little") + b"[]", "a header of"),
        (b"WUDAOVQC" + (2).to_bytes(4, "little") + b"{x", "a header that is not JSON"),
    ],
)
def test_other_files_are_refused(tmp_path, content: bytes, message: str) -> None:
    (tmp_path / "a.codes").write_bytes(content)
    with pytest.raises(DataError, match=message):
        read_codes(tmp_path / "a.codes")


@pytest.mark.parametrize(
    ("codes", "names", "message"),
    [
        (np.zeros((2, 2), int), (), r"codes: expected integers \(pictures, height, width\), got int64 \(2, 2\)"),
        (np.zeros((1, 2, 2)), (), "codes: expected integers"),
        (np.full((1, 2, 2), 24), (), "codes: expected numbers from 0 to 23, got 24 to 24"),
        (np.full((1, 2, 2), -1), (), "codes: expected numbers from 0 to 23, got -1"),
        (np.zeros((1, 2, 2), int), ("a", "b"), "names: expected 1, one for each picture, got 2"),
    ],
)
def test_what_are_no_codes_is_not_written(tmp_path, codes, names, message: str) -> None:
    with pytest.raises(ShapeError, match=message):
        write_codes(tmp_path / "a.codes", codes, 24, "", names)
    assert not list(tmp_path.iterdir())
