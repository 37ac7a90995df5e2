"""Writes the type stub of the extension by importing it: python cmake/write_stub.py _core.so _core.pyi"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path


def main(extension: Path, target: Path) -> None:
    with tempfile.TemporaryDirectory() as folder:
        package = Path(folder) / "wudao_rt"  # alone, so that nothing else of the package has to be there
        package.mkdir()
        (package / "__init__.py").touch()
        (package / extension.name).symlink_to(extension)
        env = os.environ | {"PYTHONPATH": f"{folder}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"}
        command = [sys.executable, "-m", "pybind11_stubgen", "--exit-code", "wudao_rt._core", "-o", f"{folder}/stubs"]
        done = subprocess.run(command, env=env, capture_output=True, text=True)
        if done.returncode:
            sys.exit(f"write_stub: {extension.name}: expected importable types, got:\n{done.stdout}{done.stderr}")
        shutil.copy(Path(folder) / "stubs" / "wudao_rt" / "_core.pyi", target)
        shutil.copy(target, extension.parent / target.name)


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve(), Path(sys.argv[2]).resolve())
