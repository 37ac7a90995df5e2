"""Files that are whole or not there."""

from __future__ import annotations

import os
from pathlib import Path

PART = ".part"


def write_whole(path: Path, content: str | bytes) -> None:
    """Write a file beside its place, push it to the disk and move it there; on failure what was there stays.

    Raises:
        OSError: it cannot be written; nothing is left over.
    """
    part = path.with_name(path.name + PART)
    try:
        with part.open("wb") as file:
            file.write(content.encode() if isinstance(content, str) else content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, path)
    except OSError:
        part.unlink(missing_ok=True)
        raise


def reason(error: Exception) -> str:
    """Return why a file could not be read or written, without number and path."""
    return getattr(error, "strerror", None) or str(error)
