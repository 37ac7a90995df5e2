"""Every variable that the engine or the package reads is documented."""

from __future__ import annotations

import re
from pathlib import Path

from wudao_rt import _core

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "environment.md").read_text(encoding="utf-8")


def test_the_page_has_every_variable_of_the_engine():
    for name, about in _core.info()["environment"].items():
        assert f"`{name}`" in PAGE, name
        assert about["unset"] in PAGE, f"{name}: {about['unset']}"


def test_the_page_has_every_variable_of_the_package():
    sources = (ROOT / "python" / "wudao_rt").rglob("*.py")
    found = (re.findall(r'environ[^\n]*["\'](WUDAO_\w+)["\']', source.read_text("utf-8")) for source in sources)
    read = {name for names in found for name in names}
    assert read and all(f"`{name}`" in PAGE for name in read)


def test_threads_of_the_environment_are_used_and_shown(cli, monkeypatch):
    monkeypatch.setenv("WUDAO_NUM_THREADS", "1")
    assert "threads: 1" in cli("info").stdout


def test_an_impossible_level_is_one_line(cli, monkeypatch):
    monkeypatch.setenv("WUDAO_CPU_ISA", "z80")
    done = cli("info")
    assert done.returncode == 2 and len(done.stderr.splitlines()) == 1 and "WUDAO_CPU_ISA" in done.stderr
