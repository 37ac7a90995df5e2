"""Includes run downward only. Each rule is also shown a planted offence: the test cannot pass by being blind."""

from __future__ import annotations

from pathlib import Path

import pytest
from structure.floors import Table, check_table, check_tree, read_table

ROOT = Path(__file__).parents[2]
FLOORS = Path(__file__).with_name("floors.txt")


def test_table_is_sound() -> None:
    assert check_table(read_table(FLOORS.read_text()), ROOT / "cpp") == []


def test_includes_run_downward() -> None:
    assert check_tree(read_table(FLOORS.read_text()), ROOT / "cpp") == []


@pytest.fixture
def house(tmp_path: Path) -> tuple[Table, Path]:
    for name in ("wudao/base/a.h", "wudao/ops/b.h", "wudao/ops/b.cpp", "bindings/module.cpp", "bindings/x.h"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("#pragma once\n")
    rows = "1 wudao/base :\n3 wudao/ops : wudao/base\n7 bindings : wudao/ops\n"
    return read_table(rows + "library pybind11 : bindings\nlibrary mpi :\n"), tmp_path


@pytest.mark.parametrize(
    ("file", "line", "reason"),
    [
        ("wudao/base/a.h", '#include "wudao/ops/b.h"', "wudao/base may not include wudao/ops"),
        ("wudao/ops/b.cpp", '#include "wudao/base/gone.h"', "no such file"),
        ("wudao/ops/b.cpp", '#include "b.h"', "a quoted include starts with wudao/"),
        ("wudao/ops/b.cpp", "#include <wudao/base/a.h>", "with quotes"),
        ("wudao/ops/b.cpp", "  #  include <pybind11/numpy.h>", "pybind11 may not be named here"),
        ("wudao/ops/b.cpp", "#include <mpi.h>", "mpi may not be named here"),
        ("bindings/module.cpp", '#include "wudao/base/a.h"', "bindings may not include wudao/base"),
        ("wudao/new/c.cpp", '#include "wudao/base/a.h"', "lies in no folder"),
    ],
)
def test_offence_is_found(house: tuple[Table, Path], file: str, line: str, reason: str) -> None:
    table, root = house
    assert check_tree(table, root) == []
    (root / file).parent.mkdir(exist_ok=True)
    (root / file).write_text(f"// first\n{line}\n")
    wrong = check_tree(table, root)
    assert len(wrong) == 1 and reason in wrong[0] and wrong[0].startswith(file)


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        ("1 wudao/base :\n2 wudao/gone : wudao/base", "wudao/gone: a row without a folder"),
        ("1 wudao/base : wudao/ops\n3 wudao/ops :", "higher floor"),
        ("3 wudao/base : wudao/ops\n3 wudao/ops : wudao/base", "includes itself"),
        ("1 wudao/base : wudao/tensor", "which has no row"),
    ],
)
def test_unsound_table_is_found(house: tuple[Table, Path], rows: str, reason: str) -> None:
    assert any(reason in wrong for wrong in check_table(read_table(rows), house[1]))
