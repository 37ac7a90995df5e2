"""Mixtures of experts: routing, the way of rows to experts, and the layer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wudao_rt.lazy import lazy

if TYPE_CHECKING:
    from wudao_rt.moe.config import MoEConfig
    from wudao_rt.moe.dispatch import Dispatch
    from wudao_rt.moe.layer import MoELayer
    from wudao_rt.moe.routing import Gate, Routing, bias_update, route

__all__ = ["Dispatch", "Gate", "MoEConfig", "MoELayer", "Routing", "bias_update", "route"]

__getattr__, __dir__ = lazy(__name__, {
    "config": ("MoEConfig",), "dispatch": ("Dispatch",), "layer": ("MoELayer",),
    "routing": ("Gate", "Routing", "bias_update", "route")})
