"""A tokenizer on disk: the library's own file, and ours that says which ids are command tokens."""

from __future__ import annotations

import json
from pathlib import Path

from ...files import write_whole
from ..errors import DataError
from .backend import BACKENDS, Backend
from .special_tokens import LAYOUTS, CommandTokens

ABOUT = "wudao_tokenizer.json"
_FORMAT = 1
_KEYS = {"kind", "commands", "own_tokens", "strip_left", "vocab_multiple"}


def save(folder: Path, backend: Backend, about: dict[str, object]) -> Path:
    """Write both files; the one that says all is well comes last."""
    text = json.dumps({"format": _FORMAT, "kind": backend.kind, **about}, ensure_ascii=False, indent=1)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_whole(folder / backend.file_name, backend.dump())
        write_whole(folder / ABOUT, text)
    except OSError as error:
        raise DataError(f"tokenizer: save: expected to write to {folder}, got '{error.strerror}'. "
                        "Choose another folder or make room.") from error
    return folder


def load(folder: Path) -> tuple[Backend, dict]:
    """Read both files."""
    path = folder / ABOUT
    try:
        about = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise DataError(f"tokenizer: load: expected {ABOUT} in {folder}, it is not there. "
                        "Give the folder that `tokenizer train` wrote.") from None
    except ValueError as error:
        raise DataError(f"tokenizer: load: {path}: expected JSON, got: {error}. Train the tokenizer again.") from error
    if not isinstance(about, dict) or not about.keys() >= _KEYS or about["kind"] not in BACKENDS:
        raise DataError(f"tokenizer: load: {path}: expected the keys {', '.join(sorted(_KEYS))} and a known kind. "
                        "Train the tokenizer again.")
    backend = BACKENDS[about["kind"]]
    return backend.load(folder / backend.file_name), about


def command_tokens(ids: dict[str, int], fix_command_token: bool) -> CommandTokens:
    """Return the command tokens of a file, with the legacy Chinese ids repaired if that is wanted."""
    repaired = LAYOUTS["chinese"].tokens
    if fix_command_token and ids.get("gmask") == ids.get("eop") == repaired.eop:
        ids = {**ids, "gmask": repaired.gmask, "dblock": repaired.dblock}
    return CommandTokens(**ids)
