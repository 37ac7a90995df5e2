"""C++ sources and build files are ASCII: compilers and terminals disagree about anything else."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).parents[2]
SUFFIXES = {".h", ".cpp", ".def", ".cu", ".cmake"}


def offences(root: Path) -> tuple[int, list[str]]:
    everything = (path for folder in ("cpp", "cmake", "tests") for path in (root / folder).rglob("*"))
    files = [path for path in everything if path.suffix in SUFFIXES]
    wrong = []
    for file in files:
        for number, line in enumerate(file.read_bytes().splitlines(), 1):
            if not line.isascii():
                wrong.append(f"{file.relative_to(root)}:{number}")
    return len(files), wrong


def test_sources_are_ascii() -> None:
    count, wrong = offences(ROOT)
    assert count > 20
    assert wrong == []


def test_planted_letter_is_found(tmp_path: Path) -> None:
    (tmp_path / "cpp").mkdir()
    (tmp_path / "cpp" / "a.h").write_text("// one\n// two \u00d7 three\n", encoding="utf-8")
    assert offences(tmp_path) == (1, ["cpp/a.h:2"])
