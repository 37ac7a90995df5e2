"""Read UTF-8 `.txt` and `.jsonl` files; say exactly which file and line cannot be read."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from ..errors import DataError
from .passages import passages

SUFFIXES = (".txt", ".jsonl")
_BYTE_ORDER_MARKS = {b"\xff\xfe": "UTF-16", b"\xfe\xff": "UTF-16"}


@dataclass(frozen=True, slots=True)
class SourceText:
    """A text and where it stands: `file:line`."""

    text: str
    place: str


def find_files(paths: Iterable[Path | str]) -> tuple[list[Path], list[Path]]:
    """Return (files to read, files in folders that have another suffix), each in a fixed order.

    Raises:
        DataError: a path that does not exist, a named file of another kind, or nothing to read at all.
    """
    named = [Path(path).expanduser() for path in paths]
    found: list[Path] = []
    ignored: list[Path] = []
    for path in named:
        for file in _files_of(path):
            (found if file.suffix.lower() in SUFFIXES else ignored).append(file)
    if not found:
        places = ", ".join(map(str, named))
        raise DataError(f"data: files: expected at least one .txt or .jsonl file in {places}, found {_some(ignored)}. "
                        "Put UTF-8 text there under one of these names.")
    return list(dict.fromkeys(found)), list(dict.fromkeys(ignored))


def _files_of(path: Path) -> list[Path]:
    if path.is_dir():
        inside = (file for file in path.rglob("*") if file.is_file())
        return sorted(f for f in inside if not any(part.startswith(".") for part in f.relative_to(path).parts))
    if not path.exists():
        raise DataError(f"data: files: expected a file or folder at {path}, there is none. Check the path.")
    if path.suffix.lower() not in SUFFIXES:
        raise DataError(f"data: {path}: expected a .txt or .jsonl file, got '{path.suffix or path.name}'. "
                        "Save it as UTF-8 text under one of these names.")
    return [path]


def _some(files: list[Path]) -> str:
    if not files:
        return "no file"
    names = [file.name for file in files[:3]] + (["..."] if len(files) > 3 else [])
    return f"{len(files)} of another kind ({', '.join(names)})"


def read_files(files: Iterable[Path], field: str = "text") -> Iterator[SourceText]:
    """Yield every text: the passages of `.txt` files, one text a line of `.jsonl` files; empty ones are left out.

    Args:
        files: what `find_files` returned.
        field: the key that holds the text in `.jsonl` lines.

    Raises:
        DataError: a binary file, another encoding than UTF-8, a line that is not JSON or has no such field.
    """
    for file in files:
        content = read_utf8(file)
        texts = _json_lines(file, content, field) if file.suffix.lower() == ".jsonl" else _plain(file, content)
        yield from (text for text in texts if text.text.strip())


def _plain(file: Path, content: str) -> Iterator[SourceText]:
    return (SourceText(text, f"{file}:{line}") for line, text in passages(content))


def _json_lines(file: Path, content: str, field: str) -> Iterator[SourceText]:
    for number, line in enumerate(content.split("\n"), 1):
        if line.strip():
            yield SourceText(_field(f"{file}:{number}", line, field), f"{file}:{number}")


def _field(place: str, line: str, field: str) -> str:
    try:
        entry = json.loads(line)
    except ValueError as error:
        raise DataError(f"data: {place}: expected one JSON object a line, got: {error}. Repair or remove the line."
                        ) from error
    if not isinstance(entry, dict):
        raise DataError(f"data: {place}: expected a JSON object, got a {type(entry).__name__}. Write "
                        f'{{"{field}": "..."}} there.')
    if not isinstance(entry.get(field), str):
        raise DataError(f"data: {place}: expected a string under '{field}', found the keys "
                        f"{', '.join(sorted(map(str, entry))) or 'none'}. Name the right one with --field.")
    return entry[field]


def read_utf8(file: Path) -> str:
    """Return the text of a file, its line ends as single newlines.

    Raises:
        DataError: a file that cannot be read, a binary one, or another encoding than UTF-8.
    """
    try:
        raw = file.read_bytes()
    except OSError as error:
        raise DataError(f"data: {file}: expected a readable file, got '{error.strerror}'. Check its rights.") from error
    if encoding := _BYTE_ORDER_MARKS.get(raw[:2]):
        raise _not_utf8(file, 1, f"it looks like {encoding}", encoding)
    if 0 in raw:
        raise DataError(f"data: {file}: expected UTF-8 text, it is a binary file (a zero byte at {raw.index(0)}). "
                        "Move it out of the folder.")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        encoding = "GB18030" if _reads_as(raw, "gb18030") else "ISO-8859-1"
        raise _not_utf8(file, line, f"byte 0x{raw[error.start]:02x} cannot stand there", encoding) from error
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _reads_as(raw: bytes, encoding: str) -> bool:
    try:
        raw.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True


def _not_utf8(file: Path, line: int, why: str, encoding: str) -> DataError:
    return DataError(f"data: {file}:{line}: expected UTF-8 text, {why}. Convert the file, for example with "
                     f"`iconv -f {encoding} -t UTF-8 {file.name} > new.txt`, or move it out of the folder.")
