"""Pictures with captions: packed files, captions and augmentation by key, and your own pictures.

    from wudao_rt import data
    from wudao_rt.data.pictures import PictureSampler, Pictures, SampleKey, augmented, captions, on_white

    pictures = Pictures(data.prepare("emoji").path)            # .records, .pixels uint8 [N, S, S, 4], .indices(split)
    batch = PictureSampler(pictures.records).batch(seed=7, step=0, size=64)
    texts = [captions(pictures.records[i], SampleKey(7, 0, row)) for row, i in enumerate(batch)]
    inputs = augmented(pictures.pixels[batch], seed=7, step=0)  # uint8 [64, S, S, 3]; for captions: how=CAPTIONED
    shown = on_white(pictures.pixels[pictures.indices("report")])

    write_pictures("runs/mine", read_folder("my_pictures/", size=32), size=32)  # name.png, name.txt; then Pictures(...)

Only the split `train` may be learned from, by text tokenizers too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wudao_rt.lazy import lazy

if TYPE_CHECKING:
    from .augment import CAPTIONED, MOVED, TOKENIZER, Augmentation, augmented
    from .captioning import captions, fixed_captions
    from .compose import on_white
    from .keys import SampleKey
    from .own import read_folder, read_jsonl
    from .packed import Pictures
    from .record import Picture, PictureRecord
    from .sampling import PictureSampler
    from .writing import write_pictures

__all__ = ["CAPTIONED", "MOVED", "TOKENIZER", "Augmentation", "Picture", "PictureRecord", "PictureSampler",
           "Pictures", "SampleKey", "augmented", "captions", "fixed_captions", "on_white", "read_folder", "read_jsonl",
           "write_pictures"]

__getattr__, __dir__ = lazy(__name__, {
    "augment": ("CAPTIONED", "MOVED", "TOKENIZER", "Augmentation", "augmented"),
    "captioning": ("captions", "fixed_captions"),
    "compose": ("on_white",),
    "keys": ("SampleKey",),
    "own": ("read_folder", "read_jsonl"),
    "packed": ("Pictures",),
    "record": ("Picture", "PictureRecord"),
    "sampling": ("PictureSampler",),
    "writing": ("write_pictures",),
})
