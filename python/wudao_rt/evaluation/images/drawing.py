"""What a model draws, asked by index and seed, and what a classifier sees in it: the part `drawing`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from wudao_rt.data.pictures import Pictures, on_white
from wudao_rt.evaluation.images.held_out import decode, encode
from wudao_rt.evaluation.images.progress import Watch, silent
from wudao_rt.evaluation.images.prompts import Prompts, all_prompts
from wudao_rt.ops.types import Array

if TYPE_CHECKING:
    from wudao_rt.cogview import CogView

PART = "drawing"
_TEXTS_AT_ONCE = 4


@dataclass(frozen=True)
class Sampling:
    """How pictures are drawn.

    Args:
        n: pictures of each text.
        temperature, top_k, guidance: as of `CogView.draw`.
        seed: of the draws, and of what else is drawn.
    """

    n: int = 8
    temperature: float = 1.0
    top_k: int = 100
    guidance: float = 1.0
    seed: int = 0


@dataclass(frozen=True, eq=False)
class Drawn:
    """Hold what was drawn of one group, and the real pictures beside it.

    Args:
        prompts: P texts.
        codes: int32 (P, n, h, w).
        images: float32 (P, n, S, S, 3) from 0 to 1.
        losses: float32 (P, n), CapLoss of each.
        real: uint8 (R, S, S, 3), the pictures that the texts name, on white.
        real_bases: what each of them shows.
        real_codes: int32 (R, h, w).
        kept: float32 (R, S, S, 3), the same pictures from their codes: what the tokenizer leaves of them.
    """

    prompts: Prompts
    codes: Array
    images: Array
    losses: Array
    real: Array
    real_bases: list[str]
    real_codes: Array
    kept: Array

    @property
    def best(self) -> Array:
        """Return which of the n has the lowest CapLoss, the first of equal ones: (P,)."""
        return self.losses.argmin(axis=1)

    @property
    def all_images(self) -> Array:
        """Return (P n, S, S, 3)."""
        return self.images.reshape(-1, *self.images.shape[2:])


def draw(model: CogView, prompts: Prompts, pictures: Pictures, sampling: Sampling, watch: Watch = silent) -> Drawn:
    """Draw n pictures of every text, and tell the CapLoss of each. Texts that are too long lose their end."""
    tokenizer = model.image_tokenizer
    assert tokenizer is not None  # Evaluation has seen to it
    parts = []
    for begin in watch(range(0, len(prompts.texts), _TEXTS_AT_ONCE), f"drawing {prompts.group}"):
        texts = prompts.texts[begin : begin + _TEXTS_AT_ONCE]
        parts.append(model.draw(texts, sampling.n, sampling.temperature, sampling.top_k, sampling.seed,
                                guidance=sampling.guidance, truncate=True))
    codes = np.concatenate(parts)
    losses = [model.caption_loss([text], codes[place], truncate=True)
              for place, text in watch(list(enumerate(prompts.texts)), f"caption losses of {prompts.group}")]
    images = decode(tokenizer, codes.reshape(-1, *codes.shape[2:]))
    real = on_white(np.asarray(pictures.pixels[prompts.real]))
    real_codes = encode(tokenizer, real)
    return Drawn(prompts, codes, images.reshape(*codes.shape[:2], *images.shape[1:]), np.stack(losses), real,
                 [pictures.records[place].base for place in prompts.real], real_codes, decode(tokenizer, real_codes))


def together(groups: Sequence[Drawn]) -> Drawn:
    """Return what was drawn of all groups as one."""

    def joined(name: str) -> Array:
        return np.concatenate([getattr(one, name) for one in groups])

    return Drawn(all_prompts([one.prompts for one in groups]), joined("codes"), joined("images"), joined("losses"),
                 joined("real"), [base for one in groups for base in one.real_bases], joined("real_codes"),
                 joined("kept"))


def shifted_codes(model: CogView, pictures: Pictures, watch: Watch = silent, reach: int = 1) -> Array:
    """Return the codes of all pictures that were learned, moved by up to `reach` pixels each way: uint16 (N, h, w)."""
    from wudao_rt.datasets.pictures import encoded

    assert model.image_tokenizer is not None
    pixels = np.asarray(pictures.pixels[pictures.indices("train")])
    shifts = [(down, right) for down in range(-reach, reach + 1) for right in range(-reach, reach + 1)]
    return np.concatenate([encoded(model.image_tokenizer, pixels, shift)
                           for shift in watch(shifts, "codes of what was learned")])

