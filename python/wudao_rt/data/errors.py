"""The one exception of the data layer."""

from __future__ import annotations

from wudao_rt.errors import Error


class DataError(Error, RuntimeError):
    """Say what is wrong with a corpus, a package or a file, and what to do.

    The text follows the house pattern `op: argument: what was expected, what came. What to do.`
    and is complete: show it as it is, without a traceback.
    """
