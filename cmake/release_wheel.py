"""Makes the release wheel: builds it, puts libdnnl and libgomp inside, and drops the requirement that they fulfilled.

    python cmake/release_wheel.py dist
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
INSIDE = ("libdnnl", "libgomp")
FULFILLED = ("onednn-cpu-gomp",)


def run(*command: str | Path, **options: object) -> None:
    subprocess.run([str(part) for part in command], check=True, **options)


def only(folder: Path, pattern: str) -> Path:
    found = sorted(folder.glob(pattern))
    if len(found) != 1:
        sys.exit(f"release_wheel: {folder}: expected one {pattern}, got {len(found)}.")
    return found[0]


def repair(built: Path, target: Path) -> Path:
    """Copy the libraries that the extension needs into the wheel; libdnnl is found in this environment's lib."""
    libraries = Path(sysconfig.get_path("data")) / "lib"
    env = os.environ | {"LD_LIBRARY_PATH": str(libraries)}
    run(sys.executable, "-m", "auditwheel", "repair", "-w", target, built, env=env)
    return only(target, "*.whl")


def drop_requirements(wheel: Path, work: Path) -> None:
    """Take the packages whose libraries now lie inside out of the metadata."""
    run(sys.executable, "-m", "wheel", "unpack", "-d", work, wheel)
    tree = only(work, "wudao_rt-*")
    inside = [path.name for path in (tree / "wudao_rt.libs").iterdir()]
    for name in INSIDE:
        if not any(library.startswith(name) for library in inside):
            sys.exit(f"release_wheel: {name}: expected it inside the wheel, got {inside}.")
    metadata = only(tree, "*.dist-info") / "METADATA"
    lines = metadata.read_text(encoding="utf-8").splitlines(keepends=True)
    kept = [line for line in lines if not line.startswith(tuple(f"Requires-Dist: {name}" for name in FULFILLED))]
    metadata.write_text("".join(kept), encoding="utf-8")
    wheel.unlink()
    run(sys.executable, "-m", "wheel", "pack", "-d", wheel.parent, tree)


def main(target: Path) -> None:
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        run(sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "-w", work / "built", ROOT)
        drop_requirements(repair(only(work / "built", "*.whl"), work / "repaired"), work / "unpacked")
        target.mkdir(exist_ok=True)
        for old in target.glob("wudao_rt-*.whl"):
            old.unlink()
        made = shutil.copy(only(work / "repaired", "*.whl"), target)
    print(f"{made} ({Path(made).stat().st_size / 1e6:.1f} MB)")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
