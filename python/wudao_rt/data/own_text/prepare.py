"""Turn a user's files into a prepared corpus."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterable
from pathlib import Path

from ..cache import publish, scratch_folder
from ..errors import DataError
from ..prepared import PreparedCorpus, write_card
from ..record import Record, RecordWriter
from .duplicates import NEAR, Duplicates, find_duplicates
from .reading import SourceText, find_files, read_files

HELD_OUT_SHARE = 0.01
NAME = "own-text"


def prepare_files(paths: Iterable[Path | str], folder: Path | str, field: str = "text", near: float | None = NEAR,
                  held_out: float = HELD_OUT_SHARE) -> PreparedCorpus:
    """Read, de-duplicate and split a user's files; return the corpus, written to `folder`.

    A text is held out (split `report`) if its SHA-256, read as a fraction, is below `held_out`, so that the same text
    is held out whatever else is in the folder. If that takes none of several texts, the one with the lowest hash is
    taken.

    Args:
        paths: files and folders; folders are searched for `.txt` and `.jsonl`.
        folder: where the corpus goes; a corpus that is already there is replaced once the new one is complete.
        field: the key of the text in `.jsonl` lines.
        near: similarity of near duplicates, see `find_duplicates`; None keeps them.
        held_out: share to hold out.

    Raises:
        DataError: files that cannot be read (with file and line), or no text in any of them.
    """
    files, ignored = find_files(paths)
    texts = list(read_files(files, field))
    if not texts:
        raise DataError(f"data: files: expected text, all {len(files)} files are empty. Put text into them.")
    found = find_duplicates([text.text for text in texts], near)
    about = {"files": [str(file) for file in files], "ignored_files": [str(file) for file in ignored]}
    return _write(Path(folder), _split([texts[i] for i in found.kept], held_out), found, about)


def _split(texts: list[SourceText], share: float) -> list[Record]:
    places = [_fraction(text.text) for text in texts]
    held = {i for i, place in enumerate(places) if place < share}
    if share > 0 and not held and len(texts) > 1:
        held = {places.index(min(places))}
    return [Record(text.text, text.place, "report" if i in held else "train", "own", NAME, language="")
            for i, text in enumerate(texts)]


def _fraction(text: str) -> float:
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big") / 2**32


def _write(folder: Path, records: list[Record], found: Duplicates, about: dict[str, object]) -> PreparedCorpus:
    summary = f"texts of your own, files read: {len(about['files'])}"
    card = {"name": NAME, "summary": summary, "domains": ["own"], "packages": [],
            "removed": {"exact": found.exact, "near": found.near}, **about}
    with scratch_folder(folder.absolute().parent) as made:
        part = made / "corpus"
        write_card(part, RecordWriter(part).write_all(records), card)
        if (folder / "card.json").is_file():
            shutil.rmtree(folder)
        elif folder.exists() and any(folder.iterdir()):
            raise DataError(f"data: folder: expected an empty or new folder, {folder} holds other files. "
                            "Name another one.")
        elif folder.exists():
            folder.rmdir()
        publish(part, folder)
    return PreparedCorpus(NAME, folder)
