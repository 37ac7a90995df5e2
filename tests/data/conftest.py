"""Shared by the data tests: a cache of their own for unit tests, and a tiny poetry package."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest
from wudao_rt.data import pins
from wudao_rt.data.package import Package


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Point the cache at an empty folder."""
    root = tmp_path / "cache"
    monkeypatch.setenv("WUDAO_CACHE", str(root))
    return root


@pytest.fixture
def poetry_package(monkeypatch: pytest.MonkeyPatch) -> Callable[[Path, dict[str, object]], Package]:
    """Return a function that writes a poetry archive below a root and pins it."""

    def make(root: Path, files: dict[str, object]) -> Package:
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
            for name, content in files.items():
                data = json.dumps(content, ensure_ascii=False).encode()
                entry = tarfile.TarInfo(f"package/dist/{name}")
                entry.size = len(data)
                tar.addfile(entry, io.BytesIO(data))
        digest = hashlib.sha256(buffer.getvalue()).hexdigest()
        package = Package("npm", "chinese-poetry", "2.0.1", "test", "test", 0.1, {"chinese-poetry-2.0.1.tgz": digest})
        monkeypatch.setitem(pins.PACKAGES, "chinese-poetry", package)
        folder = package.folder(root)
        folder.mkdir(parents=True)
        (folder / "chinese-poetry-2.0.1.tgz").write_bytes(buffer.getvalue())
        return package

    return make
