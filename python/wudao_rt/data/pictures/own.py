"""Your own pictures: a folder of pictures with caption files, or JSON lines."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

from ..errors import DataError
from ..own_text.reading import read_utf8
from .decoding import read_square
from .record import Picture, PictureRecord

SUFFIXES = (".png", ".jpg", ".jpeg", ".webp")
HELD_OUT_SHARE = 0.01


def read_folder(path: Path | str, size: int, crop: bool = True, held_out: float = HELD_OUT_SHARE) -> Iterator[Picture]:
    """Yield the pictures below a folder: `name.png` with its captions in `name.txt`, one a line.

    Args:
        path: searched with its subfolders for `.png .jpg .jpeg .webp`, in the order of their names; hidden files and
            files of other kinds are passed over.
        size: S, width and height that they get.
        crop: cut pictures that are not square around their centre; False refuses them.
        held_out: share of split `report`, by the SHA-256 of the file; the same picture is held out wherever it lies.

    Returns: pictures with uint8 [S, S, 4], one at a time, for `write_pictures`.

    Raises:
        DataError: no folder, no picture in it, a picture that cannot be read, captions that are missing or empty, or a
            `.txt` without its picture.
    """
    folder = Path(path).expanduser()
    files = _files(folder)
    pictures = [file for file in files if file.suffix.lower() in SUFFIXES]
    if not pictures:
        raise DataError(f"data pictures: {folder}: expected pictures ({', '.join(SUFFIXES)}), found none among "
                        f"{len(files)} files. Check the path.")
    _require_pairs(files, pictures)
    return (_picture(file, str(file.relative_to(folder)), _lines(file.with_suffix(".txt")), size, crop, held_out)
            for file in pictures)


def read_jsonl(path: Path | str, size: int, crop: bool = True, held_out: float = HELD_OUT_SHARE) -> Iterator[Picture]:
    """Yield the pictures that JSON lines name: {"image": path, "text": caption or list of captions}.

    Args:
        path: the file; the paths in it are relative to its folder.
        size, crop, held_out: as for `read_folder`.

    Returns: pictures with uint8 [S, S, 4], one at a time, for `write_pictures`.

    Raises:
        DataError: a line that is no such object, or a picture that cannot be read.
    """
    listing = Path(path).expanduser()
    for number, line in enumerate(read_utf8(listing).split("\n"), 1):
        if line.strip():
            name, texts = _entry(f"{listing}:{number}", line)
            yield _picture(listing.parent / name, name, texts, size, crop, held_out)


def _picture(file: Path, name: str, texts: list[str], size: int, crop: bool, held_out: float) -> Picture:
    pixels = read_square(file, size, crop)
    place = int.from_bytes(hashlib.sha256(file.read_bytes()).digest()[:4], "big") / 2**32
    split = "report" if place < held_out else "train"
    return Picture(PictureRecord(name, name, vendor="own", split=split, captions=tuple(texts)), pixels)


def _files(folder: Path) -> list[Path]:
    if not folder.is_dir():
        raise DataError(f"data pictures: {folder}: expected a folder, there is none. Check the path.")
    found = (file for file in folder.rglob("*") if file.is_file())
    return sorted(file for file in found if not any(part.startswith(".") for part in file.relative_to(folder).parts))


def _require_pairs(files: list[Path], pictures: list[Path]) -> None:
    shown = {file.with_suffix("") for file in pictures}
    alone = [file for file in files if file.suffix == ".txt" and file.with_suffix("") not in shown]
    if alone:
        raise DataError(f"data pictures: {alone[0]}: expected a picture of the same name ({', '.join(SUFFIXES)}), "
                        "there is none. Save it in one of these formats, or move the text out of the folder.")


def _lines(file: Path) -> list[str]:
    if not file.is_file():
        raise DataError(f"data pictures: {file}: expected the picture's captions, there is no such file. Write them "
                        "there, one a line.")
    lines = [line.strip() for line in read_utf8(file).split("\n") if line.strip()]
    if not lines:
        raise DataError(f"data pictures: {file}: expected a caption, the file is empty. Write one, one a line.")
    return lines


def _entry(place: str, line: str) -> tuple[str, list[str]]:
    try:
        entry = json.loads(line)
    except ValueError as error:
        raise DataError(f"data pictures: {place}: expected one JSON object a line, got: {error}. Repair or remove the "
                        "line.") from error
    name = entry.get("image") if isinstance(entry, dict) else None
    texts = entry.get("text") if isinstance(entry, dict) else None
    texts = [texts] if isinstance(texts, str) else texts
    if not (isinstance(name, str) and name and isinstance(texts, list) and texts and all(map(_is_caption, texts))):
        raise DataError(f'data pictures: {place}: expected {{"image": path, "text": caption or list of captions}}, got '
                        f"{line[:80]}. Write it so.")
    return name, texts


def _is_caption(text: object) -> bool:
    return isinstance(text, str) and bool(text.strip())
