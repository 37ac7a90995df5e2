"""The release wheel on a machine without compiler and libgomp: installed in a venv, for a user, and into a folder."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

CHECKS = Path(__file__).with_name("checks.py")
BASE = Path(sys._base_executable)
PIP = [sys.executable, "-m", "pip"]


def install(kind: str, wheel: Path, home: Path) -> tuple[Path, dict[str, str]]:
    """Install the wheel and all that it requires; return the interpreter and the variables to run it with."""
    if kind == "venv":
        subprocess.run([BASE, "-m", "venv", "--without-pip", home], check=True)
        subprocess.run([*PIP, "--python", home / "bin" / "python", "install", "-q", wheel], check=True)
        return home / "bin" / "python", {}
    if kind == "user":
        env = {"PYTHONUSERBASE": str(home)}
        command = [*PIP, "--python", BASE, "install", "-q", "--user", "--break-system-packages", "--ignore-installed"]
        subprocess.run([*command, wheel], check=True, env=os.environ | env)
        return BASE, env
    subprocess.run([*PIP, "--python", BASE, "install", "-q", "--target", home, wheel], check=True)
    return BASE, {"PYTHONPATH": str(home)}


@pytest.mark.parametrize("kind", ["venv", "user", "target"])
def test_installed_wheel(kind: str, wheel: Path, hide: Callable[[list[str]], list[str]], tmp_path: Path) -> None:
    home = tmp_path / kind
    python, variables = install(kind, wheel, home)
    (tmp_path / "work").mkdir()
    env = {"PATH": str(home / "bin"), "HOME": str(tmp_path / "work"), "WUDAO_EXPECTED_HOME": str(home), **variables}
    command = hide([str(python), str(CHECKS), str(tmp_path / "work")])
    done = subprocess.run(command, env=env, cwd=tmp_path / "work", capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    assert len([line for line in done.stdout.splitlines() if line.startswith("passed")]) >= 20


def test_checks_can_fail(wheel: Path, hide: Callable[[list[str]], list[str]], tmp_path: Path) -> None:
    """Where a compiler is on the path, and where libgomp is not hidden, the checks say so."""
    env = os.environ | {"WUDAO_EXPECTED_HOME": str(tmp_path)}
    seen = subprocess.run([sys.executable, CHECKS, tmp_path], env=env, capture_output=True, text=True)
    assert seen.returncode != 0 and "expected [None" in seen.stderr
    bare = subprocess.run([sys.executable, CHECKS, tmp_path], env=env | {"PATH": ""}, capture_output=True, text=True)
    assert bare.returncode != 0 and "libgomp.so.1 of the system can be loaded" in bare.stderr


def test_wheel_holds_what_it_needs(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        metadata = next(archive.read(name).decode() for name in names if name.endswith("METADATA"))
    assert [name for name in names if "libdnnl" in name] and [name for name in names if "libgomp" in name]
    assert "onednn" not in metadata
    assert "manylinux" in wheel.name
    assert [name for name in names if name.endswith(("_core.pyi", "py.typed"))]
    sources = [name for name in names if name.startswith("tests") or name.endswith((".cpp", ".h", ".a"))]
    plugin = "wudao_rt/mpi_plugins/wudao/comm/mpi/plugin/plugin"  # `wudao-rt mpi build` compiles it
    assert sorted(sources) == [f"{plugin}.cpp", f"{plugin}.h"]
    assert {"wudao_rt/mpi_plugins/mpich.so", "wudao_rt/mpi_plugins/standard.so"} <= set(names)
