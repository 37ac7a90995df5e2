"""Files stay under 500 lines and functions under 60, unless a comment at the top says why not."""

from __future__ import annotations

from pathlib import Path

import pytest
from structure.sizes import FILE_LIMIT, FUNCTION_LIMIT, REASON, measure, report, too_long

ROOT = Path(__file__).parents[2]


def test_nothing_is_too_long(record_property: pytest.RecordProperty) -> None:
    pieces = measure(ROOT)
    record_property("sizes", report(pieces))
    assert len(pieces) > 50
    assert too_long(pieces) == []


LONG_CPP = "int f(int x) {\n" + "  x += 1;\n" * FUNCTION_LIMIT + "  return x;\n}\n"
LONG_PY = "def f(x):\n" + "    x += 1\n" * FUNCTION_LIMIT + "    return x\n"


@pytest.mark.parametrize(
    ("name", "text", "found"),
    [
        ("cpp/a.cpp", LONG_CPP, "a.cpp:1 f"),
        ("python/a.py", LONG_PY, "a.py:1 f"),
        ("cpp/b.h", "// line\n" * (FILE_LIMIT + 1), "b.h: 501 lines"),
    ],
)
def test_planted_length_is_found(tmp_path: Path, name: str, text: str, found: str) -> None:
    file = tmp_path / name
    file.parent.mkdir()
    file.write_text(text)
    wrong = too_long(measure(tmp_path))
    assert len(wrong) == 1 and found in wrong[0]
    comment = "#" if name.endswith(".py") else "//"
    file.write_text(f"{comment} {REASON} it is a table.\n{text}")
    assert too_long(measure(tmp_path)) == []
