"""Configs as files: reading, `--set`, writing."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, get_type_hints

import tomli_w

from wudao_rt.config.settings import build, refuse_unknown
from wudao_rt.config.tables import LENGTHS, Config
from wudao_rt.errors import ConfigError, shown

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


def load_config(path: Path | str, changes: Iterable[str] = (), kind: type[Any] = Config) -> Any:
    """Read a config from a TOML file.

    Args:
        path: the file.
        changes: `table.key=value` texts, as of `--set`, applied in order.
        kind: dataclass of its tables.
    Raises:
        ConfigError: no such file, broken TOML, an unknown key (with the nearest known one), a value of the wrong type
            or outside its range; the message names the key.
    """
    return parse_config(_read(Path(path)), changes, kind)


def parse_config(tables: Mapping[str, Any], changes: Iterable[str] = (), kind: type[Any] = Config) -> Any:
    """Build a config from nested dicts, as TOML gives them.

    Example:
        >>> parse_config({"train": {"steps": 10}}, ["train.lr=1e-4"]).train.lr
        0.0001
    """
    known = [f.name for f in fields(kind)]
    made = {}
    for name, table in tables.items():
        refuse_unknown(name, known, "config: table")
        made[name] = dict(table) if isinstance(table, dict) else table
    for change in changes:
        _apply(made, change, known)
    kinds = get_type_hints(kind)
    return kind(**{name: build(kinds[name], table, name) for name, table in made.items()})


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigError(f"config: {path}: expected a TOML file, got none. Check the path.") from None
    except (UnicodeDecodeError, OSError) as error:
        raise ConfigError(f"config: {path}: expected a readable UTF-8 file, got: {error}. Check the file.") from None
    except (ValueError, RecursionError) as error:  # a number of thousands of digits is a plain ValueError
        raise ConfigError(f"config: {path}: expected TOML, got: {shown(error)}. Correct the file.") from None


def _apply(tables: dict[str, Any], change: str, known: list[str]) -> None:
    key, equals, text = change.partition("=")
    path = key.strip().split(".")
    if not equals or len(path) < 2:
        raise ConfigError(f"config: --set: expected table.key=value, got '{shown(change)}'. "
                          "Write it like --set train.lr=1e-3.")
    refuse_unknown(path[0], known, "--set: table")
    old = tables.get("train", {})
    if path[0] == "train" and path[-1] in LENGTHS and isinstance(old, dict):  # a new length replaces the old
        tables["train"] = {k: v for k, v in old.items() if k not in LENGTHS}
    target = tables
    for name in path[:-1]:
        inner = target.get(name, {})
        target[name] = dict(inner) if isinstance(inner, dict) else {}
        target = target[name]
    target[path[-1]] = _value(text.strip())


def _value(text: str) -> Any:
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except (ValueError, RecursionError):
        return text  # a bare word is a string


def to_tables(table: Any, layout: bool = True) -> dict[str, Any]:
    """Return a config dataclass as nested dicts without what is None.

    Args:
        table: a dataclass.
        layout: keep the settings that only say how this machine does the work.
    """
    out: dict[str, Any] = {}
    for f in fields(table):
        value = getattr(table, f.name)
        if value is None or (f.metadata.get("layout") and not layout):
            continue
        value = to_tables(value, layout) if is_dataclass(value) else value
        if value != {} or not is_dataclass(getattr(table, f.name)):
            out[f.name] = list(value) if isinstance(value, tuple) else value
    return out


def to_toml(config: Any, layout: bool = True) -> str:
    """Return a config as the text of a TOML file."""
    return tomli_w.dumps(to_tables(config, layout))
