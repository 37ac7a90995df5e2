"""Where fetched packages and prepared corpora live, and how something gets there whole or not at all."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .errors import DataError


def cache_root() -> Path:
    """Return the cache folder: `WUDAO_CACHE`, else `XDG_CACHE_HOME/wudao_rt`, else `~/.cache/wudao_rt`."""
    named = os.environ.get("WUDAO_CACHE")
    if named:
        return Path(named).expanduser().absolute()
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base).expanduser().absolute() / "wudao_rt"


@contextmanager
def scratch_folder(root: Path) -> Iterator[Path]:
    """Yield an empty folder on the file system of `root`, so that a finished part can be renamed into place."""
    try:
        root.mkdir(parents=True, exist_ok=True)
        made = Path(tempfile.mkdtemp(prefix=".unfinished-", dir=root))
    except OSError as error:
        raise DataError(
            f"data: cache: expected a folder to write to, {root} gave '{error.strerror}'. "
            "Set WUDAO_CACHE to a folder that you may write to."
        ) from error
    try:
        yield made
    finally:
        shutil.rmtree(made, ignore_errors=True)


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
