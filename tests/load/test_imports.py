"""What an import brings along, and that the names which come later are there."""

from __future__ import annotations

import importlib.util
import os
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGES = ["wudao_rt", "wudao_rt.config", "wudao_rt.data", "wudao_rt.data.blanks", "wudao_rt.data.tokenizer"]
TEXT = {"tokenizers", "sentencepiece", "opencc", "rensa", "h5py"}
SCREEN = {"rich", "matplotlib", "tensorboardX"}
FILES = {"safetensors", "ml_dtypes", "tomli_w"}
ALL = TEXT | SCREEN | FILES | {"click"}

# Code -> what must not have been imported when it is through.
CASES = {
    "import wudao_rt": ALL | {"numpy", "wudao_rt._core", "dataclasses"},
    "from wudao_rt.data import DataError": ALL | {"numpy", "wudao_rt._core"},
    "from wudao_rt import GLM, GLMConfig": ALL | {"numpy.random", "numpy.typing", "wudao_rt.training", "wudao_rt.ops"},
    "import wudao_rt; wudao_rt.load": ALL | {"numpy.random", "wudao_rt.training", "wudao_rt.data.tokenizer"},
    "import sys; sys.argv[1:] = ['--help']; import wudao_rt.__main__ as program\ntry: program.main()\n"
    "except SystemExit: pass": (ALL | {"numpy", "wudao_rt._core"}) - {"click"},
    "import wudao_rt; wudao_rt.load('MODEL').generate(['[gMASK]'], 1)":
        (ALL | {"wudao_rt.training", "wudao_rt.data.blanks.mixing", "wudao_rt.data.tokenizer.train"}) - {"tokenizers"},
}


def modules_after(code: str) -> set[str]:
    code += "\nimport sys; print(*sys.modules, file=sys.stderr)"
    env = os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path), "PYTHONUTF8": "1"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, env=env, check=True)
    return set(done.stderr.split())


@pytest.mark.parametrize("code", CASES)
def test_nothing_is_imported_that_is_not_used(code: str, folder: Path) -> None:
    found = modules_after(code.replace("MODEL", str(folder)))
    assert "wudao_rt" in found
    assert sorted(CASES[code] & found) == []


def test_what_must_not_be_imported_exists() -> None:
    assert all(importlib.util.find_spec(name) for names in CASES.values() for name in names)


@pytest.mark.parametrize("name", PACKAGES)
def test_public_names_are_there(name: str) -> None:
    package = importlib.import_module(name)
    assert set(package.__all__) <= set(dir(package))
    assert all(getattr(package, public) is not None for public in package.__all__)
    modules = {module.name for module in pkgutil.iter_modules(package.__path__)}
    # Once imported, a module of that name would stand in its place.
    assert modules & set(package.__all__) <= {"ops"}
    with pytest.raises(AttributeError, match=f"module '{name}' has no attribute 'nothing'"):
        package.nothing  # noqa: B018
