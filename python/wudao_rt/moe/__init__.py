"""Mixtures of experts: routing, and the layer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wudao_rt.lazy import lazy

if TYPE_CHECKING:
    from wudao_rt.moe.routing import Gate, Routing, bias_update, route

__all__ = ["Gate", "Routing", "bias_update", "route"]

__getattr__, __dir__ = lazy(__name__, {"routing": ("Gate", "Routing", "bias_update", "route")})
