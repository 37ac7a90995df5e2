"""Prints what pip has to install to build, run and test this tree, read from pyproject.toml."""

from __future__ import annotations

import sys
from pathlib import Path

try:
    import tomllib
except ModuleNotFoundError:  # Python 3.10
    from pip._vendor import tomli as tomllib

project = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text(encoding="utf-8"))
groups = [project["build-system"]["requires"], project["project"]["dependencies"], ["cmake>=3.25", "ninja"]]
groups += [project["project"]["optional-dependencies"][name] for name in sys.argv[1:]]
print(*sorted({requirement for group in groups for requirement in group}), sep="\n")
