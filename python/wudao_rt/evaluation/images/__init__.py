"""Held-out measures of image tokenizers and CogViews, as `wudao-rt eval image` computes them.

    from wudao_rt import data, load
    from wudao_rt.data.pictures import Pictures
    from wudao_rt.evaluation.images import Evaluation

    evaluation = Evaluation(load("runs/emoji-cogview"), Pictures(data.prepare("emoji").path), split="report")
    for result in evaluation.run(["tokenizer", "likelihood"]):
        print(result.line())

Which pictures, captions and samples are taken depends on their place in the corpus and on the seed alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wudao_rt.lazy import lazy

if TYPE_CHECKING:
    from wudao_rt.evaluation.images.drawing import Sampling
    from wudao_rt.evaluation.images.evaluation import PARTS, Evaluation
    from wudao_rt.evaluation.images.intervals import Interval, derangement, mean_interval
    from wudao_rt.evaluation.images.result import Result

__all__ = ["PARTS", "Evaluation", "Interval", "Result", "Sampling", "derangement", "mean_interval"]

__getattr__, __dir__ = lazy(__name__, {
    "drawing": ("Sampling",),
    "evaluation": ("PARTS", "Evaluation"),
    "intervals": ("Interval", "derangement", "mean_interval"),
    "result": ("Result",),
})
