"""The examples in the docstrings of the data layer are true."""

from __future__ import annotations

import doctest
import importlib
import pkgutil

import wudao_rt.data as package


def test_doctests() -> None:
    names = [found.name for found in pkgutil.walk_packages(package.__path__, "wudao_rt.data.")]
    results = [doctest.testmod(importlib.import_module(name)) for name in names]
    assert sum(result.failed for result in results) == 0
    assert sum(result.attempted for result in results) >= 8
