"""The documents are true: tables match the sources, links lead somewhere, and what README shows runs."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
import wudao_rt

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])


def test_every_environment_variable_is_documented() -> None:
    document = (ROOT / "docs/environment.md").read_text(encoding="utf-8")
    for name, entry in wudao_rt.info()["environment"].items():
        assert f"| `{name}` | {entry['meaning']} | {entry['unset']} |" in document


def test_no_variable_is_read_that_is_not_documented() -> None:
    document = (ROOT / "docs/environment.md").read_text(encoding="utf-8")
    read = re.compile(r"""environ(?:\.get\(|\[)\s*["'](\w+)["']""")
    files = (ROOT / "python").rglob("*.py")
    names = {name for path in files for name in read.findall(path.read_text(encoding="utf-8"))}
    assert "WUDAO_CACHE" in names
    assert [name for name in names if f"| `{name}` |" not in document] == []


def test_floors_of_the_page_are_the_floors_of_the_test() -> None:
    page = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")
    rows = re.findall(r"^(\d) (?:wudao/)?([\w/]+) :", (ROOT / "tests/structure/floors.txt").read_text(), re.M)
    assert len(rows) > 10
    for floor, folder in rows:
        assert re.search(rf"^\| {floor} \| .*`{folder}/`", page, re.M), f"{folder} on floor {floor}"


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_somewhere(document: Path) -> None:
    links = re.findall(r"\]\(([^)#:\s]+)\)", document.read_text(encoding="utf-8"))
    assert [link for link in links if not (document.parent / link).exists()] == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_named_files_exist(document: Path) -> None:
    named = re.findall(r"`((?:cpp|python|tests|docs|cmake)/[\w/.-]+\.\w+)`", document.read_text(encoding="utf-8"))
    made_up = [name for name in named if "swish" not in name]  # the example of CONTRIBUTING
    assert [name for name in made_up if not (ROOT / name).exists()] == []


def test_first_lines_hold_the_three_commands() -> None:
    first = (ROOT / "README.md").read_text(encoding="utf-8").splitlines()[:30]
    for command in ("apt-get install", "make quickstart", "make test", "wudao-rt train my_texts/ --watch 20"):
        assert any(command in line for line in first), command


def _blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", (ROOT / "README.md").read_text(encoding="utf-8"), re.M | re.S)


def _commands() -> list[str]:
    lines = "\n".join(_blocks("sh")).splitlines()
    return [line.split("  #")[0] for line in lines if line.startswith("wudao-rt ")]


def _run(code: list[str], folder: Path) -> str:
    done = subprocess.run([sys.executable, *code], cwd=folder, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


@pytest.mark.parametrize("number", range(len(_blocks("python"))))
def test_python_of_the_readme_runs(number: int, playground: Path) -> None:
    code = _blocks("python")[number].replace("max_seconds=20", "max_seconds=1")
    assert _run(["-c", code], playground).strip()


@pytest.mark.parametrize("command", _commands())
def test_commands_of_the_readme_run(command: str, playground: Path) -> None:
    import shlex

    arguments = shlex.split(command)[1:]
    if arguments[0] == "train":
        arguments += ["--max-seconds", "2"]
    assert _run(["-m", "wudao_rt", *arguments], playground).strip()
