"""Jobs of many processes: how they start, find each other and exchange arrays."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wudao_rt.lazy import lazy

if TYPE_CHECKING:
    from wudao_rt.distributed.communicator import Communicator
    from wudao_rt.distributed.start import init

__all__ = ["Communicator", "init"]

__getattr__, __dir__ = lazy(__name__, {"communicator": ("Communicator",), "start": ("init",)})
