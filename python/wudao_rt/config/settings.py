"""One setting: its default, its meaning, its limits; and the checks that every table shares."""

from __future__ import annotations

import difflib
import math
from collections.abc import Collection
from dataclasses import MISSING, Field, field, fields, is_dataclass
from numbers import Integral, Real
from types import NoneType
from typing import Any, get_args, get_origin, get_type_hints

from wudao_rt.errors import ConfigError, shown

_REQUIRED: Any = MISSING
_LONGEST_NAME = 80  # comparing longer ones takes time
_LARGEST = 2**63  # as TOML has it
_NAMES = {int: "an integer", float: "a number", bool: "true or false", str: "a string"}


def setting(default: Any = _REQUIRED, doc: str = "", low: float | None = None, high: float | None = None,
            choices: tuple[str, ...] = (), layout: bool = False) -> Any:
    """Declare a field with its meaning and limits.

    Args:
        default: value when the key is absent; none: the key is required.
        doc: one line for people.
        low, high: least and largest value of a number.
        choices: the only strings that are taken.
        layout: the setting says how this machine does the work, not what comes out; checkpoints leave it out.
    """
    about = {"doc": doc, "low": low, "high": high, "choices": choices, "layout": layout}
    return field(default=default, metadata=about)


def refuse_unknown(key: str, known: Collection[str], what: str) -> None:
    """Raise ConfigError when `key` is not among the known ones: with the nearest one, or all where none is near."""
    if key in known:
        return
    came = shown(key, _LONGEST_NAME)
    nearest = difflib.get_close_matches(came, list(known), n=1, cutoff=0.5)
    if nearest:
        raise ConfigError(f"{what}: expected a known name, got '{came}'. Did you mean '{nearest[0]}'?")
    raise ConfigError(f"{what}: expected one of {', '.join(known)}, got '{came}'. Choose one of them.")


def build(cls: type, table: Any, where: str) -> Any:
    """Make a dataclass from a TOML table; every complaint names the key."""
    if not isinstance(table, dict):
        raise ConfigError(f"config: {where}: expected a table, got {_shown(table)}. Write [{where}] and keys below it.")
    hints = get_type_hints(cls)
    for key in table:
        refuse_unknown(key, hints, f"config: {where}: key")
    values = {key: convert(value, hints[key], f"{where}.{key}") for key, value in table.items()}
    missing = [f.name for f in fields(cls) if _is_required(f) and f.name not in values]
    if missing:
        raise ConfigError(f"config: {where}.{missing[0]}: expected a value, got none. Add the key.")
    try:
        return cls(**values)
    except ValueError as error:  # a dataclass of another floor knows no table
        text = str(error)
        raise ConfigError(text if text.startswith("config:") else f"config: {where}: {text}") from None


def _is_required(f: Field) -> bool:
    return f.default is MISSING and f.default_factory is MISSING


def convert(value: Any, kind: Any, where: str) -> Any:
    """Return a TOML value as the type of its field: integers stand for numbers, nothing else is bent."""
    if NoneType in get_args(kind):
        kind = next(option for option in get_args(kind) if option is not NoneType)
    if is_dataclass(kind):
        return build(kind, value, where)
    if get_origin(kind) is tuple:
        return _tuple(value, get_args(kind)[0], where)
    if get_origin(kind) is dict:
        return _dict(value, get_args(kind)[1], where)
    if type(value) is int and not -_LARGEST <= value < _LARGEST:
        raise ConfigError(f"config: {where}: expected a number of at most 64 bits, got {shown(value)}. Change it.")
    if kind is float and type(value) is int:
        return float(value)
    if kind is float and type(value) is float and not math.isfinite(value):
        raise ConfigError(f"config: {where}: expected a finite number, got {value}. Change the value.")
    if type(value) is not kind:
        raise ConfigError(f"config: {where}: expected {_NAMES[kind]}, got {_shown(value)}. Change the value.")
    if kind is str and "\0" in value:  # no file system takes it
        raise ConfigError(f"config: {where}: expected a string without NUL, got '{shown(value)}'. Change the value.")
    return value


def _tuple(value: Any, kind: Any, where: str) -> tuple:
    if not isinstance(value, (list, tuple)):
        raise ConfigError(f"config: {where}: expected a list, got {_shown(value)}. Write it in brackets.")
    return tuple(convert(item, kind, f"{where}[{i}]") for i, item in enumerate(value))


def _dict(value: Any, kind: Any, where: str) -> dict:
    if not isinstance(value, dict):
        raise ConfigError(f"config: {where}: expected a table, got {_shown(value)}. Write it as {{name = value}}.")
    return {key: convert(item, kind, f"{where}.{shown(key)}") for key, item in value.items()}


def check(table: Any, where: str) -> None:
    """Check every field of a dataclass that is set against its limits and choices."""
    hints = get_type_hints(type(table))
    for f in fields(table):
        value, about = getattr(table, f.name), f.metadata
        if value is None:
            continue
        _check_kind(value, hints[f.name], f"{where}: {f.name}")
        if about.get("choices") and value not in about["choices"]:
            refuse_unknown(value, about["choices"], f"{where}: {f.name}")
        _check_range(value, about.get("low"), about.get("high"), f"{where}: {f.name}")


def _check_kind(value: Any, kind: Any, where: str) -> None:
    kinds = {int: Integral, float: Real, bool: bool, str: str}
    if NoneType in get_args(kind):
        kind = next(option for option in get_args(kind) if option is not NoneType)
    if kind not in kinds:
        return
    if not isinstance(value, kinds[kind]) or isinstance(value, bool) is not (kind is bool):
        raise ConfigError(f"{where}: expected {_NAMES[kind]}, got {_shown(value)}. Change the value.")


def _check_range(value: Any, low: float | None, high: float | None, where: str) -> None:
    if isinstance(value, float) and math.isinf(value):
        raise ConfigError(f"{where}: expected a finite number, got {value}. Change it.")
    if low is not None and not value >= low:  # not a comparison the other way round: NaN fails too
        raise ConfigError(f"{where}: expected at least {low}, got {shown(value)}. Raise it.")
    if high is not None and not value <= high:
        raise ConfigError(f"{where}: expected at most {high}, got {shown(value)}. Lower it.")


def _shown(value: Any) -> str:
    return f"'{shown(value)}'" if isinstance(value, str) else f"{shown(value)} ({type(value).__name__})"
