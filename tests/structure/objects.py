"""Reads the symbols of the object files of a build tree with nm."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Object:
    source: str  # relative to the repository
    path: Path
    isa: str  # empty for files compiled once


@dataclass(frozen=True)
class Symbol:
    kind: str  # the letter of nm; U is undefined, capital letters are visible to the linker
    name: str  # as the linker sees it
    readable: str

    @property
    def defined(self) -> bool:
        return self.kind not in "Uvw"

    @property
    def external(self) -> bool:
        return self.kind.isupper() or self.kind == "u"


def objects_of(build: Path, root: Path) -> Iterator[Object]:
    """Yield the objects of the engine and the bindings, from the build's own list of commands."""
    for entry in json.loads((build / "compile_commands.json").read_text()):
        source = Path(entry["file"]).relative_to(root).as_posix()
        if source.startswith("cpp/"):
            isa = re.search(r"-DWUDAO_ISA=(\w+)", entry["command"])
            output = re.search(r" -o (\S+)", entry["command"])
            yield Object(source, build / output[1], isa[1] if isa else "")


def symbols_of(path: Path) -> list[Symbol]:
    """Return all symbols of an object; an nm that fails or finds nothing is an error, not a pass."""
    raw, readable = (_nm(path, *flags) for flags in ((), ("--demangle",)))
    assert len(raw) == len(readable) > 0, f"nm found nothing in {path}"
    return [Symbol(a[0], a[1], b[1]) for a, b in zip(raw, readable, strict=True)]


def _nm(path: Path, *flags: str) -> list[tuple[str, str]]:
    text = subprocess.run(["nm", "--no-sort", *flags, str(path)], check=True, capture_output=True, text=True).stdout
    return [(match[1], match[2]) for match in re.finditer(r"^(?:[0-9a-f]+| +) (\S) (.+)$", text, re.MULTILINE)]
