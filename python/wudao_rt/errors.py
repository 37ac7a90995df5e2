"""The one exception hierarchy. Every message reads `op: argument: what was expected, what came. What to do.`"""


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


class InternalError(Error, RuntimeError):
    """A defect of wudao_rt itself; please report it."""
