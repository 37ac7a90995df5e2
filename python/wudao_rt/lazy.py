"""Names of a package that are imported when first used, so that a package costs what is used of it."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Mapping
from typing import Any


def lazy(package: str, names: Mapping[str, tuple[str, ...]]) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """Return the `__getattr__` and `__dir__` of a package.

    Args:
        package: its name.
        names: public names by the module below the package that defines them. A module must not be called as one of
            the names, for once imported it would stand in its place; a name that means the module itself is well.
    """
    home = {name: module for module, defined in names.items() for name in defined}
    here = sys.modules[package].__dict__

    def get(name: str) -> Any:
        if name not in home:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        module = importlib.import_module(f"{package}.{home[name]}")
        here[name] = module if name == home[name] else getattr(module, name)
        return here[name]

    return get, lambda: sorted({*here, *home})
