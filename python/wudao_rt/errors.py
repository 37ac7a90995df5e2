"""The one exception hierarchy. Every message reads `op: argument: what was expected, what came. What to do.`"""

from __future__ import annotations

from typing import Any


class Error(Exception):
    """Base of everything that wudao_rt raises on purpose."""


class ShapeError(Error, ValueError):
    """An array has the wrong shape or size."""


class DTypeError(Error, TypeError):
    """An array has an element type that the operation does not take."""


class ConfigError(Error, ValueError):
    """A setting is unknown, out of range or contradicts another."""


class DeviceError(Error, RuntimeError):
    """A device is missing or failed."""


class OutOfMemory(Error, MemoryError):
    """An allocation was refused."""


class CommError(Error, RuntimeError):
    """Ranks could not exchange data."""


class CheckpointError(Error, ValueError):
    """A checkpoint is damaged, incomplete or of another model."""


class CorruptionError(Error, RuntimeError):
    """What has to be the same bits is not: a machine computed or kept something wrong."""


class InternalError(Error, RuntimeError):
    """A defect of wudao_rt itself; please report it."""


def shown(value: Any, longest: int = 80) -> str:
    """Return a value as it may stand in a message: on one line, printable, cut where it gets long.

    Example:
        >>> shown("two\\nlines"), shown("x" * 100, longest=8)
        ('two\\\\nlines', 'xxxxx...')
    """
    try:
        text = str(value)
    except (ValueError, RecursionError):  # a number of thousands of digits, lists in lists in lists
        text = f"a very long {type(value).__name__}"
    text = text if len(text) <= longest else text[: longest - 3] + "..."
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)
