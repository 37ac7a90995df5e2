"""Pictures with captions, as a CogView learns them: text first, picture first, or a picture with holes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product

import numpy as np

from wudao_rt.cogview.templates import Templates, completion_sample, sample_of
from wudao_rt.config import DataTable, TrainTable
from wudao_rt.config.cogview import CogViewConfig
from wudao_rt.data import DataError
from wudao_rt.data.blanks import Sample
from wudao_rt.data.blanks.keys import Stream
from wudao_rt.data.pictures import Pictures, PictureSampler, SampleKey, captions, on_white
from wudao_rt.data.tokenizer import Tokenizer
from wudao_rt.datasets.holes import drawn_holes
from wudao_rt.datasets.rows import Rows, rows_of
from wudao_rt.image.tokenizer import VQTokenizer
from wudao_rt.ops.types import Array

_AT_ONCE = 512  # pictures that become codes together
_HELD_OUT_ROWS = 64


class PictureSource:
    """Make samples of pictures and captions.

    Every picture is turned into codes once for each shift of up to `shift` pixels. A sample draws a picture, a shift, a
    caption and what comes first; all of it is a function of (seed, step, row). Captions that are too long lose their
    end.

    Args:
        pictures: prepared ones; learned from is their split `train`, reported on `validation`, of your own `report`.
        tokenizer: of text.
        image_tokenizer: of pictures.
        shape: of the model.
        data, train: tables of the config.
    Raises:
        DataError: the pictures have another size than the model's.
    """

    prompts = ("a red apple", "红苹果")

    def __init__(self, pictures: Pictures, tokenizer: Tokenizer, image_tokenizer: VQTokenizer, shape: CogViewConfig,
                 data: DataTable, train: TrainTable) -> None:
        if pictures.size != shape.side * image_tokenizer.config.pixels:
            raise DataError(f"data pictures: size: expected {shape.side * image_tokenizer.config.pixels} pixels, "
                            f"{shape.side} codes a side, got {pictures.size}. Change model.side or the tokenizer.")
        self.tokenizer, self._table, self._train = tokenizer, data.pictures, train
        self._templates, self._records = Templates(shape), pictures.records
        self._sampler = PictureSampler(pictures.records, skin_tone=data.pictures.skin_tone)
        learned = pictures.indices("train")
        self._place = {int(index): place for place, index in enumerate(learned)}
        reach = range(-data.pictures.shift, data.pictures.shift + 1)
        self._codes = np.stack([encoded(image_tokenizer, pictures.pixels[learned], shift)
                                for shift in product(reach, reach)])
        held_out = next((found for split in ("validation", "report") if (found := pictures.indices(split)).size),
                        pictures.indices("report"))
        self._held_out = list(zip([pictures.records[index] for index in held_out],
                                  encoded(image_tokenizer, pictures.pixels[held_out], (0, 0)), strict=True))

    def batch(self, step: int, done: float = 0.0) -> Rows:
        """Return the batch of a step; a function of (seed, step) alone."""
        del done
        seed, size = self._train.seed, self._train.batch
        keys = [SampleKey(seed, step, row) for row in range(size)]
        places = self._sampler.batch(seed, step, size)
        texts = self._texts([captions(self._records[place], key) for place, key in zip(places, keys, strict=True)])
        return self._rows([self._sample(int(place), text, key) for place, text, key in zip(places, texts, keys,
                                                                                          strict=True)])

    def _sample(self, place: int, text: list[int], key: SampleKey) -> Sample:
        draws = key.draws(Stream.ORDER)
        kind, codes = draws.random(), self._codes[draws.integers(len(self._codes)), self._place[place]]
        table, templates = self._table, self._templates
        if kind < table.holes:
            return completion_sample(templates, text, codes, drawn_holes(key.draws(Stream.HOLES), len(codes)))
        first = kind < table.holes + table.picture_first and text  # without a text there is nothing to follow
        whole = templates.picture_first(text, codes) if first else templates.text_first(text, codes)
        return sample_of(whole, templates.config, table.text_weight)

    def held_out(self) -> Iterator[Rows]:
        """Yield held-out pictures behind their English and Chinese names, or a caption; the loss is that of codes."""
        named = [(name, codes) for record, codes in self._held_out
                 for name in (record.name_en, record.name_zh, *record.captions[:1]) if name]
        texts = self._texts([name for name, _ in named])
        for begin in range(0, len(named), _HELD_OUT_ROWS):
            part = range(begin, min(begin + _HELD_OUT_ROWS, len(named)))
            wholes = [self._templates.text_first(texts[i], named[i][1]) for i in part]
            yield self._rows([_of_codes(sample_of(whole, self._templates.config, 0.0)) for whole in wholes])

    def _texts(self, texts: Sequence[str]) -> list[list[int]]:
        most = self._templates.config.max_text
        return [ids[:most] for ids in self.tokenizer.encode_batch(texts, parse_special=False)]

    def _rows(self, samples: list[Sample]) -> Rows:
        return rows_of(samples, self._templates.ids.command("PAD"))


def _of_codes(sample: Sample) -> Sample:
    """Count the slots that predict a code: from BOI1 on, up to the last but one."""
    codes = np.flatnonzero(sample.loss_mask)
    weights = np.zeros_like(sample.loss_mask)
    weights[codes - 1] = 1
    return Sample(sample.ids, sample.positions, sample.block_positions, 0, sample.targets, weights)


def encoded(tokenizer: VQTokenizer, pixels: Array, shift: tuple[int, int]) -> Array:
    """Return the codes of pictures on white, moved by (down, right) pixels; uint16 (N, h, w).

    Args:
        tokenizer: of pictures.
        pixels: uint8 [N, S, S, 4].
        shift: what is moved out is lost, what comes in is white.
    """
    side = pixels.shape[1] // tokenizer.config.pixels
    parts = [tokenizer.encode(on_white(_moved(pixels[begin : begin + _AT_ONCE], *shift))).astype(np.uint16)
             for begin in range(0, len(pixels), _AT_ONCE)]
    return np.concatenate([np.zeros((0, side, side), np.uint16), *parts])


def _moved(pixels: Array, down: int, right: int) -> Array:
    size, out = pixels.shape[1], np.zeros_like(pixels)
    to, of = slice(max(down, 0), size + min(down, 0)), slice(max(-down, 0), size + min(-down, 0))
    to_x, of_x = slice(max(right, 0), size + min(right, 0)), slice(max(-right, 0), size + min(-right, 0))
    out[:, to, to_x] = pixels[:, of, of_x]
    return out
