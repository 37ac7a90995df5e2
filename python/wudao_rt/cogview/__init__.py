"""CogView: text and pictures in one sequence. What draws a picture also captions one and tells how well they fit.

    from wudao_rt import CogView, load

    model = load("runs/emoji-cogview")                          # with its tokenizers of text and of pictures
    codes = model.draw(["a red apple", "红苹果"], n=8, seed=1)   # int32 (2, 8, h, w)
    pictures = model.image_tokenizer.decode(codes[0])           # uint8 (8, H, W, 3)
    losses = model.caption_loss("a red apple", codes[0])        # nats per token of text; the lowest fits best
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wudao_rt.lazy import lazy

if TYPE_CHECKING:
    from wudao_rt.cogview.model import CogView
    from wudao_rt.cogview.ranking import best_first

__all__ = ["CogView", "best_first"]

__getattr__, __dir__ = lazy(__name__, {"model": ("CogView",), "ranking": ("best_first",)})
