"""Reads floors.txt and finds the includes of a source tree that break it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

INCLUDE = re.compile(r'^\s*#\s*include\s*(["<])([^">]+)[">]')
SOURCES = {".h", ".cpp", ".def", ".cu", ".cuh"}
GENERATED = {"families.def"}


@dataclass(frozen=True)
class Row:
    floor: int
    folder: str
    allowed: tuple[str, ...]


@dataclass(frozen=True)
class Table:
    rows: dict[str, Row]
    libraries: dict[str, tuple[str, ...]]

    def row_of(self, path: str) -> Row | None:
        """Return the row of a file or include path: the longest folder that it lies in."""
        fitting = [row for folder, row in self.rows.items() if path.startswith(folder + "/")]
        return max(fitting, key=lambda row: len(row.folder), default=None)


def read_table(text: str) -> Table:
    rows: dict[str, Row] = {}
    libraries: dict[str, tuple[str, ...]] = {}
    for line in text.splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        head, _, tail = line.partition(":")
        kind, name = head.split()
        if kind == "library":
            libraries[name] = tuple(tail.split())
        else:
            rows[name] = Row(int(kind), name, tuple(tail.split()))
    return Table(rows, libraries)


def check_table(table: Table, root: Path) -> list[str]:
    """Return what is wrong with the table itself: no such folder, unknown names, upward or circular permissions."""
    wrong = [f"{name}: a row without a folder" for name in table.rows if not (root / name).is_dir()]
    for row in table.rows.values():
        for name in row.allowed:
            if name not in table.rows:
                wrong.append(f"{row.folder}: may include {name}, which has no row")
            elif table.rows[name].floor > row.floor:
                wrong.append(f"{row.folder}: may include {name}, which lies on a higher floor")
    circular = [name for name in table.rows if _reaches(table, name, name, set())]
    return wrong + [f"{name}: includes itself through others" for name in circular]


def _reaches(table: Table, start: str, goal: str, seen: set[str]) -> bool:
    for name in table.rows[start].allowed:
        if name == goal:
            return True
        if name in table.rows and name not in seen:
            seen.add(name)
            if _reaches(table, name, goal, seen):
                return True
    return False


def check_tree(table: Table, root: Path) -> list[str]:
    """Return every offending include below `root` as `file:line: reason`."""
    wrong = []
    for file in sorted(path for path in root.rglob("*") if path.suffix in SOURCES):
        name = file.relative_to(root).as_posix()
        row = table.row_of(name)
        if row is None:
            wrong.append(f"{name}:1: lies in no folder of floors.txt")
            continue
        for number, line in enumerate(file.read_text().splitlines(), 1):
            if match := INCLUDE.match(line):
                reason = _objection(table, row, file, root, match[1] == '"', match[2])
                if reason:
                    wrong.append(f"{name}:{number}: {line.strip()}: {reason}")
    return wrong


def _objection(table: Table, row: Row, file: Path, root: Path, quoted: bool, include: str) -> str:
    for library, folders in table.libraries.items():
        if re.match(rf"{library}(\b|[_/.])", include) and not include.startswith("wudao/"):
            here = file.relative_to(root).as_posix()
            allowed = any(here.startswith(folder + "/") for folder in folders)
            return "" if allowed else f"{library} may not be named here"
    if not quoted:
        return "our own headers are included with quotes" if include.startswith("wudao/") else ""
    if not include.startswith("wudao/"):
        beside = (file.parent / include).is_file() or include in GENERATED
        return "" if beside and row.folder == "bindings" else "a quoted include starts with wudao/"
    if not (root / include).is_file():
        return "no such file"
    target = table.row_of(include)
    if target is None:
        return "lies in no folder of floors.txt"
    return "" if target is row or target.folder in row.allowed else f"{row.folder} may not include {target.folder}"
