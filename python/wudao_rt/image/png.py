"""Pictures as PNG files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PIL import Image

from wudao_rt.data.errors import DataError
from wudao_rt.files import reason
from wudao_rt.ops.types import Array


def write_pngs(folder: Path, names: Sequence[str], pictures: Array) -> int:
    """Write pictures, uint8 (N, H, W, 3), as `name.png`; return how many.

    Names that come more than once get a number.

    Raises:
        DataError: a file cannot be written.
    """
    taken: dict[str, int] = {}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, picture in zip(names, pictures, strict=True):
            taken[name] = taken.get(name, 0) + 1
            own = name if taken[name] == 1 else f"{name}-{taken[name]}"
            Image.fromarray(picture).save(folder / f"{own}.png")
    except OSError as error:
        raise DataError(f"image: {folder}: expected to write pictures, got: {reason(error)}. Choose another folder."
                        ) from error
    return len(pictures)
