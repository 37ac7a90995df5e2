"""Measures files and functions. As a program it prints the report: python tests/structure/sizes.py"""

from __future__ import annotations

import ast
import statistics
import sys
from dataclasses import dataclass
from pathlib import Path

import lizard

FOLDERS = ("cpp", "python", "tests")
SUFFIXES = {".h", ".cpp", ".py", ".cu"}
FILE_LIMIT, FUNCTION_LIMIT = 500, 60
FILE_LOOK, FUNCTION_LOOK = 300, 40
REASON = "Longer than the limit because"  # in a comment among the first lines of a file that has to be long
HEAD = 12


@dataclass(frozen=True)
class Piece:
    name: str
    lines: int
    limit: int
    excused: bool


def measure(root: Path) -> list[Piece]:
    """Return every file and every function below the source folders of `root`."""
    pieces = []
    for folder in FOLDERS:
        for file in sorted((root / folder).rglob("*")):
            if file.suffix in SUFFIXES:
                pieces += _measure_file(file, file.relative_to(root).as_posix())
    return pieces


def _measure_file(file: Path, name: str) -> list[Piece]:
    text = file.read_text(encoding="utf-8")
    lines = text.splitlines()
    excused = any(REASON in line for line in lines[:HEAD])
    functions = _python_functions(text) if file.suffix == ".py" else _cpp_functions(file)
    out = [Piece(name, len(lines), FILE_LIMIT, excused)]
    return out + [Piece(f"{name}:{line} {what}", length, FUNCTION_LIMIT, excused) for what, line, length in functions]


def _cpp_functions(file: Path) -> list[tuple[str, int, int]]:
    functions = lizard.analyze_file(str(file)).function_list
    return [(f.name, f.start_line, f.end_line - f.start_line + 1) for f in functions]


def _python_functions(text: str) -> list[tuple[str, int, int]]:
    """Lengths without the docstring, which may be as long as the reader needs."""
    out = []
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            length = node.end_lineno - node.lineno + 1
            if ast.get_docstring(node) is not None:
                length -= node.body[0].end_lineno - node.body[0].lineno + 1
            out.append((node.name, node.lineno, length))
    return out


def too_long(pieces: list[Piece]) -> list[str]:
    return [f"{p.name}: {p.lines} lines, limit {p.limit}" for p in pieces if p.lines > p.limit and not p.excused]


def report(pieces: list[Piece]) -> str:
    """Return medians, ninetieth percentiles and what deserves a second look."""
    out = []
    for kind, limit, look in (("files", FILE_LIMIT, FILE_LOOK), ("functions", FUNCTION_LIMIT, FUNCTION_LOOK)):
        chosen = [p for p in pieces if p.limit == limit]
        lengths = sorted(p.lines for p in chosen)
        median, ninth = statistics.median(lengths), lengths[len(lengths) * 9 // 10]
        out.append(f"{kind}: {len(lengths)}, median {median:.0f}, p90 {ninth}, largest {lengths[-1]}")
        out += [f"  look again: {p.name} ({p.lines} lines)" for p in chosen if p.lines > look]
    return "\n".join(out)


if __name__ == "__main__":
    sys.stdout.write(report(measure(Path(__file__).parents[2])) + "\n")
