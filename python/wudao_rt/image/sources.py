"""Pictures with captions by what a person names: a corpus, a folder, or JSON lines."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from wudao_rt import data
from wudao_rt.data.pictures import Picture, Pictures, read_folder, read_jsonl
from wudao_rt.data.pictures.writing import ABOUT


def open_pictures(source: str, size: int) -> Iterable[Picture]:
    """Return the pictures of a corpus, of a folder that `write_pictures` filled, or a person's own.

    Args:
        source: name of a corpus; a folder; or a file of JSON lines.
        size: width and height that a person's own pictures get.

    Raises:
        wudao_rt.data.DataError: there are no such pictures.
    """
    path = Path(source)
    if path.is_dir():
        return _each(Pictures(path)) if (path / ABOUT).is_file() else read_folder(path, size)
    if path.suffix == ".jsonl":
        return read_jsonl(path, size)
    return _each(Pictures(data.prepare(source).path))


def _each(pictures: Pictures) -> Iterator[Picture]:
    return (pictures[i] for i in range(len(pictures)))
