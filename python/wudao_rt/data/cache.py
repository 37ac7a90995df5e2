"""Where fetched packages and prepared corpora live, and how something gets there whole or not at all."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .errors import DataError

_UNFINISHED = ".unfinished-"
_STALE_SECONDS = 24 * 3600


def cache_root() -> Path:
    """Return the cache folder: `WUDAO_CACHE`, else `XDG_CACHE_HOME/wudao_rt`, else `~/.cache/wudao_rt`."""
    named = os.environ.get("WUDAO_CACHE")
    if named:
        return Path(named).expanduser().absolute()
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base).expanduser().absolute() / "wudao_rt"


@contextmanager
def scratch_folder(root: Path) -> Iterator[Path]:
    """Yield an empty folder on the file system of `root`, so that a finished part can be renamed into place.

    Raises:
        DataError: the folder cannot be made, or what is written there fails (a full disk, missing rights).
    """
    made: Path | None = None
    try:
        root.mkdir(parents=True, exist_ok=True)
        _sweep(root)
        made = Path(tempfile.mkdtemp(prefix=_UNFINISHED, dir=root))
        yield made
    except OSError as error:
        raise DataError(
            f"data: {root}: expected to write there, got '{error.strerror or error}'. Make room, or choose another "
            "folder (the cache is where WUDAO_CACHE says)."
        ) from error
    finally:
        if made:
            shutil.rmtree(made, ignore_errors=True)


def _sweep(root: Path) -> None:
    """Remove what interrupted runs left behind, once it is so old that nobody can be writing it any more."""
    for left in root.glob(_UNFINISHED + "*"):
        if left.stat().st_mtime < time.time() - _STALE_SECONDS:
            shutil.rmtree(left, ignore_errors=True)


def publish(made: Path, target: Path) -> Path:
    """Rename a finished file or folder into place; if another process was faster, keep what it made."""
    target.parent.mkdir(parents=True, exist_ok=True)
    if made.is_file():
        os.replace(made, target)
        return target
    try:
        os.rename(made, target)
    except OSError:
        if not target.is_dir():
            raise
    return target
