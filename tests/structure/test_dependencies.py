"""pyproject.toml names every package that ours imports, and no other."""

from __future__ import annotations

import ast
import re
import sys
from pathlib import Path

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parents[2]
LIBRARIES = {"onednn-cpu-gomp", "scipy-openblas32"}  # linked by the extension, imported by nobody
MODULES = {"huggingface-hub": "huggingface_hub", "scikit-learn": "sklearn", "pillow": "PIL"}


def imported(folder: Path) -> set[str]:
    """Return the top-level names imported anywhere below `folder`, lazily or not."""
    names = set()
    for file in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                names |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.level == 0:
                names.add(str(node.module).partition(".")[0])
    return names - set(sys.stdlib_module_names) - {"wudao_rt"}


def module_of(requirement: str) -> str:
    name = re.match(r"[\w.-]+", requirement)[0]
    return MODULES.get(name.lower(), name.replace("-", "_"))


def test_dependencies_are_short_and_true() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    declared = {module_of(r) for r in project["dependencies"] if re.match(r"[\w-]+", r)[0] not in LIBRARIES}
    assert sorted(imported(ROOT / "python")) == sorted(declared)


def test_hidden_import_is_seen(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("def f():\n    import os, hidden.thing\n    from other.part import x\n")
    assert imported(tmp_path) == {"hidden", "other"}
