"""Which pictures fit a text best, by CapLoss."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from wudao_rt.ops.types import Array

if TYPE_CHECKING:
    from wudao_rt.cogview.model import CogView, Text


def best_first(
    model: CogView, text: Text, codes: Array, reduce: str = "mean", *, truncate: bool = False
) -> tuple[Array, Array]:
    """Sort pictures by how well a text says what they show, the best first.

    Args:
        model: draws and captions alike.
        text: of all the pictures.
        codes: (N, h, w).
        reduce, truncate: as of `CogView.caption_loss`.

    Returns:
        int64 (N,), the places in that order, those of equal losses as they came; and the losses, float32 (N,), in the
        order of the pictures.

    Raises:
        ConfigError: the text is empty, or too long.

    Source: CogView (Ding et al., NeurIPS 2021), section 3.2, self-reranking.
    Example:
        >>> from wudao_rt import CogView, CogViewConfig
        >>> model = CogView(CogViewConfig.preset("emoji-tiny"), seed=1)
        >>> order, losses = best_first(model, [5, 6], model.draw([[5, 6]], n=3, seed=3)[0])
        >>> bool(losses[order[0]] == losses.min())
        True
    """
    losses = model.caption_loss([text], codes, reduce, truncate=truncate)
    return np.argsort(losses, kind="stable"), losses
