"""The examples in the docstrings of the objectives, the task inputs and the schedules."""

import doctest
import importlib
import pkgutil

import pytest
import wudao_rt.data.blanks
import wudao_rt.tasks

MODULES = [
    "wudao_rt.schedules",
    *(
        f"{package.__name__}.{module.name}"
        for package in (wudao_rt.data.blanks, wudao_rt.tasks)
        for module in pkgutil.iter_modules(package.__path__)
    ),
]


@pytest.mark.parametrize("name", MODULES)
def test_examples(name):
    assert doctest.testmod(importlib.import_module(name)).failed == 0


def test_there_are_examples():
    finder = doctest.DocTestFinder(exclude_empty=True)
    assert sum(len(test.examples) for name in MODULES for test in finder.find(importlib.import_module(name))) > 20
