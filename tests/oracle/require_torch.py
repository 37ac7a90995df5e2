"""Makes PyTorch importable: takes what is there, or installs TORCH_SPEC unless that would download over 1 GB."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

SPEC = os.environ.get("TORCH_SPEC", "torch==2.13.0")
PIP = [sys.executable, "-m", "pip", "install", "-q"]
ADVICE = "Point pip at a CPU wheel: set PIP_EXTRA_INDEX_URL, PIP_FIND_LINKS, or TORCH_SPEC to a file."


def planned() -> list[str]:
    """Return the packages that pip would fetch."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        done = subprocess.run([*PIP, "--dry-run", "--report", str(report), SPEC], capture_output=True, text=True)
        if done.returncode:
            sys.exit(f"oracle: {SPEC}: expected a package that pip finds, got: {done.stderr.strip().splitlines()[-1]}")
        return [item["metadata"]["name"] for item in json.loads(report.read_text())["install"]]


def main() -> None:
    if importlib.util.find_spec("torch") is not None:
        return
    # The CUDA build's libraries are over 2 GB; without them PyTorch and all it needs are about 250 MB.
    cuda = [name for name in planned() if name.lower().startswith(("nvidia", "cuda", "triton"))]
    if cuda:
        sys.exit(f"oracle: {SPEC}: expected a CPU wheel, got {len(cuda)} CUDA packages with it (over 1 GB). {ADVICE}")
    subprocess.run([*PIP, SPEC], check=True)


if __name__ == "__main__":
    main()
