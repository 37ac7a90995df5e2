"""The products of experts alone, part by part, against the roof: how much of it batches of few rows reach."""

from __future__ import annotations

from collections.abc import Iterator

from wudao_rt.bench.case import Case, Roof

ROWS = (16, 64, 256, 512)
_PARTS = {"forward": "forward", "input": "input gradient", "weight": "weight gradient"}
_ALL_ROWS, _MOST = 4096, 64  # of all experts together; experts


def cases(hidden: int, width: int, dtype: str) -> Iterator[Case]:
    """Yield each part for each number of rows: with weights that are packed, and packing them too."""
    for part in _PARTS:
        for packing in (False,) if part == "weight" else (False, True):
            yield from (_case(part, rows, packing, hidden, width, dtype) for rows in ROWS)


def _case(part: str, rows: int, packing: bool, hidden: int, width: int, dtype: str) -> Case:
    count = min(_MOST, _ALL_ROWS // rows)
    work = 4.0 * count * rows * hidden * width
    sides = ((width, hidden), (hidden, width))
    products = [[n, k, rows] if part == "weight" else [rows, n, k] for n, k in sides]
    spec = {"experts": count, "rows": rows, "hidden": hidden, "width": width, "part": part, "packing": packing,
            "dtype": dtype}
    name = f"{_PARTS[part]}, {rows} rows" + (", packing too" if packing else "")
    return Case("moe", name, dtype, "GFLOP/s", work / 1e9, spec, lambda folder: None, (), {},
                Roof({"products": products, "dtype": dtype}, 1e9), worker="experts")
