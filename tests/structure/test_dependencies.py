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
WORKERS, PEERS = (ROOT / "python" / "wudao_rt" / "bench" / name for name in ("workers", "peers"))
MORE = {"numpy"}  # comes with all of them
MODULES = {"llama-cpp-python": "llama_cpp",
           "huggingface-hub": "huggingface_hub", "scikit-learn": "sklearn", "pillow": "PIL"}


def imported(folder: Path, without: Path | None = None) -> set[str]:
    """Return the top-level names imported anywhere below `folder`, lazily or not; `without` is left out."""
    names = set()
    for file in folder.rglob("*.py"):
        if without is not None and without in file.parents and "ours" not in file.parts:
            continue
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                names |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.level == 0:
                names.add(str(node.module).partition(".")[0])
    between = {file.stem for file in WORKERS.glob("*.py")}  # what workers share
    return names - set(sys.stdlib_module_names) - between - {"wudao_rt"}


def module_of(requirement: str) -> str:
    name = re.match(r"[\w.-]+", requirement)[0]
    return MODULES.get(name.lower(), name.replace("-", "_"))


def test_dependencies_are_short_and_true() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    declared = {module_of(r) for r in project["dependencies"] if re.match(r"[\w-]+", r)[0] not in LIBRARIES}
    assert sorted(imported(ROOT / "python", WORKERS)) == sorted(declared)


def test_workers_of_the_bench_import_what_their_environments_have() -> None:
    names = [re.match(r"[\w-]+", line)[0] for file in PEERS.glob("*.txt") for line in file.read_text().splitlines()
             if re.match(r"\w", line)]
    engines = [folder for folder in WORKERS.iterdir() if folder.is_dir() and folder.name != "ours"]
    assert len(engines) == len(list(PEERS.glob("*.txt")))
    own = {folder.name for folder in engines} | {"serve"}
    assert set().union(*map(imported, engines)) <= {module_of(name) for name in names} | MORE | own


def test_hidden_import_is_seen(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("def f():\n    import os, hidden.thing\n    from other.part import x\n")
    assert imported(tmp_path) == {"hidden", "other"}
