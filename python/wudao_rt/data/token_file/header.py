"""The first 4096 bytes of a token file: a mark, then JSON; and the checksum of all that follows."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any, BinaryIO

from ..errors import DataError

MAGIC = b"WUDAOTOK"
FORMAT = 1
HEADER_BYTES = 4096


def write_header(file: BinaryIO, about: dict[str, Any]) -> None:
    """Write the header over the first bytes and bring the file to disk."""
    text = json.dumps(about, ensure_ascii=False).encode()
    if len(MAGIC) + len(text) > HEADER_BYTES:
        raise DataError("data: token file: domain labels: expected short names, they do not fit the header. "
                        "Use fewer or shorter labels.")
    file.seek(0)
    file.write((MAGIC + text).ljust(HEADER_BYTES, b" "))
    file.flush()
    os.fsync(file.fileno())


def read_header(path: Path) -> dict[str, Any]:
    """Return the header of a token file."""
    try:
        with path.open("rb") as file:
            head = file.read(HEADER_BYTES)
    except OSError as error:
        raise DataError(f"data: {path}: expected a token file, got '{error.strerror}'. "
                        "Prepare the corpus first.") from error
    try:
        about = json.loads(head[len(MAGIC) :])
    except ValueError:
        about = {}
    if head[: len(MAGIC)] != MAGIC or about.get("format") != FORMAT:
        raise DataError(f"data: {path}: expected a token file of format {FORMAT}, it is not one. "
                        "Remove it and prepare it again.")
    return about


def checksum(path: Path) -> str:
    """Return the SHA-256 of what follows the header."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        file.seek(HEADER_BYTES)
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
